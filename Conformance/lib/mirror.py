"""A relay in front of two servers: each request goes to both, one request at a time, and their replies and keys are compared.

Whoever talks to the relay sees the first server. Behind each script all keys of both are read and compared, so that the next one finds the same state on
both. What tells the time may differ by seconds: numbers that can be times, identifiers of streams, times to live.
"""
import re
import socket
import threading

from lib.resp import Closed, Connection, encode, parse

SCRIPTS = {b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO", b"FCALL", b"FCALL_RO"}
# What tells of the server itself.
UNCOMPARED = {b"HELLO", b"INFO", b"CLIENT", b"COMMAND", b"TIME", b"CONFIG", b"MEMORY"}
# Milliseconds given to a key that is to outlive a comparison.
LIFE = 600_000
STREAM_ID = re.compile(rb"(\d{13})-\d+$")


def same(a, b):
    """Whether two values are the same but for the time."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and (all(same(x, y) for x, y in zip(a, b)) or same_in_any_order(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if a == b:
        return True
    if isinstance(a, bytes) and isinstance(b, bytes):
        first, second = STREAM_ID.match(a), STREAM_ID.match(b)
        if first and second:
            return near(float(first[1]), float(second[1]))
    try:
        return near(float(a), float(b))
    except (TypeError, ValueError):
        return False


def same_in_any_order(a, b):
    """Members of a set, or fields of a hash with their values, come in no order that a server promises."""
    if len(a) % 2 == 0 and all(isinstance(key, bytes) for key in (*a[::2], *b[::2])):
        first, second = dict(zip(a[::2], a[1::2])), dict(zip(b[::2], b[1::2]))
        if len(first) == len(second) == len(a) // 2 and same(first, second):
            return True
    return sorted(map(repr, a)) == sorted(map(repr, b))


def same_replies(a, b):
    """The same of replies as they came."""
    return a == b or a[:1] == b[:1] and same(parse(a), parse(b))


def near(a, b):
    """Both are times, in seconds, milliseconds or microseconds, that are 5 seconds apart at most; or what is left of `LIFE`, in milliseconds."""
    for unit in (1, 1e3, 1e6):
        if 1e9 * unit < min(a, b) and max(a, b) < 1e10 * unit:
            return abs(a - b) <= 5 * unit
    return LIFE - 5000 < min(a, b) and max(a, b) <= LIFE


def value(connection, key, kind):
    """What a key holds, in an order of its own where the server gives none."""
    if kind == b"string":
        return connection.do("GET", key)
    if kind == b"list":
        return connection.do("LRANGE", key, 0, -1)
    if kind == b"set":
        return sorted(connection.do("SMEMBERS", key))
    if kind == b"zset":
        return connection.do("ZRANGE", key, 0, -1, "WITHSCORES")
    if kind == b"hash":
        flat = connection.do("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))
    return [fields for _, fields in connection.do("XRANGE", key, "-", "+")]


def keys(connection):
    """All keys with type and value, and whether they have a deadline."""
    found = {}
    for key in connection.do("KEYS", "*"):
        kind = connection.do("TYPE", key)
        held = value(connection, key, kind) if kind != b"none" else None
        left = connection.do("TTL", key)
        if left != -2:  # Else its time was up between KEYS and here, and what was read may be none of its value.
            found[key] = (kind, held, left)
    return found


def difference(ours, theirs):
    """The first key that is not the same, as text; None when all are."""
    for key in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(key), theirs.get(key)
        if (a is None or b is None) and (a or b)[2] in (0, 1):
            continue  # Its time is up on one of them.
        if a is None or b is None or a[0] != b[0] or not same(a[1], b[1]) or abs(a[2] - b[2]) > 5:
            return "%r\n  ours   %.600r\n  theirs %.600r" % (key, a, b)
    return None


class Mirror:
    """The relay, on a free port. `scripts` counts the scripts run; `reply` and `state` are the first differences."""

    def __init__(self, ours, theirs):
        self.ports = ours.port, theirs.port
        self.lock = threading.Lock()
        self.readers = [server.connect(timeout=60) for server in (ours, theirs)]
        self.scripts, self.reply, self.state = 0, None, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        servers = [Connection(port, timeout=60) for port in self.ports]
        source = client.makefile("rb")
        try:
            while True:
                line = source.readline()
                if not line:
                    return
                words = [source.read(int(source.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
                with self.lock:
                    client.sendall(self.both(servers, words))
        except (OSError, Closed):
            pass
        finally:
            client.close()
            for server in servers:
                server.close()

    def both(self, servers, words):
        """Has both run a request; returns the first one's reply."""
        for server in servers:
            server.send_bytes(encode(*words))
        replies = [server.raw() for server in servers]
        name = words[0].upper()
        if name not in UNCOMPARED and not same_replies(*replies):
            self.reply = self.reply or "%.500r\n  ours   %.600r\n  theirs %.600r" % (words, *replies)
        if name in SCRIPTS:
            self.scripts += 1
            self.state = self.state or self.compare(words)
        return replies[0]

    def compare(self, words):
        found = difference(*(keys(reader) for reader in self.readers))
        return found and "after %.500r\n%s" % (words, found)

    def close(self):
        self.listener.close()
        for reader in self.readers:
            reader.close()
