"""Asynq, by a driver of ours (programs/asynq): tasks that succeed, fail, are retried, put aside, come later, come by a schedule, are refused, held, cancelled, gathered,
and outlive their server; each server and the scheduler are processes."""
import sys
import time

import redis

import checks
from asynq.broker import CANCEL, Broker, Refused
from asynq.server import Server


def connect():
    return Broker(redis.Redis.from_url(checks.URL), "work", lease=5)


def add(payload, _):
    checks.ran("add " + payload.decode())


def fail(payload, _):
    checks.ran("fail")
    raise ValueError("on purpose")


def flaky(payload, _):
    """Fails once, then succeeds."""
    if checks.ran("flaky") == 1:
        raise ValueError("once more")


def wait(payload, cancelled):
    """Waits for its cancellation."""
    checks.ran("wait")
    if not cancelled.wait(60):
        raise ValueError("nobody cancelled it")
    checks.ran("cancelled")


HANDLERS = {"add": add, "fail": fail, "flaky": flaky, "wait": wait, "slow": lambda *_: checks.ran(checks.slow()), "tick": lambda *_: checks.ran("tick"),
            "gathered": lambda payload, _: checks.ran("gathered " + payload.decode())}


def schedule():
    """A scheduler: an entry that comes each second, once however many schedulers there are."""
    broker = connect()
    while True:
        broker.write_entries("scheduler", [b"@every 1s tick"])
        try:
            broker.record_event("tick", broker.add("tick", b"", "tick %d" % time.time(), unique=1))
        except Refused:
            pass
        time.sleep(0.25)


def main():
    broker = connect()

    def counted(*names):
        found = broker.statistics()
        return [found[name] for name in names]

    def refused(**options):
        try:
            return broker.add("add", b"once", "other", **options)
        except Refused as error:
            return error.args[0]

    early = ["%d" % number for number in range(20)]
    for name in early:
        broker.add("add", name.encode(), name)
    checks.tell("waiting tasks are counted", counted("pending", "bytes"), [20, 1])
    broker.add("add", b"once", "once", unique=60)
    checks.tell("a task with a unique key is there once", refused(unique=60), -1)
    checks.tell("and so is one of a name", [refused(), refused()], ["other", 0])
    broker.pause()
    servers = [checks.worker("asynq_jobs.py", "server") for _ in range(3)]
    checks.until("the servers tell of themselves", lambda: broker.client.zcard("asynq:servers"), 3)
    checks.tell("a queue that is held waits", counted("pending", "paused", "processed"), [22, 1, 0])
    broker.resume()
    checks.until("tasks are done", lambda: counted("processed", "pending", "active"), [22, 0, 0])
    checks.tell("each is done once", checks.times(*("add " + name for name in early)), [1] * 20)
    checks.tell("a unique key is free when its task is done", refused(unique=60), "other")
    broker.add("fail", b"", "fail", retries=1)
    checks.until("a task that fails too often is put aside", lambda: counted("archived", "retry", "failed"), [1, 0, 2])
    checks.tell("after each of its tries", checks.times("fail"), [2])
    broker.add("flaky", b"", "flaky", retention=3600)
    checks.until("a task is retried until it succeeds, and kept", lambda: counted("completed"), [1])
    due = int(time.time()) + 3
    broker.add("add", b"later", "later", due=due)
    broker.add("add", b"never", "never", due=due + 3600)
    checks.until("a task comes when it is due", lambda: checks.times("add later"), [1])
    checks.tell("and not before", checks.runs("add later")[0] >= due)
    checks.tell("what is due later stays", counted("scheduled"), [1])
    broker.run_now("never")
    checks.until("until it is told to come", lambda: checks.times("add never"), [1])
    for number in range(5):
        broker.add("gather", b"%d" % number, "g%d" % number, group="five")
    checks.until("a full group becomes one task", lambda: checks.times("gathered 0 1 2 3 4"), [1])
    broker.add("wait", b"", "wait")
    checks.until("a task runs that is to be cancelled", lambda: checks.times("wait"), [1])
    checks.until("all servers hear of it", lambda: broker.client.publish(CANCEL, "wait"), 3)
    checks.until("its server cancels it", lambda: checks.times("cancelled"), [1])
    scheduler = checks.worker("asynq_jobs.py", "scheduler"), checks.worker("asynq_jobs.py", "scheduler")
    checks.until("a periodic task comes again and again", lambda: len(checks.runs("tick")) >= 3)
    checks.until("its history is kept", lambda: broker.client.zcard("asynq:scheduler_history:tick") >= 3)
    broker.add("slow", b"", "slow")
    checks.until("a task runs when its servers are killed", lambda: checks.times("slow"), [1])
    for server in servers:
        checks.kill(server)
    survivor = checks.worker("asynq_jobs.py", "server")
    checks.until("a killed server's task is done by another", lambda: checks.times("recovered"), [1])
    checks.tell("on its second try", checks.times("slow"), [2])
    checks.until("server and schedulers live", lambda: [process.poll() for process in (survivor, *scheduler)], [None] * 3)


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        Server(connect, HANDLERS).run()
    elif sys.argv[1:] == ["scheduler"]:
        schedule()
    else:
        try:
            main()
        finally:
            checks.end()
