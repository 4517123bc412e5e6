"""BullMQ: jobs through all states by the scripts that queue and worker call, one call at a time; nothing here waits."""
import asyncio
import os

import bullmq
from bullmq.job import Job

URL = "redis://127.0.0.1:%s/0" % os.environ["MARTLET_PORT"]
TOKEN = "token:1"
WORK = {"lockDuration": 30000}


async def attempt(action):
    """Calls that are refused are calls as well: what the refusal says is compared by whoever relays it."""
    try:
        return await action
    except (TypeError, Exception) as error:
        return error


async def take(queue, **options):
    """The next job as a worker gets it, or None."""
    found = await queue.scripts.moveToActive(TOKEN, {**WORK, **options})
    return await Job.fromId(queue, found[1]) if found[0] else None


async def lives(queue):
    """Jobs that succeed, fail, are tried again, come later and first."""
    scripts = queue.scripts
    for number in range(6):
        await queue.add("plain", {"number": number, "text": "ä\n\"" * 5})
    await queue.addBulk([{"name": "bulk", "data": {"number": number}, "opts": {}} for number in range(4)])
    await queue.add("late", {}, {"delay": 3600_000})
    await queue.add("soon", {}, {"delay": 1})
    for priority in (5, 1, 3):
        await queue.add("first", {"priority": priority}, {"priority": priority})
    await queue.add("stack", {}, {"lifo": True})
    await queue.add("own", {}, {"jobId": "own"})
    await queue.add("own", {}, {"jobId": "own"})
    await queue.add("once", {}, {"deduplication": {"id": "once", "ttl": 60000}})
    await queue.add("once", {}, {"deduplication": {"id": "once", "ttl": 60000}})
    await queue.getJobCounts("wait", "active", "delayed", "prioritized", "completed", "failed", "paused", "waiting-children")
    for step in range(14):
        job = await take(queue)
        if job is None:
            break
        await scripts.extendLock(job.id, TOKEN, 30000)
        await attempt(scripts.updateProgress(job.id, step * 10))
        await attempt(scripts.updateData(job.id, {"step": step}))
        if step % 5 == 0:
            await attempt(scripts.moveToCompleted(job, {"result": step}, False, TOKEN, fetchNext=False))
        elif step % 5 == 1:
            await attempt(scripts.moveToFailed(job, "on purpose", False, TOKEN, fetchNext=False))
        elif step % 5 == 2:
            await attempt(scripts.retryJob(job.id, step % 2 == 0, TOKEN, {"fieldsToUpdate": {"failedReason": "again"}}))
        elif step % 5 == 3:
            await attempt(scripts.moveToDelayed(job.id, 1 << 50, 1000, TOKEN, {"skipAttempt": True}))
        else:
            await attempt(scripts.moveToCompleted(job, None, {"count": 2}, TOKEN, fetchNext=True))
        await attempt(scripts.moveToCompleted(job, None, False, "wrong token", fetchNext=False))
        await scripts.getState(job.id)


async def changes(queue):
    """What is done to jobs from outside."""
    scripts = queue.scripts
    await queue.pause()
    await queue.add("held", {})
    await take(queue)
    await queue.resume()
    for kind in ("failed", "completed"):
        ids = await queue.client.zrange(queue.keys[kind], 0, -1)
        for job_id in ids[:2]:
            job = await Job.fromId(queue, job_id)
            await attempt(scripts.reprocessJob(job, kind))
            await attempt(scripts.reprocessJob(job, kind))
    for job_id in ("own", "1", "2", "none"):
        await attempt(scripts.changePriority(job_id, 7))
        await attempt(scripts.changePriority(job_id, 0, True))
        await attempt(scripts.promote(job_id))
        await scripts.getState(job_id)
    await attempt(scripts.retryJobs("failed", 10, 0))
    await attempt(scripts.promoteJobs(10))
    await scripts.getCounts(["wait", "paused", "delayed", "completed", "failed", "active", "prioritized"])
    await scripts.getCountsPerPriority([0, 1, 3, 5, 7])
    for ascending in (True, False):
        await attempt(scripts.getRanges(["wait", "delayed", "completed", "failed", "active", "prioritized"], 0, 5, ascending))
        await attempt(scripts.getJobs(["wait", "delayed", "completed"], 0, 5, ascending))
    for _ in range(3):
        await attempt(scripts.moveStalledJobsToWait(1, 0))
    await attempt(scripts.remove("own", True))
    await attempt(scripts.remove("3", False))
    await attempt(scripts.cleanJobsInSet("completed", 0, 2))
    await attempt(scripts.cleanJobsInSet("wait", 0, 2))
    await attempt(scripts.addJobScheduler("often", 1 << 41, "{}", {}, {"name": "often", "every": 1000}, {}))
    await attempt(scripts.getJobScheduler("often"))
    await attempt(scripts.updateJobSchedulerNextMillis("often", (1 << 41) + 1000, "{}", {}))
    await attempt(scripts.removeJobScheduler("often"))
    await attempt(scripts.removeJobScheduler("often"))
    await attempt(scripts.drain(True))


async def families(flow, queue):
    """Parents and children."""
    await flow.add({"name": "parent", "queueName": "work", "data": {}, "children": [
        {"name": "child", "queueName": "work", "data": {"number": number}} for number in range(3)]})
    for number in range(3):
        job = await take(queue)
        if number == 2:
            await attempt(queue.scripts.moveToFailed(job, "child fails", False, TOKEN, fetchNext=False))
        else:
            await attempt(queue.scripts.moveToCompleted(job, number, False, TOKEN, fetchNext=False))
    job = await take(queue)
    if job:
        await attempt(queue.scripts.moveToWaitingChildren(job.id, TOKEN, {}))
    await take(queue, limiter={"max": 1, "duration": 60000})
    await take(queue, limiter={"max": 1, "duration": 60000})


async def main():
    queue = bullmq.Queue("work", {"connection": URL})
    await lives(queue)
    await changes(queue)
    flow = bullmq.FlowProducer({"connection": URL})
    await families(flow, queue)
    await flow.close()
    await queue.pause()
    await queue.obliterate(True)
    await queue.close()


asyncio.run(main())
