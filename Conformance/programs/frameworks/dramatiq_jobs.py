"""Dramatiq: messages that succeed, are retried, die, come later, go in groups and pipelines, and outlive their worker."""
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.rate_limits import ConcurrentRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimiterBackend
from dramatiq.results import Results, ResultFailure, ResultMissing
from dramatiq.results.backends import RedisBackend

import checks

# A worker that is silent for five seconds is given up; each fetch looks for such ones.
broker = RedisBroker(url=checks.URL, heartbeat_timeout=5000, maintenance_chance=1_000_000)
broker.add_middleware(Results(backend=RedisBackend(url=checks.URL)))
dramatiq.set_broker(broker)
limiter = ConcurrentRateLimiter(LimiterBackend(url=checks.URL), "one", limit=1)


@dramatiq.actor(store_results=True)
def add(a, b):
    checks.ran("%d+%d" % (a, b))
    return a + b


@dramatiq.actor(max_retries=1, min_backoff=50, max_backoff=100)
def fail():
    checks.ran("fail")
    raise ValueError("on purpose")


@dramatiq.actor(store_results=True, max_retries=5, min_backoff=50, max_backoff=100)
def flaky():
    """Fails twice, then succeeds."""
    tries = checks.ran("flaky")
    if tries < 3:
        raise ValueError("once more")
    return tries


@dramatiq.actor(store_results=True)
def slow():
    return checks.slow()


@dramatiq.actor(store_results=True, max_retries=100, min_backoff=20, max_backoff=100)
def limited(number):
    with limiter.acquire():
        return number


def result(message):
    try:
        return message.get_result()
    except (ResultMissing, ResultFailure) as error:
        return repr(error)


def main():
    from dramatiq_jobs import add, broker, fail, flaky, limited, slow  # Under the names by which the worker knows them.

    command = ["-m", "dramatiq", "dramatiq_jobs", "--processes", "1", "--threads", "4"]
    early = [add.send(number, 1) for number in range(20)]
    worker = checks.worker(*command)
    checks.until("messages are done", lambda: [result(message) for message in early], [number + 1 for number in range(20)])
    checks.tell("each is done once", checks.times(*("%d+1" % number for number in range(20))), [1] * 20)
    failing = fail.send()
    checks.until("a message that fails is retried, and then dead", lambda: broker.client.hkeys("dramatiq:default.XQ.msgs") != [])
    checks.tell("a message that fails was tried as often as promised", checks.times("fail"), [2])
    checks.tell("a dead message is the one that failed", failing.message_id.encode() in broker.client.hget("dramatiq:default.XQ.msgs", broker.client.hkeys("dramatiq:default.XQ.msgs")[0]))
    retried = flaky.send()
    checks.until("a message is retried until it succeeds", lambda: result(retried), 3)
    due = time.time() + 1
    later = add.send_with_options(args=(40, 2), delay=1000)
    checks.until("a message comes when it is due", lambda: result(later), 42)
    checks.tell("and not before", checks.runs("40+2")[0] >= due - 0.01)
    group = dramatiq.group([add.message(number, number) for number in range(5)]).run()
    checks.tell("a group has its results", list(group.get_results(block=True, timeout=60_000)), [0, 2, 4, 6, 8])
    pipe = (add.message(1, 2) | add.message(3)).run()
    checks.tell("a pipeline goes on", pipe.get_result(block=True, timeout=60_000), 6)
    one_by_one = [limited.send(number) for number in range(4)]
    checks.until("a limit lets all through in the end", lambda: [result(message) for message in one_by_one], [0, 1, 2, 3])
    abandoned = slow.send()
    checks.until("a message runs when its worker is killed", lambda: checks.times("slow"), [1])
    checks.kill(worker)
    worker = checks.worker(*command)
    checks.until("a killed worker's message is done by another", lambda: result(abandoned), "recovered")
    checks.until("the worker lives", lambda: worker.poll() is None)


if __name__ == "__main__":
    try:
        main()
    finally:
        checks.end()
