"""Power cuts of the real process: what reached the disk is kept, what was not synced is dropped, cut or torn, and it starts from each image.

Goal: with `always` a power cut at any moment, from the first start in an empty folder on, loses nothing acknowledged, invents nothing and leaves
transactions whole; with `everysec` it loses at most two seconds and leaves a prefix. The server starts by itself from every image.
Method: faults/faults.c records all that the server does to its folder and each reply that it sends, in order, under a mixed load of several clients.
lib/images.py makes images at random points of the record. A server is started on each, and each client's keys must be as after some number of its
operations: at least those acknowledged by then, at most those sent by then. Many operations draw a ticket from one counter in the same transaction,
which gives the order across clients: what survived must be all up to one ticket and nothing behind it.
"""
import concurrent.futures
import os
import random
import shutil
import threading
import time

from lib import clock, faults, server as servers
from lib.images import Disk
from lib.resp import Closed, Connection, Error, encode, parse
from suites.crash import Model

TIME_LIMIT = 300
OURS_ALONE = "the record knows the system calls of the broker alone"
CLIENTS = 4
LOSS_MAX = 2.2  # Seconds: the promise is 2; a reply let go just before may leave a little later on a busy machine.
SEGMENT_SIZE = 64 << 20  # Recovery.swift: at this size the next write begins a new segment.


class Client(threading.Thread):
    """One client with keys of its own. Its history has the states after each operation and the bytes of all replies up to then."""

    KINDS = ["push", "push", "append", "pop", "take", "move", "block", "count", "set", "delete", "both", "both"]

    def __init__(self, number, port, source, operations, tickets, pause, deepest):
        super().__init__(daemon=True)
        self.number, self.port, self.random, self.operations = number, port, source, operations
        self.tickets, self.pause, self.deepest = tickets, pause, deepest
        self.model = Model(number)
        self.states = [self.frozen(self.model.state)]
        self.bytes, self.ticket_of, self.batch_end = [0], [None], [0]
        self.error = None
        self.local_port = None

    @staticmethod
    def frozen(state):
        return tuple(tuple(value) if isinstance(value, list) else value for value in state.values())

    def run(self):
        try:
            with Connection(self.port, timeout=60) as connection:
                self.local_port = connection.socket.getsockname()[1]
                while len(self.states) <= self.operations:
                    self.batch(connection)
                    if self.pause:
                        time.sleep(self.random.uniform(0, self.pause))
        except (Closed, OSError, Error) as error:
            self.error = error

    def batch(self, connection):
        operations = []
        for _ in range(self.random.choice((1, 1, 1, 3, self.deepest))):
            self.model.next += 2
            operations.append((self.random.choice(self.KINDS), self.model.next, self.random.random() < self.tickets))
        requests = [self.requests(*operation) for operation in operations]
        connection.send_bytes(b"".join(encode(*request) for each in requests for request in each))
        end = len(self.states) - 1 + len(operations)
        for (kind, value, has_ticket), each in zip(operations, requests):
            raw = [connection.raw() for _ in each]
            reply = parse(raw[-1])
            if any(part.startswith(b"-") for part in raw):
                raise Error("%s: %s" % (kind, raw))
            self.model.state = Model.after(self.model.state, (kind, value))
            self.states.append(self.frozen(self.model.state))
            self.bytes.append(self.bytes[-1] + sum(map(len, raw)))
            self.ticket_of.append(int(reply[0]) if has_ticket else None)
            self.batch_end.append(end)

    def requests(self, kind, value, has_ticket):
        requests = self.model.requests((kind, value))
        if not has_ticket:
            return requests
        inner = [request for request in requests if request[0] not in ("MULTI", "EXEC")]
        return [["MULTI"], ["INCR", "ticket"], *inner, ["EXEC"]]

    def keys(self):
        return self.model.keys

    def candidates(self, state, ticket, acknowledged):
        """How many operations the server can have executed that has `state` and gave `ticket` last; at least `acknowledged`."""
        last = self.batch_end[min(acknowledged + 1, len(self.states) - 1)]
        return [n for n in range(acknowledged, last + 1) if self.states[n] == state and self.agrees(n, ticket)]

    def agrees(self, count, ticket):
        drawn = [each for each in self.ticket_of[:count + 1] if each]
        later = next((each for each in self.ticket_of[count + 1:] if each), None)
        return (not drawn or drawn[-1] <= ticket) and (later is None or later > ticket)


class Recording:
    """A load on a real server with all that it changed on disk, and which replies had been sent at each point."""

    def __init__(self, run, name, *options, operations=250, tickets=0.5, pause=0.0, deepest=8, prepare=None, meanwhile=(), **fields):
        self.run, self.name, self.options = run, name, options
        self.loses_nothing = "everysec" not in options
        self.strict_from = None
        self.folder = run.directory("recorded")
        self.data = os.path.join(self.folder, "of", "the", "broker")
        if prepare:
            prepare(self.data)
        self.disk = Disk(self.folder)
        failing = faults.Faults(self.folder, record=self.folder + ".record")
        failing.set(**fields)
        begin, awake = time.monotonic(), clock.now()
        server = servers.Server(run.command.replace("{dir}", self.data), self.folder, options, environment=failing.environment)
        server.start()
        source = lambda: random.Random(run.random.random())
        self.clients = [Client(n, server.port, source(), operations, tickets, pause, deepest) for n in range(CLIENTS)]
        for client in self.clients:
            client.start()
        with server.connect(timeout=60) as connection:
            for part, request in enumerate(meanwhile, 1):
                while any(c.is_alive() for c in self.clients) and len(self.clients[0].states) < operations * part / (len(meanwhile) + 1):
                    time.sleep(0.001)
                reply = connection.call(*request)
                run.check("%s: %s under load" % (name, request[0]), not isinstance(reply, Error), reply)
                if request[-1] == "always":  # Who has sent one batch more by now has sent the next one under `always`.
                    self.strict_from = [len(client.states) + deepest for client in self.clients]
        for client in self.clients:
            client.join(120)
        failing.clear()
        code, _ = server.terminate()
        run.check(name + ": the load runs to its end", code == 0 and not any(c.error for c in self.clients), [c.error for c in self.clients])
        self.entries = faults.read_record(failing.record)
        self.is_spoilt = (time.monotonic() - begin) - (clock.now() - awake) > 0.2 or self.slowest_sync() > fields.get("sync_delay_ms", 0) / 1000 + 0.2
        os.remove(failing.record)
        self.count_replies()

    def slowest_sync(self):
        """In seconds."""
        began, slowest = {}, 0
        for entry in self.entries:
            if entry.kind == faults.SYNC_BEGAN:
                began[entry.descriptor, entry.number] = entry.time
            elif entry.kind == faults.SYNCED:
                slowest = max(slowest, entry.time - began.pop((entry.descriptor, entry.number)))
        return slowest / 1e9

    def count_replies(self):
        """For each client: the points at which replies were sent to it, how many operations were acknowledged then, and when."""
        by_port = {client.local_port: client for client in self.clients}
        owner = {}
        for client in self.clients:
            client.sent, client.acknowledged_at = [(-1, 0)], [0]
        totals = dict.fromkeys(by_port, 0)
        for index, entry in enumerate(self.entries):
            if entry.kind == faults.CAME:
                owner[entry.descriptor] = entry.number
            elif entry.kind == faults.SENT and owner.get(entry.descriptor) in by_port:
                port = owner[entry.descriptor]
                client = by_port[port]
                totals[port] += entry.number
                count = client.sent[-1][1]
                while count + 1 < len(client.bytes) and client.bytes[count + 1] <= totals[port]:
                    count += 1
                    client.acknowledged_at.append(entry.time)
                client.sent.append((index, count))

    def acknowledged(self, point):
        """Per client, the operations acknowledged by the first `point` entries."""
        counts = []
        for client in self.clients:
            low, high = 0, len(client.sent)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if client.sent[middle][0] < point else (low, middle)
            counts.append(client.sent[low][1])
        return counts

    def points(self, count):
        """Random points: half of them anywhere, half of them near what happens rarely, such as a rename."""
        everywhere = range(1, len(self.entries) + 1)
        rare = [i for i, e in enumerate(self.entries) if e.kind in (faults.RENAMED, faults.REMOVED, faults.MADE_FOLDER, faults.CUT, faults.OPENED)]
        near = [min(max(1, i + d), len(self.entries)) for i in rare for d in range(-2, 5)]
        return sorted(self.run.random.choice(near if n % 2 and near else everywhere) for n in range(count))

    def first_client(self):
        return next(i for i, e in enumerate(self.entries) if e.kind == faults.CAME)

    def images(self, points):
        """Makes an image at each of the points, which are in order, and has two threads start servers on them."""
        points, done = list(points), 0
        results = []
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            waiting = []
            for point in points:
                while done < point:
                    self.disk.step(self.entries[done])
                    done += 1
                path = os.path.join(self.run.directory("image"), "root")
                self.disk.write(path, self.run.random)
                waiting.append(pool.submit(self.judge, path, point, self.run.random.random() < 0.2))
                while len(waiting) > 4:
                    results.append(waiting.pop(0).result())
                    self.run.note("%s: %d of %d images" % (self.name, len(results), len(points)))
            results += [each.result() for each in waiting]
        while done < len(self.entries):
            self.disk.step(self.entries[done])
            done += 1
        return results

    def is_complete(self):
        """Whether the record has every change: replayed in full it gives the folder as the server left it."""
        copy = os.path.join(self.run.directory("whole"), "root")
        self.disk.write(copy)
        tree = lambda root: {os.path.relpath(os.path.join(at, name), root): open(os.path.join(at, name), "rb").read()
                             for at, _, names in os.walk(root) for name in names}
        return tree(copy) == tree(self.folder)

    def judge(self, path, point, twice):
        """Starts a server on an image. Returns a verdict and its detail, and seconds of acknowledged work that were lost."""
        server = servers.Server(self.run.command.replace("{dir}", os.path.join(path, os.path.relpath(self.data, self.folder))), path, self.options)
        place = "at entry %d of %d" % (point, len(self.entries))
        try:
            for _ in range(1 + twice):
                try:
                    server.start()
                except servers.DidNotStart as error:
                    return "does not start", "%s: %s" % (place, error), 0
                verdict, detail, lost = self.compare(server, point)
                server.kill()
                if verdict:
                    return verdict, "%s: %s\n%s" % (place, detail, server.log_tail()), lost
            return None, "", lost
        finally:
            server.kill()
            if not self.run.keep:
                shutil.rmtree(os.path.dirname(path))

    def compare(self, server, point):
        with server.connect(timeout=60) as connection:
            connection.send("GET", "ticket")
            for client in self.clients:
                k = client.keys()
                for key in ("list", "moved"):
                    connection.send("LRANGE", k[key], 0, -1)
                for key in ("counter", "a", "b", "text"):
                    connection.send("GET", k[key])
            ticket = int(connection.read() or 0)
            states = []
            for _ in self.clients:
                lists = [tuple(int(e) for e in connection.read()) for _ in range(2)]
                numbers = [connection.read() for _ in range(4)]
                states.append((*lists, *(int(v or 0) for v in numbers[:3]), None if numbers[3] is None else int(numbers[3])))
        acknowledged = self.acknowledged(point)
        if not self.loses_nothing:
            return self.compare_prefix(states, ticket, acknowledged)
        for client, state, count in zip(self.clients, states, acknowledged):
            if client.candidates(state, ticket, count):
                continue
            detail = "client %d, %d acknowledged, ticket %d: %.300s" % (client.number, count, ticket, state)
            if state[3] != state[4]:
                return "a torn transaction", detail, 0
            return ("lost" if state in client.states[:count] else "wrong"), detail, 0
        return None, "", 0

    def compare_prefix(self, states, ticket, acknowledged):
        """`everysec`: every operation has a ticket, so the last one says how many of each client's must be there."""
        first_lost, last = None, 0
        for client, state, count in zip(self.clients, states, acknowledged):
            there = sum(1 for each in client.ticket_of if each and each <= ticket)
            if state != client.states[there]:
                return "no prefix", "client %d, ticket %d, %d operations: %.300s" % (client.number, ticket, there, state), 0
            if count:
                last = max(last, client.acknowledged_at[count])
            if count > there:
                when = client.acknowledged_at[there + 1]
                first_lost = when if first_lost is None else min(first_lost, when)
        lost = (last - first_lost) / 1e9 if first_lost else 0.0
        if first_lost and self.strict_from and any(count >= strict for count, strict in zip(acknowledged, self.strict_from)):
            return "lost", "%.2f s, though the policy was always by then" % lost, lost
        return ("lost too much" if lost > LOSS_MAX else None), "%.2f s" % lost, lost


def in_time(choose, *arguments, **options):
    """A recording, and the results of images at the points that `choose` gives. How much may be lost is a bound on time: where it is missed, and the machine
    stood still or a sync took longer than it was told to, all is done once more, three times at most."""
    for _ in range(3):
        recording = Recording(*arguments, **options)
        results = recording.images(choose(recording))
        if not recording.is_spoilt or {verdict for verdict, _, _ in results if verdict} != {"lost too much"}:
            break
    return recording, results


def report(run, name, recording, results, wanted):
    """The checks of one recording's images."""
    bad = [(verdict, detail) for verdict, detail, _ in results if verdict]
    for verdict in wanted:
        of_it = [detail for each, detail in bad if each == verdict]
        run.check("%s: %s: 0" % (name, verdict), not of_it, "%d of %d images\n%s" % (len(of_it), len(results), "\n".join(of_it[:2])))
    run.check(name + ": no other verdict", all(verdict in wanted for verdict, _ in bad), bad[:1])
    run.check(name + ": the record has every change", recording.is_complete(), sorted(os.listdir(recording.data)))
    run.line("   %s: %d images, %d bad, %d changes recorded" % (name, len(results), len(bad), len(recording.entries)))


ALWAYS = ("does not start", "lost", "wrong", "a torn transaction")
EVERYSEC = ("does not start", "no prefix", "lost too much")


def always(run):
    """From an empty folder on, to a clean stop."""
    recording = Recording(run, "always", meanwhile=[["BGREWRITEAOF"], ["BGREWRITEAOF"]])
    first = recording.first_client()
    beginning = [point for point in range(first + 1) for _ in range(max(1, round(3 * run.scale)))]
    results = recording.images(beginning + sorted(max(first, p) for p in recording.points(max(300, int(380 * run.scale)))))
    run.check("first start: there were points to cut at", first > 15, first)
    report(run, "first start", recording, results[:len(beginning)], ALWAYS)
    report(run, "always", recording, results[len(beginning):], ALWAYS)


def everysec(run):
    """A disk whose fsync takes 1.5 s."""
    recording, results = in_time(lambda recording: recording.points(int(80 * run.scale)), run, "everysec with an fsync of 1.5 s", "--appendfsync", "everysec",
                                 operations=900, tickets=1.0, pause=0.012, deepest=3, sync_delay_ms=1500)
    losses = [lost for _, _, lost in results]
    report(run, recording.name, recording, results, EVERYSEC)
    run.check(recording.name + ": something was lost", max(losses) > 0.5, "at most %.2f s" % max(losses))
    run.line("   %s: at most %.2f s of acknowledged work lost" % (recording.name, max(losses)))


def policy_change(run):
    """`everysec` until it is made `always` under load: from the next operation on nothing is lost, nor of what was before it."""
    recording, results = in_time(lambda recording: recording.points(max(64, int(80 * run.scale))), run, "everysec, then always", "--appendfsync", "everysec",
                                 operations=400, tickets=1.0, pause=0.004, deepest=3, meanwhile=[["CONFIG", "SET", "appendfsync", "always"]], sync_delay_ms=10)
    report(run, recording.name, recording, results, EVERYSEC + ("lost",))
    run.check(recording.name + ": before it something was lost", max(lost for _, _, lost in results) > 0.1)


def next_segment(run, policy):
    """A log whose first segment is nearly full, and the change to the next one."""
    title, big = "next segment, " + policy, bytes(800_000)

    def prepare(folder):
        server = servers.Server(run.command.replace("{dir}", folder), run.directory(), ["--auto-aof-rewrite-percentage", 0]).start()
        with server.connect(timeout=60) as connection:
            for _ in range(SEGMENT_SIZE // len(big) - 1):
                connection.do("SET", "big", big)
        server.kill()  # A stop could write a checkpoint, and the segments would be gone.

    def points(recording):
        begins = [i for i, e in enumerate(recording.entries) if e.kind == faults.OPENED and e.number & os.O_CREAT and e.data.endswith(b".log")]
        run.check(title + ": it is begun", begins)
        return sorted(run.random.randrange(begins[0] - 10, min(begins[0] + 40, len(recording.entries))) for _ in range(int(40 * run.scale)) if begins)

    recording, results = in_time(points, run, title, "--auto-aof-rewrite-percentage", 0, "--appendfsync", policy, operations=100, tickets=1.0, prepare=prepare,
                                 meanwhile=[["SET", "big", big]] * 3, sync_delay_ms=2)
    report(run, title, recording, results, ALWAYS if policy == "always" else EVERYSEC)


def run(run):
    for part in (always, everysec, policy_change):
        run.part(part, run)
    for policy in ("always", "everysec"):
        run.part(next_segment, run, policy)
