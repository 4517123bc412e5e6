"""Programs that run beside a suite and tell what went well: clients of other languages, job frameworks.

A program prints a line for each of its checks, `pass NAME` or `fail NAME: why`; `restart` where it wants its server killed and started again, and then
waits for a line; `end` at its end. What it prints besides is passed over.
"""
import os
import signal
import subprocess
import tempfile
import threading

from lib.server import die_with_parent


def follow(run, title, command, server, seconds, **options):
    """Runs a program to its end or for so many seconds; its checks become checks of the suite, under its title."""
    with tempfile.TemporaryFile(dir=run.folder) as errors:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace",
                                   start_new_session=True, preexec_fn=die_with_parent, **options)
        guard = threading.Timer(seconds, process.kill)
        guard.start()
        ended = False
        try:
            for line in process.stdout:
                word, _, rest = line.strip().partition(" ")
                run.note("%s: %s" % (title, line.strip()))
                if word == "restart":
                    server.kill()
                    server.start()
                    process.stdin.write("\n")
                    process.stdin.flush()
                elif word in ("pass", "fail"):
                    name, _, why = rest.partition(": ")
                    run.check("%s: %s" % (title, name), word == "pass", why)
                elif word == "end":
                    ended = True
        finally:
            guard.cancel()
            try:
                os.killpg(process.pid, signal.SIGKILL)  # With what it started.
            except ProcessLookupError:
                pass
            process.wait()
            process.stdin.close()
            process.stdout.close()
        errors.seek(0)
        run.check(title + ": the program runs to its end", ended, errors.read().decode("utf-8", "replace")[-1500:])
