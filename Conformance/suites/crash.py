"""kill -9 under load, over and over: nothing acknowledged is lost, nothing is invented, transactions are whole.

Goal: with `appendfsync always` a reply means that the write is on disk, in order, whatever the process dies of.
Method: threads drive the real process. Each owns keys and knows its operations, so that after a kill its keys must
equal its model after all acknowledged operations and none, one or more of those still without a reply (they are
executed in order, so it is a prefix). All share a queue and a counter, on which sums are checked: every acknowledged
push is still there or was popped; a pop whose reply was lost may have taken one. Then: SIGTERM under load; a second
server on the directory; a log cut at its end; a flipped byte in its middle.
"""
import os
import random
import re
import shutil
import subprocess
import threading
import time

from lib import clock, server as servers
from lib.resp import Closed, Connection, Error, encode

TIME_LIMIT = 240
THREADS = 6


class Model:
    """What the keys of one thread hold, as a function of its operations."""

    def __init__(self, number):
        self.keys = {k: "%s:%d" % (k, number) for k in ("list", "moved", "counter", "a", "b", "text")}
        self.state = {"list": [], "moved": [], "counter": 0, "a": 0, "b": 0, "text": None}
        self.next = number * 100_000_000

    def requests(self, operation):
        """The commands of an operation; a transaction's are sent as one."""
        kind, value = operation
        k = self.keys
        return {
            "push": [["LPUSH", k["list"], value, value + 1]],
            "append": [["RPUSH", k["moved"], value]],
            "pop": [["RPOP", k["list"]]],
            "take": [["LPOP", k["moved"], 2]],
            "move": [["LMOVE", k["list"], k["moved"], "RIGHT", "LEFT"]],
            "block": [["BLMOVE", k["list"], k["moved"], "LEFT", "RIGHT", "0.001"]],
            "count": [["INCR", k["counter"]]],
            "set": [["SET", k["text"], value, "EX", 100000]],
            "delete": [["DEL", k["text"]]],
            "both": [["MULTI"], ["INCR", k["a"]], ["LPUSH", k["list"], value], ["RPOP", k["list"]], ["INCR", k["b"]], ["EXEC"]],
        }[kind]

    @staticmethod
    def after(state, operation):
        """The state after one more operation."""
        kind, value = operation
        s = {name: list(v) if isinstance(v, list) else v for name, v in state.items()}
        if kind == "push":
            s["list"][:0] = [value + 1, value]
        elif kind == "append":
            s["moved"].append(value)
        elif kind == "pop" and s["list"]:
            s["list"].pop()
        elif kind == "take":
            del s["moved"][:2]
        elif kind == "move" and s["list"]:
            s["moved"].insert(0, s["list"].pop())
        elif kind == "block" and s["list"]:
            s["moved"].append(s["list"].pop(0))
        elif kind == "count":
            s["counter"] += 1
        elif kind == "set":
            s["text"] = value
        elif kind == "delete":
            s["text"] = None
        elif kind == "both":
            s["a"] += 1
            s["b"] += 1
            s["list"].insert(0, value)
            s["list"].pop()
        return s

    def read(self, connection):
        """The state that the server has."""
        number = lambda v: int(v) if v is not None else 0
        k = self.keys
        state = {name: [int(e) for e in connection.do("LRANGE", k[name], 0, -1)] for name in ("list", "moved")}
        state.update({name: number(connection.do("GET", k[name])) for name in ("counter", "a", "b")})
        text = connection.do("GET", k["text"])
        state["text"] = None if text is None else int(text)
        return state


class Load(threading.Thread):
    """One client: random operations on keys of its own, and pushes and pops on the shared queue."""

    def __init__(self, number, port, model, source):
        super().__init__(daemon=True)
        self.number, self.port, self.model, self.random = number, port, model, source
        self.operations = 0
        self.open = []  # operations sent, not yet acknowledged
        self.pushed, self.unknown_pushed, self.popped, self.lost_pops = set(), set(), [], 0
        self.counted, self.unknown_counted, self.errors = [], 0, []

    def run(self):
        try:
            with Connection(self.port, timeout=20) as connection:
                while True:
                    if self.random.random() < 0.4:
                        self.shared(connection)
                    else:
                        self.own(connection)
        except (Closed, OSError):
            pass  # The server is gone: what is open stays open.
        except Error as error:
            self.errors.append("shared keys: %s" % error)

    def own(self, connection):
        kinds = ["push", "push", "append", "pop", "take", "move", "block", "count", "set", "delete", "both", "both"]
        batch = []
        for _ in range(self.random.choice((1, 1, 1, 5, 20))):
            self.model.next += 2
            batch.append((self.random.choice(kinds), self.model.next))
        requests = [self.model.requests(operation) for operation in batch]
        self.open = list(batch)
        connection.send_bytes(b"".join(encode(*request) for each in requests for request in each))
        for operation, each in zip(batch, requests):
            for request in each:
                reply = connection.read()
                if isinstance(reply, Error):
                    self.errors.append("%s: %s" % (request, reply))
            self.model.state = Model.after(self.model.state, operation)
            self.open.pop(0)
            self.operations += 1

    def shared(self, connection):
        kind = self.random.choice(("push", "push", "pop", "block", "count"))
        if kind == "push":
            self.model.next += 2
            self.unknown_pushed.add(self.model.next)
            connection.do("LPUSH", "shared", self.model.next)
            self.unknown_pushed.discard(self.model.next)
            self.pushed.add(self.model.next)
        elif kind == "count":
            self.unknown_counted += 1
            self.counted.append(connection.do("INCR", "shared:counter"))
            self.unknown_counted -= 1
        else:
            self.lost_pops += 1
            reply = connection.do("RPOP", "shared") if kind == "pop" else connection.do("BRPOP", "shared", "0.005")
            self.lost_pops -= 1
            if reply is not None:
                self.popped.append(int(reply[1] if kind == "block" else reply))
        self.operations += 1


class Ledger:
    """What all clients of all rounds know of the shared queue and counter."""

    def __init__(self):
        self.pushed, self.unknown, self.popped = set(), set(), []
        self.lost_pops, self.counted, self.unknown_counted = 0, [], 0

    def add(self, load):
        self.pushed |= load.pushed
        self.unknown |= load.unknown_pushed
        self.popped += load.popped
        self.lost_pops += load.lost_pops
        self.counted += load.counted
        self.unknown_counted += load.unknown_counted


def verify(run, server, loads, ledger, title):
    """Compares what the restarted server has with what the clients know; the models go on from there."""
    with server.connect() as connection:
        for load in loads:
            model, state = load.model, load.model.read(connection)
            candidate, candidates = model.state, [model.state]
            for operation in load.open:
                candidate = Model.after(candidate, operation)
                candidates.append(candidate)
            run.check(title + ": each client's keys are as acknowledged", state in candidates, "client %d\nserver has %s\nacknowledged %s\nwithout reply: %s" % (
                load.number, shortened(state), shortened(model.state), load.open))
            run.check(title + ": transactions are whole", state["a"] == state["b"], "%(a)d and %(b)d" % state)
            run.check(title + ": no error replies", not load.errors, "\n".join(load.errors[:5]))
            model.state = state
            ledger.add(load)
        left = [int(e) for e in connection.do("LRANGE", "shared", 0, -1)]
        count = int(connection.do("GET", "shared:counter") or 0)
    seen = ledger.popped + left
    missing = ledger.pushed - set(seen)
    run.check(title + ": no acknowledged push is lost", len(missing) <= ledger.lost_pops,
              "%d missing, %d pops without reply" % (len(missing), ledger.lost_pops))
    run.check(title + ": nothing is invented or returns", len(seen) == len(set(seen)) and set(seen) <= ledger.pushed | ledger.unknown,
              "%d seen, %d different, %d never sent" % (len(seen), len(set(seen)), len(set(seen) - ledger.pushed - ledger.unknown)))
    run.check(title + ": each count is given once", len(ledger.counted) == len(set(ledger.counted)), "")
    run.check(title + ": the counter has every acknowledged step", len(ledger.counted) <= count <= len(ledger.counted) + ledger.unknown_counted,
              "%d, acknowledged %d, without reply %d" % (count, len(ledger.counted), ledger.unknown_counted))


def shortened(state):
    return {k: "%d elements %s" % (len(v), v[:3] + ["..."] + v[-3:]) if isinstance(v, list) else v for k, v in state.items()}


def under_load(run, server, models, stop):
    """Starts the clients, calls `stop` after a moment, and waits for the clients to notice."""
    loads = [Load(n, server.port, models[n], random.Random(run.random.random())) for n in range(THREADS)]
    for load in loads:
        load.start()
    time.sleep(run.random.uniform(0.02, 0.3))
    result = stop()
    for load in loads:
        load.join(30)
    return loads, result


def kills(run):
    server = run.start()
    models, ledger = [Model(n) for n in range(THREADS)], Ledger()
    rounds = max(50, int(60 * run.scale))
    operations = 0
    for number in range(1, rounds + 1):
        loads, _ = under_load(run, server, models, server.kill)
        operations += sum(load.operations for load in loads)
        try:
            server.start()
        except servers.DidNotStart as error:
            run.check("kill -9: the server starts again", False, error)
            return
        verify(run, server, loads, ledger, "kill -9")
        run.note("%d of %d kills, %d operations acknowledged" % (number, rounds, operations))
    run.check("kill -9: the server starts again", True)
    run.check("kill -9: there was load", operations > rounds * 50, "%d operations" % operations)
    run.line("   %d kills, %d operations acknowledged, %d pops without reply" % (rounds, operations, ledger.lost_pops))
    for _ in range(3):
        loads, (code, seconds) = under_load(run, server, models, server.terminate)
        run.check("SIGTERM under load: exit code 0", code == 0, "code %s\n%s" % (code, server.log_tail()))
        run.check("SIGTERM under load: within 1 s", seconds <= 1.0, "%.2f s" % seconds)
        server.start()
        verify(run, server, loads, ledger, "SIGTERM")
    if run.martlet:
        second_server(run, server)
    server.stop()


def second_server(run, server):
    """A second server on a directory in use ends within a second, says so, and does no harm."""
    other = servers.Server(run.command, server.directory)
    other.log_path += ".second"
    begin = clock.now()
    other.spawn()
    try:
        code = other.process.wait(20)
    except subprocess.TimeoutExpired:
        code = None
        other.kill()
    seconds = clock.now() - begin
    run.check("a second server is refused", code not in (0, None), "exit code %s" % code)
    run.check("a second server is refused within 1 s", seconds <= 1.0, "%.2f s" % seconds)
    run.check("a second server is refused with a line that names the directory", server.directory in other.log(), other.log_tail())
    with server.connect() as connection:
        run.check("the first server is untouched", connection.call("PING") == b"PONG")


def largest_file(directory):
    """The log: the largest file, with its length up to trailing zeros (space reserved ahead)."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names]
    path = max(paths, key=os.path.getsize)
    with open(path, "rb") as file:
        return path, len(file.read().rstrip(b"\0"))


def filled_directory(run, count):
    """A directory whose server was killed after so many pushes of 1, 2, 3 ... (each its own reply)."""
    server = run.start()
    with server.connect() as connection:
        for n in range(1, count + 1):
            connection.do("RPUSH", "numbers", n)
    server.kill()
    return server.directory


def damaged_copy(run, directory, damage):
    copy = run.directory("damaged")
    shutil.rmtree(copy)
    shutil.copytree(directory, copy)
    path, length = largest_file(copy)
    damage(path, length)
    return servers.Server(run.command, copy), path


def torn_tails(run):
    count = 200
    directory = filled_directory(run, count)
    for cut in (1, 2, 5, 17, 40, 100, 333):
        server, path = damaged_copy(run, directory, lambda path, length: os.truncate(path, length - cut))
        try:
            server.start()
        except servers.DidNotStart as error:
            run.check("a torn tail: the server starts", False, "cut by %d bytes: %s" % (cut, error))
            continue
        with server.connect() as connection:
            numbers = [int(e) for e in connection.do("LRANGE", "numbers", 0, -1)]
            connection.do("RPUSH", "numbers", "after")
        run.check("a torn tail: the server starts", True)
        run.check("a torn tail: every whole write before it is there", numbers == list(range(1, len(numbers) + 1)) and count - cut // 20 - 3 <= len(numbers) <= count,
                  "cut by %d bytes: %d numbers" % (cut, len(numbers)))
        if cut <= 5:  # A longer cut may fall between two records, where nothing is torn.
            run.check("a torn tail: a log line says so", re.search(r"(?i)torn|truncat|dropp|\bcut\b", server.log()), server.log_tail())
        server.kill()
        server.start()
        with server.connect() as connection:
            run.check("a torn tail: the server goes on and starts again", connection.do("LRANGE", "numbers", -1, -1) == [b"after"])
        server.stop()


def flipped_bytes(run):
    directory = filled_directory(run, 200)
    for part in (0.2, 0.35, 0.5, 0.65, 0.8):
        def flip(path, length):
            with open(path, "r+b") as file:
                file.seek(int(length * part))
                byte = file.read(1)[0]
                file.seek(int(length * part))
                file.write(bytes([byte ^ (1 << run.random.randrange(8))]))
        server, path = damaged_copy(run, directory, flip)
        try:
            server.start()
        except servers.DidNotStart:
            code = server.process.poll()
            server.kill()
            run.check("a flipped byte: the start is refused", code not in (0, None), "at %g of the log: exit code %s" % (part, code))
            log = server.log()
            lines = [line for line in log.splitlines() if os.path.basename(path) in line]
            run.check("a flipped byte: a line names the file", lines, log[-600:])
            run.check("a flipped byte: the line names the offset", any(re.search(r"\d", line.replace(path, "").replace(os.path.basename(path), "")) for line in lines), log[-600:])
            run.check("a flipped byte: the way out is told", "--repair" in log or "--check-log" in log, log[-600:])
            continue
        server.stop()
        run.check("a flipped byte: the start is refused", False, "at %g of the log: it started\n%s" % (part, server.log_tail()))


def run(run):
    run.part(kills, run)
    run.part(torn_tails, run)
    if run.martlet:
        run.part(flipped_bytes, run)
    else:
        run.skip("second server, flipped bytes", "promises of the broker that redis-server does not make")
