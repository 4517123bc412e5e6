"""redis-cli as people use it: transcripts by command family, mass insertion, scanning modes, MONITOR, SUBSCRIBE, inline commands.

Goal: what redis-cli prints is what it prints on redis-server.
Method: transcripts/*.txt hold sections: `# title`, an optional `@ options` line (`-3` for RESP3, `only here` for what
redis-server 7.0 lacks, `fresh` for a server of its own, whose ids begin anew), then `> command` lines, each followed by the lines that redis-cli prints for it. Each section
runs on an empty server in one redis-cli process; the control, a redis-server, must print the same, or the transcript
is wrong.
"""
import difflib
import glob
import os
import re
import subprocess
import threading
import time

from lib import setup
from lib.resp import Closed, encode

TIME_LIMIT = 120


def sections(path):
    """[(title, options, [(command, [line, ...]), ...]), ...] of a transcript."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.startswith("# "):
                found.append((line[2:], [], []))
            elif line.startswith("@ "):
                found[-1][1].extend(line[2:].split())
            elif line.startswith("> "):
                found[-1][2].append((line[2:], []))
            elif line and found:
                found[-1][2][-1][1].append(line)
    return found


def untimed(printed):
    """Without the lines below replies that took half a second or more, a busy machine's."""
    return re.sub(r"(?m)^\(\d+\.\d\ds\)\n", "", printed)


def cli(server, *arguments, data=b"", timeout=30):
    """Runs redis-cli; returns what it prints."""
    done = subprocess.run(["redis-cli", "-p", str(server.port), *arguments], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)
    return untimed(done.stdout.decode("utf-8", "replace"))


def transcript(server, options, commands):
    """What redis-cli prints for these commands in one process, on an empty server; empty lines left out."""
    with server.connect() as connection:
        connection.call("FLUSHALL")
    flags = [option for option in options if option.startswith("-")]
    printed = cli(server, "--no-raw", *flags, data="".join(command + "\n" for command in commands).encode())
    return [line for line in printed.splitlines() if line]


def transcripts(run, here, control):
    for path in sorted(glob.glob(os.path.join(setup.HERE, "transcripts", "*.txt"))):
        family = os.path.basename(path)[:-4]
        for title, options, exchange in sections(path):
            run.note("%s: %s" % (family, title))
            if "only" in options and not run.martlet:
                continue
            commands = [command for command, _ in exchange]
            wanted = [line for _, lines in exchange for line in lines]
            for ours in (True,) if "only" in options else (True, False):
                name = "%s: %s" % (family, title) if ours else "the transcripts hold on redis-server"
                for _ in range(3):  # Where it took long, terms may have shrunk by a second: then once more.
                    server = control if not ours else run.start() if "fresh" in options else here
                    begin = time.monotonic()
                    got = transcript(server, options, commands)
                    seconds = time.monotonic() - begin
                    if server not in (here, control):
                        server.kill()
                    if got == wanted or seconds < 0.4:
                        break
                difference = "\n".join(list(difflib.unified_diff(wanted, got, "transcript " + family, "printed", lineterm="", n=1))[2:])
                run.check(name, got == wanted, difference)


def mass_insertion(run, server):
    count = 20_000
    lines = b"".join(encode("SET", "mass:%d" % n, "v%d" % n) for n in range(count))
    printed = cli(server, "--pipe", data=lines)
    run.check("--pipe: mass insertion", "errors: 0, replies: %d" % count in printed, printed[-300:])
    printed = cli(server, "--pipe", data=encode("SET", "a", "1") + encode("NOSUCH") + encode("SET", "b", "1"))
    run.check("--pipe: errors are counted", "errors: 1, replies: 3" in printed, printed[-300:])
    with server.connect() as connection:
        run.equal("--pipe: all is there", connection.call("DBSIZE"), count + 2)
    keys = cli(server, "--scan", "--pattern", "mass:1*").split()
    wanted = {"mass:%d" % n for n in range(count) if str(n).startswith("1")}
    run.check("--scan: each key that matches", set(keys) == wanted, "%d of %d" % (len(set(keys) & wanted), len(wanted)))


def reports(run, server):
    with server.connect() as connection:
        connection.call("FLUSHALL")
        connection.call("SET", "long", "x" * 5000)
        connection.call("RPUSH", "many", *range(700))
    printed = cli(server, "--bigkeys")
    run.check("--bigkeys", re.search(r"""Biggest string found '"long"' has 5000 bytes""", printed) and
              re.search(r"""Biggest +list found '"many"' has 700 items""", printed), printed[-800:])
    printed = cli(server, "--memkeys")
    run.check("--memkeys", re.search(r"Biggest .*list.*many", printed), printed[-800:])
    for _ in range(3):  # One pause of the machine is enough for a high mean.
        printed = cli(server, "-i", "0.3", "--latency").split()
        if len(printed) == 4 and float(printed[1]) < 50:
            break
    run.check("--latency", len(printed) == 4 and int(printed[3]) > 0 and float(printed[2]) < 50, printed)
    printed = cli(server, "-r", "2", "-i", "0.1", "INFO", "clients")
    run.check("-r and -i repeat a command", printed.count("# Clients") == 2 and "connected_clients:" in printed, printed)
    told = subprocess.Popen(["stdbuf", "-oL", "redis-cli", "-p", str(server.port), "-i", "0.3", "--stat"], stdout=subprocess.PIPE, text=True)
    guard = threading.Timer(20, told.kill)
    guard.start()
    printed = [told.stdout.readline() for _ in range(4)]  # Two of them heads.
    guard.cancel()
    told.kill()
    told.communicate()
    run.check("--stat", len([line for line in printed if re.match(r"2 +\S+[KMG] +", line)]) == 2, "".join(printed))
    run.equal("-x takes the last argument from standard input", cli(server, "-x", "SET", "in", data=b"a\r\nb"), "OK\n")
    run.equal("--csv", cli(server, "--csv", "LRANGE", "many", "0", "2"), '"0","1","2"\n')
    run.equal("--json", cli(server, "--json", "LRANGE", "many", "0", "2"), '["0","1","2"]\n')
    run.equal("-n selects a database", cli(server, "-n", "3", "DBSIZE"), "0\n")
    run.equal("-e: an error reply is an exit code", subprocess.run(
        ["redis-cli", "-e", "-p", str(server.port), "NOSUCH"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode, 1)


def information(run, server, control):
    """INFO, CONFIG GET and COMMAND DOCS have what clients read."""
    wanted = {
        "server": "redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds uptime_in_days hz config_file executable",
        "clients": "connected_clients maxclients blocked_clients client_recent_max_input_buffer client_recent_max_output_buffer",
        "memory": "used_memory used_memory_human used_memory_rss used_memory_peak used_memory_peak_human maxmemory maxmemory_human maxmemory_policy mem_fragmentation_ratio total_system_memory mem_allocator",
        "persistence": "loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status aof_enabled aof_rewrite_in_progress aof_last_write_status aof_last_bgrewrite_status",
        "stats": "total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes total_net_output_bytes rejected_connections expired_keys evicted_keys keyspace_hits keyspace_misses pubsub_channels pubsub_patterns total_error_replies",
        "replication": "role connected_slaves master_repl_offset master_replid",
        "cpu": "used_cpu_sys used_cpu_user",
        "commandstats": "cmdstat_set cmdstat_ping",
        "keyspace": "db0",
    }
    with server.connect() as connection, control.connect() as other:
        for each in (connection, other):
            each.call("SET", "k", "v")
            each.call("PING")
            each.call("GET", "k")
        for section, fields in wanted.items():
            text = connection.call("INFO", section)
            text = text.decode() if isinstance(text, bytes) else repr(text)
            has = {line.split(":")[0] for line in text.splitlines() if ":" in line}
            run.check("INFO %s has what clients read" % section, set(fields.split()) <= has and text.lower().startswith("# " + section[:4]),
                      "missing: %s\n%s" % (" ".join(sorted(set(fields.split()) - has)), text[:200]))
        default, everything = connection.call("INFO"), connection.call("INFO", "everything")
        run.check("INFO: the sections without being asked", all(b"# %b" % s in default for s in (b"Server", b"Clients", b"Memory", b"Persistence", b"Stats", b"Replication", b"CPU", b"Keyspace")), default[:300])
        run.check("INFO everything has the counters of commands", b"cmdstat_get:calls=" in everything and b"usec_per_call=" in everything, everything[-300:])
        if run.martlet:
            run.check("INFO: the versions", re.search(rb"redis_version:7\.2\.\d+\r\n", default) and b"martlet_version:" in default, default[:300])
        names = [row[0] for row in connection.call("COMMAND")]
        run.check("COMMAND COUNT and LIST agree with COMMAND", connection.call("COMMAND", "COUNT") == len(names) and set(names) <= set(connection.call("COMMAND", "LIST")), len(names))
        docs, wanted_docs = connection.call("COMMAND", "DOCS", "LPUSH", "SET"), other.call("COMMAND", "DOCS", "LPUSH", "SET")
        run.check("COMMAND DOCS", isinstance(docs, list) and sorted(docs[::2]) == sorted(wanted_docs[::2]) and all(
            {b"summary", b"since", b"group", b"complexity"} <= set(doc[::2]) for doc in docs[1::2]), docs)
        for parameter in ("maxclients", "timeout", "tcp-keepalive", "save", "appendonly", "appendfsync", "dir", "bind", "port", "maxmemory", "maxmemory-policy",
                          "databases", "requirepass", "client-output-buffer-limit", "proto-max-bulk-len", "unixsocket", "slowlog-log-slower-than", "hz"):
            reply, theirs = connection.call("CONFIG", "GET", parameter), other.call("CONFIG", "GET", parameter)
            run.check("CONFIG GET " + parameter, isinstance(reply, list) and len(reply) == len(theirs) == 2 and reply[0] == theirs[0], "%r, redis-server: %r" % (reply, theirs))


def monitor(run, server):
    with server.connect() as watcher, server.connect() as connection:
        run.equal("MONITOR: answered", watcher.call("MONITOR"), b"OK")
        connection.call("SELECT", 3)
        connection.call("SET", "a b", "\"x\"\r\n")
        connection.call("CLIENT", "SETNAME", "me")
        lines = [watcher.read() for _ in range(3)]
        shape = rb'^\d+\.\d{6} \[%d 127\.0\.0\.1:\d+\] %b$'
        run.check("MONITOR: each command with time, database and client", all(re.match(shape % row, line) for row, line in zip(
            [(3, b'"SELECT" "3"'), (3, rb'"SET" "a b" "\\"x\\"\\r\\n"'), (3, b'"CLIENT" "SETNAME" "me"')], lines)), lines)
        connection.call("AUTH", "default", "secret")
        connection.call("SELECT", 0)
        line = watcher.read()
        run.check("MONITOR: passwords are not shown", b"secret" not in line, line)
        watcher.send("RESET")
        while True:
            line = watcher.raw()
            if line == b"+RESET\r\n":
                break
        run.equal("MONITOR: RESET ends it", watcher.call("PING"), b"PONG")


def listening(run, here, control):
    """redis-cli SUBSCRIBE and PSUBSCRIBE print the same, line by line, on both servers."""
    for options in ([], ["-3"]):
        for command, lines in (["subscribe", "news", "other"], 6), (["psubscribe", "n*"], 3):
            printed = []
            for server in (here, control):
                listener = subprocess.Popen(["redis-cli", "-p", str(server.port), *options, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                guard = threading.Timer(20, listener.kill)
                guard.start()
                try:
                    got = [listener.stdout.readline() for _ in range(lines)]
                    with server.connect() as connection:
                        got.append(connection.call("PUBLISH", "news", "hello there"))
                    got += [listener.stdout.readline() for _ in range(3 if command[0] == "subscribe" else 4)]
                finally:
                    guard.cancel()
                    listener.kill()
                    listener.wait()
                    listener.stdout.close()
                printed.append(got)
            run.equal("redis-cli %s: what is heard" % " ".join(options + command), *printed)
            run.check("redis-cli hears the message", b"hello there\n" in printed[0], printed[0])


def inline_commands(run, here, control):
    cases = [b"PING\r\n", b"PING\n", b"  ping  hello \r\n", b"\r\n\r\nPING\r\n", b'SET k "a b\\x00\\n"\r\nGET k\r\n', b"SET k 'a \\' b'\r\nGET k\r\n",
             b'SET k "unbalanced\r\n', b"SET k 'a'b\r\n", b'SET k ""\r\nGET k\r\n', b"NOSUCH a\r\n", b"LPUSH q a b c\r\nLRANGE q 0 -1\r\n", b"GET\r\n", b"\tPING\r\n",
             b"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n"]
    for case in cases:
        replies = []
        for server in (here, control):
            with server.connect() as connection:
                connection.call("FLUSHALL")
                connection.send_bytes(case + b"ECHO end\r\n")
                data = b""
                try:
                    while not data.endswith(b"end\r\n"):
                        data += connection.raw()
                except Closed:
                    data += b"(closed)"
                replies.append(data)
        run.equal("inline: %s" % repr(case)[2:-1][:40], *replies)


def ways_in(run):
    """The options by which redis-cli finds a server and shows who it is; what it prints is compared."""
    printed = []
    for start in (run.start, run.control):
        path = os.path.join(run.directory(), "socket")
        server = start("--requirepass", "secret", "--unixsocket", path)
        place = ["-p", str(server.port)]
        cli(server, "-a", "secret", "ACL", "SETUSER", "worker", "on", ">pw", "~jobs:*", "+@all")

        def ask(words, data=b"", **environment):
            done = subprocess.run(["redis-cli", *words], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, env=dict(os.environ, **environment))
            return untimed(done.stdout.decode("utf-8", "replace")).replace(str(server.port), "PORT").replace(path, "PATH"), done.returncode

        printed.append({
            "no password": ask([*place, "PING"]), "a password": ask([*place, "-a", "secret", "PING"]), "a wrong one": ask([*place, "-a", "wrong", "PING"]),
            "a quiet one": ask([*place, "-a", "secret", "--no-auth-warning", "PING"]), "one of the environment": ask([*place, "PING"], REDISCLI_AUTH="secret"),
            "a user": ask([*place, "--user", "worker", "--pass", "pw", "--no-auth-warning", "ACL", "WHOAMI"]),
            "a user that may not": ask([*place, "--user", "worker", "--pass", "pw", "--no-auth-warning", "SET", "other", "x"]),
            "a URL": ask(["-u", "redis://:secret@127.0.0.1:%d/3" % server.port, "--no-auth-warning", "SET", "in three", "x"]),
            "a socket": ask(["-s", path, "-a", "secret", "--no-auth-warning", "-n", "3", "KEYS", "*"]),
            "RESP3": ask([*place, "-3", "-a", "secret", "--no-auth-warning", "HGETALL", "none"]),
            "a prompt's commands": ask([*place], b"PING\nAUTH secret\nSELECT 3\nDBSIZE\nHELLO 3 AUTH default wrong\nQUIT\n"),
        })
    for name, wanted in printed[1].items():
        run.equal("redis-cli with " + name, printed[0][name], wanted)


def ways_out(run, here, control):
    """The options by which redis-cli takes input and shows replies; what it prints is compared."""
    script = os.path.join(run.folder, "script.lua")
    with open(script, "w") as file:
        file.write("return {KEYS[1], KEYS[2], ARGV[1]}")
    printed = []
    for server in (here, control):
        with server.connect() as connection:
            connection.do("FLUSHALL")
            connection.do("RPUSH", "l", "a b", b"\x00\xff", "")
            connection.do("HSET", "h", "f", "v")
            for number in range(30):
                connection.do("SET", "key:%d" % number, "x" * number)
        printed.append({
            "--eval": cli(server, "--eval", script, "one", "two", ",", "three"), "-X": cli(server, "-X", "HERE", "SET", "tagged", "HERE", data=b"in the middle"), "-x after -X": cli(server, "GET", "tagged"),
            "--raw": cli(server, "--raw", "LRANGE", "l", "0", "-1"), "--no-raw": cli(server, "--no-raw", "LRANGE", "l", "0", "-1"), "--csv": cli(server, "--csv", "HGETALL", "h"),
            "--json with -3": cli(server, "-3", "--json", "HGETALL", "h"), "--quoted-json": cli(server, "--quoted-json", "LRANGE", "l", "0", "-1"),
            "-d": cli(server, "-d", ";", "LRANGE", "l", "0", "1"), "-D": cli(server, "--raw", "-D", "END", "LLEN", "l"), "-e": cli(server, "-e", "LPUSH", "h", "x"),
            "--quoted-input": cli(server, "--quoted-input", "SET", r'"a\x00b"', "v"), "--quoted-pattern": cli(server, "--scan", "--quoted-pattern", r'"a\x00*"'),
            "--scan --count": sorted(cli(server, "--scan", "--count", "5", "--pattern", "key:1*").split()), "-2": cli(server, "-2", "HGETALL", "h"),
            "a repeated command": cli(server, "--no-raw", data=b"3 INCR n\n"), "MULTI": cli(server, "--no-raw", data=b"MULTI\nINCR n\nGET none\nEXEC\n"),
            "a long script": cli(server, "EVAL", "local n = 0 for i = 1, 1000000 do n = n + i end return tostring(n)", "0"),
            "--hotkeys": [line for line in cli(server, "--hotkeys").splitlines() if "ERR" in line or "rror" in line],
        })
    for name, wanted in printed[1].items():
        run.equal("redis-cli " + name, printed[0][name], wanted)


def run(run):
    here, control = run.start(), run.control()
    run.part(transcripts, run, here, control)
    with here.connect() as connection:
        connection.call("FLUSHALL")
    run.part(mass_insertion, run, here)
    run.part(reports, run, here)
    run.part(information, run, here, control)
    run.part(monitor, run, here)
    run.part(listening, run, here, control)
    run.part(inline_commands, run, here, control)
    run.part(ways_in, run)
    run.part(ways_out, run, here, control)
