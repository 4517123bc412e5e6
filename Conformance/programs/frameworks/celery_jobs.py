"""Celery: tasks that succeed, fail, are retried, come later, and join in a chord, by a worker of its own."""
import celery

import checks

app = celery.Celery("celery_jobs", broker=checks.URL, backend=checks.URL)
app.conf.update(broker_transport_options={"visibility_timeout": 60}, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task
def add(a, b):
    return a + b


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
    worker = checks.worker("-m", "celery", "-A", "celery_jobs", "worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "warning")
    checks.until("tasks are done", lambda: [result.result for result in early], [number + 1 for number in range(20)])
    failing = fail.delay()
    checks.until("a task fails", lambda: failing.state, "FAILURE")
    retried = flaky.delay()
    checks.until("a task is retried until it succeeds", lambda: retried.result if retried.successful() else None, 2)
    later = add.apply_async((40, 2), countdown=1)
    checks.until("a task comes when it is due", lambda: later.result, 42)
    chord = celery.chord([add.s(number, number) for number in range(5)])(total.s())
    checks.until("a chord is joined", lambda: chord.result, 20)
    chain = celery.chain(add.s(1, 2), add.s(3))()
    checks.until("a chain goes on", lambda: chain.result, 6)
    held = [locked.delay(number) for number in range(8)]
    checks.until("a lock is given from one to the next", lambda: [result.result for result in held], [True] * 8)
    checks.until("the worker is seen", lambda: bool(app.control.ping(timeout=2)))
    checks.until("the worker lives", lambda: worker.poll() is None)


if __name__ == "__main__":
    try:
        main()
    finally:
        checks.end()
