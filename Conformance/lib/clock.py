"""A clock for bounds on time, which stands still while this process does.

A thread looks at the time now and then. Where it comes late by far, the machine stood still, or had no turn for us: that is no server's doing, and does not
count. What a server takes by itself counts in full.
"""
import threading
import time

TURN, LATE = 0.02, 0.05  # Seconds between two looks, and by how much one that is a stall comes late.


class Clock(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.lock, self.looked, self.lost, self.stalls = threading.Lock(), time.monotonic(), 0.0, []

    def run(self):
        while True:
            time.sleep(TURN)
            self.look()

    def look(self):
        with self.lock:
            now = time.monotonic()
            late = now - self.looked - TURN
            if late > LATE:
                self.lost += late
                self.stalls.append((self.looked, now))
            self.looked = now
            return now - self.lost


started = []


def now():
    """Monotonic seconds without the stalls. Only what lies between two calls means something."""
    if not started:
        started.append(Clock())
        started[0].start()
    return started[0].look()


def stalls():
    """Those since the first call: [(begin, end)], monotonic seconds."""
    now()
    return list(started[0].stalls)
