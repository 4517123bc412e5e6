"""BullMQ for Python: jobs that succeed, fail, are retried, come later and go first, by a worker of its own."""
import asyncio
import sys

import bullmq

import checks

OPTIONS = {"connection": checks.URL}


async def process(job, token):
    if job.name == "fail":
        raise ValueError("on purpose")
    if job.name == "flaky" and job.attemptsMade < 2:
        raise ValueError("once more")
    return job.data.get("number", 0) + 1


async def work():
    worker = bullmq.Worker("work", process, OPTIONS)
    try:
        await asyncio.Event().wait()
    finally:
        await worker.close()


async def until(name, condition, wanted):
    """A check whose condition is awaited."""
    end = asyncio.get_running_loop().time() + checks.DEADLINE
    value = await condition()
    while value != wanted and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        value = await condition()
    checks.tell(name, value, wanted)


async def main():
    queue = bullmq.Queue("work", OPTIONS)

    async def states(jobs):
        return [await queue.getJobState(job.id) for job in jobs]

    early = [await queue.add("add", {"number": number}) for number in range(20)]
    await until("waiting jobs are counted", lambda: queue.getJobCountByTypes("waiting"), 20)
    worker = checks.worker("bullmq_jobs.py", "work")
    await until("jobs are done", lambda: states(early), ["completed"] * 20)
    failing = await queue.add("fail", {})
    await until("a job fails", lambda: states([failing]), ["failed"])
    retried = await queue.add("flaky", {}, {"attempts": 5, "backoff": 100})
    await until("a job is retried until it succeeds", lambda: states([retried]), ["completed"])
    later = await queue.add("add", {"number": 41}, {"delay": 1000})
    await until("a job waits for its time", lambda: states([later]), ["delayed"])
    await until("a job comes when it is due", lambda: states([later]), ["completed"])
    first = await queue.add("add", {"number": 1}, {"priority": 1})
    await until("a job with a priority is done", lambda: states([first]), ["completed"])
    job = await bullmq.Job.fromId(queue, first.id)
    checks.until("a result is kept", lambda: job.returnvalue, 2)
    checks.until("the worker lives", lambda: worker.poll() is None)
    await queue.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        asyncio.run(work())
    else:
        try:
            asyncio.run(main())
        finally:
            checks.end()
