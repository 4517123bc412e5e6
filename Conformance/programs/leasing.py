"""A worker with leases: prints `took N` when it has job N, and `acked N` once the broker said so. Never ends by itself. With the word
`hold` it keeps the first job it has, and says no more."""
import os
import sys
import time

import redis

r = redis.from_url(os.environ["REDIS_URL"])
while True:
    try:
        for _, receipt, body in r.execute_command("GETJOB", "TIMEOUT", 1000, "LEASE", 400, "FROM", "jobs") or []:
            print("took", int(body), flush=True)
            time.sleep(1_000_000 if sys.argv[1:] == ["hold"] else 0.002)
            if r.execute_command("ACKJOB", receipt) == 1:
                print("acked", int(body), flush=True)
    except redis.exceptions.RedisError:
        time.sleep(0.02)
