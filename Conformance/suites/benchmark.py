"""martlet-benchmark counts and times what the server does, says what is wrong, and its page is right in a browser.

Goal: its figures can be believed. Method: every workload on both servers, reports parsed and compared with the servers' own counters; a server of ours
whose service times are known exactly; servers that pause under a fixed rate; the ways in which a run can fail; the page laid out by Chromium.
"""
import csv
import io
import json
import math
import os
import random
import re
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import zlib

from lib import setup
from lib.server import CONTROL, free_port, wait_for

TIME_LIMIT = 300  # Most of it for a build of the tool; the checks take less than 90 s.
NAMES = ["push", "pop", "set", "get", "ping", "handoff", "queue", "jobs", "streams", "streams-4", "reliable", "delayed", "delayed-zset"]
# The command by which the work of each is counted, and how many calls of it one operation makes.
COUNTED = {"push": "lpush", "pop": "rpop", "set": "set", "get": "get", "ping": "ping", "handoff": "lpush", "queue": "lpush", "jobs": "ackjob",
           "streams": "xack", "streams-4": "xdel", "reliable": "lrem", "delayed": "addjob", "delayed-zset": "zadd"}
PERCENTILES = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "p99.99_ns", "max_ns"]
QUICK = ["--rounds", "1", "--warm-up", "0", "--duration", "0.4", "--backlog", "30000", "--keyspace", "1000", "--delay", "100"]


class Tool:
    """Runs the tool to its end."""

    def __init__(self, run):
        self.path = setup.build_load_tool()
        self.folder = run.folder

    def __call__(self, *words, timeout=60):
        done = subprocess.run([self.path, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=timeout)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def json(self, *words):
        code, out, err = self("--json", *words)
        try:
            return code, json.loads(out)
        except ValueError:
            raise AssertionError("no JSON: %s%s" % (out[-1000:], err[-1000:]))


def url(server, login=""):
    return "redis://%s127.0.0.1:%d" % (login, server.port)


def knows(server, command):
    with server.connect() as connection:
        return connection.call("COMMAND", "INFO", command)[0] is not None


def calls(server, command):
    with server.connect() as connection:
        found = re.search(rb"cmdstat_%s:calls=(\d+)" % command.encode(), connection.call("INFO", "commandstats"))
    return int(found.group(1)) if found else 0


def workloads(run, tool, here, control):
    """Each workload does something on each server that has its commands; what is reported is consistent in itself."""
    for server in (here, control):
        with server.connect() as connection:
            connection.call("CONFIG", "RESETSTAT")
    code, report = tool.json("--server", url(here), "--versus", url(control), *NAMES, *QUICK)
    run.equal("all workloads: exit code", code, 0)
    run.equal("the servers are named", [s["place"] for s in report["servers"]], ["127.0.0.1:%d" % s.port for s in (here, control)])
    run.equal("the servers' processes are known", [s["process_id"] for s in report["servers"]], [s.pid for s in (here, control)])
    run.equal("the fsync policy is named", [s["fsync"] for s in report["servers"]], ["no log", "no log"])
    run.equal("all workloads are in the report", [m["workload"] for m in report["measurements"]], NAMES)
    for measurement in report["measurements"]:
        name = measurement["workload"]
        for server, result in zip((here, control), measurement["results"]):
            needed = {"jobs": "addjob", "streams": "xgroup", "streams-4": "xgroup", "delayed": "addjob", "delayed-zset": "zadd"}.get(name, "ping")
            has = knows(server, needed) and (name != "delayed-zset" or knows(server, "eval"))
            where = "%s on %s" % (name, "redis-server" if server is control else "the server")
            run.equal(where + ": skipped if the server lacks it, and named", (result["skipped"], "unknown command" in (result["failure"] or "")), (not has, not has))
            if has and result["failure"] is None:
                consistent(run, where, measurement, result)
        done = [r for r in measurement["results"] if r.get("throughput")]
        if len(done) == 2:
            wanted = done[0]["throughput"]["median"] / done[1]["throughput"]["median"]
            run.check("the ratio is that of the throughputs", abs(measurement["ratios"][0]["throughput"]["median"] / wanted - 1) < 0.01, measurement["ratios"])
    for server in (here, control):
        with server.connect() as connection:
            run.equal("no key is left behind", connection.call("DBSIZE"), 0)


def consistent(run, where, measurement, result):
    if not run.check(where + ": something was done", "series" in result and result["throughput"], result):
        return
    primary = next(iter(result["series"].values()))
    done = result["rounds"][0]
    run.check(where + ": something was done", primary["count"] > 0 and result["throughput"]["median"] > 0, result)
    run.check(where + ": throughput is count by time", abs(done["completed"] / done["seconds"] / done["throughput"] - 1) < 0.01, done)
    run.check(where + ": no errors", result["errors"] == 0, result["first_error"])
    run.check(where + ": processor time and memory of the server", result["resident_bytes"] and result["cpu_us_per_operation"] is not None, result)
    for name, series in result["series"].items():
        figures = [series[p] for p in PERCENTILES]
        run.check(where + ": percentiles rise", not series["count"] or figures == sorted(figures) and figures[0] <= series["mean_ns"] <= figures[-1], (name, series))
    if not measurement["rate"]:
        over_time = sum(done["throughput_over_time"]) * done["bucket_seconds"] + done["completed_after"]
        run.check(where + ": throughput over time adds up", abs(over_time - done["completed"]) < 0.5, (over_time, done["completed"]))


def counts(run, tool, server):
    """What the tool says was done is what the server says was done."""
    for name in ["push", "set", "handoff", "reliable"]:
        with server.connect() as connection:
            connection.call("CONFIG", "RESETSTAT")
        code, report = tool.json("--server", url(server), name, "-n", 5000, "-P", 7, "-c", 11, "--rounds", 2, "--warm-up", 0)
        done = [r["completed"] for r in report["measurements"][0]["results"][0]["rounds"]]
        run.equal("%s: as many as asked for" % name, done, [5000, 5000])
        run.equal("%s: as many as the server counted" % name, calls(server, COUNTED[name]), 10000)
    code, report = tool.json("--server", url(server), "-n", 1000, "--rounds", 1, "--warm-up", 0, "--", "APPEND", "mine:{key}", "{body}", "--size", 10)
    run.equal("a command of one's own is counted as well", calls(server, "append"), 0)  # Its words are all behind --, options too: a wrong number of arguments.
    run.equal("error replies are an exit code", code, 1)
    code, report = tool.json("--server", url(server), "-n", 1000, "--size", "10-20", "-r", 5, "--rounds", 1, "--warm-up", 0, "--", "APPEND", "mine:{key}", "{body}")
    run.equal("a command of one's own", (code, calls(server, "append")), (0, 1000))
    with server.connect() as connection:
        keys = sorted(connection.call("KEYS", "mine:*"))
        run.equal("random keys: all of a small keyspace", keys, [b"mine:%012d" % n for n in range(5)])
        size = sum(connection.call("STRLEN", key) for key in keys)
        run.check("sizes lie in their range", 10_000 < size < 20_000 and abs(size - 15_000) < 500, size)
        value = b"".join(connection.call("GET", key) for key in keys)
        run.check("bodies can't be compressed", len(zlib.compress(value)) > 0.98 * len(value), len(zlib.compress(value)))
        connection.call("DEL", *keys)


class KnownTimes(socketserver.ThreadingTCPServer):
    """Answers PING after times that it draws and notes: what a server of those latencies looks like from inside."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, seed):
        super().__init__(("127.0.0.1", 0), Session)
        self.port = self.server_address[1]
        self.random, self.times, self.notes = random.Random(seed), [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line.startswith(b"*"):
                return
            words = []
            for _ in range(int(line[1:])):
                words.append(self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2])
            if words[0] == b"ECHO":
                begin = time.perf_counter_ns()
                draw = self.server.random.random()
                time.sleep(0.0005 if draw < 0.9 else 0.01 if draw < 0.99 else 0.06)
                self.server.times.append(time.perf_counter_ns() - begin)
            self.request.sendall(b"+PONG\r\n" if words[0] in (b"PING", b"ECHO") else b"$0\r\n\r\n" if words[0] == b"INFO" else b"*0\r\n")


def at_best(run, measure):
    """Checks, as `measure` returns them. Other load and pauses of the machine can only make them worse: what is missed is measured again, three times in all."""
    for _ in range(3):
        checks = measure()
        if all(ok for _, ok, _ in checks):
            break
    for check in checks:
        run.check(*check)


def known_times(run, tool):
    """The histogram against the exact percentiles of what the server noted: never below, and above by the way alone."""
    at_best(run, lambda: against_known(run, tool))


def against_known(run, tool):
    server = KnownTimes(run.seed)
    code, report = tool.json("--server", "redis://127.0.0.1:%d" % server.port, "-c", 1, "-n", 1500, "--rounds", 1, "--warm-up", 0, "--", "ECHO", "x")
    server.shutdown()
    times = sorted(server.times)
    series = report["measurements"][0]["results"][0]["series"]["request"]
    run.equal("known times: each request once", (series["count"], len(times)), (1500, 1500))
    checks = []
    for percent, field in ((50, "p50_ns"), (90, "p90_ns"), (99, "p99_ns"), (99.9, "p99.9_ns"), (100, "max_ns")):
        exact = times[math.ceil(len(times) * percent / 100) - 1]
        checks.append(("known times: %s" % field[:-3], exact * 0.999 <= series[field] <= exact * 1.3 + 3_000_000, "exact %d, told %d" % (exact, series[field])))
    return checks


def stalls(run, tool, server):
    """A server that pauses for 400 ms under a fixed rate: all that was due meanwhile waited, and so say the percentiles."""
    def pause():
        time.sleep(0.8)
        with server.connect() as connection:
            connection.call("CLIENT", "PAUSE", "400", "ALL")

    words = ["--server", url(server), "push", "--rounds", 1, "--warm-up", 0, "--duration", 1.6, "-c", 10]

    def paused(*more):
        pausing = threading.Thread(target=pause, daemon=True)
        pausing.start()
        code, report = tool.json(*words, *more)
        pausing.join()
        return report["measurements"][0]["results"][0]

    def under_a_rate():
        result = paused("--rate", 1000)
        series = result["series"]["request"]
        # A quarter of the requests was due in the pause and waited 200 ms on average: p90 at some 240 ms.
        return [("a pause under a rate: all that were due count", series["count"] == 1600 and result["unanswered"] == 0, result),
                ("a pause under a rate: p90 shows it", 150e6 < series["p90_ns"] < 500e6 and series["max_ns"] > 350e6, series),
                ("a pause under a rate: p50 does not", series["p50_ns"] < 100e6, series)]

    def in_a_closed_loop():
        series = paused()["series"]["request"]
        return [("the same in a closed loop is seen by ten requests only", series["p99_ns"] < 200e6 and series["max_ns"] > 300e6, series)]

    def kept():
        code, report = tool.json("--server", url(server), "push", "--rate", 500, "--rounds", 1, "--warm-up", 0, "--duration", 1, "--threads", 2)
        rounds = report["measurements"][0]["results"][0]["rounds"]
        return [("a rate is kept", abs(rounds[0]["completed"] - 500) <= 1, rounds)]

    for measure in (under_a_rate, in_a_closed_loop, kept):
        at_best(run, measure)


def failures(run, tool, server):
    """What is wrong is said in a line, and the exit code says that something is."""
    def fails(name, words, text, code=1):
        got, out, err = tool(*words)
        run.check("said clearly: " + name, got == code and re.search(text, err) and len(err.splitlines()) <= 4, "%s\n%s%s" % (got, out, err))

    fails("no server", ["--server", "redis://127.0.0.1:%d" % free_port(), "push"], "no server at .*refused")
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", 6379)) == 0
    if not taken:
        fails("no server on this machine, and how to start one", [], "Start one: .*martlet-server")
    fails("a bad option", ["--nosuch"], "no option named --nosuch", 2)
    fails("a bad value", ["--clients", "0"], "--clients takes a number", 2)
    fails("a workload there is not", ["nosuch"], "no workload named nosuch", 2)
    fails("threads where there can't be", ["--server", url(server), "handoff", "--threads", 2], "handoff takes one thread")
    fails("a body file that is not there", ["--server", url(server), "push", "--body-file", "/nosuch"], "/nosuch can't be read")
    fails("a page that can't be written", ["--server", url(server), "ping", "--duration", "0.1", "--rounds", 1, "--html", "/nosuch/page"], "/nosuch/page can't be written")
    fails("a peer that does not start", ["ping", "--start", "redis-server --nosuch 1"], "ended at once")
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "requirepass", "secret")
    fails("a password is wanted", ["--server", url(server), "push"], "wants a password")
    fails("the password is wrong", ["--server", url(server, ":wrong@"), "push"], "refuses the password")
    code, report = tool.json("--server", url(server, ":secret@"), "push", *QUICK)
    run.equal("with the password", (code, report["measurements"][0]["results"][0]["failure"]), (0, None))
    with server.connect() as connection:
        connection.call("AUTH", "secret")
        connection.call("CONFIG", "SET", "requirepass", "")
    code, out, err = tool("--server", url(server), *QUICK, "--", "NOSUCH", "x")
    run.check("an unknown command is skipped and named", "skipped: ERR unknown command" in out and "NOSUCH" in out, out)


def gone(run, tool):
    """The server is killed in mid-run: what was measured is kept. An interrupt ends the run in order."""
    server = run.start("--appendonly", "no")
    threading.Thread(target=lambda: (wait_for(lambda: calls(server, "lpush") > 1000), server.kill()), daemon=True).start()
    code, report = tool.json("--server", url(server), "push", "--duration", 20, "--rounds", 2, "--warm-up", 0)
    result = report["measurements"][0]["results"][0]
    run.check("server gone: told, with an exit code", code == 1 and "gone" in (result["failure"] or ""), (code, result["failure"]))
    run.check("server gone: what was measured is kept", len(result["rounds"]) == 1 and result["rounds"][0]["completed"] > 100 and result["rounds"][0]["seconds"] < 5, result["rounds"])
    server = run.start("--appendonly", "no")
    process = subprocess.Popen([tool.path, "--server", url(server), "push", "--duration", "20", "--json"], stdout=subprocess.PIPE)
    wait_for(lambda: calls(server, "lpush") > 1000)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    with server.connect() as connection:
        run.equal("interrupted: keys are deleted", connection.call("DBSIZE"), 0)
    run.check("interrupted: reported", json.loads(out)["measurements"][0]["results"][0]["failure"] == "interrupted" and process.returncode == 1, (process.returncode, out[-500:]))


def peer(run, tool, here):
    """--start has a peer for the run alone; without a word about workloads there are two numbers and one sentence."""
    before = set(os.listdir(tempfile.gettempdir()))
    command = CONTROL.replace("{port}", "{port} --appendonly no")
    begin = time.monotonic()
    code, out, err = tool("--server", url(here), "--start", command)
    seconds = time.monotonic() - begin
    run.check("a short look: two numbers and a sentence for each", code == 0 and len(re.findall(r"(?m)^ +[\d,.]+( us| ms)?   ", out)) == 4 and len(re.findall(r"carries [\d,]+ jobs a second", out)) == 2, out + err)
    run.check("a short look: the comparison", "times the jobs of" in out, out)
    run.check("a short look: less than 20 s for two servers", seconds < 20, seconds)
    left = {name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("martlet-benchmark-")}
    run.equal("the peer's folder is gone", left, set())
    places = {int(port) for port in re.findall(r"Redis \S+ at 127.0.0.1:(\d+)", out)} - {here.port}
    with socket.socket() as probe:
        run.check("the peer is gone", len(places) == 1 and probe.connect_ex(("127.0.0.1", *places)) != 0, out)


def tables(run, tool, here, control):
    """The sweep's points in CSV and in the table."""
    words = ["--server", url(here), "--versus", url(control), "push", "streams", "--sweep", "pipeline=1,8", "--sweep", "clients=2,5", *QUICK]
    code, out, err = tool(*words, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    run.check("CSV: all columns in all lines", rows and all(None not in row and None not in row.values() for row in rows), out[:500])
    points = {row["point"] for row in rows if row["workload"] == "push"}
    run.equal("CSV: all points of the sweep", points, {"pipeline=%d clients=%d" % (p, c) for p in (1, 8) for c in (2, 5)})
    run.check("CSV: figures", all(float(row["throughput"]) > 0 and float(row["p50_us"]) > 0 for row in rows if row["workload"] == "push"), rows[:2])
    code, out, err = tool(*words[:5], *QUICK)
    run.check("table: heads, figures, ratios, histogram", re.search(r"pushes/s +p50 +p90 +p99 +p99.9 +p99.99 +max +CPU/op +RSS", out) and
              re.search(r" : .* throughput \d+\.\d\d \(", out) and "█" in out, out)


def micro(run, tool):
    code, out, err = tool("micro", "hash of a key")
    rows = re.findall(r"(?m)^(structures|log) .* (\d+\.\d) +(\d+|-)$", out)
    run.check("micro: time and instructions of what is named", code == 0 and len(rows) == 1 and all(float(row[1]) > 0 for row in rows), out + err)
    if "not installed" in out:
        return run.skip("micro: instructions", "valgrind is not installed")
    again = re.findall(r"(?m)^(structures|log) .* (\d+\.\d) +(\d+|-)$", tool("micro", "hash of a key")[1])
    run.check("micro: instructions are the same again", all(abs(int(a[2]) - int(b[2])) <= 2 for a, b in zip(rows, again)), (rows, again))


# Runs in the page: what is laid out, and what sticks out of its place.
PROBE = """<script>addEventListener("load", () => {
  const found = {plots: 0, empty: 0, outside: [], wide: document.documentElement.scrollWidth > innerWidth, back: getComputedStyle(document.body).backgroundColor};
  for (const svg of document.querySelectorAll("svg")) {
    const box = svg.getBoundingClientRect();
    found.plots += box.width > 200 && box.height > 80;
    const marks = svg.querySelectorAll(".line, .bar");
    found.empty += !marks.length || ![...marks].some(m => m.getTotalLength ? m.getTotalLength() > 20 : false);
    for (const text of svg.querySelectorAll("text, .line, .bar")) {
      const t = text.getBoundingClientRect();
      if (t.left < box.left - 1 || t.right > box.right + 1 || t.top < box.top - 1 || t.bottom > box.bottom + 1) found.outside.push(text.textContent);
    }
  }
  const result = document.createElement("pre"); result.id = "probe"; result.textContent = JSON.stringify(found); document.body.append(result);
});</script></body>"""


def page(run, tool, here, control):
    """The page in Chromium: plots are there and within their bounds, on a wide and a narrow screen, light and dark."""
    path = os.path.join(run.artifacts, "report.html")
    code, out, err = tool("--server", url(here), "--versus", url(control), "push", "reliable", "queue", "streams", "--sweep", "pipeline=1,16", *QUICK, "--html", path)
    with open(path, encoding="utf-8") as file:
        html = file.read()
    run.check("page: nothing is fetched", not re.search(r"""src=|href=|url\(|@import|https?://""", html), "")
    run.check("page: says what was measured", all(word in html for word in ["127.0.0.1:%d" % here.port, "Redis 7", "closed loop", "p99.99", "--sweep"]), html[:1500])
    chromium = setup.browser()
    if not chromium:
        return run.skip("page: looked at in a browser", "Chromium can't be installed")
    probed = os.path.join(run.folder, "probed.html")
    with open(probed, "w", encoding="utf-8") as file:
        file.write(html.replace("</body>", PROBE))
    plots = html.count("<svg")
    backs = set()
    for name, width, scheme in (("wide", 1280, 1), ("narrow", 500, 1), ("dark", 1280, 0)):
        picture = os.path.join(run.artifacts, "report-%s.png" % name)
        words = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + os.path.join(run.folder, "chromium"),
                 "--blink-settings=preferredColorScheme=%d" % scheme, "--window-size=%d,2400" % width]
        done = subprocess.run(words + ["--dump-dom", "file://" + probed], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout.decode("utf-8", "replace"))
        if not run.check("page: Chromium shows it", found, done.stderr.decode("utf-8", "replace")[-800:]):
            return
        layout = json.loads(found.group(1).replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
        backs.add(layout["back"])
        run.check("page, %s: plots are there, and something in each" % name, layout["plots"] == plots > 6 and layout["empty"] == 0, layout)
        run.check("page, %s: nothing sticks out" % name, not layout["outside"] and not layout["wide"], layout)
        if name == "narrow":
            continue
        words[-1] = "--window-size=%d,1000" % width
        shot = subprocess.run(words + ["--enable-logging=stderr", "--screenshot=" + picture, "file://" + path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        said = re.findall(r":CONSOLE[:(].*", shot.stderr.decode("utf-8", "replace"))
        run.check("page, %s: nothing is said on the console" % name, not said, "\n".join(said))
        colours = colours_of(picture)
        wanted = [(0x25, 0x63, 0xC9), (0xD9, 0x73, 0x0D)] if scheme else [(0x6E, 0xA4, 0xF5), (0xF0, 0xA0, 0x4F)]
        run.check("page, %s: both servers' colours are seen" % name, all(colours.get(c, 0) > 500 for c in wanted), sorted(colours.items(), key=lambda c: -c[1])[:8])
    run.equal("page: light and dark differ", len(backs), 2)


def colours_of(path):
    """How many pixels of a PNG (8 bits, RGB or RGBA, not interlaced) have which colour; every third line is looked at."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, counts = 8, b"", {}
    while at < len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, step = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"), {2: 3, 6: 4}[body[9]]
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    raw, line = zlib.decompress(packed), bytearray(width * step)
    for row in range(height):
        start = row * (width * step + 1)
        filtering, before = raw[start], line
        line = bytearray(raw[start + 1:start + 1 + width * step])
        if filtering == 1:
            for i in range(step, len(line)):
                line[i] = line[i] + line[i - step] & 255
        elif filtering == 2:
            line = bytearray(a + b & 255 for a, b in zip(line, before))
        elif filtering == 3:
            for i in range(len(line)):
                line[i] = line[i] + ((line[i - step] if i >= step else 0) + before[i]) // 2 & 255
        elif filtering == 4:
            for i in range(len(line)):
                a, b, c = line[i - step] if i >= step else 0, before[i], before[i - step] if i >= step else 0
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                line[i] = line[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c) & 255
        if row % 3 == 0:
            for pixel in zip(*(line[k::step] for k in range(3))):
                counts[pixel] = counts.get(pixel, 0) + 1
    return counts


def run(run):
    tool = Tool(run)
    here, control = run.start("--appendonly", "no"), run.control()
    run.part(workloads, run, tool, here, control)
    run.part(counts, run, tool, here)
    run.part(known_times, run, tool)
    run.part(stalls, run, tool, control)
    run.part(failures, run, tool, here)
    run.part(gone, run, tool)
    run.part(peer, run, tool, here)
    run.part(tables, run, tool, here, control)
    run.part(micro, run, tool)
    run.part(page, run, tool, here, control)
