"""Moving in: --import takes what Redis 6.2, Redis 7.0 and Valkey 8 wrote, and a start finds the same keys.

Goal: reply for reply the keys are those of the server that wrote the file, whatever its settings; what is cut gives what that
server itself makes of it; what is damaged or not ours is refused by name and leaves nothing. Method: fill a real server with
values of every encoding, have it write its files, import them, start the broker on the folder, and compare all keys.
"""
import os
import re
import shutil
import signal
import subprocess
import time

from lib import server as servers
from lib.resp import parse
from lib.setup import BINARY, other_server

TIME_LIMIT = 240
OURS_ALONE = "it is the broker's own"
COMMAND = " --bind 127.0.0.1 --port {port} --dir {dir} --save ''"
DATABASES = 16


class Taken:
    """The outcome of one import into a new folder."""

    def __init__(self, run, *arguments, folder=None):
        self.folder = folder or os.path.join(run.directory("taken"), "data")
        done = subprocess.run([BINARY, "--import", *arguments, "--dir", self.folder], capture_output=True, timeout=60)
        self.code, self.text, self.errors = done.returncode, done.stdout.decode(), done.stderr.decode()

    @property
    def told(self):
        return "exit code %s\n%s%s" % (self.code, self.text, self.errors)


def references(run):
    yield "redis 7.0", "redis-server"
    yield "redis 6.2", other_server("redis-6.2")
    yield "valkey 8", other_server("valkey-8")


def start(run, program, *options):
    return servers.Server(program + COMMAND, run.directory("reference"), options).start()


# What is written.

def texts(random):
    """Elements at all borders of the encodings: of integers and of sizes."""
    numbers = [sign * (1 << bits) + more for bits in (0, 3, 4, 6, 7, 8, 12, 13, 15, 16, 23, 24, 31, 32, 62) for sign in (1, -1) for more in (-1, 0, 1)]
    sizes = [0, 1, 19, 20, 21, 62, 63, 64, 65, 125, 126, 127, 128, 252, 253, 254, 255, 4094, 4095, 4096, 8100, 8191, 8192, 16376, 16377, 16378, 16379, 16384]
    odd = [b"-0", b"007", b"+1", b" 1", b"1 ", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"1.5", b"\r\n", b"\x00", b"\xff" * 3]
    return [b"%d" % n for n in numbers] + [bytes([97 + size % 26]) * size for size in sizes] + [random.randbytes(size) for size in sizes[:20]] + odd


def fill(run, connection):
    """Strings, lists, sets, hashes and streams of many shapes in several databases."""
    random, elements = run.random, texts(run.random)
    for database in (0, 1, 9, 15):
        connection.do("SELECT", database)
        for number, value in enumerate(random.sample(elements, 60)):
            connection.do("SET", b"string:%d" % number, value)
        connection.do("SET", random.randbytes(20), random.randbytes(300))
        connection.do("SET", b"", b"its key is empty")
        connection.do("SET", "12345", "its key is a number")
        connection.do("SET", "compressible", b"the same again, " * 5000)
        connection.do("SET", "binary", random.randbytes(100_000))
        connection.do("SET", "later", "v", "PX", random.randrange(10**7, 10**9))
        connection.do("RPUSH", "list:later", "v")
        connection.do("PEXPIRE", "list:later", 10**8)
        connection.do("RPUSH", "list:all", *elements)
        connection.do("RPUSH", "list:small", *range(-20, 20))
        connection.do("RPUSH", "list:big", random.randbytes(70_000), b"b" * 70_000, b"small", b"c" * 200_000)
        connection.do("RPUSH", "list:mixed", *(random.choice(elements) for _ in range(2000)))
        for _ in range(50):  # Nodes that were split and cut.
            connection.do("LINSERT", "list:mixed", random.choice(("BEFORE", "AFTER")), connection.do("LINDEX", "list:mixed", random.randrange(1000)), "inserted")
        connection.do("LTRIM", "list:mixed", 33, -34)
        for name, members in (("short", range(-30, 30)), ("word", (5, 70_000, -70_000)), ("long", (1, 1 << 40, -(1 << 63))), ("many", range(2000)),
                              ("words", ("a", "b", "7")), ("mixed", elements)):
            connection.do("SADD", "set:" + name, *members)
        connection.do("PEXPIRE", "set:words", 10**8)
        for name, size in (("few", 5), ("some", 300), ("many", 2000)):
            connection.do("HSET", "hash:" + name, *(word for n in range(size) for word in (b"field:%d" % n, random.choice(elements[:90] if size < 2000 else elements))))
        connection.do("HSET", "hash:small", "name", "a name", "age", 42, "born", 1_700_000_000, "", "", "text", b"t" * 64)
        connection.do("PEXPIRE", "hash:small", 10**8)
        for number in range(1, 300):  # Several listpacks, with entries of other names, deleted and trimmed.
            connection.do("XADD", "stream:all", "%d-%d" % (number * 7, number % 3), "number", number - 100, "text", random.choice(elements)[:500],
                          *(("other", "v") if number % 10 == 0 else ()))
        connection.do("XDEL", "stream:all", "70-1", "77-2", "2093-2")
        connection.do("XTRIM", "stream:all", "MAXLEN", 280)
        connection.do("XGROUP", "CREATE", "stream:all", "group", "0")
        connection.do("XREADGROUP", "GROUP", "group", "worker", "COUNT", 50, "STREAMS", "stream:all", ">")
        connection.do("XGROUP", "CREATE", "stream:none", "group", "$", "MKSTREAM")
        scores = ("0", "1", "-1", "127", "128", "-4097", "1.5", "0.1", "1e300", "inf", "-inf", "3.0000000000000004", "9007199254740993")
        connection.do("ZADD", "zset:small", *(x for member in random.sample(elements, 40) for x in (random.choice(scores), member)))
        connection.do("ZADD", "zset:packed", *(x for n in range(100) for x in (random.choice(scores), n)))
        connection.do("ZADD", "zset:large", *(x for n in range(1500) for x in (random.choice(scores), "member:%d" % n)))
        connection.do("ZADD", "zset:all", *(x for member in elements for x in (random.choice(scores), member)))
        connection.do("PEXPIRE", "zset:small", 10**8)
    count = int(100_000 * min(1.0, run.scale))
    for first in range(0, count, 5000):
        connection.do("RPUSH", "list:long", *("job %d for customer %d" % (n, n % 77) for n in range(first, first + 5000)))


def write_on(connection):
    """Commands behind a rewrite: what a log has, and a state that only their order gives."""
    connection.do("SELECT", 9)
    connection.do("RPOP", "list:all", 5)
    connection.do("MULTI")
    connection.do("INCR", "counter")
    connection.do("RPUSH", "list:new", "a", "b", "c")
    connection.do("ZINCRBY", "zset:large", "0.1", "member:7")
    connection.do("ZPOPMIN", "zset:packed", 3)
    connection.do("ZUNIONSTORE", "zset:both", 2, "zset:small", "zset:large", "WEIGHTS", "0.5", "-3")
    connection.do("SELECT", 2)
    connection.do("LMOVE", "none", "none", "LEFT", "LEFT")
    connection.do("SET", "k", "v", "EX", 10_000)
    connection.do("EXEC")
    connection.do("EVAL", "redis.call('RPUSH', KEYS[1], 'x'); return redis.call('APPEND', KEYS[2], 'y')", 2, "by:script", "text:by:script")
    connection.do("SELECT", 0)
    connection.do("LMOVE", "list:small", "list:all", "LEFT", "RIGHT")
    connection.do("SET", "short", "v", "PX", 60)
    connection.do("PERSIST", "short")
    connection.do("SETRANGE", "compressible", 10, "zz")
    connection.do("SWAPDB", 1, 3)
    connection.do("RENAME", "12345", "54321")
    connection.do("HINCRBYFLOAT", "hash:few", "new", "0.1")
    connection.do("HDEL", "hash:some", "field:7", "field:8")
    connection.do("SPOP", "set:many", 700)
    connection.do("SMOVE", "set:many", "set:words", connection.do("SRANDMEMBER", "set:many"))
    connection.do("SUNIONSTORE", "set:union", "set:short", "set:words")
    connection.do("DEL", "binary")


def when_it_goes(connection, key):
    """In seconds of the wall, from what is left; None for a key that stays. Asked again if the answer was slow."""
    while True:
        before = time.time()
        left = connection.do("PTTL", key)
        if left < 0:
            return None
        if time.time() - before < 0.3:
            return before + left / 1000


def state(server):
    """Every key of every database: type and value as the bytes of the replies, and when it goes."""
    found = {}
    with server.connect() as connection:
        for database in range(DATABASES):
            connection.do("SELECT", database)
            keys = connection.do("KEYS", "*")
            found[database] = connection.do("DBSIZE")
            for key in keys:
                kind = connection.do("TYPE", key)
                read = {b"string": ("GET", key), b"list": ("LRANGE", key, 0, -1), b"set": ("SMEMBERS", key), b"hash": ("HGETALL", key),
                        b"zset": ("ZRANGE", key, 0, -1, "WITHSCORES"), b"stream": ("XRANGE", key, "-", "+")}.get(kind, ("TYPE", key))
                connection.send(*read)
                value, ends = connection.raw(), when_it_goes(connection, key)
                if kind in (b"set", b"hash"):
                    value = parse(value)
                    value = sorted(value if kind == b"set" else zip(value[::2], value[1::2]))
                elif kind == b"zset":  # Valkey 8 writes scores with fewer digits than Redis 7.0.
                    value = parse(value)
                    value = list(zip(value[::2], map(float, value[1::2])))
                found[database, key] = (kind, value, ends)
    return found


def differences(got, wanted):
    """A line for each key that is not the same; times to live may differ by a second."""
    lines = []
    for key in sorted(set(got) | set(wanted), key=repr):
        a, b = got.get(key), wanted.get(key)
        if isinstance(a, tuple) and isinstance(b, tuple) and a[2] is not None and b[2] is not None and abs(a[2] - b[2]) < 1.0:
            a, b = a[:2], b[:2]
        if a != b:
            lines.append("%.80r: got %.80r, wanted %.80r" % (key, a, b))
    return lines


def compare(run, name, taken, wanted):
    if not run.check(name + ": is imported", taken.code == 0, taken.told):
        return
    server = run.start(directory=taken.folder)
    lines = differences(state(server), wanted)
    run.check(name + ": the same keys", not lines, "\n".join(lines))
    server.stop()


# RDB files.

def rdb_files(run):
    for name, program in references(run):
        size = "list-max-ziplist-size" if "6.2" in name else "list-max-listpack-size"
        for options in ([], ["--rdbcompression", "no"], ["--" + size, "-5", "--list-compress-depth", "1"], ["--" + size, "3", "--rdbchecksum", "no"]):
            reference = start(run, program, *options)
            with reference.connect() as connection:
                fill(run, connection)
                connection.do("SAVE")
            compare(run, " ".join([name, "RDB"] + options), Taken(run, os.path.join(reference.directory, "dump.rdb")), state(reference))
            reference.stop()


def expired_keys(run):
    reference = start(run, "redis-server", "--enable-debug-command", "yes")
    with reference.connect() as connection:
        connection.do("DEBUG", "SET-ACTIVE-EXPIRE", "0")  # Until it is asked for them they are there, and saved, however long that takes.
        connection.do("SET", "stays", "v")
        connection.do("SET", "goes", "v", "PX", 100)
        connection.do("RPUSH", "list:goes", "v")
        connection.do("PEXPIRE", "list:goes", 100)
        connection.do("SAVE")
        while connection.do("EXISTS", "goes", "list:goes"):
            time.sleep(0.01)
    taken = Taken(run, os.path.join(reference.directory, "dump.rdb"))
    compare(run, "keys whose time is up", taken, state(reference))
    run.check("keys whose time is up: are counted", "left out: 2 keys whose time was up" in taken.text, taken.told)
    reference.stop()


# Append-only files.

def log_of(server):
    folder = os.path.join(server.directory, "appendonlydir")
    return folder if os.path.isdir(folder) else os.path.join(server.directory, "appendonly.aof")


def rewrite(server):
    with server.connect() as connection:
        connection.do("BGREWRITEAOF")
    while server.info("aof_rewrite_in_progress") != "0" or server.info("aof_rewrite_scheduled") != "0":
        time.sleep(0.01)


def append_only_files(run):
    for name, program in references(run):
        for preamble in ("yes", "no"):
            options = ["--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", preamble]
            if "6.2" not in name:
                options += ["--aof-timestamp-enabled", "yes"]
            title = "%s append-only, preamble %s" % (name, preamble)
            reference = start(run, program, *options)
            with reference.connect() as connection:
                fill(run, connection)
                compare(run, title + ", as it grew", Taken(run, log_of(reference)), state(reference))
                rewrite(reference)
                compare(run, title + ", rewritten", Taken(run, log_of(reference)), state(reference))
                write_on(connection)
            time.sleep(0.1)  # The key that was to go in 60 ms and must not.
            taken = Taken(run, log_of(reference))
            compare(run, title + ", and written on", taken, state(reference))
            reference.stop()


def named_by_its_manifest(run):
    reference = start(run, "redis-server", "--appendonly", "yes")
    with reference.connect() as connection:
        connection.do("RPUSH", "list", "a", "b")
    wanted, folder = state(reference), log_of(reference)
    reference.stop()
    compare(run, "the manifest as FILE", Taken(run, os.path.join(folder, "appendonly.aof.manifest")), wanted)
    compare(run, "a folder with a slash as FILE", Taken(run, folder + "/"), wanted)
    compare(run, "one plain file as FILE", Taken(run, os.path.join(folder, "appendonly.aof.1.incr.aof")), wanted)


def cut_logs(run):
    """What redis-server makes of a cut log (aof-load-truncated yes) is what we make of it."""
    reference = start(run, "redis-server", "--appendonly", "yes")
    with reference.connect() as connection:
        connection.do("RPUSH", "list", *range(100))
        for command in [("SET", "a", "1"), ("MULTI",), ("INCR", "a"), ("RPUSH", "list", "x"), ("EXEC",), ("SET", "b", "2")]:
            connection.do(*command)
    reference.stop()
    file = "appendonly.aof.1.incr.aof"
    size = os.path.getsize(os.path.join(log_of(reference), file))
    for cut in sorted({1, 20, 27, 28, 40, 41, 60, 80, 100, run.random.randrange(1, size)}):
        other = servers.Server("redis-server" + COMMAND, run.directory("cut"), ["--appendonly", "yes", "--aof-load-truncated", "yes"])
        copy = os.path.join(other.directory, "appendonlydir")
        shutil.copytree(log_of(reference), copy)
        os.truncate(os.path.join(copy, file), size - cut)
        taken = Taken(run, copy)
        other.start()
        compare(run, "a log without its last %d bytes" % cut, taken, state(other))
        # Redis has cut its file, but leaves the commands of an open transaction there, which it does not run either.
        dropped = size - cut - os.path.getsize(os.path.join(copy, file))
        said = re.search(r"the last (\d+) bytes", taken.text)
        run.check("a log without its last %d bytes: what is left out is said" % cut,
                  bool(said) == (dropped > 0) and (not said or int(said.group(1)) >= dropped), taken.told)
        other.stop()


# What is refused.

def nothing_there(run, name, taken, *words):
    run.check(name + ": is refused", taken.code == 1 and not taken.text and len(taken.errors.splitlines()) == 1 and all(word in taken.errors for word in words), taken.told)
    server = run.start(directory=taken.folder)
    run.check(name + ": nothing is left", not any(value for value in state(server).values()), "")
    server.stop()


def damaged_files(run):
    reference = start(run, "redis-server")
    with reference.connect() as connection:
        connection.do("SET", "compressible", b"the same again, " * 50)
        connection.do("RPUSH", "list", *texts(run.random))
        connection.do("SAVE")
    reference.stop()
    with open(os.path.join(reference.directory, "dump.rdb"), "rb") as file:
        whole = file.read()
    folder = run.directory("damaged")

    def damaged(content):
        path = os.path.join(folder, "dump.rdb")
        with open(path, "wb") as file:
            file.write(content)
        return Taken(run, path)

    for _ in range(int(20 * run.scale) or 1):
        size = run.random.randrange(1, len(whole))
        nothing_there(run, "a cut RDB file", damaged(whole[:size]), "offset")
        place = run.random.randrange(9, len(whole))
        flipped = bytes([whole[place] ^ (1 << run.random.randrange(8))])
        nothing_there(run, "an RDB file with a flipped bit", damaged(whole[:place] + flipped + whole[place + 1:]), "offset")
    nothing_there(run, "a file of another kind", damaged(b"\x7fELF" + bytes(1000)), "offset 0")
    nothing_there(run, "a length that the file has not", damaged(b"REDIS0011\x00\x01k\x81" + b"\x7f" * 8), "bytes should follow")
    nothing_there(run, "an empty file", damaged(b""), "empty")
    nothing_there(run, "a file that is not there", Taken(run, os.path.join(folder, "missing.rdb")), "missing.rdb")
    nothing_there(run, "a folder that is no log", Taken(run, folder), ".manifest")


def libraries(run):
    """Libraries of functions, by RDB and by log."""
    for way in ("RDB", "append-only"):
        title = "a library of functions, " + way
        reference = start(run, "redis-server", "--appendonly", "yes" if way == "append-only" else "no", "--aof-use-rdb-preamble", "no")
        with reference.connect() as connection:
            connection.do("SET", "before", "v")
            connection.do("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return redis.call('GET', 'behind') end)")
            connection.do("SET", "behind", "v")
            if way == "RDB":
                connection.do("SAVE")
        file = os.path.join(reference.directory, "dump.rdb") if way == "RDB" else log_of(reference)
        taken = Taken(run, file)
        compare(run, title, taken, state(reference))
        reference.stop()
        server = run.start(directory=taken.folder)
        with server.connect() as connection:
            reply = connection.call("FCALL", "f", 0)
        run.check(title + ": its functions run", reply == b"v", repr(reply))
        server.stop()


# Folders.

def folders(run):
    reference = start(run, "redis-server")
    with reference.connect() as connection:
        fill(run, connection)
        connection.do("SAVE")
    file, wanted = os.path.join(reference.directory, "dump.rdb"), state(reference)
    reference.stop()
    server = run.start()
    taken = Taken(run, file, folder=server.directory)
    run.check("the folder of a running server is refused", taken.code == 1 and "another server has" in taken.errors, taken.told)
    with server.connect() as connection:
        connection.do("SET", "k", "v")
    server.stop()
    before = {name: open(os.path.join(server.directory, name), "rb").read() for name in os.listdir(server.directory)}
    taken = Taken(run, file, folder=server.directory)
    run.check("a folder with data is refused", taken.code == 1 and "has data already" in taken.errors, taken.told)
    after = {name: open(os.path.join(server.directory, name), "rb").read() for name in os.listdir(server.directory)}
    before.pop("LOCK"), after.pop("LOCK")  # The number of the process that had it last.
    run.check("a folder with data is not touched", before == after, "%s\n%s" % (sorted(before), sorted(after)))
    empty = run.start()
    empty.stop()
    compare(run, "a folder of a server that had no keys", Taken(run, file, folder=empty.directory), wanted)
    killed_imports(run, file, wanted)


def killed_imports(run, file, wanted):
    refused = 0
    for number in range(20):
        folder = os.path.join(run.directory("killed"), "data")
        process = subprocess.Popen([BINARY, "--import", file, "--dir", folder], stdout=subprocess.DEVNULL, preexec_fn=servers.die_with_parent)
        servers.started.append(process)
        while process.poll() is None and not os.path.exists(os.path.join(folder, "IMPORTING")):
            pass
        time.sleep(run.random.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            continue
        try:
            server = run.start(directory=folder)
            found = state(server)
            run.check("a killed import: all or nothing starts", found == {n: 0 for n in range(DATABASES)} or not differences(found, wanted), "")
            server.stop()
        except servers.DidNotStart as error:
            refused += 1
            run.check("a killed import: the start says so", "an import that was cut short" in str(error), error)
        if number < 5 and os.path.exists(os.path.join(folder, "IMPORTING")):
            compare(run, "a killed import, once more", Taken(run, file, folder=folder), wanted)
    run.check("killed imports: some start is refused", refused > 0, "")


def run(run):
    for part in (rdb_files, expired_keys, append_only_files, named_by_its_manifest, cut_logs, damaged_files, libraries, folders):
        run.part(part, run)
