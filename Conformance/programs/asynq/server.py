"""A server as Asynq has it: threads that take tasks, one that keeps the queue (leases, what is due, what was abandoned, groups), one that hears of cancellations."""
import os
import threading
import time
import traceback
import uuid

import redis

from asynq.broker import CANCEL, Refused

TURN = 0.2  # Seconds between two rounds of the keeper; Asynq's are longer.


class Server:
    """Works on a queue. `handlers` are functions of payload and the task's `threading.Event` that tells of its cancellation, by kind."""

    def __init__(self, connect, handlers, threads=2, grace=1, most=5):
        self.connect, self.handlers, self.threads, self.grace, self.most = connect, handlers, threads, grace, most
        self.name = "host:%d:%s" % (os.getpid(), uuid.uuid4())
        self.in_hand = {}  # id -> its event

    def run(self):
        """Until the process ends, or a thread fails."""
        for part in [self.work] * self.threads + [self.keep, self.hear]:
            threading.Thread(target=self.guard, args=(part,), daemon=True).start()
        threading.Event().wait()

    def guard(self, part):
        try:
            part(self.connect())
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    def work(self, broker):
        while True:
            message = broker.take()
            if message is None:
                time.sleep(TURN / 4)
                continue
            cancelled = self.in_hand[message["id"]] = threading.Event()
            try:
                self.handlers[message["kind"]](message["payload"], cancelled)
            except Exception as error:
                self.end(message["id"], broker.failed, message, str(error))
            else:
                self.end(message["id"], broker.done, message)

    def end(self, id, operation, *arguments):
        """Ends a task, unless another server has taken it for abandoned and done so."""
        self.in_hand.pop(id, None)
        try:
            operation(*arguments)
        except redis.ResponseError as error:
            if str(error) != "NOT FOUND":
                raise

    def keep(self, broker):
        while True:
            held = list(self.in_hand)
            if held:
                broker.renew(*held)
            broker.write_server(self.name, "active", {id: b"worker" for id in held})
            broker.forward()
            for message in broker.abandoned(self.grace):
                self.end(message["id"], broker.failed, message, "lease expired")
            broker.delete_expired()
            broker.reclaim_sets()
            for group in broker.client.smembers(broker.prefix + "groups"):
                self.gather(broker, group.decode())
            time.sleep(TURN)

    def gather(self, broker, group):
        """A group whose time has come becomes one task."""
        set_id = str(uuid.uuid4())
        messages = broker.check_group(group, set_id, self.most, age=60, grace=30)
        if messages:
            try:
                broker.add("gathered", b" ".join(message["payload"] for message in messages), set_id)
            except Refused:
                pass
            broker.delete_set(group, set_id)

    def hear(self, broker):
        subscription = broker.client.pubsub()
        subscription.subscribe(CANCEL)
        for message in subscription.listen():
            if message["type"] == "message" and (event := self.in_hand.get(message["data"].decode())):
                event.set()
