"""The process: how it starts, is refused, is configured and ends, as the person who runs it sees it.

Goal: each sentence of the README about options, files and signals is true of the real process. Method: start servers
with the options in question and look at exit codes, standard error, files and replies. No load, no random.
"""
import os
import signal
import socket
import stat
import subprocess
import time

from lib import clock, server as servers
from lib.resp import Connection, Error
from lib.server import wait_for
from lib.setup import BINARY

TIME_LIMIT = 120
OURS_ALONE = "its options and messages are the broker's own"


def once(*arguments, data=b"", timeout=30):
    """Runs the program to its end: exit code, standard output, standard error, seconds."""
    begin = clock.now()
    process = subprocess.run([BINARY] + [str(a) for a in arguments], input=data, capture_output=True, timeout=timeout)
    return process.returncode, process.stdout.decode(), process.stderr.decode(), clock.now() - begin


def help_and_version(run):
    code, text, errors, _ = once("--help")
    run.check("--help explains the options", code == 0 and "--appendfsync" in text and not errors, text[:300] + errors)
    code, text, _, _ = once("--version")
    run.check("--version", code == 0 and text.startswith("martlet-server "), text)


def starts_and_says_so(run):
    server = run.start()
    with server.connect() as connection:
        connection.do("RPUSH", "list", "a", "b")
        connection.do("SET", "key", "v")
    server.kill()
    server.start()
    wait_for(lambda: "Ready" in server.log())
    log = server.log().rsplit("is starting", 1)[-1]
    for name, words in (("where it listens", "Listening on 127.0.0.1:%d" % server.port), ("where the data is", "Data in %s:" % server.directory),
                        ("how many keys there were", "2 keys recovered")):
        run.check("the start says " + name, words in log, log)
    server.stop()


def refused_starts(run):
    folder = run.directory("refused")
    plain = os.path.join(folder, "file")
    open(plain, "w").close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cases = [
            ("an unknown option", ["--maxmemry", "1gb"], "maxmemory"),
            ("a bad value", ["--port", "banana"], "port"),
            ("a missing options file", [os.path.join(folder, "missing.conf")], "missing.conf"),
            ("an argument that is no option", ["--port", "0", "--unixsocket", "/x/y", "--nonsense"], "nonsense"),
            ("a port in use", ["--port", port, "--dir", os.path.join(folder, "data")], str(port)),
            ("a folder that is a file", ["--port", servers.free_port(), "--dir", plain], plain),
            ("an address that is not ours", ["--port", servers.free_port(), "--bind", "192.0.2.1", "--dir", os.path.join(folder, "data")], "192.0.2.1"),
            ("a logfile that can't be made", ["--logfile", os.path.join(folder, "no", "log"), "--dir", os.path.join(folder, "data")], "logfile"),
        ]
        for name, arguments, word in cases:
            code, _, errors, seconds = once(*arguments)
            complaint = [line for line in errors.splitlines() if line.startswith("martlet-server: ")]
            run.check("refused: " + name, code == 1 and len(complaint) == 1 and word in complaint[0] and seconds < 1.0,
                      "code %s, %.2f s\n%s" % (code, seconds, errors))


def second_server(run):
    server = run.start()
    code, _, errors, seconds = once("--port", servers.free_port(), "--dir", server.directory)
    run.check("a second server on the folder is refused, which it names", code == 1 and server.directory in errors, errors)
    run.check("a second server is refused within 1 s", seconds < 1.0, "%.2f s" % seconds)
    server.stop()


def stops(run):
    for policy in ("always", "everysec", "no"):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = run.start("--appendfsync", policy)
            with server.connect() as connection, server.connect() as waiting:
                waiting.send("BLPOP", "nothing", 0)
                for n in range(200):
                    connection.send("RPUSH", "list", n)
                for n in range(200):
                    connection.read()
                begin = clock.now()
                server.process.send_signal(number)
                code, seconds = server.process.wait(20), clock.now() - begin
            run.check("%s, appendfsync %s: exit 0 within 1 s" % (signal.Signals(number).name, policy), code == 0 and seconds < 1.0, "code %s, %.2f s" % (code, seconds))
            server.start()
            with server.connect() as connection:
                run.equal("%s, appendfsync %s: all is there" % (signal.Signals(number).name, policy), connection.call("LLEN", "list"), 200)
            server.stop()
    for words in ([], ["NOSAVE"], ["SAVE"], ["NOW"], ["FORCE"], ["NOSAVE", "NOW", "FORCE"]):
        server = run.start()
        with server.connect() as connection:
            connection.do("SET", "k", "v")
            connection.send("SHUTDOWN", *words)
            rest = connection.read_to_end()
        code = server.process.wait(20)
        run.check(" ".join(["SHUTDOWN"] + words) + ": no reply, exit 0", code == 0 and rest == b"", "code %s, %r" % (code, rest))
    server = run.start("--appendonly", "no")
    with server.connect() as connection:
        run.equal("SHUTDOWN SAVE without a log is refused", connection.call("SHUTDOWN", "SAVE"), Error("ERR Errors trying to SHUTDOWN. Check logs."))
        run.equal("SHUTDOWN ABORT without a shutdown", connection.call("SHUTDOWN", "ABORT"), Error("ERR No shutdown in progress."))
        connection.send("SHUTDOWN")
    run.equal("SHUTDOWN without a log: exit 0", server.process.wait(20), 0)


def saving(run):
    for policy in ("always", "everysec", "no"):
        server = run.start("--appendfsync", policy)
        with server.connect() as connection:
            connection.do("SET", "k", "v")
            run.equal("SAVE, appendfsync %s" % policy, connection.call("SAVE"), b"OK")
            run.equal("SAVE, appendfsync %s: nothing unsaved" % policy, server.info("rdb_changes_since_last_save"), "0")
            run.equal("BGSAVE, appendfsync %s" % policy, connection.call("BGSAVE"), b"Background saving started")
            run.check("BGSAVE, appendfsync %s: ends" % policy, wait_for(lambda: server.info("rdb_bgsave_in_progress") == "0"), "")
            run.equal("BGREWRITEAOF, appendfsync %s" % policy, connection.call("BGREWRITEAOF"), b"Background append only file rewriting started")
            run.check("LASTSAVE is now, appendfsync %s" % policy, abs(connection.call("LASTSAVE") - time.time()) < 5, "")
        server.stop()


def connect_soon(server):
    """A connection to a server that has just been spawned."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return server.connect()
        except OSError:
            if time.monotonic() > deadline:
                raise


def loading(run):
    """While the data is read, clients hear of it; what they began then goes on when it is there; a stop changes nothing."""
    refusal = Error("LOADING Redis is loading the dataset in memory")
    server = run.start("--auto-aof-rewrite-percentage", "0")
    inserts = 2000
    with server.connect() as connection:
        for n in range(100):
            connection.do("RPUSH", "list", *range(n * 1000, n * 1000 + 1000))
        for _ in range(inserts):
            connection.do("LINSERT", "list", "BEFORE", 99999, "x")  # Walks over all elements, in the replay too.
    server.kill()
    for words in (["SHUTDOWN"], ["SHUTDOWN", "SAVE"], None):
        server.spawn()
        with connect_soon(server) as connection:
            run.equal("LOADING: a reader is refused", connection.call("LLEN", "list"), refusal)
            run.equal("LOADING: INFO says so", server.info("loading"), "1")
            if words:
                connection.send(*words)
                rest = connection.read_to_end()
            else:
                server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(60)
        run.check("LOADING: %s: exit 0" % " ".join(words or ["SIGTERM"]), code == 0 and (not words or rest == b""), "code %s" % code)
    server.spawn()
    with connect_soon(server) as connection:
        run.equal("LOADING: MULTI", connection.call("MULTI"), b"OK")
        run.check("LOADING: ends", wait_for(lambda: server.info("loading") == "0"), "")
        run.equal("LOADING: a transaction begun then takes commands", connection.call("LLEN", "list"), b"QUEUED")
        run.equal("LOADING: a transaction begun then runs", connection.call("EXEC"), [100_000 + inserts])
    server.stop()


def keys_of(connection):
    keys = {}
    for key in sorted(connection.do("KEYS", "*")):
        kind = connection.do("TYPE", key)
        value = connection.do("GET", key) if kind == b"string" else connection.do("LRANGE", key, 0, -1)
        keys[key] = (kind, value, connection.do("PEXPIRETIME", key))
    return keys


def tools(run):
    server = run.start()
    with server.connect() as connection:
        connection.do("SET", "text", b"\x00\r\n\xff quoted \"x\"")
        connection.do("SET", "soon", "v", "PX", 10_000_000)
        connection.do("RPUSH", "list", *range(500))
        connection.do("LPOP", "list", 7)
        connection.do("MULTI")
        connection.do("INCR", "number")
        connection.do("RPUSH", "other", "a")
        connection.do("EXEC")
        wanted = keys_of(connection)
    server.stop()
    code, text, errors, _ = once("--check-log", server.directory)
    run.check("--check-log finds a log good", code == 0 and text, text + errors)
    exported = subprocess.run([BINARY, "--export", server.directory], capture_output=True)
    run.check("--export ends well", exported.returncode == 0 and exported.stdout, exported.stderr)
    for name, other in (("martlet", run.start()), ("redis-server", run.control())):
        printed = subprocess.run(["redis-cli", "-p", str(other.port), "--pipe"], input=exported.stdout, capture_output=True).stdout.decode()
        with other.connect() as connection:
            run.check("--export into " + name + ": the same keys", "errors: 0" in printed and keys_of(connection) == wanted, printed[-300:])
        other.stop()


def options_file(run):
    folder = run.directory("options")
    path = os.path.join(folder, "martlet.conf")
    port = servers.free_port()
    with open(path, "w") as file:
        file.write("# the shop's broker\nport %d\nbind 127.0.0.1\ntimeout 100\ndir %s/data\n" % (port, folder))
    server = servers.Server("%s %s --maxclients 77" % (BINARY, path), os.path.join(folder, "work"), port=port).start()
    with server.connect() as connection:
        run.equal("an options file is read", connection.call("CONFIG", "GET", "timeout"), [b"timeout", b"100"])
        run.equal("INFO names the options file", server.info("config_file"), path)
        connection.do("CONFIG", "SET", "timeout", 200, "appendfsync", "everysec")
        run.equal("CONFIG REWRITE", connection.call("CONFIG", "REWRITE"), b"OK")
    with open(path) as file:
        text = file.read()
    run.check("CONFIG REWRITE keeps comments and writes changes", all(line in text.splitlines() for line in ("# the shop's broker", "timeout 200", "appendfsync everysec", "maxclients 77")), text)
    server.terminate()
    server.command = "%s %s" % (BINARY, path)
    server.start()
    with server.connect() as connection:
        run.equal("the rewritten file gives the same settings", connection.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"77"])
    server.stop()
    server = run.start()
    with server.connect() as connection:
        run.equal("CONFIG REWRITE without a file", connection.call("CONFIG", "REWRITE"), Error("ERR The server is running without a config file"))
    server.stop()


def at_runtime(run):
    server = run.start()
    with server.connect() as connection:
        before, server.port = server.port, servers.free_port()
        run.equal("CONFIG SET port", connection.call("CONFIG", "SET", "port", server.port), b"OK")
        with server.connect() as other:
            run.equal("CONFIG SET port: the new one answers", other.call("PING"), b"PONG")
        try:
            Connection(before).close()
            refused = False
        except OSError:
            refused = True
        run.check("CONFIG SET port: the old one does not", refused)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            run.equal("CONFIG SET port: one in use is refused", connection.call("CONFIG", "SET", "port", taken.getsockname()[1]),
                      Error("ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs."))
        with server.connect() as other:
            run.equal("CONFIG SET port: refused, the listener stays", other.call("PING"), b"PONG")
        run.equal("CONFIG SET bind *", connection.call("CONFIG", "SET", "bind", "*"), b"OK")
        with Connection(server.port, host="127.0.0.2") as other:
            run.equal("CONFIG SET bind *: other addresses answer", other.call("PING"), b"PONG")
        run.equal("CONFIG SET allow", connection.call("CONFIG", "SET", "allow", "127.0.0.1 10.0.0.0/8"), b"OK")
        stranger = socket.socket()
        stranger.bind(("127.0.0.2", 0))
        stranger.settimeout(5)
        try:
            stranger.connect(("127.0.0.1", server.port))
            stranger.sendall(b"PING\r\n")
            answer = stranger.recv(100)
        except OSError:
            answer = b""
        run.equal("allow refuses at accept", answer, b"")
        with server.connect() as other:
            run.equal("allow lets in whom it names", other.call("PING"), b"PONG")
        begin = time.monotonic()
        connection.do("CONFIG", "SET", "timeout", 1)
        idle = server.connect()
        try:
            idle.read_to_end()
            closed = True
        except OSError:
            closed = False
        run.check("CONFIG SET timeout: an idle client is closed", closed and 0.9 < time.monotonic() - begin < 5, "%.1f s" % (time.monotonic() - begin))
    server.stop()


def files_and_sockets(run):
    folder = run.directory("files")
    path, log, pid = (os.path.join(folder, name) for name in ("socket", "log", "pid"))
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    server = run.start("--unixsocket", path, "--unixsocketperm", "700", "--logfile", log, "--pidfile", pid, "--bind", "127.0.0.1", "-::1")
    with Connection(path=path) as connection:
        run.equal("a Unix socket in the place of a stale one", connection.call("PING"), b"PONG")
    run.equal("unixsocketperm", stat.S_IMODE(os.stat(path).st_mode), 0o700)
    with open(pid) as file:
        run.equal("pidfile", file.read().strip(), str(server.pid))
    with open(log) as file:
        run.check("logfile", "Ready" in file.read())
    if socket.has_ipv6:
        try:
            with Connection(server.port, host="::1") as connection:
                run.equal("IPv6", connection.call("PING"), b"PONG")
        except OSError as error:
            run.skip("IPv6", str(error))
    server.terminate()
    run.check("socket file and pidfile go with the process", not os.path.exists(path) and not os.path.exists(pid), "")


def debug_sleep(run):
    server = run.start("--enable-debug-command", "local")
    with server.connect() as connection, server.connect() as other:
        other.call("PING")
        begin, stopwatch = time.monotonic(), clock.now()
        connection.send("DEBUG", "SLEEP", "0.3")
        time.sleep(0.05)
        other.call("PING")
        connection.read()
        run.check("DEBUG SLEEP stands still before it answers", time.monotonic() - begin >= 0.3 and clock.now() - stopwatch < 2.0, "%.2f s" % (time.monotonic() - begin))
    server.stop()


def run(run):
    for part in (help_and_version, starts_and_says_so, refused_starts, second_server, stops, saving, loading, tools, options_file, at_runtime, files_and_sockets, debug_sleep):
        run.part(part, run)
