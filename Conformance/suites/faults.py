"""A failing machine: full disk, failing and slow disk, no descriptors, a clock that jumps; the real process keeps its promises.

Goal: whatever the machine refuses, nothing acknowledged is lost, nothing is acknowledged that is not on disk, and who can be served is served.
Method: faults/faults.c stands between the server and the C library and fails what a part asks for, while the server runs; where root allows, small
real file systems do the same. Threads push numbers and note what became of each; after the fault and kill -9 the server must have all that it
acknowledged, nothing that it refused, and of the rest what it likes. Every part checks that its fault was met.
"""
import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import threading
import time

from lib import clock, server as servers
from lib.faults import FULL, Faults
from lib.resp import Closed, Connection, Error
from lib.server import wait_for

TIME_LIMIT = 240
OURS_ALONE = "promises of the broker that redis-server does not make"
POLICIES = ("always", "everysec", "no")
MB = 1 << 20


def started(run, *options, folder=None):
    """A server that can be failed, and its faults."""
    folder = folder or run.directory()
    faults = Faults(folder)
    return run.start(*options, directory=folder, faults=faults), faults


def is_full(reply):
    return isinstance(reply, Error) and reply.args[0].startswith("MISCONF No space left")


def may_be_done(reply):
    """The last reply of a server whose log has failed: what was asked may be on disk, or not."""
    return isinstance(reply, Error) and reply.args[0].startswith("MISCONF The log has failed")


class Pusher(threading.Thread):
    """One client that pushes numbers to a list of its own until it is told to end or the server is gone."""

    def __init__(self, server, number, size=0):
        super().__init__(daemon=True)
        self.key, self.port, self.filler = "pusher:%d" % number, server.port, b"." * size
        self.acknowledged, self.refused, self.doubtful, self.open = [], [], [], None
        self.strange, self.last_at, self.ends = [], 0.0, False
        self.start()

    def run(self):
        try:
            with Connection(self.port, timeout=30) as connection:
                number = 0
                while not self.ends:
                    number += 1
                    self.open = number
                    reply = connection.call("RPUSH", self.key, b"%d %b" % (number, self.filler))
                    if isinstance(reply, int):
                        self.acknowledged.append(number)
                        self.last_at = clock.now()
                    elif may_be_done(reply):
                        self.doubtful.append(number)
                    elif is_full(reply):
                        self.refused.append(number)
                        time.sleep(0.002)  # Who is refused does not ask again at once.
                    else:
                        self.strange.append(reply)
                    self.open = None
        except (Closed, OSError):
            pass


class Pushers(list):
    def __init__(self, server, count=4, size=0):
        super().__init__(Pusher(server, number, size) for number in range(count))

    def total(self):
        return sum(len(pusher.acknowledged) for pusher in self)

    def refusals(self):
        return sum(len(pusher.refused) for pusher in self)

    def end(self):
        for pusher in self:
            pusher.ends = True
        for pusher in self:
            pusher.join(30)

    def verify(self, run, server, title):
        """Holds what the server has, after its restart, against what each client knows."""
        lost, invented = 0, 0
        with server.connect(timeout=60) as connection:
            for pusher in self:
                there = [int(element.split()[0]) for element in connection.do("LRANGE", pusher.key, 0, -1)]
                allowed = pusher.acknowledged + pusher.doubtful + ([pusher.open] if pusher.open else [])
                lost += len(set(pusher.acknowledged) - set(there))
                invented += len(set(there) - set(allowed))
                run.check(title + ": each list is in its order", there == sorted(set(there)), there[:50])
                run.check(title + ": no strange replies", not pusher.strange, pusher.strange[:3])
        run.check(title + ": nothing acknowledged is lost", lost == 0, "%d of %d lost" % (lost, self.total()))
        run.check(title + ": nothing refused is there", invented == 0, "%d" % invented)


def kill_under(pushers, server):
    """kill -9 while they push; they end by themselves then."""
    server.kill()
    for pusher in pushers:
        pusher.join(30)


def restart(server, faults=None):
    if faults:
        faults.clear()
    server.kill()
    server.start()


def last_words(server):
    """What the last start of the server has logged."""
    return server.log().rsplit("is starting", 1)[-1]


# MARK: A full disk


def writes_again(run, server, title):
    begin = clock.now()
    with server.connect() as connection:
        fine = wait_for(lambda: connection.call("SET", "again", "x") == b"OK", 20)
    seconds = clock.now() - begin
    run.check(title + ": writes again within 1 s of space", fine and seconds < 1.0, "%.2f s" % seconds)


def full_disk_is_served(run, server, title):
    """With the disk full: what grows is refused, everything else goes on."""
    with server.connect() as connection:
        reply = connection.call("SET", "more", "x")
        run.check(title + ": writes get the error", is_full(reply), reply)
        run.equal(title + ": reads go on", connection.call("GET", "old"), b"value")
        run.equal(title + ": pops go on", [connection.call("LPOP", "jobs") for _ in range(50)], [b"job %d" % n for n in range(50)])
        run.equal(title + ": moves and deletes go on", [connection.call("DEL", "spare"), connection.call("LPOP", "jobs", 2)], [1, [b"job 50", b"job 51"]])
        connection.do("MULTI")
        connection.call("RPUSH", "jobs", "x")
        run.check(title + ": a transaction that would grow is refused whole", isinstance(connection.call("EXEC"), Error), "")
        run.equal(title + ": nothing refused was done", [connection.call("EXISTS", "more"), connection.call("LLEN", "jobs")], [0, 148])
        run.equal(title + ": INFO says so", server.info("aof_last_write_status"), "err")


def fill(server):
    with server.connect() as connection:
        connection.do("SET", "old", "value")
        connection.do("SET", "spare", "value")
        connection.do("RPUSH", "jobs", *("job %d" % n for n in range(200)))


def full_disk(run):
    """The space ahead can't be set aside any more; what was set aside is what pops live on."""
    server, faults = started(run)
    fill(server)
    with faults(allocate_errno=errno.ENOSPC):
        pushers = Pushers(server, size=20_000)
        run.check("full disk: the writers are refused", wait_for(lambda: all(p.refused for p in pushers), 20), "%d pushes" % pushers.total())
        full_disk_is_served(run, server, "full disk")
        run.check("full disk: the fault was met", faults.hits > 0)
        pushers.end()
    writes_again(run, server, "full disk")
    run.check("full disk: the process lives", server.alive, server.log_tail())
    restart(server)
    pushers.verify(run, server, "full disk")
    with server.connect() as connection:
        run.equal("full disk: what was popped stays popped", connection.call("LRANGE", "jobs", 0, 0), [b"job 52"])
    server.stop()


def refuses(server):
    """Whether growth is refused by now; a write that came a moment too early waits for space instead."""
    try:
        with server.connect(timeout=0.5) as connection:
            return is_full(connection.call("SET", "probe", "x"))
    except OSError:
        return False


def full_disk_on_write(run):
    """A file system that can set nothing aside and finds out when it is written to."""
    server, faults = started(run)
    fill(server)
    pushers = Pushers(server)
    wait_for(lambda: pushers.total() > 200)
    with faults(**FULL):
        # What had been applied waits for space; what comes later is refused.
        run.check("full disk on write: writes get the error", wait_for(lambda: refuses(server)), "")
        with server.connect() as connection:
            run.equal("full disk on write: reads go on", connection.call("GET", "old"), b"value")
        run.check("full disk on write: the fault was met", faults.hits > 0)
        stuck, cleared = list(pushers), clock.now()
    writes_again(run, server, "full disk on write")
    run.check("full disk on write: everybody is served again within 1 s of space",
              wait_for(lambda: all(pusher.last_at > cleared for pusher in stuck)) and clock.now() - cleared < 1.5, "%.2f s" % (clock.now() - cleared))
    pushers.end()
    run.check("full disk on write: the process lives", server.alive, server.log_tail())
    restart(server)
    pushers.verify(run, server, "full disk on write")
    server.stop()


def limited_files(run):
    """A file that may not grow any more (ulimit -f) is as a full disk, and not the end of the process."""
    title = "limited files"
    server = run.start()
    fill(server)
    pushers = Pushers(server, size=20_000)
    wait_for(lambda: pushers.total() > 20)
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (8 * MB, limits[1]))
    run.check(title + ": writes get the error", wait_for(lambda: refuses(server), 20), server.log_tail())
    with server.connect() as connection:
        run.equal(title + ": reads go on", connection.call("GET", "old"), b"value")
    stuck, lifted = list(pushers), clock.now()
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)
    writes_again(run, server, title)
    run.check(title + ": everybody is served again within 1 s",
              wait_for(lambda: all(pusher.last_at > lifted for pusher in stuck)) and clock.now() - lifted < 1.5, "%.2f s" % (clock.now() - lifted))
    pushers.end()
    run.check(title + ": the process lives", server.alive, server.log_tail())
    restart(server)
    pushers.verify(run, server, title)
    server.stop()


@contextlib.contextmanager
def small_disk(run, size):
    """A file system of `size` bytes; None where we may not mount one."""
    folder = run.directory("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "none", folder], capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            servers.stop_all()
            subprocess.run(["umount", "-l", folder], check=True)


def fill_up(path):
    """Lets a file grow until the disk is full."""
    with open(path, "ab") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(64 << 10))


def really_full_disk(run):
    """A small file system filled up by others, under load, several times over."""
    with small_disk(run, 128 * MB) as folder:
        if not folder:
            run.skip("a real full disk, a real read-only one", "not allowed to mount a file system")
            return
        ballast = os.path.join(folder, "ballast")
        server = run.start(directory=os.path.join(folder, "data"))
        fill(server)
        pushers = Pushers(server, size=100)
        for _ in range(2):
            fill_up(ballast)
            refusals = pushers.refusals()
            run.check("real full disk: the writers are refused", wait_for(lambda: pushers.refusals() > refusals + 20, 20), "%d pushes" % pushers.total())
            with server.connect() as connection:
                run.equal("real full disk: reads go on", connection.call("GET", "old"), b"value")
                for pusher in pushers:  # Pops that the reserve must carry: 1,000 of them.
                    popped = connection.call("LPOP", pusher.key, 250)
                    run.check("real full disk: pops go on", isinstance(popped, list), popped)
                    pusher.acknowledged = pusher.acknowledged[len(popped or []):]
            os.remove(ballast)
            writes_again(run, server, "real full disk")
            acknowledged = pushers.total()
            run.check("real full disk: the load goes on", wait_for(lambda: pushers.total() > acknowledged + 50), "")
        pushers.end()
        run.check("real full disk: the process lives", server.alive, server.log_tail())
        fill_up(ballast)
        server.kill()
        fill_up(ballast)  # With what the server had set aside for itself.
        server.start()
        pushers.verify(run, server, "real full disk")
        with server.connect() as connection:
            some = bytes(100_000)  # What was set aside before still takes a few of these.
            run.check("started on a full disk: writes get the error", wait_for(lambda: is_full(connection.call("RPUSH", "fill", some))), server.log_tail())
            run.equal("started on a full disk: pops go on", connection.call("LPOP", "fill"), some)
            run.equal("started on a full disk: reads go on", connection.call("GET", "old"), b"value")
        os.remove(ballast)
        writes_again(run, server, "started on a full disk")
        restart(server)
        pushers.verify(run, server, "started on a full disk")
        server.stop()


def torn_tail_on_a_full_disk(run):
    """The start wants to keep what it cuts off, and finds room for it."""
    with small_disk(run, 24 * MB) as folder:
        if not folder:
            return
        server = run.start(directory=os.path.join(folder, "data"))
        fill(server)
        server.kill()
        log = max((entry.path for entry in os.scandir(server.directory)), key=os.path.getsize)
        with open(log, "r+b") as file:
            end = len(file.read().rstrip(b"\0"))
            file.seek(end - 1)
            file.write(b"?")
        fill_up(os.path.join(folder, "ballast"))
        server.start()
        run.check("a torn tail on a full disk: it is cut, and a line says so", "torn tail" in last_words(server), server.log_tail())
        with server.connect() as connection:
            run.equal("a torn tail on a full disk: what is before it is there", connection.call("GET", "old"), b"value")
        server.stop()


# MARK: A failing disk


def log_fails(run, policy, name, **fields):
    """After an error that is final: nothing more is acknowledged, the process says why and ends with an error."""
    title = "%s, appendfsync %s" % (name, policy)
    server, faults = started(run, "--appendfsync", policy)
    pushers = Pushers(server)
    wait_for(lambda: pushers.total() > 200)
    began = clock.now()
    with faults(**fields):
        if policy == "no" and "sync_errno" in fields:
            server.process.send_signal(signal.SIGTERM)  # It syncs at the stop alone.
        hit = wait_for(lambda: faults.hits > 0)
    # The disk is well again at once: that must not tempt the server to go on.
    ended = wait_for(lambda: not server.alive)
    seconds = clock.now() - began
    pushers.end()
    # Under everysec the next sync is up to a second away.
    run.check(title + ": the process ends", ended and seconds < (1.0 if policy == "always" else 2.5), "%.2f s\n%s" % (seconds, server.log_tail()))
    run.check(title + ": the exit code is an error", server.process.poll() not in (None, 0), server.process.poll())
    words = last_words(server)
    run.check(title + ": it says why", os.strerror(fields.get("sync_errno") or fields["write_errno"]) in words and ".log" in words, words[-500:])
    run.check(title + ": the fault was met", hit)
    if policy == "always":
        late = [pusher.last_at - began for pusher in pushers if pusher.last_at - began > 0.1]
        run.check(title + ": nothing more is acknowledged", not late, late)
    restart(server)
    pushers.verify(run, server, title)
    server.stop()


def failing_writes(run):
    for policy in POLICIES:
        log_fails(run, policy, "EIO on write", write_errno=errno.EIO)


def failing_syncs(run):
    for policy in POLICIES:
        log_fails(run, policy, "EIO on fsync", sync_errno=errno.EIO)


def unseen_times(run):
    """No sync looks at its file's times: each that did would make the next one write the inode as well."""
    for policy in ("always", "everysec"):
        title = "unseen times, appendfsync " + policy
        server, faults = started(run, "--appendfsync", policy)
        with faults(times_errno=errno.EIO), server.connect() as connection:
            before = int(server.info("martlet_log_syncs"))
            goes_on = wait_for(lambda: connection.call("RPUSH", "jobs", "job") and int(server.info("martlet_log_syncs")) > before + 2, 20)
            run.check(title + ": syncs go on", goes_on, server.log_tail())
            run.equal(title + ": nobody has looked", faults.hits, 0)
        server.stop()


def short_writes(run):
    server, faults = started(run)
    pushers = Pushers(server, size=100)
    for limit in (61, 97, 203):
        with faults(write_limit=limit):
            before = pushers.total()
            run.check("short writes: the load goes on", wait_for(lambda: pushers.total() > before + 100, 20), "%d bytes at a time" % limit)
            run.check("short writes: the fault was met", faults.hits > 0)
    faults.set(write_limit=61)
    kill_under(pushers, server)
    restart(server, faults)
    pushers.verify(run, server, "short writes")
    server.stop()


def interrupted_calls(run):
    folder = run.directory()
    faults = Faults(folder)
    faults.set(interrupt_each=3)
    server = run.start(directory=folder, faults=faults)  # Also the first start, which makes the folder's files.
    pushers = Pushers(server, size=100)
    for each in (3, 4, 7):
        faults.set(interrupt_each=each)
        before = pushers.total()
        run.check("EINTR: the load goes on", wait_for(lambda: pushers.total() > before + 100, 20), "each %d" % each)
    run.check("EINTR: the fault was met", faults.hits > 20, faults.hits)
    kill_under(pushers, server)
    server.start()
    pushers.verify(run, server, "EINTR")
    code, _ = server.terminate()
    run.equal("EINTR: SIGTERM ends it with 0", code, 0)


# MARK: Folders that can't be used


def is_refused(run, title, server, names):
    """The start ends within a second, with an error that names the file or folder."""
    begin = clock.now()
    server.spawn()
    ended = wait_for(lambda: not server.alive, 20)
    seconds = clock.now() - begin
    lines = [line for line in server.log().splitlines() if line.startswith("martlet-server: ")]
    run.check(title + ": refused within 1 s", ended and server.process.poll() not in (None, 0) and seconds < 1.0, "code %s, %.2f s\n%s" % (server.process.poll(), seconds, server.log_tail()))
    run.check(title + ": one line says why", lines and any(name in lines[-1] for name in names), server.log_tail())
    server.kill()


def forbidden_folders(run):
    server, faults = started(run)
    fill(server)
    server.stop()
    for title, fields in (("a read-only folder", {"change_errno": errno.EROFS}), ("an unwritable folder", {"change_errno": errno.EACCES}),
                          ("an unreadable folder", {"open_errno": errno.EACCES}), ("a disk that can't be read", {"read_errno": errno.EIO}), ("too many open files at the start", {"open_errno": errno.EMFILE})):
        with faults(**fields):
            is_refused(run, title, server, [server.directory])
            run.check(title + ": the fault was met", faults.hits > 0)
    server.start()
    with server.connect() as connection:
        run.equal("after refused starts all is there", [connection.call("GET", "old"), connection.call("LLEN", "jobs")], [b"value", 200])
    server.stop()
    empty = run.directory("nothing")
    faults = Faults(empty)
    for title, fields in (("an empty read-only folder", {"change_errno": errno.EROFS}), ("an empty unwritable folder", {"change_errno": errno.EACCES})):
        faults(**fields)
        is_refused(run, title, servers.Server(run.command, os.path.join(empty, "data"), environment=faults.environment), [empty])
    with small_disk(run, 24 * MB) as folder:
        if not folder:
            return
        server = run.start(directory=os.path.join(folder, "data"))
        fill(server)
        server.stop()
        server.log_path = run.directory("log") + "/log"
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        is_refused(run, "a read-only file system", server, [server.directory])
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        server.start()
        with server.connect() as connection:
            run.equal("a read-only file system: all is there once it can be written to", connection.call("LLEN", "jobs"), 200)
        server.stop()


def folder_removed(run):
    for policy in ("always", "everysec"):
        title = "folder removed, appendfsync " + policy
        server = run.start("--appendfsync", policy)
        pushers = Pushers(server)
        wait_for(lambda: pushers.total() > 100)
        removed = clock.now()
        shutil.rmtree(server.directory)
        ended = wait_for(lambda: not server.alive, 20)
        seconds = clock.now() - removed
        pushers.end()
        run.check(title + ": the process ends with an error", ended and server.process.poll() not in (None, 0), server.log_tail())
        run.check(title + ": it says why", server.directory in last_words(server).split("Ready", 1)[-1], server.log_tail())
        if policy == "always":
            late = max(pusher.last_at for pusher in pushers) - removed
            run.check(title + ": nothing more is acknowledged", late < 0.1, "for %.2f s" % late)
        else:
            run.check(title + ": within 2 s", seconds < 2.5, "%.2f s" % seconds)
        server.kill()


# MARK: Descriptors, locks, the clock


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def out_of_descriptors(run):
    server, faults = started(run)
    real = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    for title, limit in (("no descriptors for clients", None), ("no descriptors at all", 3)):
        with server.connect() as old:
            old.do("SET", "old", "value")
            if limit:
                resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, real[1]))
            else:
                faults.set(accept_errno=errno.EMFILE)
            waiting = [server.connect() for _ in range(20)]  # The kernel takes them; the server can't.
            for connection in waiting:
                connection.send("PING")
            begin, used = time.monotonic(), processor_seconds(server.pid)
            while time.monotonic() - begin < 1.0:
                time.sleep(0.02)
                run.equal(title + ": who is in is served, and the log goes on", [old.call("SET", "old", "new"), old.call("GET", "old")], [b"OK", b"new"])
            used = processor_seconds(server.pid) - used
            if limit:  # A segment that can't be begun is no reason to stop.
                big = b"b" * MB
                run.check(title + ": the log grows on past a segment's end", all(old.call("SET", "big", big) == b"OK" for _ in range(70)), server.log_tail())
            run.check(title + ": no spinning", used < 0.25, "%.2f s of processor time in a second" % used)
            lines = last_words(server).count("Not accepting connections")
            run.check("no descriptors: the log says so, and not again and again", lines == 1, "%d lines" % lines)
            if limit:
                resource.prlimit(server.pid, resource.RLIMIT_NOFILE, real)
            else:
                run.check(title + ": the fault was met", 0 < faults.hits < 100, "%d hits" % faults.hits)
                faults.clear()
            lifted = clock.now()
            run.equal(title + ": who waited gets in", {connection.raw() for connection in waiting}, {b"+PONG\r\n"})
            run.check(title + ": within 1 s", clock.now() - lifted < 1.0, "%.2f s" % (clock.now() - lifted))
            for connection in waiting:
                connection.close()
    restart(server)
    with server.connect() as connection:
        run.equal("no descriptors: all is there", [connection.call("GET", "old"), connection.call("STRLEN", "big")], [b"new", MB])
    server.stop()


def one_server_per_folder(run):
    server = run.start()
    for _ in range(3):
        other = servers.Server(run.command, server.directory)
        other.log_path += ".second"
        is_refused(run, "a second server", other, [server.directory])
        server.kill()
        server.start()
    run.check("kill -9 leaves no stale lock", server.alive)
    server.stop()


def stepped_clock(run):
    hour = 3_600_000
    server, faults = started(run)
    with server.connect() as connection, server.connect() as blocked:
        connection.do("SET", "forever", "v")
        connection.do("SET", "soon", "v", "PX", 1000 * hour)
        for step in (hour, -hour, 100 * hour, -100 * hour, 0):
            blocked.send("BLPOP", "nothing", "0.3")
            begin, stopwatch = time.monotonic(), clock.now()
            time.sleep(0.05)
            faults.set(wall_offset_ms=step)
            run.equal("stepped clock: a blocked client's wait ends", blocked.read(), None)
            seconds = time.monotonic() - begin
            run.check("stepped clock: it lasts as long as it was asked to", seconds >= 0.29 and clock.now() - stopwatch < 1.0, "%.2f s with the clock off by %d ms" % (seconds, step))
            left = connection.call("PTTL", "soon")
            run.check("stepped clock: a term ends when the clock says so", abs(left - (1000 * hour - step)) < 10_000, "%d ms left, clock off by %d ms" % (left, step))
            run.equal("stepped clock: a new term is counted from now", connection.call("SET", "brief", "v", "PX", 60_000), b"OK")
            run.check("stepped clock: it has its length", 50_000 < connection.call("PTTL", "brief") <= 60_000)
            run.equal("stepped clock: what has no term stays", connection.call("GET", "forever"), b"v")
        for step in (hour, -hour):
            faults.set(wall_offset_ms=step)
            connection.do("SET", "short", "v", "PX", 150)
            run.check("stepped clock: a term of 150 ms ends", wait_for(lambda: connection.call("GET", "short") is None, 20))
        connection.do("SET", "past", "v", "PX", hour)
        faults.set(wall_offset_ms=2 * hour)
        run.equal("stepped clock: forward over a term, the key is gone", connection.call("GET", "past"), None)
        faults.set(wall_offset_ms=-2 * hour)
        run.equal("stepped clock: and stays gone when the clock goes back", connection.call("GET", "past"), None)
        wanted = connection.do("PEXPIRETIME", "soon")
    restart(server)
    with server.connect() as connection:
        run.equal("stepped clock: after a restart the terms are as they were", connection.call("PEXPIRETIME", "soon"), wanted)
        run.equal("stepped clock: what was seen to be gone does not return", connection.call("GET", "past"), None)
    server.stop()


# MARK: Stops, slowness, memory


def stops_under_load(run):
    for policy in POLICIES:
        server = run.start("--appendfsync", policy)
        pushers = Pushers(server, size=200)
        wait_for(lambda: pushers.total() > 500)
        code, seconds = server.terminate()
        pushers.end()
        run.check("SIGTERM under load, appendfsync %s: exit 0 within 1 s" % policy, code == 0 and seconds < 1.0, "code %s, %.2f s" % (code, seconds))
        server.start()
        pushers.verify(run, server, "SIGTERM under load, appendfsync " + policy)
        server.stop()


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def slow_sync(run):
    """`always` with an fsync of 300 ms: who waits for it waits, and nobody else."""
    server, faults = started(run)
    with server.connect() as connection:
        connection.do("SET", "still", "value")
        for n in range(500):
            connection.send("RPUSH", "quiet", n)
        for n in range(500):
            connection.read()
    faults.set(sync_delay_ms=300)
    pushers = Pushers(server, count=8)
    wait_for(lambda: pushers.total() >= 8)
    times = {"PING": [], "GET": [], "LRANGE": []}
    with server.connect() as connection:
        begin = time.monotonic()
        while time.monotonic() - begin < 2.5:
            for request in (["PING"], ["GET", "still"], ["LRANGE", "quiet", 0, 9]):
                before = time.monotonic()
                connection.call(*request)
                times[request[0]].append(time.monotonic() - before)
            time.sleep(0.001)
    seconds = time.monotonic() - begin
    before = pushers.total()
    for name, each in times.items():
        run.check("fsync of 300 ms: %s of what is on disk takes under 10 ms (p99)" % name, percentile(each, 0.99) < 0.010,
                  "p50 %.1f ms, p99 %.1f ms, worst %.1f ms" % tuple(1000 * percentile(each, part) for part in (0.5, 0.99, 1)))
    run.check("fsync of 300 ms: writers wait for it, and share it", 8 <= before <= 8 * (seconds / 0.3 + 3), "%d pushes in %.1f s" % (before, seconds))
    run.line("   fsync of 300 ms: p99 of PING %.2f ms, of GET %.2f ms" % tuple(1000 * percentile(times[name], 0.99) for name in ("PING", "GET")))
    kill_under(pushers, server)
    restart(server, faults)
    pushers.verify(run, server, "fsync of 300 ms")
    server.stop()


def slow_sync_everysec(run):
    """`everysec` with an fsync of 300 ms: nobody waits for it at all."""
    server, faults = started(run, "--appendfsync", "everysec")
    times = []
    faults.set(sync_delay_ms=300)
    with server.connect() as connection:
        begin = time.monotonic()
        while time.monotonic() - begin < 2.5:
            for request in (["PING"], ["SET", "key", len(times)], ["GET", "key"]):
                before = time.monotonic()
                connection.call(*request)
                times.append(time.monotonic() - before)
            time.sleep(0.001)
    run.check("fsync of 300 ms, everysec: PING, SET and GET take under 10 ms (p99)", percentile(times, 0.99) < 0.010 and faults.hits > 0,
              "p50 %.1f ms, p99 %.1f ms, worst %.1f ms, %d syncs" % (*(1000 * percentile(times, part) for part in (0.5, 0.99, 1)), faults.hits))
    server.stop()


def slow_everysec(run):
    """`everysec` with an fsync of 1.5 s, killed at random moments: what was acknowledged is there."""
    acknowledged = 0
    for _ in range(max(2, int(3 * run.scale))):
        server, faults = started(run, "--appendfsync", "everysec")
        faults.set(sync_delay_ms=1500)
        pushers = Pushers(server, count=4, size=100)
        time.sleep(run.random.uniform(1.2, 4.5))
        wait_for(lambda: faults.hits and pushers.total() > 100, 20)
        hits = faults.hits
        kill_under(pushers, server)
        acknowledged += pushers.total()
        run.check("everysec with an fsync of 1.5 s: there was load", pushers.total() > 100 and hits > 0, "%d pushes" % pushers.total())
        restart(server, faults)
        pushers.verify(run, server, "everysec with an fsync of 1.5 s, kill -9")
        server.stop()
    run.line("   everysec with an fsync of 1.5 s: %d pushes acknowledged, killed, all there" % acknowledged)


def changing_faults(run):
    """Whatever may pass comes and goes many times a second, and then the process is killed in the midst of it."""
    choices = {
        "sync_delay_ms": (0, 0, 1, 30), "write_errno": (0, 0, 0, errno.ENOSPC), "allocate_errno": (0, 0, errno.ENOSPC), "write_limit": (0, 0, 50, 777),
        "interrupt_each": (0, 3, 10), "accept_errno": (0, errno.EMFILE), "wall_offset_ms": (0, -86_400_000, 86_400_000),
    }
    acknowledged = hits = 0
    for _ in range(max(4, int(8 * run.scale))):
        policy = run.random.choice(POLICIES)
        server, faults = started(run, "--appendfsync", policy)
        pushers = Pushers(server, size=run.random.choice((0, 300, 5000)))
        wait_for(lambda: pushers.total() > 20)
        for _ in range(run.random.randrange(5, 15)):
            chosen = {name: run.random.choice(values) for name, values in choices.items()}
            faults.set(**chosen)
            time.sleep(run.random.uniform(0.02, 0.12))
        run.check("changing faults: the process lives", server.alive, "%s, then %s\n%s" % (policy, chosen, server.log_tail()))
        kill_under(pushers, server)
        hits += faults.hits
        restart(server, faults)
        pushers.verify(run, server, "changing faults, kill -9")
        acknowledged += pushers.total()
        server.stop()
    run.check("changing faults: they were met", hits > 20 and acknowledged > 100, "%d hits, %d pushes" % (hits, acknowledged))
    run.line("   changing faults: %d calls failed, %d pushes acknowledged, all there" % (hits, acknowledged))


def full_memory(run):
    server = run.start("--maxmemory", "8mb")
    refusal = Error("OOM command not allowed when used memory > 'maxmemory'.")
    with server.connect() as connection:
        pushed, reply = 0, 1
        while isinstance(reply, int) and pushed < 2000:
            reply = connection.call("RPUSH", "jobs", b"%d %b" % (pushed, b"." * 20_000))
            pushed += isinstance(reply, int)
        run.equal("maxmemory: growth is refused", reply, refusal)
        run.check("maxmemory: used memory is about the limit", int(server.info("used_memory")) < 9 * MB, server.info("used_memory"))
        run.equal("maxmemory: pops go through", [connection.call("LPOP", "jobs").split()[0] for _ in range(20)], [b"%d" % n for n in range(20)])
        run.equal("maxmemory: then there is room again", connection.call("RPUSH", "jobs", "last"), pushed - 20 + 1)
        left = connection.call("LLEN", "jobs")
    restart(server)
    with server.connect() as connection:
        run.equal("maxmemory: after kill -9 all is there", connection.call("LLEN", "jobs"), left)
    server.stop()


def run(run):
    for part in (full_disk, full_disk_on_write, limited_files, really_full_disk, torn_tail_on_a_full_disk, failing_writes, failing_syncs, unseen_times, short_writes, interrupted_calls, forbidden_folders,
                 folder_removed, out_of_descriptors, one_server_per_folder, stepped_clock, stops_under_load, slow_sync, slow_sync_everysec, slow_everysec,
                 changing_faults, full_memory):
        run.note(part.__name__.replace("_", " "))
        run.part(part, run)
