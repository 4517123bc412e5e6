"""Puts jobs on a queue, as a web application would: `producer.py FIRST COUNT`.

A line for each job: `acknowledged N`, or `unknown N` when the connection failed before the reply came.
"""
import json
import os
import sys
import time

import redis

r = redis.from_url(os.environ['REDIS_URL'])

first, count = int(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + count):
    try:
        r.lpush('embed_jobs', json.dumps({'id': number, 'text': 'document %d' % number}))
        print('acknowledged', number, flush=True)
    except redis.ConnectionError:
        print('unknown', number, flush=True)
        time.sleep(0.02)
    time.sleep(0.0005)
