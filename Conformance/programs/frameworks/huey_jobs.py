"""Huey: tasks that succeed, fail, are retried, come later and wait for a lock, by a consumer of its own."""
import huey

import checks

app = huey.PriorityRedisHuey("work", url=checks.URL)


@app.task()
def add(a, b):
    return a + b


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
    from huey_jobs import add, alone, app, fail, flaky  # Under the names by which the consumer knows them.

    early = [add(number, 1) for number in range(20)]
    checks.until("waiting tasks are counted", lambda: len(app), 20)
    worker = checks.worker("-m", "huey.bin.huey_consumer", "huey_jobs.app", "-w", "2", "-q")
    done = {}

    def results():
        for number, handle in enumerate(early):
            if done.get(number) is None:
                done[number] = result(handle)
        return [done[number] for number in range(20)]

    checks.until("tasks are done", results, [number + 1 for number in range(20)])
    failing = fail()
    checks.until("a task fails", lambda: result(failing), "failed")
    retried = flaky()
    checks.until("a task is retried until it succeeds", lambda: result(retried), 1)
    later = add.schedule((40, 2), delay=1)
    checks.until("a task comes when it is due", lambda: result(later), 42)
    locked = alone()
    checks.until("a task holds its lock", lambda: result(locked))
    checks.until("the consumer lives", lambda: worker.poll() is None)


if __name__ == "__main__":
    try:
        main()
    finally:
        checks.end()
