"""Random commands on the server under test and on redis-server beside it: replies equal byte for byte.

Goal: every command of the families in lib/commands.py answers as redis-server does, in RESP2 and RESP3, with odd
arguments as well, and what it left in the keyspace is the same; and the log holds what the commands did.
Method: histories of random commands from a printed seed. Families of one connection go out in pipelines; families
of several (blocking, transactions, connections, access) step by step, each step settled by two PINGs on another
connection, so that it is known what every connection has received. The first difference ends a history; it is shrunk
(steps are left out as long as some difference remains) and printed as a redis-cli script. At the end of each
pipelined family the broker is killed with -9 and must come back with the same keys.
Compared loosely, because no order or value is promised: times in XINFO and XPENDING, KEYS, the members of sets and fields of hashes, SCAN and its kin
(whole iterations, as sets), RANDOMKEY, SRANDMEMBER, HRANDFIELD, times to live (to the second, and the time between the two servers), TIME, LASTSAVE, ids, MEMORY USAGE, idle times, SORT BY with ALPHA, the id and version in HELLO.
"""
import math
import random
import time

from lib import commands, server as servers
from lib.resp import Closed, Connection, Error, encode, parse, quoted, script_line

TIME_LIMIT = 300
FAILURES_PER_COMMAND = 2  # after so many a command is left out, so that the rest is compared as well


# What histories change, and what both servers have when one begins.
SETTINGS = [word for pair in {
    "hash-max-listpack-entries": 512, "set-max-intset-entries": 512, "zset-max-listpack-entries": 128, "zset-max-listpack-value": 64,
    "stream-node-max-entries": 100, "notify-keyspace-events": ""}.items() for word in pair]


class Step:
    """One command on one connection; `wait`: its reply comes after a short term; `sleep`: a key expires after it."""
    __slots__ = ("connection", "arguments", "wait", "sleep", "settling")

    def __init__(self, connection, arguments, wait=False, sleep=0.0, settling=False):
        self.connection, self.arguments, self.wait = connection, arguments, wait
        self.sleep, self.settling = sleep, settling

    @property
    def name(self):
        return self.arguments[0].decode("latin-1").upper()


class Side:
    """One of the two servers, with its connections."""

    def __init__(self, server, protocol):
        self.server, self.protocol = server, protocol
        self.connections, self.ids = {}, {}
        self.control = None

    def reset(self):
        """Empties the server and closes all connections."""
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()
        self.ids.clear()
        if not self.server.alive:
            self.server.start()
        if self.control:
            self.control.close()
        self.control = Connection(self.server.port)
        for request in (["PING"], ["FLUSHALL"], ["ACL", "DELUSER", "u1", "u2"], ["CONFIG", "SET", *SETTINGS]):
            self.control.do(*request)

    def connection(self, number):
        if number not in self.connections:
            self.connections[number] = connection = Connection(self.server.port, timeout=20)
            self.ids[number] = connection.call("CLIENT", "ID")
            if self.protocol == 3:
                connection.call("HELLO", "3")
        return self.connections[number]

    def filled(self, arguments):
        """The arguments with this server's client ids in their places."""
        if not any(b"@ID" in argument for argument in arguments):
            return arguments
        for number in range(5):
            self.connection(number)
            place = b"@ID%d@" % number
            arguments = [a.replace(place, str(self.ids[number]).encode()) for a in arguments]
        return arguments

    def drop(self, number):
        """Forgets a connection that was closed; the next step on it opens a new one."""
        if number in self.connections:
            self.connections.pop(number).close()
            self.ids.pop(number, None)


# Comparing

STRING_ENCODINGS = {b"int", b"embstr", b"raw"}
UNORDERED = {"KEYS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "SPOP", "HGETALL", "HKEYS", "HVALS"}
SCANS = {"SCAN": 1, "SSCAN": 2, "HSCAN": 2, "ZSCAN": 2}  # which word is the cursor
TIMES = {"TTL": 1, "PTTL": 1000, "EXPIRETIME": 1, "PEXPIRETIME": 1000}  # name -> units in a second


def texts(value):
    return {k: v for k, v in (w.split(b"=", 1) for w in value.split() if b"=" in w)} if isinstance(value, bytes) else value


def alike(x, y):
    """Whether two elements of EXEC's reply are equal but for what no two servers have alike."""
    if x == y:
        return True
    if isinstance(x, bytes) and isinstance(y, bytes):
        return {x, y} <= STRING_ENCODINGS or (b" addr=" in x and b" addr=" in y)
    return isinstance(x, (list, dict)) and isinstance(y, (list, dict)) and b"proto" in x and b"proto" in y


def paired(name, value):
    """The elements of a reply without an order, those of a map in pairs."""
    if isinstance(value, dict):
        return list(value.items())
    return list(zip(value[::2], value[1::2])) if name == "HGETALL" else list(value)


def timeless(value):
    """What XINFO says, without times and without what is of Redis' radix tree alone."""
    if isinstance(value, dict):
        value = [word for pair in value.items() for word in pair]
    if isinstance(value, list):
        return [None if i and value[i - 1] in (b"idle", b"radix-tree-nodes") else timeless(x) for i, x in enumerate(value)]
    return None if isinstance(value, int) and value > 10 ** 12 else value


def same(arguments, ours, theirs, apart=1.5):
    """Whether two replies to one command say the same; `apart`: seconds between the moments the servers had it."""
    if ours == theirs:
        return True
    if ours is None or theirs is None or not ours or not theirs or ours[:1] != theirs[:1]:
        return False
    name = arguments[0].decode("latin-1").upper()
    sub = arguments[1].upper() if len(arguments) > 1 else b""
    if ours[:1] == b"-":
        return False
    a, b = parse(ours), parse(theirs)
    if name in TIMES:
        return a > 0 and b > 0 and abs(a - b) <= apart * TIMES[name]
    if name in UNORDERED:
        # Pairs stay pairs: RESP2 has the map of HGETALL flat.
        return sorted(paired(name, a), key=repr) == sorted(paired(name, b), key=repr)
    if name in ("SRANDMEMBER", "HRANDFIELD"):
        return type(a) is type(b) and (not isinstance(a, list) or len(a) == len(b))
    if name == "COMMAND" and sub == b"LIST":
        return sorted(a) == sorted(b)
    if name in SCANS:
        return type(a) is type(b)  # From another cursor than 0: it means nothing to another server.
    if name == "EXEC":
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    if (name, sub) == ("OBJECT", b"ENCODING"):
        # Short strings show how Redis came to store them (raw after APPEND); ours show what they are.
        return {a, b} <= STRING_ENCODINGS
    if name == "ZRANDMEMBER" and len(arguments) > 2:
        return len(a) == len(b)
    if name in ("RANDOMKEY", "ZRANDMEMBER"):
        return (a is None) == (b is None)
    if name == "TIME":
        return len(a) == len(b) and abs(int(a[0]) - int(b[0])) <= 1 + apart
    if name == "LASTSAVE" or (name, sub) in (("CLIENT", b"ID"), ("MEMORY", b"USAGE"), ("OBJECT", b"IDLETIME"), ("OBJECT", b"REFCOUNT")):
        return type(a) is type(b)
    if name in ("SORT", "SORT_RO") and {b"BY", b"ALPHA"} <= {x.upper() for x in arguments} and isinstance(a, list):
        return sorted(map(repr, a)) == sorted(map(repr, b))
    if name in ("SORT", "SORT_RO") and isinstance(a, list) and arguments[1] in commands.SORTED_SETS and any(x.upper() == b"BY" and b"*" not in y for x, y in zip(arguments, arguments[1:])):
        # Not sorted at all: a set is shown in the order of its hash table; of that LIMIT takes some.
        return len(a) == len(b) if b"LIMIT" in {x.upper() for x in arguments} else sorted(map(repr, a)) == sorted(map(repr, b))
    if name == "XINFO":
        return timeless(a) == timeless(b)
    if name == "XPENDING":
        # The time since an entry was delivered, of each.
        return [x[:2] + x[3:] if isinstance(x, list) else x for x in a] == [x[:2] + x[3:] if isinstance(x, list) else x for x in b]
    if name == "HELLO":
        a, b = (dict(zip(v[::2], v[1::2])) if isinstance(v, list) else v for v in (a, b))
        return all(a.get(field) == b.get(field) for field in (b"server", b"proto", b"mode", b"role", b"modules"))
    if name == "CLIENT" and sub in (b"LIST", b"INFO"):
        # Newer fields may be there; those that do not depend on buffers and ids are equal.
        a, b = texts(a), texts(b)
        return set(b) <= set(a) and all(a[f] == b[f] for f in (b"name", b"db", b"user", b"resp", b"multi", b"cmd", b"sub") if f in b)
    if name == "ACL" and sub == b"GETUSER" and len(a) == len(b):
        # How few rules describe the same set of commands is not promised; DRYRUN compares what they mean.
        a, b = (dict(zip(v[::2], v[1::2])) if isinstance(v, list) else v for v in (a, b))
        a, b = ({k: len(v) if k == b"selectors" else v for k, v in t.items() if k != b"commands"} for t in (a, b))
        return a == b
    if name == "ACL" and sub == b"LIST":
        return True
    return False


# Running a history on both

def scan_all(connection, arguments):
    """A whole iteration; its keys as a set, fields with their values, members with their scores. An error is given as it is."""
    found, cursor = set(), b"0"
    name = arguments[0].decode("latin-1").upper()
    place = SCANS[name]
    for _ in range(20_000):
        connection.send(*arguments[:place], cursor, *arguments[place + 1:])
        raw = connection.raw()
        reply = parse(raw)
        if not isinstance(reply, list) or len(reply) != 2:
            return raw
        cursor = reply[0]
        found.update(zip(reply[1][::2], reply[1][1::2]) if name in ("HSCAN", "ZSCAN") else reply[1])
        if cursor == b"0":
            return repr(sorted(found)).encode()
    return b"the iteration does not end"


def replies_of(side, steps):
    """Replies to steps of connection 0, pipelined. A closed connection ends the list with None."""
    replies = []
    try:
        connection = side.connection(0)
        start = 0
        while start < len(steps):
            end = start
            while end < len(steps) and not steps[end].sleep and not is_scan(steps[end]):
                end += 1
            connection.send_bytes(b"".join(encode(*step.arguments) for step in steps[start:end]))
            for _ in steps[start:end]:
                replies.append(connection.raw())
            if end < len(steps):
                step = steps[end]
                if is_scan(step):
                    replies.append(scan_all(connection, step.arguments))
                else:
                    connection.send(*step.arguments)
                    replies.append(connection.raw())
                    time.sleep(step.sleep)
                    if len(step.arguments) > 1:
                        connection.call("EXISTS", step.arguments[1])  # Touched, it is gone: DBSIZE need not guess.
                end += 1
            start = end
    except (Closed, OSError):
        replies.append(None)
    return replies


def is_scan(step):
    place = SCANS.get(step.name)
    return place is not None and len(step.arguments) > place and step.arguments[place] in (b"0", b"", b"-0")


class Difference:
    def __init__(self, index, connection, ours, theirs):
        self.index, self.connection, self.ours, self.theirs = index, connection, ours, theirs


def run_pipelined(ours, theirs, steps):
    ours.reset()
    theirs.reset()
    begin = time.monotonic()
    a, b = replies_of(ours, steps), replies_of(theirs, steps)
    apart = 1 + time.monotonic() - begin
    for index, step in enumerate(steps):
        x, y = (r[index] if index < len(r) else None for r in (a, b))
        if not same(step.arguments, x, y, apart):
            return Difference(index, 0, x, y)
        if x is None:
            break
    return None


SETTLING = {"CLIENT", "ACL", "QUIT", "EXEC", "BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BRPOPLPUSH", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "XREAD", "XREADGROUP"}


class Stepper:
    """Takes both sides through a history of several connections, in step."""

    def __init__(self, ours, theirs):
        self.sides = (ours, theirs)
        for side in self.sides:
            side.reset()
        self.waiting = {}  # connection -> the command it is blocked in
        self.silent = set()  # connections whose last command had no reply
        self.listening = False  # whether any connection may be sent messages
        self.got = None

    def take(self, step):
        """Sends the step to both; returns for each side what each connection has received since."""
        got = [{}, {}]
        self.listening = self.listening or "SUBSCRIBE" in step.name
        alone = not (self.waiting or self.silent or self.listening or step.name in SETTLING)
        patient = alone or (step.wait and step.connection not in self.silent)
        failed = [False, False]

        def each_side(action):
            for index, side in enumerate(self.sides):
                if not failed[index]:
                    try:
                        action(side, got[index])
                    except (Closed, OSError):
                        failed[index] = True
                        got[index][step.connection] = got[index].get(step.connection, []) + [None]
                        side.drop(step.connection)

        def await_reply(side, received):
            connection = side.connection(step.connection)
            connection.socket.settimeout(0.5 if step.wait else 5)
            try:
                received[step.connection] = [connection.raw()]
            except TimeoutError:
                pass
            connection.socket.settimeout(connection.timeout)

        def collect(side, received):
            for number, connection in list(side.connections.items()):
                received[number] = received.get(number, []) + connection.arrived()
                if None in received[number]:
                    side.drop(number)

        each_side(lambda side, _: side.connection(step.connection).send(*side.filled(step.arguments)))
        if patient:
            each_side(await_reply)
        if not alone:
            for _ in range(2):
                each_side(lambda side, _: side.control.send("PING"))
                each_side(lambda side, _: side.control.raw())
            each_side(collect)
            # What was sent before the PONG may still be on its way through a busy machine.
            for _ in range(20):
                if all(len(got[0].get(n, [])) == len(got[1].get(n, [])) for n in set(got[0]) | set(got[1])):
                    break
                time.sleep(0.01)
                each_side(collect)
        return got

    def step(self, step):
        """Takes one step; returns (connection, ours, theirs) where they differ."""
        if step.connection in self.waiting:
            return None
        a, b = self.take(step)
        for number in sorted(set(a) | set(b)):
            x, y = a.get(number, []), b.get(number, [])
            arguments = step.arguments if number == step.connection else self.waiting.get(number, [b"?"])
            if step.name == "QUIT" and not y and x == [None]:
                # After CLIENT REPLY OFF, redis-server 7.0 forgets to close and hears nothing more; nobody wants that.
                self.sides[1].drop(number)
                continue
            if step.name == "EXEC" and not x and y:
                # After CLIENT REPLY OFF in a transaction redis-server 7.0 sends the head of an array without its end.
                for side in self.sides:
                    side.drop(number)
                continue
            if len(x) != len(y) or not all(same(arguments, r, s) for r, s in zip(x, y)):
                return number, *(b"".join(r or b"(closed)" for r in replies) for replies in (x, y))
            if y:
                self.waiting.pop(number, None)
                self.silent.discard(number)
        if not b.get(step.connection):
            if step.name.startswith(("BL", "BR", "BZ", "XREAD")):
                self.waiting[step.connection] = step.arguments
            else:
                self.silent.add(step.connection)
        return None if self.sides[0].server.alive else (step.connection, None, b"")


def run_stepped(ours, theirs, steps):
    stepper = Stepper(ours, theirs)
    for index, step in enumerate(steps):
        found = stepper.step(step)
        if found:
            return Difference(index, *found)
    return None


# Shrinking and showing

def shrink(execute, ours, theirs, steps, difference, seconds=6.0):
    """Leaves out what is not needed for a difference. Returns the steps left and their difference."""
    deadline = time.monotonic() + seconds
    steps = steps[:difference.index + 1]
    size = max(1, len(steps) // 2)
    while time.monotonic() < deadline:
        start, smaller = 0, False
        while start < len(steps) and time.monotonic() < deadline:
            attempt = steps[:start] + steps[start + size:]
            found = execute(ours, theirs, attempt) if attempt else None
            if found:
                steps, difference, smaller = attempt[:found.index + 1], found, True
            else:
                start += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2)
    return steps, difference


def shown(reply):
    if reply is None:
        return "(connection closed)"
    return repr(reply[:300])[1:] + (" ... (%d bytes)" % len(reply) if len(reply) > 300 else "")


def script(steps, difference, protocol, seed):
    several = any(step.connection for step in steps)
    where = " on connection %s" % "ABCDEF"[difference.connection] if several else ""
    # The difference comes first: a long script is cut where it is printed.
    lines = ["RESP%d, seed %s" % (protocol, seed), "here%s:  %s" % (where, shown(difference.ours)), "redis%s: %s" % (where, shown(difference.theirs))]
    for step in steps:
        lines.append("%s> %s%s" % ("ABCDEF"[step.connection] if several else "", script_line(step.arguments), "   (then wait %g s)" % step.sleep if step.sleep else ""))
    return "\n".join(lines)


# The families

class Comparison:
    """The state of one run: how many commands were compared, which failed."""

    def __init__(self, run):
        self.run, self.compared, self.failures = run, 0, {}

    def muted(self, family):
        return {name for (f, name), count in self.failures.items() if f == family and count >= FAILURES_PER_COMMAND}

    def report(self, family, execute, ours, theirs, steps, difference, protocol, seed):
        step = steps[difference.index]
        if difference.ours is not None and difference.ours.startswith(b"-ERR unknown command") and not (difference.theirs or b"").startswith(b"-ERR unknown"):
            self.failures[family, step.name] = FAILURES_PER_COMMAND
            self.run.check("%s %s" % (family, step.name), False, "not there: " + shown(difference.ours))
            return
        small, found = shrink(execute, ours, theirs, steps, difference)
        guilty = [s for s in small if not s.settling] or small
        name = guilty[-1].name
        key = (family, name)
        self.failures[key] = self.failures.get(key, 0) + 1
        if not ours.server.alive:
            small_log = "\nthe server ended: exit code %s\n%s" % (ours.server.process.returncode, ours.server.log_tail())
        else:
            small_log = ""
        self.run.check("%s %s" % (family, name if name.isprintable() and len(name) < 40 else "odd names"), False,
                       script(small, found, protocol, seed) + small_log)

    def passed(self, family, steps):
        for name in {step.name for step in steps if not step.settling}:
            self.run.check("%s %s" % (family, name if name and name.isprintable() and len(name) < 40 else "odd names"), True)


def closing_steps(steps):
    """What the history left behind: every key it named, in each database."""
    keys = sorted({argument for step in steps for argument in step.arguments[1:4] if len(argument) < 40})[:60]
    last = []
    for database in (b"0", b"1", b"2"):
        last += [[b"SELECT", database], [b"DBSIZE"], [b"KEYS", b"*"]]
        for key in keys:
            last += [[b"TYPE", key], [b"PTTL", key], [b"GET", key], [b"LRANGE", key, b"0", b"-1"], [b"HGETALL", key], [b"SMEMBERS", key],
                     [b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], [b"XRANGE", key, b"-", b"+"], [b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"]]
    return [Step(0, arguments, settling=True) for arguments in last]


def pipelined_history(family, source, muted):
    steps = []
    for _ in range(source.choice((20, 150, 300))):
        entry, arguments = commands.generate(source, commands.PIPELINED[family], muted, bent=family != "server")
        if entry.startswith("SORT"):
            # SORT of redis-server takes an overflow of any earlier command for one of its own; reading a score forgets it.
            steps.append(Step(0, [b"ZADD", b"no scores", b"XX", b"0", b"x"], settling=True))
        steps.append(Step(0, arguments, sleep=0.025 if entry in ("PEXPIRE ", "SET  ") else 0.0))
    return steps if family == "server" else steps + closing_steps(steps)


def stepped_history(family, source):
    pool = commands.Pool(source)
    steps = []
    for _ in range(source.choice((30, 100))):
        connection, arguments, wait = commands.STEPPED[family](pool)
        steps.append(Step(connection, arguments, wait))
    return steps


# How many histories of a family are compared in each protocol at scale 1, a fixed number so that a seed passes or fails alike.
HISTORIES = {"expiry": 8, "scan": 12, "mixed": 16, "server": 120}
HISTORIES_OF_OTHERS = 32


def compare_family(comparison, family, ours, theirs):
    run = comparison.run
    stepped = family in commands.STEPPED
    execute = run_stepped if stepped else run_pipelined
    protocols = (2, 3) if family != "connections" else (2,)
    for protocol in protocols:
        a, b = Side(ours, protocol), Side(theirs, protocol)
        for number in range(1, 1 + math.ceil(HISTORIES.get(family, HISTORIES_OF_OTHERS) * run.scale)):
            seed = "%s/%s/%d/%d" % (run.seed, family, protocol, number)
            source = random.Random(seed)
            muted = comparison.muted(family)
            steps = stepped_history(family, source) if stepped else pipelined_history(family, source, muted)
            steps = [step for step in steps if step.name not in muted]
            difference = execute(a, b, steps)
            comparison.compared += (difference.index + 1) if difference else len(steps)
            if difference:
                comparison.report(family, execute, a, b, steps, difference, protocol, seed)
            else:
                comparison.passed(family, steps)
            run.note("%s, RESP%d: %d commands compared" % (family, protocol, comparison.compared))


def dump(server):
    """Every key of the first three databases with type, value and expiry."""
    state = {}
    with server.connect() as connection:
        for database in range(3):
            connection.call("SELECT", database)
            for key in sorted(connection.do("KEYS", "*")):
                kind = connection.do("TYPE", key)
                if kind == b"stream":
                    # How entries lie together is a matter of settings, which are not kept.
                    about = timeless(connection.do("XINFO", "STREAM", key, "FULL", "COUNT", 0))
                    value = about[:2] + about[4:]
                else:
                    read = {b"string": ("GET", key), b"list": ("LRANGE", key, 0, -1), b"hash": ("HGETALL", key), b"set": ("SMEMBERS", key),
                            b"zset": ("ZRANGE", key, 0, -1, "WITHSCORES")}[kind]
                    value = connection.do(*read)
                    if kind in (b"hash", b"set"):
                        value = sorted(paired(read[0], value))
                    if kind == b"zset":  # Which form keeps the sign of zero is a matter of settings, which are not kept.
                        value = [b"0" if word == b"-0" else word for word in value]
                state[database, key] = (kind, value, connection.do("PEXPIRETIME", key))
    return state


def survives_kill(run, family, server):
    """The last history's keys, and one more history's without a flush, are there after kill -9."""
    source = random.Random("%s/%s/kill" % (run.seed, family))
    steps = [step for step in pipelined_history(family, source, ()) if step.name not in ("FLUSHALL", "FLUSHDB")]
    try:
        replies_of(Side(server, 2), [step for step in steps if not step.settling])
        before = dump(server)
        server.kill()
        server.start()
        after = dump(server)
    except (Closed, OSError, Error, servers.DidNotStart) as error:
        run.check("%s: the keys are there after kill -9" % family, False, repr(error))
        if not server.alive:
            server.start()
        return
    differing = [key for key in set(before) | set(after) if before.get(key) != after.get(key)]
    run.check("%s: the keys are there after kill -9" % family, not differing, "\n".join(
        "db %d, key %s: before %.200r, after %.200r" % (key[0], quoted(key[1]), before.get(key), after.get(key)) for key in differing[:5]))


# Beside the random histories

def compare_tables(run, ours, theirs):
    """COMMAND INFO of each command: name, arity, flags, keys, categories; and errors of arity, swept."""
    with ours.connect() as a, theirs.connect() as b:
        for name in commands.TABLE:
            x, y = a.call("COMMAND", "INFO", name), b.call("COMMAND", "INFO", name)
            x, y = ([row[0], row[1], sorted(row[2]), *row[3:6], sorted(row[6])] if row else None for row in (v[0] if isinstance(v, list) and v else None for v in (x, y)))
            run.check("COMMAND INFO " + name, x == y, "here:  %s\nredis: %s" % (x, y))
        for name in commands.TABLE:
            if name in commands.DANGEROUS:
                continue
            for count in range(7):
                call = [name] + ["0"] * count
                a.send(*call)
                b.send(*call)
                x, y = a.raw(), b.raw()
                if x.startswith(b"-") or y.startswith(b"-"):
                    run.check("arity " + name, x == y, "> %s\nhere:  %s\nredis: %s" % (" ".join(call), shown(x), shown(y)))


def dumps_travel(run, ours, theirs):
    """What one server dumps the other restores: values of all types and sizes, both ways and back."""
    source = random.Random("%s/dumps" % run.seed)
    number = lambda: b"%d" % (source.randrange(-(1 << 63), 1 << 63) >> source.randrange(64))
    text = lambda: source.choice((b"", b"%d" % source.randrange(-200, 200), number(), b"ab" * source.randrange(3000),
                                  bytes(source.randrange(256) for _ in range(source.randrange(300)))))
    size = lambda: range(source.choice((1, 5, 400)))
    score = lambda: source.choice((b"-inf", b"inf", b"0", b"%d" % source.randrange(-50, 50), repr(source.uniform(-9, 9)).encode()))
    kinds = (
        (lambda: [("SET", "from", text())], ("GET", "{}"), None),
        (lambda: [("RPUSH", "from", *(text() for _ in size()))], ("LRANGE", "{}", 0, -1), None),
        (lambda: [("SADD", "from", *(number() for _ in size()))], ("SMEMBERS", "{}"), sorted),
        (lambda: [("SADD", "from", *(text() for _ in size()))], ("SMEMBERS", "{}"), sorted),
        (lambda: [("HSET", "from", *(text() for _ in size() for _ in "fv"))], ("HGETALL", "{}"), pairs),
        (lambda: [("ZADD", "from", *(word() for _ in size() for word in (score, text)))], ("ZRANGE", "{}", 0, -1, "WITHSCORES"), None),
        (lambda: stream(source, text), ("XINFO", "STREAM", "{}", "FULL", 0), without_nodes),
    )
    with ours.connect() as a, theirs.connect() as b:
        for connection in (a, b):
            connection.call("FLUSHALL")
        for count in range(120):
            for giver, taker, way in ((a, b, "to redis-server"), (b, a, "from redis-server")):
                write, read, order = source.choice(kinds)
                giver.call("DEL", "from")
                for command in write():
                    giver.call(*command)

                def value(connection, key):
                    reply = connection.call(*(str(word).format(key) for word in read))
                    return order(reply) if order else reply

                reply = taker.call("RESTORE", "to", 0, giver.call("DUMP", "from"), "REPLACE")
                run.check("a dump travels %s" % way, reply in ("OK", b"OK") and value(taker, "to") == value(giver, "from"),
                          "number %d of seed %s, %s: %r" % (count, run.seed, read[0], reply))


def stream(source, text):
    """Commands that make a stream: entries of like and unlike names, some deleted, and groups that have read some."""
    count = source.choice((1, 5, 400))
    for number in range(count):
        names = ("a", "b") if source.random() < 0.8 else (text(), "c", "d")
        yield ("XADD", "from", "%d-%d" % (number // 3 + 1, number % 3 * source.choice((1, 1 << 62)) + number % 3), *(word for name in names for word in (name, text())))
    for group in ("one", "two"):
        yield "XGROUP", "CREATE", "from", group, "0"
        for consumer in ("x", "y"):
            yield "XREADGROUP", "GROUP", group, consumer, "COUNT", source.randrange(1, count + 2), "STREAMS", "from", ">"
    for _ in range(source.randrange(4)):
        yield "XDEL", "from", "%d-0" % source.randrange(1, count + 1)


def without_nodes(words):
    """What XINFO says of a stream but for how its nodes are cut, which is each server's own business."""
    return [word for number, word in enumerate(words) if number // 2 not in (1, 2)] if isinstance(words, list) else words


def pairs(words):
    """Fields and values in no order, as a hash has them."""
    return dict(zip(words[::2], words[1::2])) if isinstance(words, list) else words


def scan_keeps_its_guarantee(run, server):
    """Keys that are there during the whole iteration are returned, whatever is added and deleted meanwhile."""
    source = random.Random("%s/scan" % run.seed)
    with server.connect() as connection:
        connection.call("FLUSHALL")
        stay = {b"stay:%d" % n for n in range(2000)}
        connection.send_bytes(b"".join(encode("SET", key, "1") for key in stay))
        for _ in stay:
            connection.read()
        found, cursor, rounds = set(), b"0", 0
        while rounds < 5000:
            cursor, keys = connection.do("SCAN", cursor, "COUNT", source.choice((1, 10, 50)))
            found.update(keys)
            rounds += 1
            if cursor == b"0":
                break
            growing = rounds % 200 < 120
            for _ in range(30):
                name = "move:%d" % source.randrange(20_000 if growing else 4000)
                connection.call(*(("SET", name, "1") if growing else ("DEL", name)))
        run.check("scan: what stays is returned while keys come and go", stay <= found and cursor == b"0",
                  "%d of %d missing after %d rounds" % (len(stay - found), len(stay), rounds))


def run(run):
    begin = time.monotonic()
    logged, unlogged, theirs = run.start(), run.start(*servers.WITHOUT_LOG), run.control()
    comparison = Comparison(run)
    run.part(compare_tables, run, logged, theirs)
    for family in commands.PIPELINED:
        run.part(compare_family, comparison, family, logged, theirs)
        run.part(survives_kill, run, family, logged)
    for family in commands.STEPPED:
        run.part(compare_family, comparison, family, unlogged, theirs)
    run.part(dumps_travel, run, logged, theirs)
    run.part(scan_keeps_its_guarantee, run, logged)
    for server in (logged, unlogged):
        run.check("the server ends cleanly", server.terminate()[0] == 0, server.log_tail())
    run.line("   %d commands compared in %.0f s" % (comparison.compared, time.monotonic() - begin))
