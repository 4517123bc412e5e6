"""Redis' own Tcl tests for what the broker has, test by test (redis-suite/README.md).

Goal: the tests of Redis 7.0 that redis-server and Valkey both pass in this mode are passed here.
Method: redis-suite/run on a fresh server for each file; each required test is a check. One rule excuses: a test that uses a command which the server
does not have yet counts as an expected failure, so the suite grows stricter by itself as commands are added.
"""
import csv
import os
import shlex
import signal
import subprocess

from lib import server as servers, setup
from lib.resp import Error

TIME_LIMIT = 1500
SUITE = os.path.join(setup.HERE, "redis-suite")
FILES = ["unit/type/string", "unit/type/incr", "unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/type/hash", "unit/type/set", "unit/type/zset",
         "unit/type/stream", "unit/type/stream-cgroups", "unit/keyspace", "unit/expire", "unit/scan", "unit/sort", "unit/multi", "unit/pubsub", "unit/bitops",
         "unit/bitfield", "unit/hyperloglog", "unit/geo", "unit/scripting", "unit/functions", "unit/protocol", "unit/quit", "unit/other", "unit/introspection", "unit/info-command", "unit/slowlog", "unit/lazyfree",
         "unit/info", "unit/acl-v2", "unit/auth", "unit/limits", "unit/dump"]
# Whose tests the suite keeps to servers that it starts itself: they run in the mode that takes them all the same.
WIDE = {"unit/info", "unit/acl-v2", "unit/auth", "unit/limits", "unit/dump"}
# The rest of the file is about a command that is not there, and long.
ONLY = {"unit/dump": "DUMP|RESTORE"}


class Commands:
    """Which commands the server has, asked once each."""

    def __init__(self, connection):
        self.connection, self.known = connection, {}

    def has(self, used):
        """`used` as the harness writes it: NAME, NAME|SUBCOMMAND, CONFIG|SET:parameter."""
        name, _, sub = used.partition(":")[0].partition("|")
        if (name, sub) not in self.known:
            info = self.connection.call("COMMAND", "INFO", name)
            known = isinstance(info, list) and bool(info) and info[0] is not None
            if known and name == "DEBUG":
                known = "not allowed" not in str(self.connection.call("DEBUG", "JMAP"))
            elif known and sub:
                # So many arguments that nothing is carried out: a wrong number of them is found after the name.
                reply = self.connection.call(name, sub, *["x"] * 40)
                known = not (isinstance(reply, Error) and "unknown subcommand" in str(reply))
            self.known[name, sub] = known
        return self.known[name, sub]


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def run_file(run, file, folder):
    """Runs one file of the suite; returns its rows of results.tsv."""
    port = servers.free_port()
    # What the disk takes for each write is not what these tests are about.
    words = shlex.split(run.command) + ["--appendfsync", "everysec"]
    command = " ".join(shlex.quote(w.replace("{port}", str(port)).replace("{dir}", ".")) for w in words)
    log = os.path.join(folder, "run.log")
    options = (["--mode", "wide"] if file in WIDE else []) + (["--only", ONLY[file]] if file in ONLY else [])
    with open(log, "wb") as out:
        process = subprocess.Popen([os.path.join(SUITE, "run"), "--cache", os.path.join(setup.CACHE, "redis-suite"), "--server-cmd", command, "--out", folder,
                                    "--file-timeout", "400", "--test-timeout", "200", "--quiet", *options, "127.0.0.1", str(port), file], stdout=out, stderr=out, env=dict(os.environ, TMPDIR=folder))
    try:
        process.wait()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # Its trap ends what it started.
            process.wait()
    results = os.path.join(folder, "results.tsv")
    if not os.path.exists(results):
        with open(log, errors="replace") as text:
            raise RuntimeError("the harness did not run:\n" + text.read()[-2000:])
    return rows(results)[1:]


def run(run):
    used = {(row[1], row[2]): row[5].split(",") if len(row) > 5 else [] for row in rows(os.path.join(SUITE, "expect.tsv")) if len(row) > 4 and row[0] == "redis70"}
    server = run.start()
    with server.connect() as connection:
        commands = Commands(connection)
        for file in FILES:
            run.note(file)
            passed = required = 0
            for name_of_file, test, outcome, _, used_here, detail, is_required in run_file(run, file, run.directory(file.replace("/", "-"))):
                if is_required != "1":
                    continue
                check = "%s: %s" % (file, test)
                required += 1
                passed += outcome == "pass"
                if outcome != "pass":
                    missing = sorted({u for u in used.get((file, test), []) + used_here.split(",") if u and not commands.has(u)})
                    if missing:
                        run.expected[run.suite, check] = "not there yet: " + ", ".join(missing)
                run.check(check, outcome == "pass", "%s: %s" % (outcome, detail))
            run.check("%s has required tests" % file, required > 0)
            run.line("   %s: required %d/%d" % (file, passed, required))
