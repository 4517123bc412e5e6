"""The scripts of job frameworks do here what they do in redis-server.

Goal: redis-py, RQ, Huey, BullMQ for Python, Sidekiq and Asynq (by a driver of ours), whose state is kept by their scripts, find the same replies and leave the
same keys on both. Method: each, with its newest version, calls its scripts through a relay that sends all to both servers (lib/mirror.py) and compares replies, and
all keys behind each script. Then every script that lies in the packages is called with keys and arguments at random, on keys of random types: most of these calls
fail, and fail alike. At last what concerns a script that is busy when the process is asked to end.
"""
import json
import os
import re
import signal
import subprocess
import sys

from lib import mirror, server, setup
from lib.resp import Error

TIME_LIMIT = 900
PROGRAMS = os.path.join(setup.HERE, "programs")
# Name, program, folder and Python packages (those of the suite frameworks), and where scripts are to be looked for: the package, then modules.
LIBRARIES = [
    ("redis-py", "lock_scripts.py", "redis-py", ["redis"], ["redis", "redis.lock"]),
    ("RQ", "rq_scripts.py", "framework-rq_jobs", ["rq", "redis"], ["rq", "rq.scripts", "rq.rate_limit"]),
    ("Huey", "huey_scripts.py", "framework-huey_jobs", ["huey", "redis"], ["huey", "huey.storage", "huey.contrib.helpers"]),
    ("BullMQ", "bullmq_scripts.py", "framework-bullmq_jobs", ["bullmq"], ["bullmq"]),
    ("Asynq", "asynq_scripts.py", "framework-asynq_jobs", ["redis"], ["asynq", "asynq.scripts"]),
]
CALLS = 30  # Random ones of each script.
ENDLESS = 20  # Seconds; a script that has not ended then has no end.


def run(run):
    run.part(brief, run)
    for name, program, folder, requirements, places in LIBRARIES:
        folder = setup.install_packages(folder, requirements)
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([folder, PROGRAMS]), PYTHONDONTWRITEBYTECODE="1")
        run.part(driven, run, name, [sys.executable, program], environment)
        run.part(at_random, run, name, listed(places, environment))
    setup.install_sidekiq()
    run.part(driven, run, "Sidekiq", ["ruby", "sidekiq_scripts.rb"], os.environ)
    for has_written in (False, True):
        run.part(asked_to_end, run, has_written)


BRIEF = """
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], 'text', 'PX', 1)
redis.call('RPUSH', KEYS[2], 1)
redis.call('PEXPIRE', KEYS[2], 1)
"""


def brief(run):
    """Keys of a script that end while they are compared are no difference."""
    ours, theirs = run.start(), run.control()
    connections = [each.connect() for each in (ours, theirs)]
    found = None
    for _ in range(500):
        for each in connections:
            each.do("EVAL", BRIEF, 2, "a", "b")
        found = found or mirror.difference(*(mirror.keys(each) for each in connections))
    run.check("keys of a millisecond: no difference", found is None, found)
    for each in connections:
        each.close()
    ours.stop()
    theirs.stop()


def driven(run, name, command, environment):
    """The library calls its scripts by itself."""
    run.note(name)
    ours, theirs = run.start(), run.control()
    relay = mirror.Mirror(ours, theirs)
    done = subprocess.run(command, cwd=os.path.join(PROGRAMS, "scripts"), env=dict(environment, MARTLET_PORT=str(relay.port)), capture_output=True, timeout=300)
    run.check(name + ": its program runs to its end", done.returncode == 0, done.stderr.decode(errors="replace")[-1500:])
    run.check(name + ": scripts were run", relay.scripts > 0, "none")
    run.check(name + ": replies are the same", relay.reply is None, relay.reply)
    run.check(name + ": keys are the same behind each script", relay.state is None, relay.state)
    relay.close()
    ours.stop()
    theirs.stop()


def listed(places, environment):
    """The scripts in an installed package, by name."""
    done = subprocess.run([sys.executable, os.path.join(PROGRAMS, "scripts", "list.py"), *places], env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


# --- At random

KINDS = {
    "wait": [("RPUSH", "wait", "1", "2", "job", "none")], "active": [("RPUSH", "active", "2", "3")], "paused": [("RPUSH", "paused", "4")],
    "delayed": [("ZADD", "delayed", "1000", "1", "4096000", "5", "1.7e12", "late")], "done": [("ZADD", "done", "5", "2", "6", "3")],
    "meta": [("HSET", "meta", "concurrency", "2", "opts.maxLenEvents", "10", "paused", "1")], "id": [("SET", "id", "10")],
    "job": [("HSET", "job", "name", "n", "data", "{}", "opts", "{\"attempts\":3}", "priority", "2", "atm", "1", "status", "queued")],
    "events": [("XADD", "events", "1-1", "event", "added")], "stalled": [("SADD", "stalled", "1", "2", "3")],
    "lock": [("SET", "lock", "token", "PX", str(mirror.LIFE))], "text": [("SET", "text", "some text")], "absent": [],
}
ARGUMENTS = ["1", "2", "0", "-1", "job", "token", "none", "", "1700000000000", "1e3", "0.5", "-inf", "+inf", "LPUSH", "L", "wait", "active", "completed", "force", "q:",
             "{}", "[1,2]", "{\"a\":{\"b\":[true,null]}}", b"\x81\xa5token\xa5token", b"\x93\x01\xc0\xa1x", b"\x90", b"\x82\xa5token\xa1t\xa9keepJobs\x81\xa5count\x02",
             b"\x99\xa2q:\xa0\xa1n\xcb\x42\x78\xbc\xfe\x56\x80\x00\x00\xc0\xc0\xc0\xc0\xc0", b"\xff\xc1", "5" * 40]


def reply_or_none(connection):
    """The exact reply, or `None` where a script has no end: a count of +inf is one of the arguments."""
    try:
        return connection.raw()
    except TimeoutError:
        return None


def at_random(run, name, scripts):
    """Every script with random keys and arguments, on both servers."""
    run.note(name + " at random")
    ours, theirs = run.start(), run.control()
    connections = [each.connect(timeout=ENDLESS) for each in (ours, theirs)]
    run.check(name + ": its scripts are found", len(scripts) > 0, "none")
    chance, calls, reply, state = run.random, 0, None, None
    for title, text in sorted(scripts.items()):
        key_count = max([int(number) for number in re.findall(r"KEYS\[(\d+)\]", text)] + [1])
        argument_count = max([int(number) for number in re.findall(r"ARGV\[(\d+)\]", text)] + [1])
        for _ in range(max(3, int(CALLS * run.scale))):
            setting = [words for key in chance.sample(sorted(KINDS), 9) for words in KINDS[key]]
            keys = [chance.choice(sorted(KINDS)) for _ in range(key_count)]
            arguments = [chance.choice(ARGUMENTS) for _ in range(argument_count + chance.choice((0, 0, 1)))]
            words = ("EVAL", text, len(keys), *keys, *arguments)
            for each in connections:
                each.do("FLUSHALL")
                for command in setting:
                    each.do(*command)
                each.send(*words)
            raw = [reply_or_none(each) for each in connections]
            calls += 1
            what = "%s %r %r" % (title, keys, arguments)
            if None in raw:
                if raw != [None, None]:
                    reply = reply or "%s\n  ours   %.600r\n  theirs %.600r" % (what, *raw)
                for each in (ours, theirs):
                    each.kill()
                    each.start()
                connections = [each.connect(timeout=ENDLESS) for each in (ours, theirs)]
                continue
            if not mirror.same_replies(*raw):
                reply = reply or "%s\n  ours   %.600r\n  theirs %.600r" % (what, *raw)
            found = mirror.difference(*(mirror.keys(each) for each in connections))
            if found:
                state = state or "after %s\n%s" % (what, found)
    run.check(name + " at random: replies are the same", reply is None, "seed %s, of %d calls: %s" % (run.seed, calls, reply))
    run.check(name + " at random: keys are the same", state is None, "seed %s, of %d calls: %s" % (run.seed, calls, state))
    for each in connections:
        each.close()
    ours.stop()
    theirs.stop()


# --- A busy script, and the end of the process

LOOP = "while true do end"


def busy(run, script):
    """A server on which a script runs that others are told of, and the script's client."""
    started = run.start("--busy-reply-threshold", "50")
    client = started.connect(timeout=60)
    client.send("EVAL", script, "0")

    def is_busy():
        with started.connect() as other:
            return isinstance(reply := other.call("PING"), Error) and reply.args[0].startswith("BUSY")

    run.check("a busy script: others are told so", server.wait_for(is_busy, 20))
    return started, client


def asked_to_end(run, has_written):
    """SIGTERM ends a script that has not written. One that has written is waited for, as in redis-server, until SHUTDOWN NOSAVE ends it."""
    if not run.martlet:
        return run.skip("a busy script, and SIGTERM", "redis-server waits for all scripts")
    started, client = busy(run, ("redis.call('SET', 'a', 1) " if has_written else "") + LOOP)
    started.process.send_signal(signal.SIGTERM)
    if not has_written:
        ended = server.wait_for(lambda: not started.alive, 20)
        run.check("a busy script that has not written: SIGTERM ends it and the process", ended and started.process.returncode == 0, started.log_tail())
        return started.kill()
    ended = server.wait_for(lambda: not started.alive, 1)
    run.check("a busy script that has written: SIGTERM waits for it", not ended, started.log_tail())
    with started.connect() as other:
        other.send("SHUTDOWN", "NOSAVE")
        ended = server.wait_for(lambda: not started.alive, 20)
    run.check("a busy script that has written: SHUTDOWN NOSAVE ends it", ended and started.process.returncode == 0, started.log_tail())
    started.kill()
    started.start()
    with started.connect() as other:
        run.equal("a busy script that has written: nothing of it is in the log then", other.call("EXISTS", "a"), 0)
    started.stop()
