"""Hostile and careless clients: malformed frames, huge lengths, slow and silent peers, storms; and no harm to others.

Goal: whatever one client sends or fails to read, it is answered as redis-server answers it, bounded, and nobody else notices.
Method: each case is followed by a health check: the process lives, a new connection gets its PONG in time, a key that nobody may touch is as it was.
Where many connections or big replies are left behind, resident memory must come back near to where it was.
"""
import resource
import socket
import struct
import threading
import time

from lib.resp import Closed, Connection, encode

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


def answer_to(server, data):
    """What comes back, and whether the server closes. Bytes sent after a close may turn it into a reset: both count as closed."""
    connection = socket.create_connection(("127.0.0.1", server.port), 5)
    got = b""
    try:
        connection.sendall(data)
        connection.settimeout(0.2)
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


class Case:
    """One case's surroundings: the canary before, the health check after."""

    def __init__(self, run, server):
        self.run, self.server, self.pid = run, server, server.pid
        with server.connect() as connection:
            connection.do("RPUSH", "canary", "sings", "still")

    def healthy(self, name):
        try:
            begin = time.monotonic()
            with self.server.connect(timeout=5) as connection:
                pong = connection.call("PING")
                seconds = time.monotonic() - begin
                canary = connection.call("LRANGE", "canary", 0, -1)
        except (OSError, Closed) as error:
            pong, seconds, canary = repr(error), 0, None
        fine = self.server.alive and pong == b"PONG" and seconds < 1 and canary == [b"sings", b"still"]
        self.run.check(name + ": healthy afterwards", fine, "alive: %s, %s in %.2f s, canary %s\n%s" % (self.server.alive, pong, seconds, canary, self.server.log_tail()))
        if not self.server.alive:
            self.server.start()
        self.run.note(name)


def malformed(run, case, control):
    for name, data in MALFORMED.items():
        run.equal("malformed: " + name, answer_to(case.server, data), answer_to(control, data))
    case.healthy("malformed")
    locked, locked_control = run.start("--requirepass", "secret"), run.control("--requirepass", "secret")
    for name, data in UNAUTHENTICATED.items():
        run.equal("malformed: " + name, answer_to(locked, data), answer_to(locked_control, data))
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
    case.healthy("huge lengths announced")
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


def wait_for_clients(server, count, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        clients = int(server.info("connected_clients") or 0)
        if clients <= count:
            return clients
        time.sleep(0.05)
    return clients


def idle_connections(run, case):
    count = 2000
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
            begin = time.monotonic()
            connection.call("PING")
            times.append(time.monotonic() - begin)
    run.check("%d idle connections: a PING takes no longer" % count, sorted(times)[100] < 0.01, "median %.1f ms" % (sorted(times)[100] * 1000))
    case.healthy("%d idle connections" % count)
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
            begin = time.monotonic()
            connection.call("SET", "noise", b"n" * 200_000)
            worst = max(worst, time.monotonic() - begin)
            peak = max(peak, case.server.resident())
        run.check("clients that never read: others are served", worst < 0.5, "slowest %.0f ms" % (worst * 1000))
        run.check("clients that never read: memory stays bounded", peak - before < 300 * MB, "%.0f MB more" % ((peak - before) / MB))
        left = wait_for_clients(case.server, 2)
        run.check("clients that never read: they are dropped", left <= 2, "%d clients" % left)
        connection.do("DEL", "noise")
        deadline = time.monotonic() + 5
        while case.server.resident() - before > 48 * MB and time.monotonic() < deadline:
            time.sleep(0.1)
        grown = case.server.resident() - before
        run.check("clients that never read: memory is given back", grown <= 48 * MB, "%.0f MB more" % (grown / MB))
        connection.do("DEL", "megabyte")
        for each in silent + [watcher]:
            each.close()
    case.healthy("clients that never read")


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
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    run.check("connection storm: every connection is taken", not failures, "%d failures: %s" % (len(failures), failures[:3]))
    run.check("connection storm: 2,400 connections within 20 s", time.monotonic() - begin < 20)
    run.check("connection storm: all are let go", wait_for_clients(case.server, 2) <= 2)
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
                begin = time.monotonic()
                other.call("PING")
                worst = max(worst, time.monotonic() - begin)
        sender.join()
        run.check("a pipeline of 100,000: every reply, in order", right)
        run.check("a pipeline of 100,000: others are served meanwhile", worst < 0.25, "slowest PING %.0f ms" % (worst * 1000))
    case.healthy("a pipeline of 100,000")


def too_many_clients(run, case, control):
    answers = []
    for server in (case.server, control):
        with server.connect() as admin:
            admin.do("CONFIG", "SET", "maxclients", 40)
            held = []
            try:
                answer = b""
                for _ in range(60):
                    connection = server.connect(timeout=3)
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
    for _ in range(100):
        if b"connected_clients:1\r" in admin.do("INFO", "clients"):
            return
        time.sleep(0.02)


def run(run):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 12_000)) if hard != resource.RLIM_INFINITY else 12_000, hard))
    server, control = run.start(), run.control()
    case = Case(run, server)
    start = server.resident()
    run.part(malformed, run, case, control)
    run.part(byte_by_byte, run, case, control)
    run.part(huge_lengths, run, case)
    run.part(half_closed, run, case)
    run.part(idle_connections, run, case)
    run.part(never_reading, run, case)
    run.part(storms, run, case)
    run.part(deep_pipeline, run, case)
    run.part(too_many_clients, run, case, control)
    run.check("the same process from start to end", server.pid == case.pid)
    grown = server.resident() - start
    run.check("memory is back near where it was", grown <= 64 * MB, "%.0f MB more than at the start" % (grown / MB))
    run.check("the server ends cleanly", server.terminate()[0] == 0, server.log_tail())
