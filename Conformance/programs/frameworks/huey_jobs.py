"""Huey: tasks that succeed, fail, are retried, come later, come by themselves and wait for a lock; one whose consumer is killed is not done again."""
import time

import huey

import checks

app = huey.PriorityRedisHuey("work", url=checks.URL)


@app.task()
def add(a, b):
    checks.ran("%d+%d" % (a, b))
    return a + b


@app.periodic_task(lambda now: True)
def tick():
    """Each minute, and when the consumer starts."""
    checks.ran("tick")


@app.task()
def slow():
    return checks.slow()


@app.task()
def fail():
    raise ValueError("on purpose")


@app.task(retries=3, retry_delay=0, context=True)
def flaky(task=None):
    """Fails twice, then succeeds."""
    if task.retries > 1:
        raise ValueError("once more")
    return task.retries


@app.task()
@app.lock_task("one at a time")
def alone():
    return True


def result(handle):
    try:
        return handle.get()
    except huey.exceptions.TaskException:
        handle.reset()  # It may be tried again.
        return "failed"


def main():
    from huey_jobs import add, alone, app, fail, flaky, slow  # Under the names by which the consumer knows them.

    early = [add(number, 1) for number in range(20)]
    checks.until("waiting tasks are counted", lambda: len(app), 20)
    command = ["-m", "huey.bin.huey_consumer", "huey_jobs.app", "-w", "2", "-q"]
    worker = checks.worker(*command)
    done = {}

    def results():
        for number, handle in enumerate(early):
            if done.get(number) is None:
                done[number] = result(handle)
        return [done[number] for number in range(20)]

    checks.until("tasks are done", results, [number + 1 for number in range(20)])
    checks.tell("each is done once", checks.times(*("%d+1" % number for number in range(20))), [1] * 20)
    checks.until("a periodic task comes by itself", lambda: checks.times("tick"), [1])
    failing = fail()
    checks.until("a task fails", lambda: result(failing), "failed")
    retried = flaky()
    checks.until("a task is retried until it succeeds", lambda: result(retried), 1)
    due = time.time() + 2
    later = add.schedule((40, 2), delay=2)
    checks.until("a task comes when it is due", lambda: result(later), 42)
    checks.tell("and not before", checks.runs("40+2")[0] >= due - 0.01)
    locked = alone()
    checks.until("a task holds its lock", lambda: result(locked))
    slow()
    checks.until("a task runs when its consumer is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    worker = checks.worker(*command)
    after = add(2, 2)
    checks.until("another consumer goes on", lambda: result(after), 4)
    checks.tell("a task is taken at most once", checks.times("slow"), [1])
    checks.until("the consumer lives", lambda: worker.poll() is None)


if __name__ == "__main__":
    try:
        main()
    finally:
        checks.end()
