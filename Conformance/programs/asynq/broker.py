"""A queue as Asynq keeps it: `asynq:{QUEUE}:pending`, `active`, `lease`, `scheduled`, `retry`, `archived`, `completed`, a hash for each task, counters, groups.

A message is bytes that the scripts pass on unread (Asynq's are protocol buffers). Times are whole seconds, as Asynq has them.
"""
import hashlib
import marshal
import time

from asynq import scripts

STATISTICS_SECONDS = 90 * 86400
ARCHIVED_SECONDS = 90 * 86400
GREATEST = (1 << 63) - 1
CANCEL = "asynq:cancel"


class Refused(Exception):
    """A task of this name, or with this unique key, is there already."""


class Broker:
    """The operations. `lease` is how many seconds a task may be in hand without being renewed, `archived_most` how many are put aside at most.
    `clock` tells the time, in seconds."""

    def __init__(self, client, queue="default", lease=30, archived_most=10_000, clock=time.time):
        self.client, self.queue, self.lease, self.archived_most, self.clock = client, queue, lease, archived_most, clock
        self.prefix = "asynq:{%s}:" % queue
        self.tasks, self.groups = self.prefix + "t:", self.prefix + "g:"
        self.loaded = {}

    def key(self, *names):
        return [self.prefix + name for name in names]

    def run(self, name, keys, *arguments):
        if name not in self.loaded:
            self.loaded[name] = self.client.register_script(getattr(scripts, name))
        return self.loaded[name](keys=keys, args=arguments)

    # --- Adding

    def add(self, kind, payload, id, retries=25, due=None, group=None, unique=None, retention=0):
        """Adds a task: at once, for a time, or to a group. `unique` is for how many seconds no other of this kind and payload may come."""
        lock = self.prefix + "unique:%s:%s" % (kind, hashlib.md5(payload).hexdigest()) if unique else ""
        message = {"kind": kind, "payload": payload, "id": id, "retries": retries, "retried": 0, "lock": lock, "retention": retention, "error": ""}
        self.client.sadd("asynq:queues", self.queue)
        name, place, when = "ENQUEUE", ["pending"], int(self.clock() * 1e9)
        if group:
            name, place, when = "ADD_TO_GROUP", ["g:" + group, "groups"], int(self.clock())
        elif due:
            name, place, when = "SCHEDULE", ["scheduled"], int(due)
        keys = self.key("t:" + id, *place) + ([lock] if unique else [])
        added = self.run(name + ("_UNIQUE" if unique else ""), keys, id, marshal.dumps(message), when, group or "", unique or 0)
        if added != 1:
            raise Refused(added)
        return id

    # --- A task in hand

    def take(self):
        """The next task's message, or None."""
        found = self.run("DEQUEUE", self.key("pending", "paused", "active", "lease"), int(self.clock()) + self.lease, self.tasks)
        return found and marshal.loads(found)

    def renew(self, *ids):
        until = int(self.clock()) + self.lease
        return self.client.zadd(self.prefix + "lease", {id: until for id in ids}, xx=True)

    def counters(self, *names):
        day = time.strftime(":%Y-%m-%d", time.gmtime(self.clock()))
        return [name + day for name in names] + list(names)

    def end(self, name, message, places, *arguments, lock=""):
        keys = self.key("active", "lease", "t:" + message["id"], *places) + ([lock] if lock else [])
        return self.run(name + ("_UNIQUE" if lock else ""), keys, message["id"], int(self.clock()) + STATISTICS_SECONDS, GREATEST, *arguments)

    def done(self, message):
        """The task has succeeded: it goes, or is kept for a while."""
        counters = self.counters("processed")
        if not message["retention"]:
            return self.end("DONE", message, counters, lock=message["lock"])
        until = int(self.clock()) + message["retention"]
        return self.end("COMPLETE", message, counters + ["completed"], marshal.dumps(message), until, lock=message["lock"])

    def requeue(self, message):
        return self.end("REQUEUE", message, ["pending"])

    def failed(self, message, error, delay=1, counts=True):
        """The task comes again after `delay` seconds, or is put aside if it has failed often enough."""
        now, counters = int(self.clock()), self.counters("processed", "failed")
        if message["retried"] >= message["retries"]:
            changed = marshal.dumps({**message, "error": error})
            return self.end("ARCHIVE", message, counters + ["archived"], changed, now, now - ARCHIVED_SECONDS, self.archived_most, self.tasks)
        changed = marshal.dumps({**message, "retried": message["retried"] + counts, "error": error})
        return self.end("RETRY", message, counters + ["retry"], changed, now + delay, int(counts))

    # --- Now and then

    def forward(self):
        """What is due becomes pending."""
        for place in ("scheduled", "retry"):
            while self.run("FORWARD", self.key(place, "pending"), int(self.clock()), int(self.clock() * 1e9), self.tasks, self.groups):
                pass

    def abandoned(self, grace):
        """The messages of tasks whose lease ended more than `grace` seconds ago."""
        return [marshal.loads(found) for found in self.run("LEASES_ENDED", self.key("lease"), int(self.clock()) - grace, self.tasks)]

    def delete_expired(self, now=None):
        while self.run("DELETE_EXPIRED", self.key("completed"), now or int(self.clock()), 100, self.tasks):
            pass

    def check_group(self, group, set_id, most, age, grace, now=None):
        """The messages of a set made of the group's tasks, or None if it is not yet time."""
        now = now or int(self.clock())
        keys = self.key("g:" + group, "g:%s:%s" % (group, set_id), "aggregation_sets", "groups")
        if not self.run("CHECK_GROUP", keys, most, age, grace, now + 120, now, group):
            return None
        return [marshal.loads(found) for found in self.run("READ_SET", keys[1:2], self.tasks)]

    def delete_set(self, group, set_id):
        return self.run("DELETE_SET", self.key("g:%s:%s" % (group, set_id), "aggregation_sets"), self.tasks)

    def reclaim_sets(self, now=None):
        return self.run("RECLAIM_SETS", self.key("aggregation_sets"), now or int(self.clock()))

    # --- Servers, schedules, and who looks on

    def write_server(self, name, state, in_hand, seconds=10):
        """A server tells that it lives, and what it has in hand."""
        until = int(self.clock()) + seconds
        keys = ["asynq:servers:{%s}" % name, "asynq:workers:{%s}" % name]
        self.client.zadd("asynq:servers", {keys[0]: until})
        self.client.zadd("asynq:workers", {keys[1]: until})
        return self.run("WRITE_SERVER", keys, seconds, state, *(part for pair in in_hand.items() for part in pair))

    def clear_server(self, name):
        keys = ["asynq:servers:{%s}" % name, "asynq:workers:{%s}" % name]
        self.client.zrem("asynq:servers", keys[0])
        self.client.zrem("asynq:workers", keys[1])
        return self.run("CLEAR_SERVER", keys)

    def write_entries(self, scheduler, entries, seconds=10):
        key = "asynq:schedulers:{%s}" % scheduler
        self.client.zadd("asynq:schedulers", {key: int(self.clock()) + seconds})
        return self.run("WRITE_ENTRIES", [key], seconds, *entries)

    def record_event(self, entry, event, kept=1000):
        return self.run("RECORD_EVENT", ["asynq:scheduler_history:" + entry], int(self.clock()), event, kept)

    def run_now(self, id):
        return self.run("RUN_NOW", self.key("t:" + id, "pending", "groups"), id, self.prefix, self.groups)

    def pause(self):
        return self.client.setnx(self.prefix + "paused", int(self.clock()))

    def resume(self):
        return self.client.delete(self.prefix + "paused")

    def statistics(self):
        """How many tasks are where."""
        names = ["pending", "active", "scheduled", "retry", "archived", "completed", "paused", "groups"]
        found = self.run("STATISTICS", self.key(*names, *self.counters("processed", "failed")), self.tasks, self.groups)
        return {name.decode().removeprefix(self.prefix): number for name, number in zip(found[::2], found[1::2])}
