"""redis-py as applications use it: version 5 and the newest, with and without hiredis, in RESP2 and RESP3.

Goal: the client libraries that people have work unchanged: pools, pipelines, WATCH, blocking pops, authentication, Unix socket, timeouts,
asyncio, reconnecting after the broker's restart.
Method: programs/redis_py.py runs once for each combination, as a process of its own against the running broker, and says of each of its parts
whether it went well.
"""
import os
import subprocess
import sys
import threading

from lib import setup

TIME_LIMIT = 240
PROGRAM = os.path.join(setup.HERE, "programs", "redis_py.py")


def run(run):
    socket_path = os.path.join(run.folder, "socket")
    server = run.start("--unixsocket", socket_path)
    locked = run.start("--requirepass", "secret")
    for library in ("redis-py-5", "redis-py"):
        for parser in ("hiredis", "python"):
            for protocol in (2, 3):
                one_client(run, server, locked, socket_path, library, parser, protocol)


def one_client(run, server, locked, socket_path, library, parser, protocol):
    title = "%s, %s, RESP%d" % (library, parser, protocol)
    folders = [library] + (["hiredis"] if parser == "hiredis" else [])
    errors = os.path.join(run.folder, "client.err")
    with open(errors, "wb") as err:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, str(protocol), str(server.port), str(locked.port), socket_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
            env=dict(os.environ, PYTHONPATH=setup.python_path(*folders), PYTHONDONTWRITEBYTECODE="1"), text=True)
    guard = threading.Timer(60, process.kill)
    guard.start()
    ended = False
    try:
        for line in process.stdout:
            run.note("%s: %s" % (title, line.strip()))
            word, _, rest = line.strip().partition(" ")
            if word == "restart":
                server.kill()
                server.start()
                process.stdin.write("\n")
                process.stdin.flush()
            elif word == "end":
                ended = True
            elif word in ("pass", "fail"):
                name, _, detail = rest.partition(": ")
                run.check("%s: %s" % (title, name), word == "pass", detail)
    finally:
        guard.cancel()
        process.kill()
        process.wait()
    with open(errors) as err:
        run.check(title + ": the program runs to its end", ended, err.read()[-1500:])
