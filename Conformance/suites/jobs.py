"""Jobs with leases: Disque's client works, and workers and the broker may be killed at any time.

Goal: pydisque, which knows nothing of Martlet, does its work; no acknowledged ADDJOB is lost and no acknowledged job comes back,
whoever is killed; a stale receipt has no effect. Method: pydisque's main verbs, one after the other, as pydisque connects of itself, which
is RESP2, and in RESP3, where HELLO is a map as in Redis and pydisque's own `connect` does not read it; then jobs are added while
worker processes take them, and workers and the broker are killed with SIGKILL and started again, until all are done.
"""
import subprocess
import sys
import time

from lib import setup
from lib.server import wait_for
from suites.worker import Programs

TIME_LIMIT = 180
OURS_ALONE = "they are the broker's"

VERBS = """
import sys
import redis
from pydisque.client import Client, Node
port, protocol = int(sys.argv[1]), int(sys.argv[2])
client = Client(["127.0.0.1:%d" % port])
if protocol == 2:
    client.connect()
    assert client.hello()[:2] == [b"server", b"redis"]
else:
    client.connected_node = Node("", "127.0.0.1", port, redis.Redis(port=port, protocol=3))
fields = lambda reply: reply if protocol == 3 else dict(zip(reply[::2], reply[1::2]))
before = fields(client.qstat("q"))[b"jobs-in"] if client.qstat("q") else 0
job = client.add_job("q", "body", retry=5, ttl=100, replicate=1, maxlen=10)
assert client.qlen("q") == 1 and client.qpeek("q", 1) == [[b"q", job, b"body"]]
# The names are pydisque's; what comes first is the queue.
(queue, receipt, body), = client.get_job(["none", "q"], timeout=100, count=3)
assert (queue, body) == (b"q", b"body") and receipt.startswith(job)
assert client.working(receipt) == 5
client.nack_job(receipt)
(_, other, _, nacks, deliveries), = client.get_job(["q"], withcounters=True)
assert other != receipt and (nacks, deliveries) == (1, 0)
client.ack_job(receipt)
assert fields(client.show(job))[b"state"] == b"leased"
assert protocol == 3 or client.show(job, True)[b"state"] == b"leased"
client.fast_ack(other)
assert client.show(job) is None and client.get_job(["q"], nohang=True) == []
job = client.add_job("q", "later", delay=60, asynchronous=True)
assert client.qlen("q") == 0 and client.enqueue(job) == 1 and client.qlen("q") == 1
assert client.dequeue(job) == 1 and client.qlen("q") == 0 and client.enqueue(job) == 1
assert client.pause("q", kw_all=True) == b"all" and client.pause("q", kw_none=True) == b"none"
assert client.qscan() == [b"0", [b"q"]] and client.jscan(queue="q", state=["ready"]) == [b"0", [job]]
assert fields(client.qstat("q"))[b"jobs-in"] == before + 2
assert protocol == 3 or client.qstat("q", True)[b"jobs-in"] == 2
assert client.del_job(job) == 1 and client.qlen("q") == 0
print("fine")
"""


def verbs(run, server):
    for protocol in "2", "3":
        result = subprocess.run([sys.executable, "-c", VERBS, str(server.port), protocol], env={"PYTHONPATH": setup.python_path("redis-py-5", "pydisque")},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        run.equal("pydisque's verbs in RESP" + protocol, result.stdout[-600:], "fine\n")


def kills(run, server):
    """Adds jobs while workers and the broker are killed; then waits until all are done."""
    programs = Programs(run, server, "redis-py-5")
    workers = [programs.start("leasing") for _ in range(3)]
    added, number, rounds = set(), 0, max(4, int(12 * run.scale))
    try:
        for number_of_round in range(rounds):
            holder = programs.start("leasing", "hold")
            with server.connect() as connection:
                def add():
                    nonlocal number
                    number += 1
                    connection.do("ADDJOB", "jobs", number, 0)
                    added.add(number)

                for _ in range(60):
                    add()
                # The others take jobs as well: there are more until this one has its own.
                run.check("a worker has a job when it is killed", wait_for(lambda: add() or programs.lines([holder]), 20), programs.trouble())
            holder.kill()
            victim = run.random.randrange(len(workers))
            workers[victim].kill()
            workers[victim].wait()
            workers.append(programs.start("leasing"))
            workers.pop(victim)
            if number_of_round % 2 == 1:
                server.kill()
                server.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with server.connect() as connection:
                fields = connection.do("QSTAT", "jobs")
            state = dict(zip(fields[::2], fields[1::2]))
            if not state[b"ready"] and not state[b"leased"] and not state[b"scheduled"]:
                break
            time.sleep(0.1)
        run.equal("all jobs come to an end", [state[b"ready"], state[b"leased"], state[b"scheduled"]], [0, 0, 0])
    finally:
        programs.end()
    lines = programs.lines(programs.started)
    took = {job for word, job in lines if word == "took"}
    acked = [job for word, job in lines if word == "acked"]
    run.equal("no acknowledged ADDJOB is lost", sorted(added - took), [])
    run.equal("no job is acknowledged twice", len(acked), len(set(acked)))
    run.check("jobs of killed workers were taken again", sum(word == "took" for word, _ in lines) >= len(added) + rounds, programs.trouble())


def stale(run, server):
    """Receipts of before a restart, a flush and another delivery."""
    with server.connect() as connection:
        connection.do("ADDJOB", "s", "body", 0)
        (_, old, _), = connection.do("GETJOB", "LEASE", 50, "FROM", "s")
        (_, new, _), = connection.do("GETJOB", "FROM", "s")
        run.check("each delivery has its receipt", old != new)
    server.kill()
    server.start()
    with server.connect() as connection:
        run.equal("a stale receipt has no effect after kill -9", [connection.do("ACKJOB", old), connection.do("ACKJOB", new)], [0, 1])
        connection.do("FLUSHALL")
        ids = connection.do("ADDJOB", "s", "body", 0)
        run.check("an id never comes back", not new.startswith(ids))


def run(run):
    server = run.start()
    for part in (verbs, kills, stale):
        run.part(part, run, server)
