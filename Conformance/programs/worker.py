"""Takes jobs off the queue, for ever. A line for each: `got N`."""
import json
import os
import time

import redis

r = redis.from_url(os.environ['REDIS_URL'])

while True:
    try:
        job = r.brpop('embed_jobs', timeout=5)
    except redis.ConnectionError:
        time.sleep(0.02)
        continue
    if job:
        print('got', json.loads(job[1])['id'], flush=True)
