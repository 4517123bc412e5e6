"""Celery: tasks that succeed, fail, are retried, come later, come again and again, join in a chord, chain, and outlive their worker."""
import os
import tempfile
import time

import celery

import checks

app = celery.Celery("celery_jobs", broker=checks.URL, backend=checks.URL)
# What a worker has not acknowledged within five seconds is looked for each second.
app.conf.update(broker_transport_options={"visibility_timeout": 5, "unacked_restore_interval": 1, "unacked_restore_throttle": 1},
                broker_connection_retry_on_startup=True, worker_hijack_root_logger=False,
                beat_schedule={"tick": {"task": "celery_jobs.tick", "schedule": 0.5}})
WORKER = ["-m", "celery", "-A", "celery_jobs", "worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "warning"]


@app.task
def add(a, b):
    checks.ran("%d+%d" % (a, b))
    return a + b


@app.task
def tick():
    checks.ran("tick")


@app.task(acks_late=True)
def slow():
    return checks.slow()


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def fail():
    raise ValueError("on purpose")


@app.task(bind=True, max_retries=3)
def flaky(self):
    """Fails twice, then succeeds."""
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task(bind=True)
def locked(self, number):
    """Holds redis-py's lock, whose release is a script."""
    import redis
    client = redis.Redis.from_url(checks.URL)
    with client.lock("lock", timeout=10, blocking_timeout=10):
        client.rpush("held", number)
    return True


def main():
    early = [add.delay(number, 1) for number in range(20)]
    worker = checks.worker(*WORKER)
    checks.until("tasks are done", lambda: [result.result for result in early], [number + 1 for number in range(20)])
    checks.tell("each is done once", checks.times(*("%d+1" % number for number in range(20))), [1] * 20)
    failing = fail.delay()
    checks.until("a task fails", lambda: failing.state, "FAILURE")
    retried = flaky.delay()
    checks.until("a task is retried until it succeeds", lambda: retried.result if retried.successful() else None, 2)
    due = time.time() + 1
    later = add.apply_async((40, 2), countdown=1)
    checks.until("a task comes when it is due", lambda: later.result, 42)
    checks.tell("and not before", checks.runs("40+2")[0] >= due)
    chord = celery.chord([add.s(number, number) for number in range(5)])(total.s())
    checks.until("a chord is joined", lambda: chord.result, 20)
    chain = celery.chain(add.s(1, 2), add.s(3))()
    checks.until("a chain goes on", lambda: chain.result, 6)
    held = [locked.delay(number) for number in range(8)]
    checks.until("a lock is given from one to the next", lambda: [result.result for result in held], [True] * 8)
    with tempfile.TemporaryDirectory() as folder:
        beat = checks.worker("-m", "celery", "-A", "celery_jobs", "beat", "--schedule", os.path.join(folder, "schedule"), "--pidfile", "", "--loglevel", "warning")
        checks.until("a periodic task comes again and again", lambda: len(checks.runs("tick")) >= 3)
        checks.kill(beat)
    abandoned = slow.delay()
    checks.until("a task runs when its worker is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    worker = checks.worker(*WORKER)
    checks.until("a killed worker's task is done by another, since it acknowledges late", lambda: abandoned.result, "recovered")
    checks.until("the worker is seen", lambda: bool(app.control.ping(timeout=2)))
    checks.until("the worker lives", lambda: worker.poll() is None)


if __name__ == "__main__":
    try:
        main()
    finally:
        checks.end()
