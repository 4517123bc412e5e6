"""Sidekiq: jobs at once and later, tried again, given up, pushed back at SIGTERM; a worker that is killed loses what it had in hand (as the free version says) and
nothing else."""
import os
import signal
import subprocess

import redis

import checks

client = redis.Redis(port=checks.PORT, protocol=2, decode_responses=True)


def worker():
    # When it is asked to end, it pushes its job back after 5 seconds: its other threads, which wait 2 seconds for jobs, do not take it then.
    return checks.worker("sidekiq", "-r", "./sidekiq_app.rb", "-q", "work", "-c", "3", "-t", "5", program=None)


def push(*jobs):
    subprocess.run(["ruby", "sidekiq_app.rb", *jobs], cwd=checks.HERE, check=True)


def done(*names):
    return lambda: client.smismember("done", names) == [1] * len(names)


try:
    push(*("plain %d" % number for number in range(20)))
    checks.until("jobs wait in their queue", lambda: client.llen("queue:work"), 20)
    first = worker()
    checks.until("jobs are done", done(*("plain%d" % number for number in range(20))))
    push("later 1 1", "later 2 3600", "flaky 1", "hopeless 1")
    checks.until("a job waits for its time", lambda: client.zcard("schedule") >= 1)
    checks.until("a job comes when it is due", done("later1"))
    checks.until("a job is tried again until it succeeds", done("flaky1"))
    checks.until("a job that fails too often is dead", lambda: (client.zcard("dead"), client.hget("attempts", "hopeless1")), (1, "3"))
    checks.until("what is due later stays", lambda: (client.zcard("schedule"), client.zcard("retry")), (1, 0))
    push("slow 1")
    checks.until("a long job begins", lambda: client.hget("attempts", "slow1"), "1")
    first.send_signal(signal.SIGTERM)
    checks.until("a worker that is asked to end does", lambda: first.poll() is not None)
    checks.until("and pushes its job back", lambda: client.llen("queue:work"), 1)
    second = worker()
    checks.until("another worker does it", done("slow1"))
    push("slow 2")
    checks.until("another long job begins", lambda: client.hget("attempts", "slow2"), "1")
    push(*("rest %d" % number for number in range(10)))
    checks.until("the others are done beside it", done(*("rest%d" % number for number in range(10))))
    push("flaky 2 2")
    second.kill()
    second.wait()
    push(*("more %d" % number for number in range(10)))
    checks.forget(first, second)
    third = worker()
    checks.until("what a killed worker left is done", done("flaky2", *("more%d" % number for number in range(10))))
    checks.tell("of what it had in hand nothing is done twice", client.hget("attempts", "slow2"), "1")
    checks.until("the worker lives", lambda: third.poll() is None)
finally:
    checks.end()
