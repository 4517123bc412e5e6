"""Checkpoints that never stop, are killed or fail change nothing but the size of the log; and what clients hear while data is read.

Goal: SAVE and its kin answer as redis-server's; no client can see a checkpoint in replies or keys; whatever interrupts one, all that was acknowledged
is there and nothing is left over; the folder's size has a bound; who comes while data is read hears LOADING, as from redis-server.
Method: the real process with redis-server beside it. Where a checkpoint or a load must last long enough to be looked at, faults/faults.c slows the
disk. Random commands are those of the differential suite, the load under kill -9 is that of the crash suite, both with checkpoints without end.
"""
import errno
import hashlib
import os
import random
import re
import subprocess
import threading
import time

from lib import clock, folder, server as servers
from lib.faults import Faults
from lib.resp import Closed, Connection, Error, encode
from lib.server import wait_for
from suites import crash, differential

TIME_LIMIT = 240
OURS_ALONE = "promises of the broker that redis-server does not make"
MB = 1 << 20
# Any growth is reason for the next checkpoint; or none is.
WITHOUT_END = ("--auto-aof-rewrite-percentage", 1, "--auto-aof-rewrite-min-size", "64kb")
BY_HAND = ("--auto-aof-rewrite-percentage", 0)


def persistence(connection):
    """The fields of INFO persistence."""
    lines = connection.do("INFO", "persistence").decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def left_over(server):
    """Files that nobody needs, once the segment that is made beside the work has been listed or removed."""
    wait_for(lambda: not folder.leftovers(server.directory))
    return folder.leftovers(server.directory)


def is_idle(connection):
    fields = persistence(connection)
    return all(fields.get(name, "0") == "0" for name in ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"))


def started(run, *options):
    """A server that can be slowed and failed, and its faults."""
    directory = run.directory()
    faults = Faults(directory)
    return run.start(*options, directory=directory, faults=faults), faults


# MARK: Commands

def replies(server, *requests):
    """The raw replies of one client; outside of a transaction, the end of what a request began is awaited."""
    got = []
    with server.connect() as connection, server.connect() as observer:
        in_transaction = False
        for request in requests:
            words = request.split()
            connection.send(*words)
            got.append(connection.raw())
            in_transaction = words[0] == "MULTI" or (in_transaction and words[0] != "EXEC")
            if not in_transaction:
                wait_for(lambda: is_idle(observer), 10)
    return got


def answers(run):
    ours, theirs = run.start(), servers.Server(servers.CONTROL, run.directory("redis")).start()
    for requests in (["SAVE"], ["BGSAVE"], ["BGSAVE SCHEDULE"], ["bgsave schedule"], ["BGREWRITEAOF"], ["BGSAVE WHAT"], ["BGSAVE SCHEDULE WHAT"], ["SAVE x"],
                     ["BGREWRITEAOF x"], ["LASTSAVE x"], ["MULTI", "SAVE", "EXEC"], ["MULTI", "BGSAVE", "EXEC"], ["MULTI", "BGSAVE SCHEDULE", "EXEC"],
                     ["MULTI", "BGREWRITEAOF", "EXEC"], ["MULTI", "SET k v", "BGSAVE", "GET k", "EXEC"], ["MULTI", "BGREWRITEAOF", "BGSAVE", "BGSAVE", "EXEC"]):
        run.equal("answers: " + ", ".join(requests), replies(ours, *requests), replies(theirs, *requests))
    with ours.connect() as a, theirs.connect() as b:
        missing = set(persistence(b)) - set(persistence(a))
        run.check("INFO persistence has every field of redis-server's", not missing, sorted(missing))
        for request in (["SET", "a", "1"], ["RPUSH", "l", "1", "2"], ["DEL", "none"], ["LPOP", "l"], ["SAVE"], ["GET", "a"], ["INCR", "a"], ["FLUSHALL"], ["SET", "b", "1"]):
            before = int(time.time())
            for connection in (a, b):
                connection.do(*request)
                wait_for(lambda: is_idle(connection))
            x, y = persistence(a), persistence(b)
            for name in ("rdb_bgsave_in_progress", "rdb_last_bgsave_status", "aof_enabled", "aof_last_bgrewrite_status", "aof_last_write_status",
                         "aof_rewrite_in_progress", "loading"):
                run.equal("INFO persistence: %s after %s" % (name, request[0]), x[name], y[name])
            if request[0] != "FLUSHALL":  # Redis-server saves by itself then.
                # Commands are counted here, elements there: what both tell is whether anything is unsaved.
                run.equal("INFO persistence: anything unsaved after %s" % request[0], x["rdb_changes_since_last_save"] != "0", y["rdb_changes_since_last_save"] != "0")
            if request[0] == "SAVE":
                run.check("SAVE: rdb_last_save_time is its time", before <= int(x["rdb_last_save_time"]) <= time.time(), x)
                run.equal("LASTSAVE is rdb_last_save_time", a.do("LASTSAVE"), int(x["rdb_last_save_time"]))
        rewrites = int(persistence(a)["aof_rewrites"])
        for connection in (a, b):
            connection.do("RPUSH", "growing", *(b"%0100d" % n for n in range(2000)))
        x = persistence(a)
        run.check("INFO persistence: aof_current_size grows with the log", int(x["aof_current_size"]) - int(x["aof_base_size"]) > 200_000, x)
        for connection in (a, b):
            connection.do("DEL", "growing")
            connection.do("BGREWRITEAOF")
            wait_for(lambda: is_idle(connection))
            x = persistence(connection)
            run.check("INFO persistence: after BGREWRITEAOF aof_current_size is about aof_base_size",
                      0 < int(x["aof_base_size"]) <= int(x["aof_current_size"]) < int(x["aof_base_size"]) + 1000, x)
        run.equal("INFO persistence: aof_rewrites counts them", int(persistence(a)["aof_rewrites"]), rewrites + 1)
    theirs.stop()
    ours.stop()


def one_at_a_time(run):
    """While one checkpoint is written no other begins, SAVE makes only its own client wait, and INFO says what goes on."""
    server, faults = started(run, *BY_HAND, "--appendfsync", "no")
    with server.connect() as connection, server.connect() as saver, server.connect() as other:
        connection.do("RPUSH", "list", *range(1000))
        with faults(sync_delay_ms=3000):  # Those that are under way when it is taken back are the last ones to take so long.
            run.equal("one at a time: BGSAVE", connection.call("BGSAVE"), b"Background saving started")
            run.check("one at a time: INFO says that it goes on", wait_for(lambda: persistence(connection)["rdb_bgsave_in_progress"] == "1", 10))
            for request, error in (("BGSAVE", "save"), ("BGSAVE SCHEDULE", "save"), ("SAVE", "save"), ("BGREWRITEAOF", "append only file rewriting")):
                run.equal("one at a time: %s beside it" % request, connection.call(*request.split()), Error("ERR Background %s already in progress" % error))
            connection.do("MULTI")
            connection.do("BGSAVE")
            run.equal("one at a time: BGSAVE in a transaction beside it", connection.do("EXEC"), [Error("ERR Background save already in progress")])
            connection.do("SET", "later", "x")
            fields = persistence(connection)
            run.check("one at a time: INFO has its progress", fields["aof_rewrite_in_progress"] == "1" and fields["current_save_keys_total"] == "1"
                      and int(fields["rdb_current_bgsave_time_sec"]) >= 0 and int(fields["aof_current_rewrite_time_sec"]) >= 0
                      and int(fields["martlet_checkpoint_bytes"]) > 0, fields)
        run.check("one at a time: it ends", wait_for(lambda: is_idle(connection)))
        fields = persistence(connection)
        run.check("one at a time: INFO says so", fields["rdb_current_bgsave_time_sec"] == "-1" == fields["aof_current_rewrite_time_sec"]
                  and fields["rdb_last_bgsave_status"] == "ok" and fields["rdb_saves"] == "1", fields)
        run.equal("one at a time: what came during it is unsaved", fields["rdb_changes_since_last_save"], "1")
        with faults(sync_delay_ms=3000):
            before = folder.listed(server.directory)
            begin = time.monotonic()
            saver.send("SAVE")
            saver.send("PING")
            run.check("SAVE: INFO says that it goes on", wait_for(lambda: persistence(connection)["rdb_bgsave_in_progress"] == "1", 10))
            slowest = 0.0
            for _ in range(100):
                sent = clock.now()
                other.do("GET", "later")
                slowest = max(slowest, clock.now() - sent)
            run.check("SAVE: others are served meanwhile", slowest < 0.15 and not saver.arrived(), "slowest %.0f ms" % (slowest * 1000))
            faults.set(sync_delay_ms=200)
            run.equal("SAVE: answers, then what was sent after it", [saver.read(), saver.read()], [b"OK", b"PONG"])
            run.check("SAVE: answers once it is on disk", time.monotonic() - begin > 0.2 and folder.listed(server.directory) != before, "%.2f s" % (time.monotonic() - begin))
            connection.do("INCR", "unsaved")
            faults.set(sync_delay_ms=3000)
            saver.send("SAVE")
            run.check("SAVE: a client that goes meanwhile", wait_for(lambda: persistence(connection)["rdb_bgsave_in_progress"] == "1", 10))
            saver.close()
        run.check("SAVE: whose client has gone, ends", wait_for(lambda: is_idle(connection)))
        run.equal("SAVE: nothing left over", left_over(server), [])
        before = folder.listed(server.directory)
        run.equal("SAVE: of what is saved already", connection.call("SAVE"), b"OK")
        run.equal("SAVE: of what is saved already leaves the files as they are", folder.listed(server.directory), before)
    server.stop()


def without_a_log(run):
    server = run.start(*servers.WITHOUT_LOG)
    with server.connect() as connection:
        connection.do("SET", "k", "v")
        for request in ("SAVE", "BGSAVE", "BGREWRITEAOF", "BGSAVE SCHEDULE"):
            run.equal("without a log: " + request, connection.call(*request.split()), Error("ERR Nothing is saved while appendonly is no"))
        run.equal("without a log: LASTSAVE is the start", type(connection.do("LASTSAVE")), int)
        fields = persistence(connection)
        run.check("without a log: INFO", fields["aof_enabled"] == "0" and fields["rdb_changes_since_last_save"] == "1" and "aof_base_size" not in fields, fields)
    server.stop()
    run.equal("without a log: nothing is on disk", os.listdir(server.directory), [])


def by_growth(run):
    """A checkpoint begins by itself when the log has grown as the options say, and not before."""
    server = run.start("--auto-aof-rewrite-percentage", 100, "--auto-aof-rewrite-min-size", "1mb", "--appendfsync", "no")
    with server.connect() as connection:
        def grow(megabytes):
            for _ in range(megabytes * 4):
                connection.do("RPUSH", "q", b"x" * (MB // 4))
                connection.do("LPOP", "q")

        def count():
            return int(persistence(connection)["aof_rewrites"])

        connection.do("SET", "small", "x" * (MB // 2))
        time.sleep(0.25)  # Twice as long as it takes to be noticed.
        run.equal("by growth: none below the least size", count(), 0)
        grow(1)
        run.check("by growth: one at the least size", wait_for(lambda: count() == 1 and is_idle(connection)), persistence(connection))
        run.check("by growth: a line in the log", "The log has grown from 0 to" in server.log() and "Checkpoint finished: 1 keys" in server.log(), server.log_tail())
        connection.do("SET", "large", b"x" * (4 * MB))
        run.check("by growth: the next", wait_for(lambda: count() == 2 and is_idle(connection)), persistence(connection))
        grow(3)
        time.sleep(0.25)
        run.equal("by growth: none before it has doubled", count(), 2)
        connection.do("CONFIG", "SET", "auto-aof-rewrite-percentage", "50")
        run.check("by growth: CONFIG SET auto-aof-rewrite-percentage", wait_for(lambda: count() == 3 and is_idle(connection)), persistence(connection))
        connection.do("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
        grow(12)
        time.sleep(0.25)
        run.equal("by growth: none at 0 percent", count(), 3)
        connection.do("CONFIG", "SET", "auto-aof-rewrite-min-size", "1gb", "auto-aof-rewrite-percentage", "100")
        time.sleep(0.25)
        run.equal("by growth: none below a least size of 1 GB", count(), 3)
    server.stop()


def at_a_stop(run):
    """A stop that finds a long log of little data makes a checkpoint of it; NOSAVE does not, SAVE always does."""
    for title, requests, is_short in (("SIGTERM", None, True), ("SHUTDOWN", ["SHUTDOWN"], True), ("SHUTDOWN NOSAVE", ["SHUTDOWN", "NOSAVE"], False)):
        server = run.start(*BY_HAND, "--appendfsync", "no")
        with server.connect() as connection:
            for n in range(80):
                connection.do("SET", "k%d" % (n % 4), b"%d" % n * (MB // 8))
            keys = differential.dump(server)
            begin = clock.now()
            if requests:
                connection.send(*requests)
                server.process.wait(20)
            else:
                server.terminate()
            seconds = clock.now() - begin
            run.check("at a stop: %s takes no second" % title, seconds < 1.0 and server.process.returncode == 0, "%.2f s" % seconds)
        run.check("at a stop: %s leaves a %s log" % (title, "short" if is_short else "long"), (folder.room(server.directory) < 3 * MB) == is_short,
                  "%.1f MB" % (folder.room(server.directory) / MB))
        run.equal("at a stop: %s leaves nothing over" % title, folder.leftovers(server.directory), [])
        server.start()
        run.check("at a stop: all is there after " + title, differential.dump(server) == keys)
        server.stop()
    server = run.start(*BY_HAND)
    with server.connect() as connection:
        connection.do("SET", "k", "v")
        connection.send("SHUTDOWN", "SAVE")
        server.process.wait(20)
    run.check("at a stop: SHUTDOWN SAVE makes one of little", any(name.endswith(folder.CHECKPOINT) for name in folder.listed(server.directory)[1]), os.listdir(server.directory))
    server.start()
    with server.connect() as connection:
        run.equal("at a stop: all is there after SHUTDOWN SAVE", connection.call("GET", "k"), b"v")
    server.stop()


# MARK: Without end


class Saver(threading.Thread):
    """Asks for one checkpoint after the other until the server is gone or `end`."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ends = server, threading.Event()
        self.start()

    def run(self):
        try:
            with self.server.connect(timeout=30) as connection:
                while not self.ends.wait(0.001):
                    connection.call("SAVE")
        except (Closed, OSError):
            pass

    def end(self):
        self.ends.set()
        self.join(30)


BALLAST = [b"ballast:%d" % number for number in range(24)]


class BallastSide(differential.Side):
    """Begins with keys that no command names: a checkpoint of them takes longer than a history, whose keys lie among them."""

    def reset(self):
        super().reset()
        self.apart = 1.5  # Seconds by which a term may differ from the other server's.
        self.control.send_bytes(b"".join(encode("RPUSH", key, *(b"%d" % number * 500 for number in range(1000, 1100))) for key in BALLAST))
        for _ in BALLAST:
            self.control.read()


def run_in_pieces(ours, theirs, steps, size=3):
    """As `run_pipelined` of the differential suite, but a few commands at a time: a history then lasts as long as some checkpoints do."""
    ours.reset()
    theirs.reset()
    for start in range(0, len(steps), size):
        piece = steps[start:start + size]
        begin = time.monotonic()
        replies = [differential.replies_of(side, piece) for side in (ours, theirs)]
        ours.apart = max(ours.apart, 1 + time.monotonic() - begin)
        for index, step in enumerate(piece):
            x, y = (each[index] if index < len(each) else None for each in replies)
            if not differential.same(step.arguments, x, y, ours.apart):
                return differential.Difference(start + index, 0, x, y)
            if x is None:
                return None
    return None


def same_keys(run, title, ours, theirs, seed, apart):
    """Keys, types and values are equal, and times to live but for what the two were apart in time."""
    a, b = differential.dump(ours), differential.dump(theirs)
    differing = [key for key in set(a) | set(b) if key not in a or key not in b or a[key][:2] != b[key][:2] or abs(a[key][2] - b[key][2]) > 1000 * apart]
    run.check(title, not differing, "seed %s\n" % seed + "\n".join("db %d, key %r: here %.200r, redis %.200r" % (*key, a.get(key), b.get(key)) for key in differing[:5]))


def random_commands(run):
    """Histories of random commands while checkpoints never stop, and the keys from what is on disk at the last reply."""
    ours, theirs = run.start(*WITHOUT_END), run.control()
    a, b = BallastSide(ours, 2), BallastSide(theirs, 2)
    title, compared, rounds = "without end: keys are redis-server's", 0, 0
    deadline = time.monotonic() + 12 * run.scale
    while time.monotonic() < deadline or rounds < 12:
        rounds += 1
        seed = "%s/checkpoint/%d" % (run.seed, rounds)
        source = random.Random(seed)
        steps = [step for step in differential.pipelined_history("mixed", source, ()) if not step.settling]
        if rounds % 3:
            steps = [step for step in steps if step.name not in ("FLUSHALL", "FLUSHDB")]  # They take the ballast.
        saver = Saver(ours)
        difference = run_in_pieces(a, b, steps)
        compared += len(steps)
        if difference:
            small, found = differential.shrink(run_in_pieces, a, b, steps, difference)
            run.check("without end: replies are redis-server's", False, differential.script(small, found, 2, seed))
            return
        if rounds % 4:
            # At once: a checkpoint of quieter times would take the place of the one that was written beside the commands.
            ours.kill()
            saver.end()
        else:
            same_keys(run, title, ours, theirs, seed, a.apart)
            run.equal("without end: SIGTERM exits 0", ours.terminate()[0], 0)
            saver.end()
        ours.start()
        same_keys(run, title + (" after kill -9" if rounds % 4 else " after SIGTERM"), ours, theirs, seed, a.apart)
        run.note("%d random commands" % compared)
    run.check("without end: replies are redis-server's", True)
    saves = ours.log().count("Checkpoint finished: ")
    run.check("without end: there were checkpoints", saves > 2 * rounds, "%d in %d rounds" % (saves, rounds))
    run.line("   %d random commands in %d histories, each ended by a kill or a stop, %d checkpoints" % (compared, rounds, saves))
    ours.stop()
    theirs.stop()


def kills(run):
    """kill -9 at any moment of a checkpoint, under the crash suite's load."""
    server = run.start(*BY_HAND)
    models, ledger = [crash.Model(n) for n in range(crash.THREADS)], crash.Ledger()
    with server.connect() as connection:
        connection.do("SELECT", 9)
        for number in range(40):  # So that a checkpoint takes as long as the load runs.
            connection.do("RPUSH", "ballast:%d" % number, *(b"x" * 1000 for _ in range(200)))
    title, rounds, met, operations = "kill -9 in a checkpoint", max(20, int(30 * run.scale)), 0, 0
    for number in range(1, rounds + 1):
        with server.connect() as connection:
            connection.do("CONFIG", "SET", "auto-aof-rewrite-min-size", "64kb", "auto-aof-rewrite-percentage", 1)
        saver = Saver(server) if number % 3 else None  # The others begin by themselves, at a bounded rate.
        loads, _ = crash.under_load(run, server, models, server.kill)
        if saver:
            saver.end()
        operations += sum(load.operations for load in loads)
        met += bool(folder.leftovers(server.directory))
        try:
            server.start()
        except servers.DidNotStart as error:
            run.check(title + ": the server starts again", False, error)
            return
        # The next segment, which is being made just now, is listed in a moment.
        run.equal(title + ": nothing is left over after the start", left_over(server), [])
        crash.verify(run, server, loads, ledger, title)
        with server.connect() as connection:
            connection.do("SELECT", 9)
            run.equal(title + ": what never changes is there", [connection.do("DBSIZE"), connection.do("LLEN", "ballast:39")], [40, 200])
        run.note("%d of %d kills, %d in a checkpoint, %d operations" % (number, rounds, met, operations))
    run.check(title + ": the server starts again", True)
    run.check(title + ": the kills met checkpoints", met >= rounds // 4, "%d of %d" % (met, rounds))
    run.line("   %d kills, %d of them with files of an unfinished checkpoint left over, %d operations acknowledged" % (rounds, met, operations))
    server.stop()


# MARK: A bounded log


class Watch(threading.Thread):
    """Measures the folder all the time."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ends, self.largest, self.count = server, threading.Event(), 0, 0
        self.start()

    def run(self):
        while not self.ends.wait(0.005):
            self.largest = max(self.largest, folder.room(self.server.directory))
            self.count += 1

    def end(self):
        self.ends.set()
        self.join()
        return self.largest


def through_python(server, operations):
    """Pushes 200 elements of 1 KB and pops them, over and over."""
    batch = encode("RPUSH", "short", "x" * 1000) * 200 + encode("LPOP", "short") * 200
    with server.connect() as connection:
        for _ in range(operations // 400):
            connection.send_bytes(batch)
            for _ in range(400):
                connection.raw()
    return 200_000


def through_benchmark(server, operations):
    """Pushes 25,000 elements of 100 bytes and pops them, over and over."""
    command = ["redis-benchmark", "-p", str(server.port), "-n", "25000", "-c", "50", "-P", "64", "-q"]
    for _ in range(operations // 50_000):
        for words in (["RPUSH", "short", "x" * 100], ["LPOP", "short"]):
            subprocess.run(command + words, check=True, capture_output=True)
    return 25_000 * 120


def bounded(run):
    """The folder while much goes through a short queue, beside much that never changes: bounded by what lives, not by what went through.

    A checkpoint is due when the log, its last checkpoint included, is twice as large as that, and 64 MB at least; until it is finished there are both.
    To that comes what is set aside ahead (8 MB, and a segment's change), and what is written until the growth is noticed and the checkpoint, which
    stands back where processors are short, is finished. So: live + the larger of 2 x live and 64 MB, + 16 MB, + that.
    """
    cases = (("an unchanging 50 MB", ("--appendfsync", "no"), through_python, 2_000_000, 50), ("default settings", (), through_benchmark, 3_000_000, 0))
    for title, options, load, operations, megabytes in cases:
        server = run.start(*options)
        with server.connect() as connection:
            for number in range(megabytes):
                connection.do("RPUSH", "huge", *(b"%08d" % n * 125 for n in range(MB // 1000)))
            watch, begin = Watch(server), time.monotonic()
            amount = max(2_250_000 if not megabytes else 0, int(operations * run.scale))  # At least two checkpoints' worth.
            queue = load(server, amount)
            seconds, largest = time.monotonic() - begin, watch.end()
            run.check("bounded, %s: the last checkpoint ends" % title, wait_for(lambda: is_idle(connection)))
            fields = persistence(connection)
            run.equal("bounded, %s: what never changes is there" % title, connection.do("LLEN", "huge"), megabytes * (MB // 1000))
        written, live = int(fields["martlet_log_bytes"]), megabytes * MB + queue
        longest = max([0] + [int(milliseconds) for milliseconds in re.findall(r"Checkpoint finished: .* in (\d+) ms", server.log())]) / 1000
        meanwhile = 2 * written / seconds * (longest + 0.2)  # At times twice as fast as on average.
        bound = live + max(2 * live, 64 * MB) + 16 * MB + meanwhile
        figures = "%d operations wrote %.0f MB in %.1f s; the folder took %.0f MB at most, bound %.0f MB; %s checkpoints of %.1f s at most, %d looks" % (
            amount, written / MB, seconds, largest / MB, bound / MB, fields["aof_rewrites"], longest, watch.count)
        run.check("bounded, %s: a checkpoint takes its time, but ends" % title, longest < 5, figures)
        run.check("bounded, %s: the folder" % title, largest <= bound, figures)
        run.check("bounded, %s: there were checkpoints" % title, int(fields["aof_rewrites"]) >= 2, figures)
        run.line("   %s: %s" % (title, figures))
        server.stop()


# MARK: Failing


def failing(run):
    """A checkpoint that fails leaves the log as it is, says so, and the next one works."""
    server, faults = started(run, *BY_HAND)
    with server.connect() as connection:
        connection.do("RPUSH", "list", *range(5000))
        connection.do("SAVE")
        for title, fields in (("no space", {"checkpoint_errno": errno.ENOSPC}), ("an I/O error", {"checkpoint_errno": errno.EIO})):
            connection.do("INCR", "number")
            before, lines = folder.listed(server.directory), len(server.log().splitlines())
            with faults(**fields):
                run.equal("failing, %s: SAVE" % title, connection.call("SAVE"), Error("ERR"))
                run.equal("failing, %s: BGSAVE begins" % title, connection.call("BGSAVE"), b"Background saving started")
                run.check("failing, %s: BGSAVE ends" % title, wait_for(lambda: is_idle(connection)))
                run.check("failing, %s: the fault was met" % title, faults.hits >= 2, faults.hits)
                state = persistence(connection)
                run.check("failing, %s: INFO says so" % title, state["rdb_last_bgsave_status"] == "err" == state["aof_last_bgrewrite_status"]
                          and state["aof_rewrites_consecutive_failures"] == "2" and state["rdb_changes_since_last_save"] == "1", state)
                run.equal("failing, %s: the log itself is well" % title, state["aof_last_write_status"], "ok")
                log = [line for line in server.log().splitlines()[lines:] if " # " in line]
                run.check("failing, %s: a warning for each" % title, len(log) == 2 and all("checkpoint failed" in line and server.directory in line for line in log), log)
                run.equal("failing, %s: writes go on" % title, connection.call("RPUSH", "list", "x"), connection.call("LLEN", "list"))
            run.equal("failing, %s: nothing left over" % title, left_over(server), [])
            run.equal("failing, %s: the checkpoint before is still the one" % title, folder.listed(server.directory)[0], before[0])
            keys = differential.dump(server)
            server.kill()
            server.start()
            run.check("failing, %s: all is there after kill -9" % title, differential.dump(server) == keys)
            connection.close()
            connection = server.connect()
            run.equal("failing, %s: the next one works" % title, connection.call("SAVE"), b"OK")
            state = persistence(connection)
            run.check("failing, %s: INFO says so" % title, state["rdb_last_bgsave_status"] == "ok" == state["aof_last_bgrewrite_status"]
                      and state["aof_rewrites_consecutive_failures"] == "0", state)
        with faults(checkpoint_errno=errno.ENOSPC):
            connection.do("INCR", "number")
            run.equal("failing: SHUTDOWN SAVE is refused", connection.call("SHUTDOWN", "SAVE"), Error("ERR Errors trying to SHUTDOWN. Check logs."))
            run.equal("failing: and all goes on", connection.call("INCR", "number"), 4)
            connection.do("CONFIG", "SET", "auto-aof-rewrite-percentage", 1, "auto-aof-rewrite-min-size", "64kb")
            connection.do("RPUSH", "list", *range(20_000))
            before = faults.hits
            time.sleep(0.5)
            run.check("failing: one that begins by itself is not tried again at once", faults.hits <= before + 1, "%d times" % (faults.hits - before))
        run.equal("failing: one that is asked for is made at once", connection.call("SAVE"), b"OK")
        connection.close()
    server.stop()


# MARK: While data is read

# What clients may say meanwhile, one connection each, answers compared with redis-server's byte for byte.
DIALOGUES = [
    ["PING"], ["PING hello"], ["ECHO x"], ["GET k"], ["SET k v"], ["LPUSH l v"], ["BLPOP l 0"], ["LRANGE l 0 -1"], ["DEL k"], ["KEYS *"], ["SCAN 0"], ["DBSIZE"], ["TYPE k"],
    ["FLUSHALL"], ["EXPIRE k 1"], ["SORT l"], ["OBJECT ENCODING k"], ["SELECT 1", "PING"], ["SELECT 99"], ["SWAPDB 0 1"], ["WATCH k", "PING"], ["UNWATCH"], ["RANDOMKEY"],
    ["MULTI", "DISCARD"], ["MULTI", "EXEC"], ["MULTI", "PING", "EXEC"], ["MULTI", "SET k v", "EXEC"], ["MULTI", "SELECT 1", "EXEC"], ["MULTI", "CLIENT GETNAME", "EXEC"], ["EXEC"],
    ["DISCARD"], ["CLIENT GETNAME"], ["CLIENT SETNAME x", "CLIENT GETNAME"], ["CLIENT REPLY ON"], ["CLIENT KILL ID 0"], ["CLIENT NO-EVICT on"], ["CLIENT PAUSE 0"], ["CLIENT UNBLOCK 999"],
    ["CONFIG GET timeout"], ["CONFIG SET timeout 0"], ["CONFIG RESETSTAT"], ["CONFIG WHAT"], ["AUTH x"], ["AUTH default x"], ["HELLO 9"], ["HELLO 2 AUTH nosuch x"], ["ACL WHOAMI"],
    ["ACL USERS"], ["ACL SETUSER u1 on", "ACL DELUSER u1"], ["COMMAND INFO nosuch"], ["COMMAND GETKEYS GET x"], ["SAVE"], ["BGSAVE"], ["BGREWRITEAOF"], ["SHUTDOWN WHAT"],
    ["SHUTDOWN ABORT"], ["WAIT 0 0"], ["SLOWLOG GET 0"], ["SLOWLOG LEN x"], ["LATENCY LATEST"], ["MEMORY USAGE k"], ["DEBUG SLEEP 0"], ["RESET"], ["RESET", "PING"], ["MONITOR"],
    ["NOSUCH"], ["GET"], ["GET a b"], ["PING a b"], ["INFO nosuch"], ["QUIT"],
]


def dialogues(server):
    """The raw replies of each dialogue, all of them held at once; None behind them where the server closes."""
    connections, answers = [server.connect(timeout=10) for _ in DIALOGUES], []
    for connection, requests in zip(connections, DIALOGUES):
        connection.send_bytes(b"".join(encode(*request.split()) for request in requests))
    for connection, requests in zip(connections, DIALOGUES):
        got = []
        try:
            for _ in requests:
                got.append(connection.raw())
        except Closed:
            got.append(None)
        answers.append(got)
        connection.close()
    return answers


def fingerprint(directory):
    """Names and contents of the files."""
    return {name: hashlib.blake2b(open(os.path.join(directory, name), "rb").read()).hexdigest() for name in sorted(os.listdir(directory)) if name != folder.LOCK}


def is_loading(server):
    try:
        with server.connect() as connection:
            return persistence(connection)["loading"] == "1"
    except (OSError, Closed):
        return False


def heard_from_redis(run):
    """The dialogues with a redis-server that takes its time to read what it has, and its fields of INFO then."""
    options = ["--appendonly", "no", "--enable-debug-command", "yes", "--key-load-delay", "3000", "--loading-process-events-interval-bytes", "1024"]
    control = servers.Server(servers.CONTROL, run.directory("redis"), options).start()
    with control.connect() as connection:
        connection.do("MSET", *(word for n in range(3000) for word in ("key:%d" % n, "x" * 200)))
        connection.do("SAVE")
    control.kill()
    control.spawn()
    wait_for(lambda: is_loading(control), 10)
    answers, fields = dialogues(control), fields_of(control)
    run.equal("loading: redis-server was still reading when it was compared with", fields["loading"], "1")
    control.kill()
    return answers, fields


def read_again(run, title, server, faults, keys, heard):
    """Starts `server` on a disk that reads slowly and looks at it from all sides meanwhile."""
    name = "loading, %s: " % title
    files = fingerprint(server.directory)
    faults.set(read_delay_ms=40)
    server.spawn()
    if not run.check(name + "clients are let in", wait_for(lambda: is_loading(server), 10), server.log_tail()):
        return
    first, ours = fields_of(server), dialogues(server)
    theirs, control_fields = heard
    for requests, x, y in zip(DIALOGUES, ours, theirs):
        run.equal(name + ", ".join(requests), x, y)
    with server.connect() as connection:
        run.check(name + "HELLO 3", connection.call("HELLO", "3")[b"proto"] == 3)
        run.check(name + "COMMAND COUNT", connection.call("COMMAND", "COUNT") > 100)
        run.check(name + "CLIENT LIST", b"cmd=client|list" in connection.call("CLIENT", "LIST"))
        moved = wait_for(lambda: int(fields_of(server)["loading_loaded_bytes"]) > int(first["loading_loaded_bytes"]))
        second = fields_of(server)
        run.check(name + "INFO says how far it is", moved and int(second["loading_loaded_bytes"]) <= int(second["loading_total_bytes"]) == int(first["loading_total_bytes"])
                  and float(first["loading_loaded_perc"]) <= float(second["loading_loaded_perc"]) <= 100 and abs(int(first["loading_start_time"]) - time.time()) < 60
                  and int(second["loading_eta_seconds"]) >= 0, "%s\n%s" % (first, second))
        missing = set(control_fields) - set(second) - {"aof_current_size"}
        run.check(name + "INFO persistence has every field of redis-server's", not missing, sorted(missing))
        times = []
        for _ in range(20):
            begin = time.monotonic()
            connection.call("PING")
            times.append(time.monotonic() - begin)
        run.check(name + "it answers soon", sorted(times)[-2] < 0.25, "slowest %.0f ms" % (max(times) * 1000))
    run.check(name + "it still read while all this was looked at", is_loading(server), server.log_tail())
    with server.connect() as connection:
        connection.send("SHUTDOWN", "NOSAVE")
        run.equal(name + "SHUTDOWN NOSAVE", connection.read_to_end(), b"")
    run.equal(name + "SHUTDOWN NOSAVE exits 0", server.process.wait(20), 0)
    run.check(name + "SHUTDOWN NOSAVE changes nothing", fingerprint(server.directory) == files, server.log_tail())
    server.spawn()
    wait_for(lambda: is_loading(server), 10)
    code, seconds = server.terminate()
    run.check(name + "SIGTERM exits 0 within 1 s", code == 0 and seconds < 1.0, "code %s, %.2f s\n%s" % (code, seconds, server.log_tail()))
    run.check(name + "SIGTERM changes nothing", fingerprint(server.directory) == files, server.log_tail())
    server.spawn()
    wait_for(lambda: is_loading(server), 10)
    with server.connect() as connection:
        # A transaction begun too early has been refused by one command, or none of them; it is answered once all is read.
        connection.do("MULTI")
        refused = connection.call("GET", "early")
        faults.clear()
        run.check(name + "it ends", wait_for(lambda: not is_loading(server), 30))
        run.check(name + "a transaction that was refused a command is given up", isinstance(refused, Error) and str(connection.call("EXEC")).startswith("EXECABORT"), refused)
        run.equal(name + "whoever waited is served", connection.call("SET", "early", "x"), b"OK")
        connection.do("DEL", "early")
    run.check(name + "all is there", keys_of(server) == keys, "%s, wanted %s" % (keys_of(server), keys))


def fields_of(server):
    with server.connect() as connection:
        return persistence(connection)


def keys_of(server):
    """How many keys, and the lists' lengths and ends."""
    with server.connect(timeout=60) as connection:
        lists = [(connection.do("LLEN", key), connection.do("LINDEX", key, 0), connection.do("LINDEX", key, -1)) for key in ("large", "mylist")]
        return connection.do("DBSIZE"), lists


def loading(run):
    """A folder of a few hundred MB, read from the log, and then from a checkpoint."""
    server, faults = started(run, *BY_HAND, "--appendfsync", "no", "--enable-debug-command", "yes")
    benchmark = ["redis-benchmark", "-p", str(server.port), "-P", "64", "-q", "-r", "100000"]
    subprocess.run(benchmark + ["-n", "200000", "-d", "1000", "-t", "lpush"], check=True, capture_output=True)
    subprocess.run(benchmark + ["-n", "200000", "-d", "100", "-t", "set"], check=True, capture_output=True)
    with server.connect() as connection:
        connection.do("RPUSH", "large", *range(1000))
    keys = keys_of(server)
    server.kill()
    heard = heard_from_redis(run)
    run.line("   a folder of %.0f MB, %d keys" % (folder.room(server.directory) / MB, keys[0]))
    read_again(run, "from the log", server, faults, keys, heard)
    with server.connect(timeout=60) as connection:
        run.equal("loading: SAVE", connection.call("SAVE"), b"OK")
    server.kill()
    read_again(run, "from a checkpoint", server, faults, keys, heard)
    server.stop()


def run(run):
    for part in (answers, one_at_a_time, without_a_log, by_growth, at_a_stop, random_commands, kills, bounded, failing, loading):
        begin = time.monotonic()
        run.part(part, run)
        run.line("   %s: %.1f s" % (part.__name__, time.monotonic() - begin))
