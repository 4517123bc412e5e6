"""Hostile and careless clients: malformed frames, huge lengths, slow and silent peers, storms; and no harm to others.

Goal: whatever one client sends or fails to read, it is answered as redis-server answers it, bounded, and nobody else notices.
Method: each case is followed by a health check: the process lives, a new connection gets its PONG in time, a key that nobody may touch is as it was,
and resident memory comes back near to where it was.
"""
import resource
import shlex
import socket
import struct
import subprocess
import threading
import time

from lib import clock
from lib.resp import Closed, Connection, encode
from lib.server import wait_for

TIME_LIMIT = 180
MB = 1 << 20

MALFORMED = {
    "array length is no number": b"*abc\r\n",
    "array length is empty": b"*\r\n",
    "array length with a space": b"*1 \r\n$4\r\nPING\r\n",
    "array length with a plus": b"*+1\r\n$4\r\nPING\r\n",
    "array length with a zero before": b"*01\r\n$4\r\nPING\r\n",
    "array length over 32 bits": b"*2147483648\r\n",
    "array length over 64 bits": b"*99999999999999999999\r\n",
    "array length is negative": b"*-1\r\nPING\r\n",
    "array length is zero": b"*0\r\n*1\r\n$4\r\nPING\r\n",
    "no bulk string": b"*1\r\n+PING\r\n",
    "integer for a bulk string": b"*2\r\n$4\r\nECHO\r\n:1\r\n",
    "array in an array": b"*1\r\n*1\r\n$4\r\nPING\r\n",
    "bulk length is no number": b"*1\r\n$abc\r\n",
    "bulk length is empty": b"*1\r\n$\r\n",
    "bulk length is negative": b"*1\r\n$-1\r\n",
    "bulk length over the limit": b"*1\r\n$536870913\r\n",
    "bulk length over 64 bits": b"*1\r\n$99999999999999999999\r\n",
    "bulk length with a zero before": b"*1\r\n$04\r\nPING\r\n",
    "bulk length with a minus zero": b"*1\r\n$-0\r\n",
    "bulk string longer than said": b"*1\r\n$4\r\nPINGPING\r\n",
    "bulk string without its line end": b"*1\r\n$4\r\nPING..*1\r\n$4\r\nPING\r\n",
    "empty command": b"*1\r\n$0\r\n\r\nPING\r\n",
    "bulk string where a command should be": b"$4\r\nPING\r\n",
    "a reply for a request": b"+OK\r\n:1\r\n",
    "lines without carriage return": b"*1\n$4\nPING\n",
    "good, then bad": b"PING\r\n*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n",
    "endless inline request": b"a" * 70_000,
    "endless array length": b"*" + b"1" * 70_000,
    "endless bulk length": b"*1\r\n$" + b"1" * 70_000,
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an HTTP post": b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n",
    "an unbalanced quote": b'SET k "v\r\n',
    "bytes that mean nothing": bytes(range(128, 256)) * 4 + b"\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 40 + b"\r\n",
    "nothing": b"\r\n\r\n\r\n",
}
UNAUTHENTICATED = {
    "array of 11 before AUTH": b"*11\r\n",
    "array of 10 before AUTH": b"*10\r\n" + b"$1\r\nx\r\n" * 10,
    "16385 bytes before AUTH": b"*2\r\n$16385\r\n",
    "a command before AUTH": b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nx\r\n",
}


def answer_to(server, data, wait=0.2):
    """What comes back until nothing more has come for `wait` seconds, and whether the server closes. Bytes sent after a close may turn it into a reset: both count as closed."""
    connection = socket.create_connection(("127.0.0.1", server.port), 20)
    got = b""
    try:
        connection.sendall(data)
        connection.settimeout(wait)
        while True:
            part = connection.recv(65536)
            if not part:
                return got, "closed"
            got += part
    except TimeoutError:
        return got, "open"
    except ConnectionError:
        return got, "closed"
    finally:
        connection.close()


def answers_to(servers, data):
    """The answers of both servers. Where they differ, it may be that one had no time to answer: they are asked again, and waited for longer."""
    for wait in (0.2, 1, 5):
        answers = [answer_to(server, data, wait) for server in servers]
        if answers[0] == answers[1]:
            break
    return answers


class Case:
    """One case's surroundings: the canary before, the health check after."""

    def __init__(self, run, server):
        self.run, self.server, self.pid, self.resident = run, server, server.pid, server.resident()
        with server.connect() as connection:
            connection.do("RPUSH", "canary", "sings", "still")

    def healthy(self, name, is_over=True):
        """`is_over`: what the case brought is gone again, and so should its memory be."""
        try:
            begin = clock.now()
            with self.server.connect(timeout=20) as connection:
                pong = connection.call("PING")
                seconds = clock.now() - begin
                canary = connection.call("LRANGE", "canary", 0, -1)
        except (OSError, Closed) as error:
            pong, seconds, canary = repr(error), 0, None
        fine = self.server.alive and pong == b"PONG" and seconds < 1 and canary == [b"sings", b"still"]
        self.run.check(name + ": healthy afterwards", fine, "alive: %s, %s in %.2f s, canary %s\n%s" % (self.server.alive, pong, seconds, canary, self.server.log_tail()))
        if not self.server.alive:
            self.server.start()
        elif is_over:
            back = wait_for(lambda: self.server.resident() - self.resident <= 64 * MB)
            self.run.check(name + ": memory is back near where it was", back, "%.0f MB more than at the start" % ((self.server.resident() - self.resident) / MB))
        self.run.note(name)


def malformed(run, case, control):
    for name, data in MALFORMED.items():
        run.equal("malformed: " + name, *answers_to((case.server, control), data))
    case.healthy("malformed")
    locked, locked_control = run.start("--requirepass", "secret"), run.control("--requirepass", "secret")
    for name, data in UNAUTHENTICATED.items():
        run.equal("malformed: " + name, *answers_to((locked, locked_control), data))
    locked.stop()
    locked_control.stop()


def byte_by_byte(run, case, control):
    requests = [("SET", "slow", "a\r\nb"), ("GET", "slow"), ("LPUSH", "slow:q", "", "x"), ("LRANGE", "slow:q", 0, -1), ("NOSUCH", "x"), ("MULTI",), ("INCR", "slow:n"), ("EXEC",)]
    data = b"".join(encode(*request) for request in requests) + b"PING\r\nECHO \"a b\"\r\n"
    replies = []
    for server in (case.server, control):
        with server.connect() as connection:
            for index in range(len(data)):
                connection.send_bytes(data[index:index + 1])
            replies.append([connection.raw() for _ in range(len(requests) + 2)])
    run.equal("one byte at a time", *replies)
    for size in (2, 3, 7, 1000):
        with case.server.connect() as connection:
            connection.call("DEL", "slow:q", "slow:n")
            for index in range(0, len(data), size):
                connection.send_bytes(data[index:index + size])
            run.equal("%d bytes at a time" % size, [connection.raw() for _ in range(len(requests) + 2)], replies[1])
    case.healthy("one byte at a time")


def huge_lengths(run, case):
    before = case.server.resident()
    silent = []
    for _ in range(40):
        connection = case.server.connect()
        connection.send_bytes(b"*2\r\n$4\r\nECHO\r\n$536870912\r\nabc")
        silent.append(connection)
        connection = case.server.connect()
        connection.send_bytes(b"*2147483647\r\n$4\r\nECHO\r\n")
        silent.append(connection)
    case.healthy("huge lengths announced", is_over=False)
    grown = case.server.resident() - before
    run.check("huge lengths announced: no memory is taken for them", grown < 32 * MB, "%.1f MB more" % (grown / MB))
    for connection in silent:
        connection.close()
    with case.server.connect(timeout=60) as connection:
        big = b"0123456789abcdef" * (4 * MB)
        run.check("a value of 64 MB", connection.call("SET", "big", big) == b"OK" and connection.call("STRLEN", "big") == len(big))
        run.check("a value of 64 MB comes back", connection.call("GETRANGE", "big", -16, -1) == big[-16:] and connection.call("DEL", "big") == 1)
        run.equal("a request of 200,000 arguments", connection.call("RPUSH", "wide", *range(200_000)), 200_000)
        run.equal("a reply of 200,000 elements", len(connection.call("LRANGE", "wide", 0, -1)), 200_000)
        connection.call("DEL", "wide")
    case.healthy("big values")


# Numbers at the ends of what a request may say, in commands whose reply they do not make large: {big}, {small}, {over} are the ends of 64 bits and one beyond.
HUGE_NUMBERS = """
LPOP l {big}|RPOP none {small}|LPOP l {over}|LRANGE l2 {small} {big}|LTRIM l2 {small} {big}|LINDEX l2 {big}|LSET l2 {big} x|LREM l2 {small} none|LREM l2 {big} none
LPOS l2 b RANK {big}|LPOS l2 b RANK {small}|LPOS l2 b COUNT {big}|LPOS l2 b MAXLEN {big}|LPOS l2 b MAXLEN {small}|LMPOP 1 none LEFT COUNT {big}|LMPOP {big} l2 LEFT|LMPOP 1 l2 LEFT COUNT {small}
BLPOP none {big}|BLPOP none 1e300|BLPOP none -1e300|BLMPOP 0 {big} l2 LEFT|BLMOVE none to LEFT LEFT {over}|LINSERT l2 BEFORE b|GETRANGE s {small} {big}|GETRANGE s {big} {small}|SUBSTR s {small} {big}
SETRANGE s {big} x|SETRANGE s 536870912 x|SETRANGE s {small} x|SETBIT s {big} 1|SETBIT s 4294967296 1|GETBIT s {big}|GETBIT s 4294967296|BITCOUNT s {small} {big}|BITPOS s 1 {small} {big} BIT
BITFIELD s GET u8 {big}|BITFIELD s SET u8 4294967296 1|BITFIELD s INCRBY i64 0 {big} INCRBY i64 0 {big}|BITFIELD s GET u{big} 0|INCRBY n {big}|INCRBY n {big}|DECRBY n {small}|INCRBY n {over}|INCRBYFLOAT n 1e400
EXPIRE s {big}|PEXPIRE s {big}|EXPIRE s {small}|PEXPIREAT none {big}|SET t v EX {big}|SET t v PX {big}|SET t v EX {small}|SET t v PXAT {big}|GETEX s EX {big}|SETEX t {big} v|RESTORE t {big} x
SPOP none {big}|SPOP set {small}|SRANDMEMBER set {big}|SRANDMEMBER set {small}|SRANDMEMBER set {over}|SINTERCARD {big} set|SINTERCARD 1 set LIMIT {big}|HRANDFIELD h {big}|HRANDFIELD h {small}|HRANDFIELD h {small} WITHVALUES
HRANDFIELD h {over}|HINCRBY h f {big}|HINCRBY h f {big}|HSCAN h {over}|HSCAN h 0 COUNT {big}|SSCAN set {big}|ZRANDMEMBER z {big}|ZRANDMEMBER z {small}|ZRANDMEMBER z {small} WITHSCORES|ZRANGE z {small} {big}
ZRANGE z -inf +inf BYSCORE LIMIT {big} {big}|ZRANGE z -inf +inf BYSCORE LIMIT 0 {big}|ZRANGEBYSCORE z 0 9 LIMIT {small} {small}|ZREVRANGE z {small} {big}|ZPOPMIN none {big}|ZPOPMIN z {small}|ZMPOP 1 none MIN COUNT {big}
ZMPOP {big} z MIN|ZUNION {big} z|ZINTERSTORE to {big} z|ZUNION 1 z WEIGHTS 1e400|ZADD z 1e400 m|ZINCRBY z 1e308 a|ZREMRANGEBYRANK z {big} {big}|ZCOUNT z {small} {big}|ZINTERCARD 1 z LIMIT {big}|ZLEXCOUNT z - +
XADD x {over}-1 f v|XADD x {big}-{big} f v|XADD x 18446744073709551615-18446744073709551615 f v|XADD x * f v|XRANGE x - + COUNT {big}|XRANGE x {over} +|XREAD COUNT {big} STREAMS x 0|XREAD COUNT {small} STREAMS none 0
XREAD BLOCK {over} STREAMS none 0|XTRIM x MAXLEN {big}|XTRIM x MAXLEN {small}|XADD x2 MAXLEN {over} * f v|XTRIM x MINID {big} LIMIT {big}|XGROUP CREATE x g {big}|XREADGROUP GROUP g c COUNT {big} STREAMS x 0|XPENDING x g - + {big}
XCLAIM x g c {big} 1-1|XCLAIM x g c 0 1-1 IDLE {big}|XAUTOCLAIM x g c {big} 0 COUNT {big}|XAUTOCLAIM x g c 0 0 COUNT {small}|XSETID x {big}|SCAN 99999999999999999999|SCAN 0 COUNT {over}|SCAN 0 COUNT {small}
SORT set LIMIT {small} {big}|SORT set LIMIT {big} {big}|COPY s c DB {big}|MOVE s {big}|SELECT {big}|SELECT {small}|SWAPDB 0 {big}|EVAL "return 1" {big}|EVAL "return 1" {small}|FCALL f {big}|WAIT {over} 1|WAIT 0 {over}
CLIENT KILL ID {big}|CLIENT KILL ID {over}|CLIENT UNBLOCK {big}|CLIENT PAUSE {small}|CLIENT PAUSE {over}|SLOWLOG GET {small}|ACL LOG {over}|OBJECT FREQ|MEMORY USAGE s SAMPLES {over}|COMMAND GETKEYS EVAL x {big}
GEOADD p {big} 1 m|GEOADD p 1 1 m|GEORADIUS p 1 1 {big} km COUNT {big} ANY|GEOSEARCH p FROMMEMBER m BYRADIUS {small} m|GEOSEARCH p FROMMEMBER m BYBOX {over} {big} mi COUNT {big} WITHDIST|GEORADIUS p 1 1 1e308 mi COUNT {over}
CONFIG SET timeout {big}|CONFIG SET maxclients {over}|CONFIG SET maxmemory {over}|CONFIG SET databases {big}|CONFIG SET slowlog-max-len {over}|LCS s n MINMATCHLEN {big} IDX|SETEX s {over} x|OBJECT ENCODING {big}|HELLO {big}|PFADD s a
"""


def huge_numbers(run, case, control):
    """Counts, offsets, times and lengths at the ends of what they may be: answered as redis-server does."""
    ends = {"big": 2**63 - 1, "small": -2**63, "over": 2**63}
    requests = [shlex.split(line.format(**ends)) for line in "|".join(HUGE_NUMBERS.strip().splitlines()).split("|")]
    replies = []
    for server in (case.server, control):
        with server.connect() as connection:
            for words in ("RPUSH l a b c|RPUSH l2 a b c|SET s foobar|SET n 1|HSET h f 1|SADD set 1 2 3|ZADD z 1 a 2 b|XADD x 1-1 f v|XADD x 1-2 f v".split("|")):
                connection.do(*words.split())
            replies.append([])
            for words in requests:
                connection.send(*words)
                replies[-1].append(connection.raw())
    for words, ours, theirs in zip(requests, *replies):
        run.equal("huge numbers: " + " ".join(words), ours, theirs)
    with case.server.connect() as connection:
        connection.call("DEL", "l", "l2", "s", "n", "h", "set", "z", "x", "x2", "t", "to")
    case.healthy("huge numbers")


def half_closed(run, case):
    with case.server.connect() as connection:
        connection.send_bytes(encode("RPUSH", "half", "a") + encode("PING"))
        connection.socket.shutdown(socket.SHUT_WR)
        run.equal("half-closed: what was asked is answered, then closed", connection.read_to_end(), b":1\r\n+PONG\r\n")
    with case.server.connect() as connection:
        connection.send_bytes(encode("BLPOP", "never", 0))
        connection.socket.shutdown(socket.SHUT_WR)
        run.equal("half-closed: a waiter is let go", connection.read_to_end(), b"")
    with case.server.connect() as connection, case.server.connect() as other:
        other.call("RPUSH", "never", "job")
        run.equal("half-closed: a waiter that is gone takes nothing", other.call("LLEN", "never"), 1)
    for ending in (b"*2\r\n$3\r\nGET\r\n$5\r\nab", b"*1\r\n", b"PIN", encode("MULTI") + encode("SET", "canary", "x")):
        for _ in range(50):
            connection = case.server.connect()
            connection.send_bytes(ending)
            connection.close()
    case.healthy("half-closed")


def wait_for_clients(server, count, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        clients = int(server.info("connected_clients") or 0)
        if clients <= count:
            return clients
        time.sleep(0.05)
    return clients


def idle_connections(run, case):
    count = 5000
    before = case.server.resident()
    idle = [case.server.connect() for _ in range(count)]
    for connection in idle[::2]:
        connection.send_bytes(b"*1\r\n$4\r\nPI")  # Half of them in mid-request.
    for connection in idle[1::2]:
        connection.send("PING")
    pongs = sum(connection.raw() == b"+PONG\r\n" for connection in idle[1::2])
    run.equal("%d idle connections: all are served" % count, pongs, count // 2)
    each = (case.server.resident() - before) / count
    run.check("%d idle connections: at most 32 KB for each" % count, each <= 32 * 1024, "%.1f KB" % (each / 1024))
    with case.server.connect() as connection:
        times = []
        for _ in range(200):
            begin = clock.now()
            connection.call("PING")
            times.append(clock.now() - begin)
    run.check("%d idle connections: a PING takes no longer" % count, sorted(times)[100] < 0.01, "median %.1f ms" % (sorted(times)[100] * 1000))
    case.healthy("%d idle connections" % count, is_over=False)
    for connection in idle:
        connection.close()
    run.check("%d idle connections: all are let go" % count, wait_for_clients(case.server, 2) <= 2)
    case.healthy("%d connections closed at once" % count)


def never_reading(run, case):
    with case.server.connect() as connection:
        if not run.martlet:
            connection.do("CONFIG", "SET", "client-output-buffer-limit", "normal 32mb 0 0")  # The broker's default; off in redis-server.
        connection.do("SET", "megabyte", b"m" * MB)
        before = case.server.resident()
        silent = [case.server.connect() for _ in range(4)]
        for each in silent:
            each.socket.settimeout(2)
            try:
                each.send_bytes(encode("GET", "megabyte") * 200)
            except (Closed, OSError):
                pass
        watcher = case.server.connect()
        watcher.call("MONITOR")
        worst, peak = 0.0, 0
        for _ in range(300):
            begin = clock.now()
            connection.call("SET", "noise", b"n" * 200_000)
            worst = max(worst, clock.now() - begin)
            peak = max(peak, case.server.resident())
        run.check("clients that never read: others are served", worst < 0.5, "slowest %.0f ms" % (worst * 1000))
        run.check("clients that never read: memory stays bounded", peak - before < 300 * MB, "%.0f MB more" % ((peak - before) / MB))
        left = wait_for_clients(case.server, 2)
        run.check("clients that never read: they are dropped", left <= 2, "%d clients" % left)
        connection.do("DEL", "noise")
        wait_for(lambda: case.server.resident() - before <= 48 * MB, 20)
        grown = case.server.resident() - before
        run.check("clients that never read: memory is given back", grown <= 48 * MB, "%.0f MB more" % (grown / MB))
        connection.do("DEL", "megabyte")
        for each in silent + [watcher]:
            each.close()
    case.healthy("clients that never read")


def listening_not_reading(run, case):
    """Subscribers that never read are dropped at their bound; the publisher and the others go on."""
    if not run.martlet:
        with case.server.connect() as connection:
            connection.do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
    silent = [case.server.connect() for _ in range(3)]
    for each in silent:
        each.call("SUBSCRIBE", "loud")
    before, peak, worst, heard = case.server.resident(), 0, 0.0, 3
    with case.server.connect() as connection:
        for _ in range(400):
            begin = clock.now()
            heard = connection.do("PUBLISH", "loud", b"p" * 200_000)
            worst = max(worst, clock.now() - begin)
            peak = max(peak, case.server.resident())
            if not heard:
                break
    run.equal("subscribers that never read: they are dropped", heard, 0)
    run.check("subscribers that never read: the publisher is served", worst < 0.5, "slowest %.0f ms" % (worst * 1000))
    run.check("subscribers that never read: memory stays bounded", peak - before < 200 * MB, "%.0f MB more" % ((peak - before) / MB))
    for each in silent:
        each.close()
    case.healthy("subscribers that never read")


def storms(run, case):
    failures = []

    def storm(number):
        for turn in range(300):
            try:
                connection = Connection(case.server.port, timeout=10)
                if turn % 3 == 0:
                    connection.call("PING")
                elif turn % 3 == 1:
                    connection.send("BLPOP", "storm", 0)
                if turn % 2:
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # Ends with a reset.
                connection.close()
            except (OSError, Closed) as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=storm, args=(n,), daemon=True) for n in range(8)]
    begin = clock.now()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    run.check("connection storm: every connection is taken", not failures, "%d failures: %s" % (len(failures), failures[:3]))
    run.check("connection storm: 2,400 connections within 20 s", clock.now() - begin < 20)
    run.check("connection storm: all are let go", wait_for_clients(case.server, 1) <= 1)  # Who asks is the last one.
    with case.server.connect() as connection:
        connection.call("RPUSH", "storm", "job")
        run.equal("connection storm: waiters that are gone take nothing", connection.call("LLEN", "storm"), 1)
    case.healthy("connection storm")


def deep_pipeline(run, case):
    count = 100_000
    with case.server.connect(timeout=60) as connection, case.server.connect() as other:
        connection.call("DEL", "deep")
        data = encode("INCR", "deep") * count
        sender = threading.Thread(target=connection.send_bytes, args=(data,), daemon=True)
        sender.start()
        worst, right = 0.0, True
        for number in range(1, count + 1):
            right = right and connection.raw() == b":%d\r\n" % number
            if number % 5000 == 0:
                begin = clock.now()
                other.call("PING")
                worst = max(worst, clock.now() - begin)
        sender.join()
        run.check("a pipeline of 100,000: every reply, in order", right)
        run.check("a pipeline of 100,000: others are served meanwhile", worst < 0.25, "slowest PING %.0f ms" % (worst * 1000))
    case.healthy("a pipeline of 100,000")


def many_busy(run, case):
    """Turns are put off for requests to come together only while many clients are busy, and as `coalesce-usec` says."""

    def put_off(admin, clients):
        admin.call("CONFIG", "RESETSTAT")
        command = ["redis-benchmark", "-p", str(case.server.port), "-n", "200000", "-c", str(clients), "-q", "get", "none"]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            return "redis-benchmark failed"
        return int(case.server.info("martlet_coalesced_turns"))

    with case.server.connect(timeout=60) as admin:
        # A machine that has much else to do may not have them busy enough at times.
        counts = [put_off(admin, 50)]
        while counts[-1] == 0 and len(counts) < 10:
            counts.append(put_off(admin, 50))
        run.check("50 busy clients: turns are put off", counts[-1] not in (0, "redis-benchmark failed"), "%s" % counts)
        run.equal("10 busy clients: none is", put_off(admin, 10), 0)
        run.equal("it can be turned off", admin.call("CONFIG", "SET", "coalesce-usec", "0"), b"OK")
        run.equal("50 busy clients, turned off: none is put off", put_off(admin, 50), 0)
        run.equal("it can be turned on again", admin.call("CONFIG", "SET", "coalesce-usec", "100"), b"OK")
    case.healthy("many busy clients")


def pipelines_read_late(run, case):
    """Ten clients send 100,000 requests each, and read when all of them are sent."""
    count, clients = 100_000, [case.server.connect(timeout=60) for _ in range(10)]
    data = encode("LPUSH", "late", "x") * count
    with case.server.connect() as connection:
        connection.do("DEL", "late")
    threads = [threading.Thread(target=client.send_bytes, args=(data,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    lines = []
    for client in clients:
        received, arrived = [], 0
        while arrived < count:
            received.append(client.socket.recv(1 << 20))
            arrived += received[-1].count(b"\n")
        lines.append(b"".join(received).split(b"\r\n")[:-1])
        client.close()
    numbers = sorted(int(line[1:]) for reply in lines for line in reply)
    run.check("ten pipelines of 100,000 read late: every reply once", numbers == list(range(1, 10 * count + 1)), "%d replies" % len(numbers))
    run.check("ten pipelines of 100,000 read late: each in order", all([int(line[1:]) for line in reply] == sorted(int(line[1:]) for line in reply) for reply in lines))
    with case.server.connect() as connection:
        run.equal("ten pipelines of 100,000 read late: all is done", connection.do("LLEN", "late"), 10 * count)
        connection.do("DEL", "late")
    case.healthy("ten pipelines of 100,000 read late")


def too_many_clients(run, case, control):
    answers = []
    for server in (case.server, control):
        with server.connect() as admin:
            wait_for_admin(admin)
            admin.do("CONFIG", "SET", "maxclients", 40)
            held = []
            try:
                answer = b""
                for _ in range(60):
                    connection = server.connect()
                    held.append(connection)
                    try:
                        connection.send("PING")
                        answer = connection.raw()
                    except Closed:
                        answer = b"(closed)"
                    if answer != b"+PONG\r\n":
                        break
                answers.append((len(held), answer))
            finally:
                for connection in held:
                    connection.close()
                wait_for_admin(admin)
                admin.do("CONFIG", "SET", "maxclients", 10000)
    run.equal("maxclients: refused as redis-server refuses", *answers)
    case.healthy("maxclients")


def wait_for_admin(admin):
    wait_for(lambda: b"connected_clients:1\r" in admin.do("INFO", "clients"), 20)


def run(run):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 12_000)) if hard != resource.RLIM_INFINITY else 12_000, hard))
    server, control = run.start(), run.control()
    case = Case(run, server)
    run.part(malformed, run, case, control)
    run.part(byte_by_byte, run, case, control)
    run.part(huge_lengths, run, case)
    run.part(huge_numbers, run, case, control)
    run.part(half_closed, run, case)
    run.part(idle_connections, run, case)
    run.part(never_reading, run, case)
    run.part(listening_not_reading, run, case)
    run.part(storms, run, case)
    run.part(deep_pipeline, run, case)
    run.part(many_busy, run, case)
    run.part(pipelines_read_late, run, case)
    run.part(too_many_clients, run, case, control)
    run.check("the same process from start to end", server.pid == case.pid)
    run.check("the server ends cleanly", server.terminate()[0] == 0, server.log_tail())
