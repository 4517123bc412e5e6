"""A producer and a worker with redis-py lose nothing while the broker is killed and restarted.

Goal: the pair of programs that users write (`lpush` in one, `brpop` in the other; programs/producer.py and
programs/worker.py) works with only REDIS_URL set, and no acknowledged job is lost over kill -9.
Method: three rounds, each with kills in mid-work and restarts on the same directory.
- Producers alone, then a worker: every acknowledged job must arrive once and in order; no allowance.
- Producers and workers at once. When the broker is killed, a worker may have one `brpop` under way whose reply
  is lost although the pop is on disk: such a job is gone from the queue by the client's contract. So at most
  kills x workers acknowledged jobs may be missing, and only those. An `lpush` without a reply may or may not
  have happened; a job that arrives must have been sent.
- The same with the newest redis-py, which by default repeats a command after a lost connection: at most
  kills x producers jobs may be there twice.
"""
import itertools
import os
import subprocess
import sys
import time

from lib import setup

TIME_LIMIT = 180
PROGRAMS = os.path.join(setup.HERE, "programs")


class Programs:
    """Producers and workers as processes, their lines kept in files."""

    def __init__(self, run, server, library):
        self.folder = run.directory("programs")
        self.environment = dict(os.environ, PYTHONPATH=setup.python_path(library),
                                REDIS_URL="redis://127.0.0.1:%d/0" % server.port)
        self.started = []

    def start(self, name, *arguments):
        base = os.path.join(self.folder, "%s-%d" % (name, len(self.started)))
        with open(base + ".out", "wb") as out, open(base + ".err", "wb") as err:
            process = subprocess.Popen([sys.executable, os.path.join(PROGRAMS, name + ".py"), *map(str, arguments)],
                                       stdout=out, stderr=err, env=self.environment)
        process.base = base
        self.started.append(process)
        return process

    def lines(self, processes):
        """[(word, job)] of these processes, in order."""
        rows = []
        for process in processes:
            with open(process.base + ".out") as out:
                rows += [(word, int(job)) for word, job in (line.split() for line in out if line.endswith("\n"))]
        return rows

    def trouble(self):
        return "".join(open(p.base + ".err").read()[-600:] for p in self.started)

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()


def drain(run, server, programs, producers, workers):
    """Waits until the queue is empty and the workers have printed nothing more for a moment: ten seconds for who takes nothing of what is left, five
    as long as not all that was acknowledged is there. Looks are counted, not seconds: a pause of the machine is but one look."""
    acknowledged = {job for word, job in programs.lines(producers) if word == "acknowledged"}
    seen, quiet = -1, 0
    while True:
        with server.connect() as connection:
            left = connection.do("LLEN", "embed_jobs")
        got = [job for _, job in programs.lines(workers)]
        run.note("%d jobs taken, %d left" % (len(got), left))
        quiet = quiet + 1 if len(got) == seen else 0
        seen = len(got)
        if quiet * 0.05 > (10 if left else 5 if acknowledged - set(got) else 1.5):
            return
        time.sleep(0.05)


def kill_in_mid_work(run, server, start_producers, kills):
    """Kills while producers work; starts more of them should they end before. Returns how often, and the producers."""
    done, producers = 0, start_producers()
    while done < kills or any(p.poll() is None for p in producers):
        time.sleep(run.random.uniform(0.25, 0.6))
        if done < kills and all(p.poll() is not None for p in producers):
            producers += start_producers()
        elif done < kills:
            server.kill()
            time.sleep(run.random.uniform(0, 0.1))
            server.start()
            done += 1
            run.note("killed %d times" % done)
    return done, producers


def round_of(run, title, library, worker_count, during, jobs, kills):
    server = run.start()
    programs = Programs(run, server, library)
    try:
        workers = [programs.start("worker") for _ in range(worker_count)] if during else []
        first = itertools.count(1)
        killed, producers = kill_in_mid_work(run, server, lambda: [programs.start("producer", 1_000_000 * next(first), jobs) for _ in range(2)], kills)
        if not during:
            workers = [programs.start("worker") for _ in range(worker_count)]
        drain(run, server, programs, producers, workers)
        trouble = programs.trouble()
    finally:
        programs.end()
        server.stop()
    sent = programs.lines(producers)
    acknowledged = {job for word, job in sent if word == "acknowledged"}
    unknown = {job for word, job in sent if word == "unknown"}
    got = [job for _, job in programs.lines(workers)]
    missing = acknowledged - set(got)
    twice = len(got) - len(set(got))
    figures = "%d acknowledged, %d without reply, %d taken, %d missing, %d twice, %d kills" % (
        len(acknowledged), len(unknown), len(got), len(missing), twice, killed)
    allowed_missing = killed * worker_count if during else 0
    allowed_twice = 0 if library == "redis-py-5" else killed * 2
    run.line("   %s: %s" % (title, figures))
    run.check(title + ": the programs ran to their end", not trouble and len(sent) == len(producers) * jobs, trouble or figures)
    run.check(title + ": the broker was killed in mid-work", killed == kills, figures)
    run.check(title + ": no acknowledged job is lost", len(missing) <= allowed_missing,
              "%s; at most %d may be missing; first: %s" % (figures, allowed_missing, sorted(missing)[:10]))
    run.check(title + ": no job is invented", not set(got) - acknowledged - unknown, figures)
    run.check(title + ": no job is handed out twice", twice <= allowed_twice, figures)
    if worker_count == 1 and not twice:
        for n in range(len(producers)):
            own = [job for job in got if job // 1_000_000 == n + 1]
            run.check(title + ": jobs arrive in the order sent", own == sorted(own), figures)


def run(run):
    jobs, kills = int(1200 * run.scale), max(2, int(3 * run.scale))
    round_of(run, "kill while producing", "redis-py-5", 1, False, jobs, kills)
    round_of(run, "kill while working", "redis-py-5", 3, True, jobs, kills)
    round_of(run, "kill while working, newest redis-py", "redis-py", 3, True, jobs, kills)
