"""arq: jobs that succeed, fail, are retried, come later, come by the clock, are known by their id, and outlive their worker; without scripts."""
import asyncio
import sys
import time

import arq
from arq.connections import RedisSettings
from arq.jobs import Job

import checks

SETTINGS = RedisSettings(host="127.0.0.1", port=checks.PORT)


async def add(context, a, b):
    checks.ran("%d+%d" % (a, b))
    return a + b


async def fail(context):
    raise ValueError("on purpose")


async def flaky(context):
    """Fails twice, then succeeds."""
    if context["job_try"] < 3:
        raise arq.Retry(defer=0.1)
    return context["job_try"]


async def slow(context):
    if checks.ran("slow") == 1:
        await asyncio.sleep(60)
    return "recovered"


async def tick(context):
    checks.ran("tick")


class WorkerSettings:
    """What the worker reads. A job that nobody has renewed for its timeout and ten seconds is taken again."""
    functions = [add, fail, flaky, arq.worker.func(slow, timeout=6)]
    cron_jobs = [arq.cron(tick, second=set(range(60)))]
    redis_settings = SETTINGS
    job_timeout, poll_delay, max_tries = 6, 0.1, 5
    allow_abort_jobs = True


async def main():
    pool = await arq.create_pool(SETTINGS)

    async def result(job):
        try:
            return await job.result(timeout=checks.DEADLINE)
        except Exception as error:
            return repr(error)

    command = ["-m", "arq", "arq_jobs.WorkerSettings"]
    early = [await pool.enqueue_job("add", number, 1) for number in range(20)]
    named = await pool.enqueue_job("add", 7, 7, _job_id="once")
    checks.tell("a job is known by its id", await pool.enqueue_job("add", 7, 7, _job_id="once"), None)
    worker = checks.worker(*command)
    checks.tell("jobs are done", [await result(job) for job in early], [number + 1 for number in range(20)])
    checks.tell("each is done once", checks.times(*("%d+1" % number for number in range(20)), "7+7"), [1] * 21)
    checks.tell("a job's result is found by its id", await result(Job("once", pool)), 14)
    checks.tell("a job fails", await result(await pool.enqueue_job("fail")), repr(ValueError("on purpose")))
    checks.tell("a job is retried until it succeeds", await result(await pool.enqueue_job("flaky")), 3)
    due = time.time() + 1
    later = await pool.enqueue_job("add", 40, 2, _defer_by=1)
    checks.tell("a job comes when it is due", await result(later), 42)
    checks.tell("and not before", checks.runs("40+2")[0] >= due - 0.01)
    checks.until("a periodic job comes again and again", lambda: len(checks.runs("tick")) >= 2)
    abandoned = await pool.enqueue_job("slow")
    checks.until("a job runs when its worker is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    worker = checks.worker(*command)
    checks.tell("a killed worker's job is done by another", await result(abandoned), "recovered")
    checks.until("the worker lives", lambda: worker.poll() is None)
    await pool.aclose()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        checks.end()
    sys.exit(0)
