"""--check-log, --export and --repair of a damaged folder: the prefix is kept, the rest set aside, whenever a repair is killed.

Goal: whichever file is damaged, a check says so, an export and a repair give exactly what was there before the damage, the damaged files stay as they
were, and the server starts again. Method: a real server fills a folder with a checkpoint of several blocks and two segments behind it; copies of it
are damaged in each file. What is exported goes into redis-server, what is repaired is served, and both must hold the same. Then repairs are killed.
"""
import os
import shutil
import subprocess
import time

from lib import server as servers
from lib.setup import BINARY

TIME_LIMIT = 400
OURS_ALONE = "the files are those of the broker"
FRAMES = 80  # Of a megabyte each: a segment ends after 64.
SEGMENT_HEADER, FRAME_HEADER = 32, 40  # Bytes; Segment.swift and Frame.swift have the layouts.
BLOCKS = 6  # Strings that have a block of the checkpoint for themselves.


class Sample:
    """The folder, as it lies on disk after a clean stop, and the keys of its checkpoint."""

    def __init__(self, run):
        server = run.start("--auto-aof-rewrite-percentage", 0)
        with server.connect(timeout=60) as connection:
            for number in range(BLOCKS):
                connection.do("SET", "block:%d" % number, b"%d" % number * 300_000)
            for number in range(5000):
                connection.send("RPUSH", "list", b"element %d" % number * (number % 7))
            for _ in range(5000):
                connection.read()
            connection.do("SET", "soon", "v", "PX", 10_000_000)
            connection.do("PEXPIRE", "list", 20_000_000)
            connection.do("SELECT", 3)
            connection.do("SET", "number", 12345)
            connection.do("SELECT", 0)
            run.equal("SAVE", connection.call("SAVE"), b"OK")
            self.keys = keys_of(connection)
            for number in range(FRAMES):
                connection.do("SET", frame_key(number), frame_value(number))
            self.all_keys = keys_of(connection)
        server.terminate()
        self.folder = server.directory
        self.checkpoint, = (name for name in os.listdir(self.folder) if name.endswith(".checkpoint"))
        # The next one may be there, and empty.
        self.segments = sorted(name for name in os.listdir(self.folder) if name.endswith(".log") and self.content(name)[SEGMENT_HEADER:])

    def content(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def size(self, name):
        return os.path.getsize(os.path.join(self.folder, name))

    def frame(self, name, offset):
        """The number of the frame at `offset` of a segment."""
        begun = b"*3\r\n$3\r\nSET\r\n$%d\r\nframe:" % len(frame_key(0))
        content = self.content(name)
        number = int(content[content.find(begun) + len(begun):][:4])
        return number + content[:offset + FRAME_HEADER + len(begun)].count(begun) - 1


def frame_key(number):
    return b"frame:%04d" % number


def frame_value(number):
    return b"%04d" % number * (1 << 18)


def keys_of(connection):
    """Every key with its value and deadline; values by size and ends, for they are large."""
    keys = {}
    for database in (0, 3):
        connection.do("SELECT", database)
        for key in connection.do("KEYS", "*"):
            if connection.do("TYPE", key) == b"string":
                value = [connection.do("STRLEN", key), connection.do("GETRANGE", key, 0, 20), connection.do("GETRANGE", key, -20, -1)]
            else:
                value = connection.do("LRANGE", key, 0, -1)
            keys[database, key] = (value, connection.do("PEXPIRETIME", key))
    connection.do("SELECT", 0)
    return keys


def tool(option, folder):
    """Runs a tool to its end: exit code, standard output, standard error."""
    process = subprocess.run([BINARY, option, folder], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return process.returncode, process.stdout, process.stderr.decode()


def damaged_copy(run, sample, name, change):
    """A copy in which `change` is made to the bytes of one file; without it when that gives None. The other files are the same on disk."""
    folder = run.directory("damaged")
    for other in os.listdir(sample.folder):
        if other not in (name, "LOCK"):
            os.link(os.path.join(sample.folder, other), os.path.join(folder, other))
    with open(os.path.join(sample.folder, name), "rb") as file:
        content = change(bytearray(file.read()))
    if content is not None:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    return folder


def flipped(run, offset):
    def change(content):
        content[offset] ^= 1 << run.random.randrange(8)
        return content
    return change


def contents(folder):
    """Names of files, with what tells whether one was changed."""
    return {name: hash(open(os.path.join(folder, name), "rb").read()) for name in os.listdir(folder) if name != "LOCK"}


def started(run, folder):
    """The keys that a server has in `folder`; or the line with which it refuses."""
    server = servers.Server(run.command, folder)
    open(server.log_path, "w").close()
    try:
        server.start()
    except servers.DidNotStart:
        return None, server.log()
    with server.connect(timeout=60) as connection:
        keys = keys_of(connection)
    server.kill()
    return keys, server.log()


def exported(run, control, folder):
    """The keys that an export makes in redis-server, and the exit code."""
    code, commands, errors = tool("--export", folder)
    with control.connect(timeout=60) as connection:
        connection.do("FLUSHALL")
        if commands:
            printed = subprocess.run(["redis-cli", "-p", str(control.port), "--pipe"], input=commands, capture_output=True).stdout.decode()
            run.check("an export is commands that redis-server takes", "errors: 0" in printed, printed[-300:])
        return keys_of(connection), code, errors


def repaired(run, title, sample, control, folder, wanted, exports=True):
    """Checks all that is to hold of a damaged folder and its repair, which must give the keys `wanted`."""
    code, text, errors = tool("--check-log", folder)
    run.check(title + ": --check-log says so and ends with 1", code == 1 and (b"damaged" in text or errors), text.decode() + errors)
    keys, log = started(run, folder)
    run.check(title + ": the start is refused and names the way out", keys is None and "--repair " + folder in log, log[-600:])
    keys, code, errors = exported(run, control, folder)
    run.check(title + ": --export ends with 1 and says why", code == 1 and errors, errors)
    if exports:
        run.check(title + ": --export gives all before the damage", keys == wanted, difference(keys, wanted))
    before = contents(folder)
    code, text, errors = tool("--repair", folder)
    run.check(title + ": --repair ends with 0 and tells", code == 0 and b"kept: " in text and b"lost: " in text, text.decode() + errors)
    aside = os.path.join(folder, "damaged-1")
    run.check(title + ": the damaged files are set aside as they were", os.path.isdir(aside) and contents(aside) == before, sorted(os.listdir(folder)))
    code, text, errors = tool("--check-log", folder)
    run.check(title + ": --check-log finds the log good", code == 0 and b"good" in text, text.decode() + errors)
    keys, log = started(run, folder)
    run.check(title + ": the start gives all before the damage", keys == wanted, log[-600:] if keys is None else difference(keys, wanted))
    shutil.rmtree(folder)


def difference(keys, wanted):
    return "lacks %s, has %s" % (sorted(wanted.keys() - keys.keys())[:5], sorted(key for key in keys if keys[key] != wanted.get(key))[:5])


def undamaged(run, sample, control):
    folder = damaged_copy(run, sample, "LOCK", lambda content: None)
    code, text, errors = tool("--check-log", folder)
    rows = {row.split()[0]: row for row in text.decode().splitlines()}
    run.check("a good log: --check-log walks the blocks of the checkpoint", code == 0 and "blocks" in rows.get(sample.checkpoint, "") and rows[sample.checkpoint].endswith("good"), text.decode() + errors)
    run.check("a good log: --check-log ends with how much there is", "the log is good" in text.decode(), text.decode())
    keys, code, errors = exported(run, control, folder)
    run.check("a good log: --export gives all of it", code == 0 and keys == sample.all_keys, errors + difference(keys, sample.all_keys))
    before = contents(folder)
    code, text, errors = tool("--repair", folder)
    run.check("a good log: --repair leaves it alone", code == 0 and b"nothing to repair" in text and contents(folder) == before, text.decode() + errors)
    server = servers.Server(run.command, folder).start()
    code, text, errors = tool("--repair", folder)
    run.check("a served log: --repair is refused", code == 1 and "another server" in errors, text.decode() + errors)
    code, text, errors = tool("--check-log", folder)
    run.check("a served log: --check-log says so", code == 0 and b"a server has this folder open" in text, text.decode() + errors)
    server.kill()


def damages(run, sample, control):
    for name in sample.segments:
        for part in (0.2, 0.9):
            offset = int(sample.size(name) * part)
            first = sample.frame(name, offset)
            wanted = {key: value for key, value in sample.all_keys.items() if not (key[1].startswith(b"frame:") and key[1] >= frame_key(first))}
            repaired(run, "a flipped bit in a segment", sample, control, damaged_copy(run, sample, name, flipped(run, offset)), wanted)
        folder = damaged_copy(run, sample, name, flipped(run, run.random.randrange(32)))
        repaired(run, "a flipped bit in a segment's first bytes", sample, control, folder, sample.all_keys, exports=False)
    first = sample.segments[0]
    repaired(run, "a segment missing", sample, control, damaged_copy(run, sample, first, lambda content: None), sample.keys)
    folder = damaged_copy(run, sample, sample.checkpoint, flipped(run, run.random.randrange(32)))
    repaired(run, "a flipped bit in a checkpoint's first bytes", sample, control, folder, sample.all_keys, exports=False)
    repaired(run, "a checkpoint missing", sample, control, damaged_copy(run, sample, sample.checkpoint, lambda content: None), {})
    for name, change in (("emptied", lambda content: b""), ("missing", lambda content: None), ("flipped", flipped(run, 40))):
        folder = damaged_copy(run, sample, "MANIFEST", change)
        repaired(run, "the manifest " + name, sample, control, folder, sample.all_keys, exports=False)


def damaged_checkpoint(run, sample, control):
    """What is kept of a damaged checkpoint is the beginning of it, and nothing of the segments behind."""
    for part in (0.1, 0.5, 0.95):
        folder = damaged_copy(run, sample, sample.checkpoint, flipped(run, int(sample.size(sample.checkpoint) * part)))
        wanted, _, _ = exported(run, control, folder)
        whole = {key for key in wanted if wanted[key] == sample.keys.get(key)}
        cut = [key for key in wanted if key not in whole]
        run.check("a damaged checkpoint: what is exported was in it", cut in ([], [(0, b"list")]) and len(whole) < len(sample.keys), difference(wanted, sample.keys))
        if cut:
            value, deadline = sample.keys[cut[0]]
            run.check("a damaged checkpoint: a list is cut at its end", wanted[cut[0]] == (value[:len(wanted[cut[0]][0])], deadline), "")
        repaired(run, "a flipped bit in the checkpoint", sample, control, folder, wanted)


def killed_repairs(run, sample):
    name = sample.segments[1]
    offset = int(sample.size(name) * 0.5)
    first = sample.frame(name, offset)
    wanted = {key: value for key, value in sample.all_keys.items() if not (key[1].startswith(b"frame:") and key[1] >= frame_key(first))}
    trial = damaged_copy(run, sample, name, flipped(run, offset))
    begin = time.monotonic()
    tool("--repair", trial)
    seconds = time.monotonic() - begin
    shutil.rmtree(trial)
    kills = 0
    for _ in range(int(6 * run.scale)):
        folder = damaged_copy(run, sample, name, flipped(run, offset))
        original, is_killed = contents(folder), True
        while is_killed:
            process = subprocess.Popen([BINARY, "--repair", folder], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            servers.started.append(process)
            try:
                code, is_killed = process.wait(run.random.uniform(0.2, 1.1) * seconds), False
                run.check("a killed repair: the next one ends well", code == 0, code)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
            keys, log = started(run, folder)
            run.check("a killed repair: the start is refused, or has all before the damage", keys == wanted if keys is not None else is_killed and "--repair " + folder in log,
                      log[-600:] if keys is None else difference(keys, wanted))
        aside = contents(os.path.join(folder, "damaged-1"))
        run.check("a killed repair: the damaged files are there as they were", aside == original, sorted(aside))
        run.check("a killed repair: nothing else is left", not any(name.startswith("repair") for name in os.listdir(folder)), sorted(os.listdir(folder)))
        shutil.rmtree(folder)
    run.line("   %d repairs killed" % kills)


def run(run):
    sample = Sample(run)
    if not run.check("the folder has a checkpoint and two segments", len(sample.segments) == 2, sample.segments):
        return
    control = run.control()
    run.part(undamaged, run, sample, control)
    run.part(damages, run, sample, control)
    run.part(damaged_checkpoint, run, sample, control)
    run.part(killed_repairs, run, sample)
