"""The Swift library: a user's package builds and works; workers, broker and connections are killed, and no job is lost or acknowledged twice.

Goal: programs/swift-jobs, which depends on the library as a user's package does, builds in release and does its work; and in a run in
which workers get SIGKILL and SIGTERM, the broker is killed and restarted and connections are cut, every acknowledged job is done at
least once, each is acknowledged once, no attempt ends after a later one did, and a job runs again only where a death or a cut while it
ran explains it.
Method: producers and workers say in lines what they do, with the time; the run notes when it killed or cut what. A worker that gets
SIGTERM, be it once or twice, must exit with 0. Workers are connected through a proxy that cuts all its connections at once.
"""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib import setup
from lib.resp import Closed, Error
from lib.server import die_with_parent, started, wait_for

TIME_LIMIT = 900
PACKAGE = os.path.join(setup.HERE, "programs", "swift-jobs")
RELEASE = os.path.join(PACKAGE, ".build", "release")
# An acknowledgement is on the broker's disk so many seconds after the line that says that its job has ended; and workers are
# connected again so many seconds after a cut, or after a broker is back.
SLACK, RECONNECT = 0.1, 1.0
# A stall (see `Probe`) that is longer may be the end of a lease, which is 2 s, of the time that is left of it.
LONG = 0.5


class Proxy:
    """Hands connections on to a port, until it cuts them."""

    def __init__(self, target):
        self.target, self.lock, self.pairs = target, threading.Lock(), set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.add((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        Proxy.end(source)
        Proxy.end(sink)

    @staticmethod
    def end(side):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for side in pair:
                self.end(side)

    def close(self):
        self.listener.close()
        self.cut()


class Probe(threading.Thread):
    """Writes to the broker all the time. Where that takes longer than `SLACK`, the machine, its disk or the broker stood still: stalls, as events of the run."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ends, self.stalls = server, threading.Event(), []
        self.start()

    def run(self):
        while not self.ends.wait(0.02):
            try:
                with self.server.connect(timeout=60) as connection:
                    before = time.monotonic()
                    while not self.ends.wait(0.02):
                        connection.do("SET", "probe", "x")
                        now = time.monotonic()
                        if now - before > SLACK:
                            self.stalls.append((before, now, "stall", None))
                        before = now
            except (Closed, Error, OSError):
                pass  # The broker was killed: an event of its own.

    def end(self):
        self.ends.set()
        self.join()
        return self.stalls


class Programs:
    """Programs of the package as processes, their lines kept in files."""

    def __init__(self, run):
        self.folder, self.all = run.directory("programs"), []

    def start(self, port, name, *words):
        base = os.path.join(self.folder, "%s-%d" % (name, len(self.all)))
        with open(base + ".out", "wb") as out, open(base + ".err", "wb") as err:
            process = subprocess.Popen([os.path.join(RELEASE, name)] + [str(word) for word in words], stdout=out, stderr=err,
                                       env=dict(os.environ, REDIS_URL="redis://127.0.0.1:%d" % port), preexec_fn=die_with_parent)
        process.base = base
        started.append(process)
        self.all.append(process)
        return process

    @staticmethod
    def lines(processes):
        rows = []
        for process in processes:
            with open(process.base + ".out") as out:
                rows += [line.split() for line in out if line.endswith("\n")]
        return rows

    @staticmethod
    def trouble(processes):
        return "".join(open(process.base + ".err").read()[-600:] for process in processes)


def example(run):
    """The API, the worker and its scheduled report."""
    server, programs = run.start(), Programs(run)
    worker = programs.start(server.port, "worker")
    api = [programs.start(server.port, "api", "sign-up", "ann") for _ in range(2)]
    codes = [process.wait(timeout=60) for process in api]
    run.equal("the API ends", codes, [0, 0])
    answers = programs.lines(api)
    run.equal("outputs come to who waits", [line for line in answers if line[0] == "avatar"], [["avatar", "/avatars/ann-64.png"]] * 2)
    run.check("the worker mails once or twice, as the mail was done or not before the second call",
              wait_for(lambda: ["mailed", "ann", "1"] in programs.lines([worker]), 20), programs.trouble([worker]))
    run.check("the scheduled job comes again and again", wait_for(lambda: programs.lines([worker]).count(["reported"]) >= 3, 20))
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)
    run.equal("two signals that come together end the worker with 0", worker.wait(timeout=60), 0)
    run.check("and in order", programs.lines([worker])[-1] == ["ended"], programs.trouble([worker]))
    server.stop()


def lists(run):
    """Elements of plain lists, off the broker and off redis-server, which has no jobs."""
    for title, server, jobs in (("broker", run.start(), "jobs"), ("redis-server", run.control(), "no jobs")):
        programs = Programs(run)
        worker = programs.start(server.port, "chaos", "lists")
        with server.connect() as connection:
            connection.do("LPUSH", "list", "first", "second", "hopeless", "endless")
            wanted = sorted([["got", "first", "1"], ["got", "second", "1"], ["got", "second", "2"], ["got", "hopeless", "1"],
                             ["got", "hopeless", "2"], ["got", "endless", "1"], jobs.split()])
            wait_for(lambda: sorted(programs.lines([worker])) == wanted, 20)
            run.equal("elements are worked off: " + title, sorted(programs.lines([worker])), wanted)
            run.check("what fails for good is kept: " + title, wait_for(lambda: connection.do("LRANGE", "list:dead", 0, -1) == [b"hopeless"]))
            worker.send_signal(signal.SIGTERM)
            run.equal("SIGTERM ends the worker of lists with 0: " + title, worker.wait(timeout=60), 0)
            run.equal("what was under way is put back: " + title, connection.do("LRANGE", "list", 0, -1), [b"endless"])
        server.stop()


def chaos(run):
    server, programs, random = run.start(), Programs(run), run.random
    proxy, events, probe = Proxy(server.port), [], Probe(server)
    seconds, rate, producer_count, worker_count = 120 * run.scale, 100, 2, 4

    producers = [programs.start(server.port, "chaos", "produce", 1_000_000 * (n + 1), int(seconds * rate), rate) for n in range(producer_count)]
    workers, gone = [], []
    ends = {}

    def start_worker():
        workers.append(programs.start(proxy.port, "chaos", "work", 16))

    def wait_until_ready(worker):
        """Before that, SIGTERM ends it as it ends any program."""
        is_ready = wait_for(lambda: ["ready"] in programs.lines([worker]), 60)
        return is_ready or run.check("a worker gets ready", False, programs.trouble([worker]))

    for _ in range(worker_count):
        start_worker()
    kinds = ["SIGKILL", "SIGTERM", "broker", "cut"]
    while any(process.poll() is None for process in producers):
        time.sleep(random.uniform(0.3, 1.2))
        kind, victim = random.choice(kinds), None
        if kind.startswith("SIG"):
            victim = workers.pop(random.randrange(len(workers)))
            if not wait_until_ready(victim):
                break
        begin = time.monotonic()
        if kind == "broker":
            server.kill()
            server.start()
            proxy.cut()
        elif kind == "cut":
            proxy.cut()
        else:
            victim.send_signal(getattr(signal, kind))
            gone.append(victim)
            ends[victim] = kind
            start_worker()
        events.append((begin, time.monotonic(), kind, victim))
        run.note("%d events" % len(events))

    def left():
        with server.connect() as connection:
            fields = connection.do("QSTAT", "chaos")
        state = dict(zip(fields[::2], fields[1::2]))
        return [state[name] for name in (b"ready", b"leased", b"scheduled")]

    run.check("all jobs come to an end", wait_for(lambda: left() == [0, 0, 0], 90), left())
    events += probe.end()
    for worker in workers:
        wait_until_ready(worker)
        worker.send_signal(signal.SIGTERM)
        ends[worker] = "SIGTERM"
    codes = [worker.wait(timeout=60) for worker in workers + gone if ends[worker] == "SIGTERM"]
    run.equal("SIGTERM ends workers with 0", sorted(set(codes)), [0])
    with server.connect() as connection:
        fields = connection.do("QSTAT", "chaos")
        dead = connection.do("LLEN", "chaos:dead")
    proxy.close()
    server.stop()
    judge(run, programs, producers, workers + gone, events, dict(zip(fields[::2], fields[1::2])), dead)


class Attempt:
    """One run of a handler: when it began and, unless its process was killed, how and when it ended."""

    def __init__(self, worker, begin):
        self.worker, self.begin, self.end, self.is_done = worker, begin, None, False

    def heard_by(self, events):
        """When the broker has heard of its end at the latest."""
        outages = [end + RECONNECT for begin, end, kind, victim in events if victim is None and kind != "stall" and begin <= self.end <= end + RECONNECT]
        stalls = [end for begin, end, kind, _ in events if kind == "stall" and begin - SLACK <= self.end <= end]
        return max(outages + stalls, default=self.end) + SLACK

    def was_hit(self, events):
        """Whether an event lies between its begin and the broker's word that it has ended. A signal hits all that its worker has."""
        heard = float("inf") if self.end is None else self.heard_by(events)
        return any(begin <= heard and (victim is self.worker or victim is None and end >= self.begin) and (kind != "stall" or end - begin > LONG)
                   for begin, end, kind, victim in events)

    def stood_still(self, events):
        """Whether it ran when all stood still for long: it may be the last one to hear of what came of it."""
        return any(kind == "stall" and end - begin > LONG and begin <= (self.end or begin) and end >= self.begin for begin, end, kind, _ in events)


def attempts_of(programs, workers):
    """The attempts at each job, in the order in which they began; and lines that make no sense."""
    jobs, strange = {}, []
    for worker in workers:
        running = {}
        for line in programs.lines([worker]):
            if line == ["ready"]:
                continue
            word, job, number, at = line[0], int(line[1]), line[2], int(line[3]) / 1e9
            if word == "begin":
                attempt = running[job, number] = Attempt(worker, at)
                jobs.setdefault(job, []).append(attempt)
            elif (job, number) in running:
                attempt = running.pop((job, number))
                attempt.end, attempt.is_done = at, word == "end"
            else:
                strange.append(line)
    for attempts in jobs.values():
        attempts.sort(key=lambda attempt: attempt.begin)
    return jobs, strange


def judge(run, programs, producers, workers, events, statistics, dead):
    sent = programs.lines(producers)
    added, unknown = ({int(line[1]) for line in sent if line[0] == word} for word in ("added", "unknown"))
    jobs, strange = attempts_of(programs, workers)
    ended = {job for job, attempts in jobs.items() if any(attempt.is_done for attempt in attempts)}
    explained, wild, late = 0, [], []
    for job, attempts in jobs.items():
        for first, second in zip(attempts, attempts[1:]):
            if first.was_hit(events):
                explained += 1
            else:
                wild.append((job, first.begin, first.end, second.begin))
        # Whoever has lost its job to another hears of it before that one is done.
        ends = [attempt.end for attempt in attempts if attempt.is_done]
        if ends != sorted(ends) and not any(attempt.stood_still(events) for attempt in attempts):
            late.append((job, [(attempt.begin, attempt.end) for attempt in attempts]))
    kinds = [kind for _, _, kind, _ in events]
    figures = "%d added, %d without answer, %d ended, %d attempts more, events: %s" % (
        len(added), len(unknown), len(ended), explained + len(wild), ", ".join("%d %s" % (kinds.count(kind), kind) for kind in sorted(set(kinds))))
    run.line("   " + figures)
    run.check("there was work, and trouble", len(added) > 100 and len(kinds) - kinds.count("stall") > 5, figures)
    run.equal("what workers say makes sense", strange[:10], [])
    run.equal("every acknowledged job is done", sorted(added - ended)[:10], [])
    run.equal("no job is invented", sorted(ended - added - unknown)[:10], [])
    run.equal("each job is acknowledged once", [statistics[b"acked"], dead], [len(ended), 0])
    run.equal("a job runs again only where something hit it", wild[:10], [])
    run.equal("no attempt is done after a later one was", late[:10], [])


def run(run):
    if not run.martlet:
        run.skip("sdk", "its jobs are the broker's")
        return
    if not shutil.which("swift"):
        run.skip("sdk", "there is no Swift here to build it with")
        return
    built = subprocess.run(["swift", "build", "-c", "release", "--package-path", PACKAGE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.check("a user's package builds", built.returncode == 0, built.stdout[-2000:]):
        run.part(example, run)
        run.part(lists, run)
        run.part(chaos, run)
