"""BullMQ for Python: jobs that succeed, fail, are retried, come later, come again and again, go first, have children, and outlive their worker."""
import asyncio
import sys
import time

import bullmq

import checks

OPTIONS = {"connection": checks.URL}
# A job whose worker does not renew its lock for five seconds is stalled: less may be the machine.
WORKER = {**OPTIONS, "lockDuration": 5000, "stalledInterval": 1000}


async def process(job, token):
    if job.name == "fail":
        raise ValueError("on purpose")
    if job.name == "flaky" and job.attemptsMade < 2:
        raise ValueError("once more")
    if job.name == "slow":
        return await asyncio.to_thread(checks.slow)
    if job.name == "parent":
        return sum((await job.getChildrenValues()).values())
    checks.ran("%s:%s" % (job.name, job.data.get("number")))
    return job.data.get("number", 0) + 1


async def work():
    worker = bullmq.Worker("work", process, WORKER)
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
    checks.tell("each is done once", checks.times(*("add:%d" % number for number in range(20))), [1] * 20)
    failing = await queue.add("fail", {})
    await until("a job fails", lambda: states([failing]), ["failed"])
    retried = await queue.add("flaky", {}, {"attempts": 5, "backoff": 100})
    await until("a job is retried until it succeeds", lambda: states([retried]), ["completed"])
    due = time.time() + 4
    later = await queue.add("add", {"number": 41}, {"delay": 4000})
    await until("a job waits for its time", lambda: states([later]), ["delayed"])
    await until("a job comes when it is due", lambda: states([later]), ["completed"])
    checks.tell("and not before", checks.runs("add:41")[0] >= due)
    first = await queue.add("add", {"number": 1}, {"priority": 1})
    await until("a job with a priority is done", lambda: states([first]), ["completed"])
    job = await bullmq.Job.fromId(queue, first.id)
    checks.until("a result is kept", lambda: job.returnvalue, 2)
    await queue.upsertJobScheduler("clock", {"every": 300}, "tick", {})
    checks.until("a periodic job comes again and again", lambda: len(checks.runs("tick:None")) >= 3)
    await queue.removeJobScheduler("clock")
    flow = bullmq.FlowProducer(OPTIONS)
    tree = await flow.add({"name": "parent", "queueName": "work", "children": [{"name": "add", "queueName": "work", "data": {"number": number}} for number in (100, 200)]})
    await until("a job waits for its children", lambda: states([tree["job"]]), ["completed"])
    parent = await bullmq.Job.fromId(queue, tree["job"].id)
    checks.tell("and has their results", parent.returnvalue, 302)
    await flow.close()
    abandoned = await queue.add("slow", {})
    checks.until("a job runs when its worker is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    worker = checks.worker("bullmq_jobs.py", "work")
    await until("a killed worker's job is done by another", lambda: states([abandoned]), ["completed"])
    checks.tell("the second time", checks.times("slow"), [2])
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
