"""RQ: unique jobs at once and later, queues emptied, locks of schedulers, and limits of rate."""
import datetime
import os

import redis
from rq import Queue, rate_limit, scripts
from rq.job import Job

client = redis.Redis(port=int(os.environ["MARTLET_PORT"]), protocol=2)
queue = Queue("work", connection=client)
refused = 0
for name in ("one", "two", "one", "three"):
    job = Job.create(print, args=(name,), id=name, connection=client, origin="work", ttl=500 if name == "two" else None)
    try:
        scripts.save_unique_job(client, queue.key, job, at_front=name == "two")
    except scripts.DuplicateJobError:
        refused += 1
assert refused == 1
later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
for name in ("late", "late"):
    job = Job.create(print, id=name, connection=client, origin="work")
    try:
        scripts.schedule_unique_job(client, queue.key, "rq:scheduled:work", job, later)
    except scripts.DuplicateJobError:
        refused += 1
assert refused == 2
assert [scripts.acquire_or_refresh_lock(client, "lock", owner, 60) for owner in ("a", "a", "b")] == ["acquired", "refreshed", "taken"]
assert [scripts.release_lock(client, "lock", owner) for owner in ("b", "a", "a")] == [False, True, False]
assert queue.empty() == 3
# As RQ's rate limits call them.
for number in range(6):
    client.hset("rq:job:j%d" % number, mapping={"origin": "work", "status": "rate_limited", "enqueue_at_front": number % 2})
    client.zadd("rq:rl:k:rate_limited", {"j%d" % number: number})
client.sadd("rq:rl-keys", "k")
allowed, limited = "rq:rl:k:allowed", "rq:rl:k:rate_limited"
common = [2, 1700000000, "now", "rq:queue:", "rq:job:"]
acquire, release, stale, cleanup = (client.register_script(text) for text in (
    rate_limit.ACQUIRE_AND_ENQUEUE_SCRIPT, rate_limit.RELEASE_AND_ENQUEUE_SCRIPT, rate_limit.RELEASE_STALE_AND_ENQUEUE_SCRIPT,
    rate_limit.CLEANUP_REGISTRY_SCRIPT))
assert acquire(keys=[allowed, limited], args=common) == [b"j0", b"j1"]
assert acquire(keys=[allowed, limited], args=common) == []
assert release(keys=[allowed, limited], args=common + ["j0"]) == [b"j2"]
client.hset("rq:job:j1", "status", "canceled")
assert stale(keys=[allowed, limited, "rq:job:j1", "rq:job:j1:executions"], args=common + ["j1"]) == [b"j3"]
assert stale(keys=[allowed, limited, "rq:job:j2", "rq:job:j2:executions"], args=common + ["j2"]) == []
assert cleanup(keys=[allowed, limited, "rq:rl:k", "rq:rl-keys"], args=["k"]) == 0
client.delete(allowed, limited)
assert cleanup(keys=[allowed, limited, "rq:rl:k", "rq:rl-keys"], args=["k"]) == 1
