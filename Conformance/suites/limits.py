"""What one client may take of the server: turns, time, buffers and memory; redis-server beside it as the measure.

Goal: whoever pipelines, sleeps, never reads or pushes without end is held to its bound, is answered as redis-server answers, and the others go on.
Method: one client at its bound while another one is watched. Where time is compared, both servers are measured in turn in the same way.
"""
import os
import socket
import subprocess
import threading
import time

from lib.resp import Closed, Error, encode
from lib.server import wait_for
from suites.robustness import answers_to

TIME_LIMIT = 120
MB = 1 << 20


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


# MARK: Turns


def pings_beside(server, path, count):
    """Seconds that PINGs of one client take while redis-cli sends the requests in `path` as one pipeline; and its last lines."""
    times = []
    with server.connect() as connection, open(path, "rb") as requests:
        connection.call("PING")
        pipe = subprocess.Popen(["redis-cli", "-p", str(server.port), "--pipe"], stdin=requests, stdout=subprocess.PIPE)
        while pipe.poll() is None:
            begin = time.monotonic()
            connection.call("PING")
            times.append(time.monotonic() - begin)
            time.sleep(0.0005)
        said = pipe.communicate()[0].decode()
    return times, "errors: 0, replies: %d" % count in said


def fairness(run, server, control):
    """One pipeline of a million requests does not starve others: they wait a turn's budget."""
    count = int(1_000_000 * min(1.0, run.scale))
    path = os.path.join(run.directory("pipeline"), "requests")
    for name, request in (("INCR", ("INCR", "pipelined")), ("LRANGE", ("LRANGE", "hundred", 0, -1))):
        amount = count if name == "INCR" else count // 50
        with open(path, "wb") as file:
            file.write(encode(*request) * amount)
        for _ in range(3):  # Both share their processors with redis-cli, this program and whatever else runs: one fair round of three is enough.
            worst, pings = {}, {}
            for each in (control, server):
                with each.connect() as connection:
                    connection.call("DEL", "hundred", "pipelined")
                    connection.do("RPUSH", "hundred", *range(100))
                times, is_whole = pings_beside(each, path, amount)
                run.check("fairness, %s: every request is answered" % name, is_whole)
                worst[each], pings[each] = percentile(times or [0.0], 0.99), len(times)
            if min(pings.values()) > 20 and worst[server] <= 1.5 * worst[control] + 0.002:
                break
        run.check("fairness, %s: there were PINGs beside it" % name, min(pings.values()) > 20, list(pings.values()))
        ours, theirs = worst[server] * 1000, worst[control] * 1000
        run.check("fairness, %s: others wait no longer than beside redis-server" % name, ours <= 1.5 * theirs + 2, "p99 %.2f ms, redis-server %.2f ms" % (ours, theirs))
        run.line("   %d x %s in one pipeline: p99 of PING beside it %.2f ms, redis-server %.2f ms" % (amount, name, ours, theirs))
    os.remove(path)


# MARK: Time


def is_open(connection):
    """Whether the server has not closed by now; what it sent is thrown away."""
    return None not in connection.arrived()


def idle_clients(run, server, control):
    """`timeout` closes who says nothing, but nobody who waits as a command told it to."""
    opened = {}
    for each in (server, control):
        with each.connect() as admin:
            admin.do("CONFIG", "SET", "timeout", 4)
        opened[each] = {name: each.connect() for name in ("silent", "in a request", "in a transaction", "blocked", "blocked with a term", "monitor", "busy")}
        kinds = opened[each]
        kinds["in a request"].send_bytes(b"*2\r\n$3\r\nGET\r\n$1\r\n")
        kinds["in a transaction"].call("MULTI")
        kinds["blocked"].send("BLPOP", "nothing", 0)
        kinds["blocked with a term"].send("BLPOP", "nothing", "60")
        kinds["monitor"].call("MONITOR")
    begin = time.monotonic()
    while True:
        for each in (server, control):
            opened[each]["busy"].call("PING")
        stay = [{name: is_open(connection) for name, connection in opened[each].items()} for each in (server, control)]
        seconds = time.monotonic() - begin
        if seconds > 20 or seconds > 6.2 and stay[0] == stay[1] and not stay[0]["silent"]:
            break
        time.sleep(0.2)
    run.equal("timeout: who is closed and who stays", *stay)
    run.check("timeout: somebody is closed and somebody stays", set(stay[0].values()) == {True, False}, stay[0])
    for each in (server, control):
        with each.connect() as admin:
            admin.do("CONFIG", "SET", "timeout", 0)
        for connection in opened[each].values():
            connection.close()


# MARK: Buffers


def query_buffer(run, server, control):
    """A request larger than client-query-buffer-limit ends its client; smaller ones pass, however many."""
    fits, exceeds = encode("SET", "k", b"x" * (900 << 10)), encode("SET", "k", b"x" * (3 * MB))
    many = encode("SET", "k", b"x" * 1000) * 5000
    answers = []
    for each in (server, control):
        with each.connect() as admin:
            refusals = [admin.call("CONFIG", "SET", "client-query-buffer-limit", value) for value in ("1", "1mb", "x")]
            with each.connect() as connection:
                connection.send_bytes(fits)
                first = connection.raw()
            with each.connect() as connection:
                threading.Thread(target=connection.send_bytes, args=(many,), daemon=True).start()
                passed = {connection.raw() for _ in range(5000)}
            answers.append((refusals, first, passed))
    run.equal("client-query-buffer-limit: as redis-server has it", *answers)
    run.equal("client-query-buffer-limit: what exceeds it is answered as redis-server answers it", *answers_to((server, control), exceeds))
    for each in (server, control):
        with each.connect() as admin:
            run.equal("client-query-buffer-limit: what exceeds it is not done", admin.do("STRLEN", "k"), 1000)
    with server.connect() as admin, server.connect() as waiting, server.connect() as collecting:
        before = server.resident()
        waiting.send("BLPOP", "nothing", 0)
        waiting.socket.settimeout(0.5)
        try:  # It sends on while it waits.
            for _ in range(64):
                waiting.send_bytes(encode("SET", "later", b"x" * (900 << 10)))
        except (OSError, Closed):
            pass
        run.check("client-query-buffer-limit: what is sent while it waits is bounded", server.resident() - before < 16 * MB, "%.1f MB more" % ((server.resident() - before) / MB))
        run.equal("client-query-buffer-limit: none of it is done", admin.call("EXISTS", "later"), 0)
        if run.martlet:  # Redis-server lets it grow as far as its memory goes.
            collecting.do("MULTI")
            replies = [collecting.call("SET", "later", b"x" * (100 << 10)) for _ in range(640)]
            run.check("client-query-buffer-limit: bounds a transaction in the making", replies[0] == b"QUEUED"
                      and Error("ERR the transaction exceeds client-query-buffer-limit") in replies and server.resident() - before < 24 * MB,
                      "%.1f MB more" % ((server.resident() - before) / MB))
            run.check("client-query-buffer-limit: which is given up", str(collecting.call("EXEC")).startswith("EXECABORT") and admin.call("EXISTS", "later") == 0)
    for each in (server, control):
        with each.connect() as admin:
            admin.do("CONFIG", "SET", "client-query-buffer-limit", "1gb")


def slow_reader(server, size):
    """A client with small buffers of its own that has asked for `size` bytes and reads nothing yet."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    raw.connect(("127.0.0.1", server.port))
    raw.settimeout(10)
    raw.sendall(encode("GET", "megabyte") * (size // MB))
    return raw


def read_all(raw, size):
    """How many of the bytes asked for arrive."""
    got = 0
    try:
        while got < size:
            part = raw.recv(MB)
            if not part:
                break
            got += len(part)
    except OSError:
        pass
    return got


def output_buffer(run, server, control):
    """Who reads nothing is dropped over the hard limit, and over the soft limit when it stays there as long as is said."""
    size = 24 * MB
    whole = len(b"$%d\r\n" % MB + b"\r\n") * (size // MB) + size
    results = []
    for each in (server, control):
        with each.connect() as admin:
            admin.do("SET", "megabyte", b"m" * MB)

            def clients():
                return int(each.info("connected_clients")) - 1  # Without the one that asks.

            result = [admin.call("CONFIG", "SET", "client-output-buffer-limit", value) for value in ("normal 1mb", "normal x 0 0", "nobody 0 0 0", "normal 0 4mb 6")]
            result.append(admin.do("CONFIG", "GET", "client-output-buffer-limit"))
            passing, begin = slow_reader(each, size), time.monotonic()
            staying = slow_reader(each, size)
            run.check("client-output-buffer-limit: both are there", wait_for(lambda: clients() == 3))
            time.sleep(1)
            result.append(("over the soft limit for a moment", read_all(passing, whole) == whole))
            dropped = wait_for(lambda: clients() < 3)
            seconds = time.monotonic() - begin
            result.append(("over the soft limit for too long", dropped, 6 <= seconds < 20, read_all(staying, whole) < whole))
            passing.close()
            staying.close()
            result.append(admin.call("CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0"))
            before = int(each.info("total_net_output_bytes"))
            over = slow_reader(each, size)
            wait_for(lambda: int(each.info("total_net_output_bytes")) > before + MB)  # It has come, and its requests run.
            result.append(("over the hard limit", wait_for(lambda: clients() == 1), read_all(over, whole) < whole))
            over.close()
            result.append(admin.call("CONFIG", "SET", "client-output-buffer-limit", "normal 32mb 0 0"))
            admin.do("DEL", "megabyte")
        results.append(result)
    for ours, theirs in zip(*results):
        run.equal("client-output-buffer-limit: as redis-server has it", ours, theirs)


# MARK: Memory


def full_memory(run):
    """maxmemory under load: growth is refused, pops go on, memory stays where it is."""
    limit = 64 * MB
    server = run.start("--maxmemory", limit, "--appendfsync", "everysec")
    refusal = Error("OOM command not allowed when used memory > 'maxmemory'.")
    ends, strange = threading.Event(), []
    counts = {"pushed": 0, "refused": 0, "popped": 0}
    lock = threading.Lock()

    def work(pushes):
        batch = (encode("RPUSH", "jobs", b"j" * 10_000) if pushes else encode("LPOP", "jobs")) * 20
        with server.connect() as connection:
            while not ends.is_set():
                connection.send_bytes(batch)
                replies = [connection.read() for _ in range(20)]
                with lock:
                    for reply in replies:
                        if pushes and isinstance(reply, int):
                            counts["pushed"] += 1
                        elif pushes and reply == refusal:
                            counts["refused"] += 1
                        elif not pushes and (reply is None or len(reply) == 10_000):
                            counts["popped"] += reply is not None
                        else:
                            strange.append(reply)
                if not pushes:
                    time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(number < 4,), daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    used = resident = 0
    begin = time.monotonic()
    with server.connect() as connection:
        while time.monotonic() - begin < 4 * min(run.scale, 1.0) or (
                time.monotonic() - begin < 20 and not (counts["refused"] > 100 and counts["popped"] > 200 and counts["pushed"] > limit // 10_000)):
            used = max(used, int(server.info("used_memory")))
            resident = max(resident, server.resident())
            time.sleep(0.01)
        ends.set()
        for thread in threads:
            thread.join(10)
        figures = "%d pushed, %d refused, %d popped; used at most %.1f MB, resident %.1f MB" % (*counts.values(), used / MB, resident / MB)
        run.check("maxmemory under load: growth is refused, with OOM alone", counts["refused"] > 100 and not strange, "%s %s" % (figures, strange[:3]))
        run.check("maxmemory under load: pops go on, and make room for pushes", counts["popped"] > 200 and counts["pushed"] > limit // 10_000, figures)
        run.check("maxmemory under load: used memory is about the limit", 0.9 * limit < used < limit + 4 * MB, figures)
        run.check("maxmemory under load: resident memory follows", resident < 1.25 * limit + 24 * MB, figures)
        run.equal("maxmemory under load: all that was pushed is there or was popped", connection.do("LLEN", "jobs"), counts["pushed"] - counts["popped"])
        run.line("   maxmemory 64 MB: " + figures)
    server.stop()


def run(run):
    server, control = run.start(), run.control()
    for part in (fairness, idle_clients, query_buffer, output_buffer):
        run.part(part, run, server, control)
    if run.martlet:
        run.part(full_memory, run)
    run.check("the server ends cleanly", server.terminate()[0] == 0, server.log_tail())
