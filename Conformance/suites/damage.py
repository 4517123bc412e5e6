"""Damaged data: every cut of the last segment, flipped bits in every file, files missing, emptied or foreign; never silently wrong.

Goal: a log cut at any byte gives back every whole operation before the cut and says how much was cut; a flipped bit in what was acknowledged is
noticed; a folder that has data never starts empty, and a refused start names the file and changes nothing.
Method: one client fills real folders; each of its operations is a transaction that also counts, so that the count says which state must be there.
The folders are ended in three ways: stopped, killed when all was quiet, killed at once after the last reply. Then each is damaged in copies, every
copy is looked at by --check-log and started from, and both must come to the same verdict.
"""
import concurrent.futures
import os
import struct
import subprocess
import threading

from lib import server as servers
from lib.resp import Error, encode
from lib.server import wait_for
from lib.setup import BINARY
from suites.crash import Model

TIME_LIMIT = 300
OURS_ALONE = "the files are those of the broker"
KINDS = ("push", "append", "pop", "take", "move", "block", "count", "set", "delete", "both")
SEGMENT_HEADER, FRAME_HEADER = 32, 40  # Bytes; Segment.swift and Frame.swift have the layouts.
LOCK = "LOCK"


class Sample:
    """A folder that a real server has filled: its files as bytes, and the states after each operation."""

    def __init__(self, run, name, end, operations=12):
        self.run, self.name = run, name
        self.model, self.states = Model(1), []
        server = run.start()
        with server.connect() as connection:
            self.note()
            for number in range(operations):
                self.operate(connection, run.random.choice(KINDS))
                if number == operations // 2:
                    connection.do("BGREWRITEAOF")
                    run.check(name + ": BGREWRITEAOF ends", wait_for(lambda: server.info("aof_rewrite_in_progress") == "0" == server.info("rdb_bgsave_in_progress")))
            if end == "quiet":
                run.check(name + ": the log's last gap is closed", wait_for(lambda: self.counts(server.directory)[-1] == 0))
        if end == "stopped":
            server.terminate()
        server.kill()
        self.is_closed = end != "busy"
        self.files = read_folder(server.directory)
        self.segments = self.begun(self.files)

    def note(self):
        self.states.append({name: list(v) if isinstance(v, list) else v for name, v in self.model.state.items()})

    def operate(self, connection, kind):
        self.model.next += 2
        operation = (kind, self.model.next)
        inner = [request for request in self.model.requests(operation) if request[0] not in ("MULTI", "EXEC")]
        requests = [["MULTI"], ["INCR", "ticket"], *inner, ["EXEC"]]
        connection.send_bytes(b"".join(encode(*request) for request in requests))
        for _ in requests:
            reply = connection.read()
            if isinstance(reply, Error):
                raise reply
        self.model.state = Model.after(self.model.state, operation)
        self.note()

    @classmethod
    def begun(cls, files):
        """The segments that have frames: the next one may be there, and empty."""
        return sorted(name for name in files if name.endswith(".log") and cls.frames(files[name]))

    @staticmethod
    def frames(segment):
        """Where each frame ends, and how many commands it has."""
        offset, frames = SEGMENT_HEADER, []
        while segment[offset:offset + 4] == b"MLF1":
            size, count = struct.unpack_from("<II", segment, offset + 12)
            offset += FRAME_HEADER + size
            frames.append((offset, count))
        return frames

    @classmethod
    def counts(cls, directory):
        """The counts of the last segment's frames: 0 for an empty one."""
        files = read_folder(directory)
        return [count for _, count in cls.frames(files[cls.begun(files)[-1]])] or [None]

    @property
    def total(self):
        return len(self.states) - 1


def read_folder(path):
    files = {}
    for name in os.listdir(path):
        with open(os.path.join(path, name), "rb") as file:
            files[name] = file.read()
    return files


class Verdict:
    """What became of a damaged copy. `count` is the number of operations that are there, -1 for a state that never was, None if the start was refused."""

    def __init__(self, started, count, log, checked, changed):
        self.started, self.count, self.log, self.checked, self.changed = started, count, log, checked, changed

    def says(self, *words):
        return any(all(word in line for word in words) for line in self.log.splitlines())


class Bench(threading.local):
    """Each thread's folder, in which damaged copies are looked at and started from."""

    def __init__(self, run):
        self.server = servers.Server(run.command, run.directory("copy"))

    def judge(self, sample, files):
        directory = self.server.directory
        for name in os.listdir(directory):
            os.remove(os.path.join(directory, name))
        for name, data in files.items():
            with open(os.path.join(directory, name), "wb") as file:
                file.write(data)
        checked = subprocess.run([BINARY, "--check-log", directory], capture_output=True).returncode == 0
        with open(self.server.log_path, "w"):
            pass
        try:
            self.server.start()
        except servers.DidNotStart:
            after = read_folder(directory)
            changed = {name for name in set(files) | set(after) if name != LOCK and files.get(name) != after.get(name)}
            return Verdict(False, None, self.server.log(), checked, changed)
        try:
            with self.server.connect() as connection:
                count = int(connection.do("GET", "ticket") or 0)
                right = sample.model.read(connection) == sample.states[count]
        except (Error, IndexError, ValueError):  # Not even of the kind that we wrote.
            right = False
        self.server.kill()
        return Verdict(True, count if right else -1, self.server.log(), checked, set())


def judged(run, sample, copies, note):
    """The verdicts on copies, given as a list of sets of files."""
    bench, verdicts = Bench(run), []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for verdict in pool.map(lambda files: bench.judge(sample, files), copies):
            verdicts.append(verdict)
            run.note("%s: %d of %d" % (note, len(verdicts), len(copies)))
    return verdicts


def cuts(run, sample):
    """The last segment, cut at every byte."""
    name = sample.segments[-1]
    segment = sample.files[name]
    frames = sample.frames(segment)
    end = frames[-1][0]
    before = sample.total - sum(1 for _, count in frames if count)
    title = "cuts, " + sample.name
    run.check(title + ": the segment has most operations", before <= sample.total // 2 + 1 and end > 500, "%d before it, %d bytes" % (before, end))
    verdicts = judged(run, sample, [dict(sample.files, **{name: segment[:at]}) for at in range(end + 1)], title)
    silent = recovered = refused = 0
    for at, verdict in enumerate(verdicts):
        where = "cut at byte %d of %d: %s\n%s" % (at, end, verdict.count, verdict.log[-600:])
        whole = before + sum(1 for each, count in frames if count and each <= at)
        torn = at > SEGMENT_HEADER and at not in [each for each, _ in frames]
        run.check(title + ": --check-log and the start agree", verdict.checked == verdict.started, where)
        if at < SEGMENT_HEADER:
            run.check(title + ": without its first bytes the segment is refused by name", not verdict.started and verdict.says("martlet-server: ", name), where)
            refused += 1
            continue
        run.check(title + ": the server starts", verdict.started, where)
        run.check(title + ": every whole operation before the cut is there, and nothing else", verdict.count == whole, where + "\nexpected %d" % whole)
        if torn:
            run.check(title + ": a line says how much was cut", verdict.says("torn tail", name), where)
        silent += verdict.count != whole
        recovered += 1
    run.line("   %s: %d cuts, %d recovered, %d refused, %d silently wrong" % (title, len(verdicts), recovered, refused, silent))


def flips(run, sample, count):
    """One bit flipped, in any file; in segments anywhere in the data and a little behind it."""
    title, places = "flips, " + sample.name, []
    names = sorted(name for name in sample.files if sample.files[name] and name != LOCK)
    for name in [names[number % len(names)] for number in range(count)] + [LOCK] * 5:
        size = len(sample.files[name].rstrip(b"\0")) + (64 if name.endswith(".log") else 0)
        places.append((name, run.random.randrange(min(size, len(sample.files[name]))), run.random.randrange(8)))

    def flipped(name, at, bit):
        data = bytearray(sample.files[name])
        data[at] ^= 1 << bit
        return dict(sample.files, **{name: bytes(data)})

    tally = {"refused": 0, "all there": 0, "last one cut, and said so": 0, "silently wrong": 0}
    for (name, at, bit), verdict in zip(places, judged(run, sample, [flipped(*place) for place in places], title)):
        where = "bit %d of byte %d of %s: %s\n%s" % (bit, at, name, verdict.count, verdict.log[-600:])
        run.check(title + ": --check-log and the start agree", verdict.checked == verdict.started, where)
        if not verdict.started:
            run.check(title + ": a refusal names the file", verdict.says("martlet-server: ", name), where)
            run.check(title + ": a refusal changes nothing", not verdict.changed, where)
            if verdict.says("is damaged at"):
                run.check(title + ": damage is told with offset, command and a way out", verdict.says("at offset ", "from command ", "--check-log"), where)
            tally["refused"] += 1
        elif verdict.count == sample.total:
            tally["all there"] += 1
        elif not sample.is_closed and verdict.count == sample.total - 1 and verdict.says("torn tail", name):
            tally["last one cut, and said so"] += 1
        else:
            tally["silently wrong"] += 1
            run.check(title + ": silently wrong: 0", False, where)
    run.check(title + ": silently wrong: 0", True)
    run.check(title + ": most flips are refused", tally["refused"] > count // 2, tally)
    run.line("   %s: %d flips of %s: %s" % (title, count, ", ".join(names), ", ".join("%d %s" % (n, what) for what, n in tally.items())))


def wrong_files(run, sample, other):
    """Files missing, emptied, taken from another folder or not belonging there."""
    ours = sorted(name for name in sample.files if name != LOCK)
    cases = []
    for name in ours:
        cases.append(("missing", name, {n: data for n, data in sample.files.items() if n != name}))
        cases.append(("emptied", name, dict(sample.files, **{name: b""})))
        cases.append(("all zeros", name, dict(sample.files, **{name: bytes(len(sample.files[name]))})))
        kind = name.rsplit(".", 1)[-1]
        twin = next(n for n in sorted(other.files, reverse=True) if n.rsplit(".", 1)[-1] == kind)
        if name.endswith((".log", ".checkpoint")):
            cases.append(("from another folder", name, dict(sample.files, **{name: other.files[twin]})))
    cases.append(("from another folder", "MANIFEST", dict(sample.files, MANIFEST=other.files["MANIFEST"])))
    stranger = "00000000000000009999.log"
    cases.append(("not listed", stranger, dict(sample.files, **{stranger: other.files[other.segments[-1]]})))
    cases.append(("alone", sample.segments[-1], {sample.segments[-1]: sample.files[sample.segments[-1]]}))
    cases.append(("alone", "MANIFEST", {"MANIFEST": sample.files["MANIFEST"]}))
    for (what, name, _), verdict in zip(cases, judged(run, sample, [files for _, _, files in cases], "wrong files")):
        kind = {"MANIFEST": "manifest"}.get(name, name.rsplit(".", 1)[-1])
        title = "%s %s" % (kind, what)
        where = "%s: %s\n%s" % (name, verdict.count, verdict.log[-600:])
        run.check(title + ": refused", not verdict.started, where)
        # A manifest of another folder is good in itself: what it names is not.
        run.check(title + ": the file is named", verdict.says("martlet-server: ", name) or (what != "missing" and verdict.says("martlet-server: ", ".log")), where)
        run.check(title + ": nothing is changed", not verdict.changed, verdict.changed)
        run.check(title + ": --check-log says so too", not verdict.checked, where)
    harmless = judged(run, sample, [dict(sample.files, **{"notes.txt": b"ours"})], "wrong files")[0]
    run.check("a file that is none of ours is left alone", harmless.started and harmless.count == sample.total, harmless.log[-600:])


def chained_segments(run):
    """Damage in a segment that is not the last: nothing there is ever a torn tail."""
    megabyte = b"m" * (1 << 20)
    server = run.start("--auto-aof-rewrite-percentage", 0)
    with server.connect(timeout=60) as connection:
        for number in range(70):
            connection.do("SET", "big:%d" % (number % 3), b"%d%b" % (number, megabyte))
        connection.do("SET", "last", "v")
    server.kill()  # A stop could write a checkpoint, and the segments would be gone.
    names = sorted(name for name in os.listdir(server.directory) if name.endswith(".log"))
    if not run.check("chained segments: there are two", len(names) >= 2, names):
        return
    first, second = (os.path.join(server.directory, name) for name in names[:2])
    size = os.path.getsize(first)

    def flip(at):
        def change():
            with open(first, "r+b") as file:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << run.random.randrange(8)]))
        return change

    def refused(title, path, change, undo):
        change()
        with open(server.log_path, "w"):
            pass
        try:
            server.start()
            server.kill()
            run.check("chained segments: %s: refused" % title, False, server.log_tail())
        except servers.DidNotStart:
            run.check("chained segments: %s: refused" % title, True)
            run.check("chained segments: %s: the file is named" % title, os.path.basename(path) in server.log(), server.log())
        undo()

    def rewrite(at):
        with open(first, "rb") as file:
            file.seek(at)
            byte = file.read(1)

        def undo():
            with open(first, "r+b") as file:
                file.seek(at)
                file.write(byte)
        return undo

    for at in [5, 40] + [run.random.randrange(32, size) for _ in range(4)] + [size - 1]:
        refused("a flipped bit in the first", first, flip(at), rewrite(at))
    with open(first, "rb") as file:
        file.seek(size - 40)
        end = file.read()

    def append():
        with open(first, "ab") as file:
            file.write(end)

    refused("the first cut by a frame", first, lambda: os.truncate(first, size - 40), append)
    for path in (first, second):
        refused("one missing", path, lambda: os.rename(path, path + ".away"), lambda: os.rename(path + ".away", path))
    server.start()
    with server.connect() as connection:
        run.equal("chained segments: undamaged, all is there", [connection.call("GET", "last"), connection.call("STRLEN", "big:0")], [b"v", len(megabyte) + 2])
    server.stop()


def run(run):
    samples = [Sample(run, *kind) for kind in (("stopped", "stopped"), ("killed when quiet", "quiet"), ("killed at once", "busy"))]
    other = Sample(run, "another", "stopped")
    run.part(cuts, run, samples[0])
    for sample in samples:
        run.part(flips, run, sample, max(334, int(400 * run.scale)))
    run.part(wrong_files, run, samples[0], other)
    run.part(chained_segments, run)
