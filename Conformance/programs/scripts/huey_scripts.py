"""Huey: what is due is taken from the schedule, and a semaphore."""
import os

import huey.contrib.helpers
from huey import RedisHuey

app = RedisHuey("app", port=int(os.environ["MARTLET_PORT"]), protocol=2)
import datetime
now = datetime.datetime(2026, 1, 1)
for number in range(20):
    app.storage.add_to_schedule(b"task %d" % number, now + datetime.timedelta(minutes=number))
assert len(app.storage.read_schedule(now + datetime.timedelta(minutes=4.5))) == 5
assert len(app.storage.read_schedule(now)) == 0
semaphore = huey.contrib.helpers.RedisSemaphore(app, "rooms", value=2)
assert [bool(semaphore.acquire(name)) for name in ("a", "b", "c", "a")] == [True, True, False, True]
assert [semaphore.renew(name) for name in ("a", "c")] == [True, False]
semaphore.release("a")
assert semaphore.acquire("c")
