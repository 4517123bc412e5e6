"""RQ: jobs that succeed, fail, are retried, come later, come again and again, depend on each other and outlive their worker."""
import sys
import time
from datetime import timedelta

import redis

import checks


def add(a, b):
    checks.ran("%d+%d" % (a, b))
    return a + b


def tick():
    checks.ran("tick")


def fail():
    raise ValueError("on purpose")


def flaky(key):
    """Fails twice, then succeeds."""
    tries = redis.Redis.from_url(checks.URL).incr(key)
    if tries < 3:
        raise ValueError("try %d" % tries)
    return tries


def main():
    from rq import Queue, Retry
    from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry, StartedJobRegistry

    connection = redis.Redis.from_url(checks.URL)
    queue = Queue("work", connection=connection)
    # What waits before there is a worker.
    early = [queue.enqueue("rq_jobs.add", number, 1) for number in range(20)]
    checks.until("waiting jobs are counted", lambda: len(queue), 20)
    worker = checks.worker("-m", "rq.cli", "worker", "--url", checks.URL, "--with-scheduler", "work")
    checks.until("jobs are done", lambda: [job.return_value() for job in early], [number + 1 for number in range(20)])
    checks.tell("each is done once", checks.times(*("%d+1" % number for number in range(20))), [1] * 20)
    failing = queue.enqueue("rq_jobs.fail")
    checks.until("a job fails", lambda: failing.get_status().value, "failed")
    checks.until("a failed job is listed", lambda: failing.id in FailedJobRegistry(queue=queue))
    retried = queue.enqueue("rq_jobs.flaky", "tries", retry=Retry(max=3))
    checks.until("a job is retried until it succeeds", lambda: retried.return_value(), 3)
    due = time.time() + 4
    later = queue.enqueue_in(timedelta(seconds=4), "rq_jobs.add", 40, 2)
    checks.until("a job waits for its time", lambda: later.id in ScheduledJobRegistry(queue=queue))
    checks.until("a job comes when it is due", lambda: later.return_value(), 42)
    checks.tell("and not before", checks.runs("40+2")[0] >= due - 1)  # RQ's schedule has whole seconds.
    first = queue.enqueue("rq_jobs.add", 1, 1)
    second = queue.enqueue("rq_jobs.add", 2, 2, depends_on=first)
    checks.until("a job follows the one that it depends on", lambda: second.return_value(), 4)
    checks.worker("-m", "rq.cli", "cron", "--url", checks.URL, "rq_ticks.py")
    checks.until("a periodic job comes again and again", lambda: len(checks.runs("tick")) >= 3)
    abandoned = queue.enqueue("checks.slow", retry=Retry(max=1))
    checks.until("a job runs when its worker is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    # RQ gives a worker a minute and a half of silence: what it does then is done now.
    StartedJobRegistry(queue=queue).cleanup(time.time() + 120)
    worker = checks.worker("-m", "rq.cli", "worker", "--url", checks.URL, "--with-scheduler", "work")
    checks.until("a killed worker's job is done by another", lambda: abandoned.return_value(), "recovered")
    checks.until("done jobs are listed", lambda: second.id in FinishedJobRegistry(queue=queue))
    checks.until("the worker lives", lambda: worker.poll() is None)


if __name__ == "__main__":
    try:
        main()
    finally:
        checks.end()
    sys.exit(0)
