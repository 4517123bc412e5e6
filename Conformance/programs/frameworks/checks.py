"""What the programs beside this one share: checks that wait for a condition, and worker processes that end with them."""
import os
import subprocess
import sys
import tempfile
import time

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


def tell(name, value, wanted):
    print("pass " + name if value == wanted else "fail %s: %r in the place of %r" % (name, value, wanted), flush=True)


def worker(*command, program=sys.executable):
    """Starts a worker, of Python unless `program` is None; what it says is kept for the case that it fails."""
    output = tempfile.TemporaryFile()
    process = subprocess.Popen([*([program] if program else []), *command], cwd=HERE, stdout=output, stderr=subprocess.STDOUT, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    started.append((process, output))
    return process


def forget(*processes):
    """These workers were to end before the program does."""
    started[:] = [(process, output) for process, output in started if process not in processes]


def end():
    for process, output in started:
        has_ended = process.poll() is not None
        if not has_ended:
            process.kill()
        process.wait()
        if has_ended and process.returncode != 0:
            output.seek(0)
            print("fail a worker lives to the end: " + output.read().decode(errors="replace")[-800:].replace("\n", " | "), flush=True)
    print("end", flush=True)
