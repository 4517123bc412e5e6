"""redis-py's lock: taken, extended, taken again, released, and not by whoever has it not."""
import os

import redis
import redis.exceptions

client = redis.Redis(port=int(os.environ["MARTLET_PORT"]), protocol=2)
lock = client.lock("lock", timeout=60)
assert lock.acquire(blocking=False)
other = client.lock("lock", timeout=60)
assert not other.acquire(blocking=False)
lock.extend(30)
lock.extend(100, replace_ttl=True)
lock.reacquire()
other.local.token = b"not the owner"
for action in (lambda: other.extend(5), other.reacquire, other.release):
    try:
        action()
        raise SystemExit("a stranger has the lock")
    except redis.exceptions.LockError:
        pass
lock.release()
endless = client.lock("endless")
assert endless.acquire(blocking=False)
endless.release()
