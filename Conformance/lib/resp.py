"""The raw RESP client: requests as bytes, replies byte for byte.

No client library is used where replies are compared, since a library would hide what differs.
`Connection.raw()` gives one reply as the exact bytes received; `parse()` turns such bytes into values.
"""
import socket


class Closed(Exception):
    """The server closed the connection."""


class Error(Exception):
    """An error reply as a value: equal when code and text are equal."""

    def __eq__(self, other):
        return isinstance(other, Error) and self.args == other.args

    __hash__ = Exception.__hash__


def to_bytes(argument):
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode("utf-8", "surrogateescape")


def encode(*arguments):
    """A request as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = to_bytes(argument)
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """One connection, TCP (`port`) or Unix (`path`). Replies are read in order."""

    def __init__(self, port=None, path=None, protocol=2, timeout=10.0, host="127.0.0.1"):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection((host, port), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.buffer = bytearray()
        self.scanned = 0  # bytes of the buffer known to be part of the reply being read
        self.missing = 1  # values the reply being read still lacks
        if protocol == 3:
            self.call("HELLO", "3")

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def fileno(self):
        return self.socket.fileno()

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed(str(error)) from None

    def send(self, *arguments):
        self.send_bytes(encode(*arguments))

    def _receive(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def _scan(self):
        """Moves over what has arrived; true when one whole reply lies at the buffer's start."""
        while self.missing:
            line_end = self.buffer.find(b"\r\n", self.scanned)
            if line_end < 0:
                return False
            kind = self.buffer[self.scanned:self.scanned + 1]
            end, more = line_end + 2, 0
            if kind in (b"$", b"=", b"!"):
                size = int(self.buffer[self.scanned + 1:line_end])
                if size >= 0:
                    end += size + 2
                if len(self.buffer) < end:
                    return False
            elif kind in (b"*", b"~", b">", b"%", b"|"):
                more = max(0, int(self.buffer[self.scanned + 1:line_end]))
                more = more * 2 if kind in (b"%", b"|") else more
                more += kind == b"|"
            self.scanned = end
            self.missing += more - 1
        return True

    def raw(self):
        """The exact bytes of the next reply."""
        while not self._scan():
            self._receive()
        reply = bytes(self.buffer[:self.scanned])
        del self.buffer[:self.scanned]
        self.scanned, self.missing = 0, 1
        return reply

    def arrived(self, wait=2.0):
        """The replies that have arrived by now; one begun is read to its end. `None` at the end: closed."""
        replies = []
        closed = False
        self.socket.setblocking(False)
        try:
            while True:
                self._receive()
        except BlockingIOError:
            pass
        except Closed:
            closed = True
        self.socket.settimeout(wait)
        try:
            while self.buffer:
                replies.append(self.raw())
        except Closed:
            closed = True
        self.socket.settimeout(self.timeout)
        return replies + [None] if closed else replies

    def read(self):
        return parse(self.raw())

    def call(self, *arguments):
        """Sends and returns the reply's value; an error reply is returned as `Error`, not raised."""
        self.send(*arguments)
        return self.read()

    def do(self, *arguments):
        """As `call`, but raises error replies."""
        reply = self.call(*arguments)
        if isinstance(reply, Error):
            raise reply
        return reply

    def read_to_end(self):
        """Everything until the server closes (or the timeout runs out, which raises)."""
        try:
            while True:
                self._receive()
        except Closed:
            pass
        data = bytes(self.buffer)
        self.buffer.clear()
        return data


def parse(raw):
    """Values of a reply: bytes, int, float, bool, None, list, dict, Error."""
    value, end = _parse(raw, 0)
    assert end == len(raw), raw
    return value


def _key(value):
    return tuple(value) if isinstance(value, list) else value


def _parse(raw, start):
    line_end = raw.index(b"\r\n", start)
    kind, line, end = raw[start:start + 1], raw[start + 1:line_end], line_end + 2
    if kind == b"+":
        return line, end
    if kind == b"-":
        return Error(line.decode("utf-8", "backslashreplace")), end
    if kind in (b":", b"("):
        return int(line), end
    if kind == b",":
        return float(line), end
    if kind == b"#":
        return line == b"t", end
    if kind == b"_":
        return None, end
    size = int(line)
    if kind in (b"$", b"=", b"!"):
        if size < 0:
            return None, end
        data = raw[end:end + size]
        if kind == b"!":
            return Error(data.decode("utf-8", "backslashreplace")), end + size + 2
        return (data[4:] if kind == b"=" else data), end + size + 2
    if kind in (b"*", b"~", b">"):
        if size < 0:
            return None, end
        items = []
        for _ in range(size):
            value, end = _parse(raw, end)
            items.append(value)
        return items, end
    if kind in (b"%", b"|"):
        table = {}
        for _ in range(size):
            key, end = _parse(raw, end)
            table[_key(key)], end = _parse(raw, end)
        return (table, end) if kind == b"%" else _parse(raw, end)
    raise ValueError("no RESP: %r" % raw[start:start + 40])


def quoted(argument):
    """An argument as redis-cli would take it."""
    data = to_bytes(argument)
    if len(data) > 120:
        return '"%s..." (%d bytes)' % (data[:40].decode("latin-1").encode("unicode_escape").decode(), len(data))
    if data and all(0x21 <= byte < 0x7F and byte not in b"\"'\\" for byte in data):
        return data.decode()
    text = "".join(
        chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else {10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}.get(b, "\\x%02x" % b)
        for b in data)
    return '"%s"' % text


def script_line(arguments):
    shown = [quoted(a) for a in arguments[:40]]
    return " ".join(shown) + (" ... (%d arguments)" % len(arguments) if len(arguments) > 40 else "")
