"""Asynq's scripts, as the driver in programs/asynq calls them: tasks through all states, one call at a time; nothing here waits, and the clock stands still."""
import os
import time

import redis

from asynq.broker import Broker, Refused

client = redis.Redis(port=int(os.environ["MARTLET_PORT"]), protocol=2)
now = int(time.time())
broker = Broker(client, "work", clock=lambda: now)
past, future = now - 100, now + 1000


def attempt(operation, *arguments, **options):
    """Calls that are refused are calls as well."""
    try:
        return operation(*arguments, **options)
    except (Refused, redis.ResponseError) as error:
        return str(error)


# Added at once, for later, to a group; with unique keys; twice.
for number in range(6):
    broker.add("plain", b"\x00\xff%d" % number, "p%d" % number, retention=100 if number == 1 else 0, unique=60 if number in (0, 1) else None)
for options in ({}, {"unique": 60}, {"due": future}, {"due": past, "unique": 60}, {"group": "g"}, {"group": "g", "unique": 60}):
    broker.add("kind %s" % sorted(options), b"payload", "name %s" % sorted(options), **options)
    assert attempt(broker.add, "kind %s" % sorted(options), b"payload", "name %s" % sorted(options), **options) == ("-1" if "unique" in options else "0")
assert attempt(broker.add, "another", b"payload", "p5", unique=60) == "0"
before = broker.statistics()
assert (before["pending"], before["scheduled"], before["aggregating"], before["bytes"]) == (8, 2, 2, 1), before

# Held, taken, renewed, and each way to end.
broker.pause()
assert broker.take() is None
broker.resume()
taken = [broker.take() for _ in range(6)]
assert [message["payload"] for message in taken] == [b"\x00\xff%d" % number for number in range(6)]
broker.renew("p0", "p1", "nobody")
for message in taken[:2]:
    assert broker.done(message) == b"OK"
    assert attempt(broker.done, message) == "NOT FOUND"
assert broker.requeue(taken[2]) == b"OK"
assert broker.take()["id"] == "p2"
assert broker.failed(taken[2], "once") == b"OK"
assert broker.failed(taken[3], "not counted", delay=-10, counts=False) == b"OK"
assert broker.failed({**taken[4], "retries": 0}, "too often") == b"OK"
client.set("asynq:{work}:processed", (1 << 63) - 1)  # It begins again.
assert broker.failed({**taken[5], "retries": 0}, "too often") == b"OK"
for operation in (broker.done, broker.requeue):
    assert attempt(operation, taken[5]) == "NOT FOUND"
assert attempt(broker.failed, taken[5], "gone") == "NOT FOUND"
# What has been put aside for too long goes, and then the oldest of more than may be.
client.zadd("asynq:{work}:archived", {"old %d" % number: number for number in range(50)} | {"new %d" % number: now - 1000 + number for number in range(50)})
broker.archived_most = 10
broker.add("plain", b"", "last", retries=0)
client.lrem("asynq:{work}:pending", 0, "last")
client.rpush("asynq:{work}:pending", "last")
broker.failed(broker.take(), "too often")
assert client.zcard("asynq:{work}:archived") == 9

# What is due; what was abandoned; what is kept no longer.
broker.forward()
broker.lease = -100
abandoned = broker.take()
assert [message["id"] for message in broker.abandoned(50)] == [abandoned["id"]]
assert broker.abandoned(500) == []
broker.failed(abandoned, "lease expired")
broker.delete_expired()
broker.delete_expired(future)
for id, wanted in (("p2", 1), ("p2", -2), ("nobody", 0), ("p4", 1)):
    assert broker.run_now(id) == wanted, id
assert broker.statistics()["completed"] == 0

# Groups: full, old, left alone; finished, or given up and gathered again.
for group, count in (("full", 7), ("old", 3), ("alone", 2), ("young", 2)):
    for number in range(count):
        broker.add("gather", b"%d" % number, "%s %d" % (group, number), group=group)
assert broker.check_group("nobody", "set", 5, 0, 0) is None
assert len(broker.check_group("full", "first", 5, 0, 100, now)) == 5
assert len(broker.check_group("full", "rest", 2, 0, 100, now)) == 2
assert len(broker.check_group("old", "first", 5, 10, 1000, now + 20)) == 3
assert len(broker.check_group("alone", "first", 0, 0, 10, now + 20)) == 2
assert broker.check_group("young", "first", 5, 100, 100, now) is None
broker.delete_set("full", "first")
broker.reclaim_sets(now)
broker.reclaim_sets(now + 130)
assert attempt(broker.run_now, "young 0") == 1
assert attempt(broker.run_now, "young 1") == 1

# Servers and schedulers tell of themselves.
broker.write_server("host:1:id", b"state", {"p2": b"worker", "p4": b"\x00"})
broker.write_server("host:1:id", b"state", {})
broker.write_entries("host:1:id", [b"@every 1s", b"* * * * *"])
for event in range(5):
    broker.record_event("entry", b"event %d" % event, kept=3)
broker.clear_server("host:1:id")
broker.statistics()
