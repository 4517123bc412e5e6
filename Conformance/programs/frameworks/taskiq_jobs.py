"""taskiq, on streams with consumer groups: tasks that succeed, fail, are retried, come by a schedule, and outlive their worker."""
import asyncio
import datetime
import sys
import time

from taskiq import SimpleRetryMiddleware, TaskiqScheduler
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_redis import ListRedisScheduleSource, RedisAsyncResultBackend, RedisStreamBroker

import checks

# A message that its consumer has had for five seconds without acknowledging it is claimed by the next.
broker = RedisStreamBroker(checks.URL, idle_timeout=5000, xread_block=200).with_result_backend(RedisAsyncResultBackend(checks.URL)).with_middlewares(SimpleRetryMiddleware(default_retry_count=3))
source = ListRedisScheduleSource(checks.URL)
scheduler = TaskiqScheduler(broker, [source, LabelScheduleSource(broker)])


@broker.task(task_name="add")
async def add(a, b):
    checks.ran("%d+%d" % (a, b))
    return a + b


@broker.task(task_name="fail")
async def fail():
    raise ValueError("on purpose")


@broker.task(task_name="flaky", retry_on_error=True)
async def flaky():
    """Fails twice, then succeeds."""
    tries = checks.ran("flaky")
    if tries < 3:
        raise ValueError("once more")
    return tries


@broker.task(task_name="slow")
async def slow():
    if checks.ran("slow") == 1:
        await asyncio.sleep(60)
    return "recovered"


@broker.task(task_name="tick", schedule=[{"interval": 1}])
async def tick():
    checks.ran("tick")


async def result(task):
    try:
        done = await task.wait_result(timeout=checks.DEADLINE, check_interval=0.05)
        return repr(done.error) if done.is_err else done.return_value
    except Exception as error:
        return repr(error)


async def main():
    from taskiq_jobs import add, broker, fail, flaky, slow, source  # Under the names by which the worker knows them.

    await broker.startup()
    await source.startup()
    command = ["-m", "taskiq", "worker", "taskiq_jobs:broker", "--workers", "1"]
    early = [await add.kiq(number, 1) for number in range(20)]
    worker = checks.worker(*command)
    checks.tell("tasks are done", [await result(task) for task in early], [number + 1 for number in range(20)])
    checks.tell("each is done once", checks.times(*("%d+1" % number for number in range(20))), [1] * 20)
    checks.tell("a task fails", await result(await fail.kiq()), repr(ValueError("on purpose")))
    await flaky.kiq()
    checks.until("a task is retried until it succeeds", lambda: checks.times("flaky"), [3])
    checks.worker("-m", "taskiq", "scheduler", "taskiq_jobs:scheduler", "--update-interval", "1")
    due = time.time() + 2
    await add.schedule_by_time(source, datetime.datetime.fromtimestamp(due, datetime.timezone.utc), 40, 2)
    checks.until("a task comes when it is due", lambda: checks.times("40+2"), [1])
    checks.tell("and not before", checks.runs("40+2")[0] >= due - 1)  # Its scheduler counts in whole seconds.
    checks.until("a periodic task comes again and again", lambda: len(checks.runs("tick")) >= 2)
    abandoned = await slow.kiq()
    checks.until("a task runs when its worker is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    worker = checks.worker(*command)
    checks.tell("a killed worker's task is done by another", await result(abandoned), "recovered")
    checks.until("the worker lives", lambda: worker.poll() is None)
    await broker.shutdown()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        checks.end()
    sys.exit(0)
