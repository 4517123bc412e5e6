"""What the programs beside this one share: checks that wait for a condition, a record of what ran when, and worker processes that end with them."""
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time

import redis

PORT = int(os.environ["MARTLET_PORT"])
URL = "redis://127.0.0.1:%d/0" % PORT
HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 60
started = []


def until(name, condition, wanted=True):
    """A check: `condition()` comes to be `wanted` before the deadline."""
    end = time.monotonic() + DEADLINE
    value = condition()
    while value != wanted and time.monotonic() < end:
        time.sleep(0.05)
        value = condition()
    tell(name, value, wanted)


def tell(name, value, wanted=True):
    print("pass " + name if value == wanted else "fail %s: %r in the place of %r" % (name, value, wanted), flush=True)


def ran(job):
    """A job says that it runs; returns how often it has by now, this time counted."""
    with redis.Redis.from_url(URL) as client:
        return client.rpush("ran:%s" % job, time.time())


def runs(job):
    """When the job ran, in seconds of the wall."""
    with redis.Redis.from_url(URL) as client:
        return [float(at) for at in client.lrange("ran:%s" % job, 0, -1)]


def times(*jobs):
    """How often each of the jobs ran."""
    return [len(runs(job)) for job in jobs]


def slow(seconds=60):
    """A job whose first worker is to be killed: the first time, it takes longer than it will be given."""
    if ran("slow") == 1:
        time.sleep(seconds)
    return "recovered"


def worker(*command, program=sys.executable):
    """Starts a worker, of Python unless `program` is another or None; what it says is kept for the case that it fails."""
    output = tempfile.TemporaryFile()
    process = subprocess.Popen([*([program] if program else []), *command], cwd=HERE, stdout=output, stderr=subprocess.STDOUT, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"),
                               preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0))  # Ends with this process: PR_SET_PDEATHSIG.
    process.output = output
    started.append(process)
    return process


def family(pid):
    """The process, those that it started, and those that they did."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as stat:
                parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            pass  # It has just ended.
    found = [pid]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def kill(process):
    """SIGKILL for a worker with all of its processes, from one moment to the next."""
    members = family(process.pid)
    for pid in members:
        try:
            os.kill(pid, signal.SIGSTOP)  # None of them may tell the others' end.
        except ProcessLookupError:
            pass
    for pid in members:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    started.remove(process)


def forget(*processes):
    """These workers were to end before the program does."""
    started[:] = [process for process in started if process not in processes]


def end():
    for process in list(started):
        if process.poll() is None:
            kill(process)
        elif process.returncode != 0:
            process.output.seek(0)
            print("fail a worker lives to the end: " + process.output.read().decode(errors="replace")[-800:].replace("\n", " | "), flush=True)
    print("end", flush=True)
