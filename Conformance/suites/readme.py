"""Every command and program of the README does, as it stands there, what it says there.

Goal: whoever pastes from the README sees what the README shows. Method: the blocks of README.md are run in a folder of their own, word for word; only
the programs named `redis-cli` and `martlet-server` that they find are scripts which add the test's port or name the built binary. A line
with a prompt is followed by what it prints. Blocks next to each other that show one server from two terminals run at the same time. Tables and numbers
of the text are compared with the server; figures of speed and memory are the suite of that name's.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

from lib import server as servers, setup
from lib.resp import Error, encode
from lib.server import wait_for

TIME_LIMIT = 60
OURS_ALONE = "it is the broker's"
README = os.path.join(setup.REPOSITORY, "README.md")


def blocks(language):
    """The README's code blocks of that language, in order."""
    with open(README, encoding="utf-8") as file:
        return re.findall(r"^```%s\n(.*?)^```$" % language, file.read(), re.M | re.S)


class Terminal:
    """A folder in which the README's words find their programs."""

    def __init__(self, run, server):
        self.folder = run.directory("readme")
        self.programs = run.directory("programs")
        self.script("redis-cli", "%s -p %d" % (shutil.which("redis-cli"), server.port))
        self.script("martlet-server", setup.BINARY)
        self.script("python", sys.executable)
        self.environment = dict(os.environ, PATH=self.programs + os.pathsep + os.environ["PATH"], PYTHONPATH=setup.python_path("redis-py"),
                                PYTHONUNBUFFERED="1", REDIS_URL="redis://127.0.0.1:%d" % server.port)

    def script(self, name, command):
        path = os.path.join(self.programs, name)
        with open(path, "w") as file:
            file.write('#!/bin/sh\nexec %s "$@"\n' % command)
        os.chmod(path, 0o755)

    def begin(self, line):
        return subprocess.Popen(["bash", "-c", "set -o pipefail; " + line], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def run(self, line):
        """Exit code and output."""
        process = self.begin(line)
        output = process.communicate(timeout=60)[0]
        return process.returncode, output


def prompts(block):
    """[(command, what it prints)] of a block; comments are no part of either."""
    steps = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((re.sub(r"\s+#.*", "", line[2:]), []))
        elif steps:
            steps[-1][1].append(line)
    return [(command, "\n".join(printed)) for command, printed in steps]


def on_a_terminal(line):
    """The line, run where redis-cli shows types and quotes, as it does not in a pipe."""
    return "script -qec %s /dev/null" % shlex.quote(line)


def conversation(run, server):
    """The blocks with prompts: the first waits for what the second sends."""
    terminal = Terminal(run, server)
    shown = [prompts(block) for block in blocks("sh") if block.startswith("$ ")]
    run.equal("the README has a first job in two terminals", [len(steps) for steps in shown[:2]], [1, 1])
    (waits, received), (pushes, answered) = shown[0][0], shown[1][0]
    waiting = terminal.begin(on_a_terminal(waits))
    wait_for(lambda: server.info("blocked_clients") == "1")
    for line, output, shown in ((pushes, terminal.run(on_a_terminal(pushes))[1], answered), (waits, waiting.communicate(timeout=30)[0], received)):
        run.equal("README: " + line, output.split(), shown.split())


def programs(run, server):
    """The producer and the worker, word for word, and the line that starts the worker."""
    terminal = Terminal(run, server)
    producer, worker = blocks("python")[:2]
    for name, text in (("producer.py", producer), ("worker.py", worker)):
        with open(os.path.join(terminal.folder, name), "w") as file:
            file.write(text)
    line = next(block for block in blocks("sh") if "worker.py" in block).strip()
    started = terminal.begin(line.replace("6379", str(server.port)))
    run.equal("README: the producer", terminal.run("python producer.py"), (0, ""))
    run.equal("README: the worker takes the job", started.stdout.readline().strip(), "embedding {'document': 42}")
    server.kill()
    started.wait(10)  # It had no reason to outlive the broker: a user's process manager starts it again.
    server.start()
    run.equal("README: pushed while no worker runs", terminal.run("python producer.py"), (0, ""))
    server.kill()
    server.start()
    started = terminal.begin(line.replace("6379", str(server.port)))
    run.equal("README: kill -9, and the job is there", started.stdout.readline().strip(), "embedding {'document': 42}")
    os.killpg(started.pid, signal.SIGTERM)
    started.wait(10)


def jobs(run, server):
    """The worker with leases, killed once, and the conversation, but for the ids."""
    terminal = Terminal(run, server)
    producer, _, worker = blocks("python")
    for name, text in (("producer.py", producer), ("leasing.py", worker)):
        with open(os.path.join(terminal.folder, name), "w") as file:
            file.write(text)
    terminal.run("redis-cli CONFIG SET lease-default 100")
    terminal.run("redis-cli DEL embed_jobs")
    run.equal("README: the producer", terminal.run("python producer.py"), (0, ""))
    run.check("README: a worker that dies", terminal.run("redis-cli GETJOB FROM embed_jobs")[0] == 0)
    started = terminal.begin("python leasing.py")
    run.equal("README: its job comes to the next", started.stdout.readline().strip(), "embedding {'document': 42}")
    with server.connect() as connection:
        wait_for(lambda: b"acked" in (fields := connection.do("QSTAT", "embed_jobs")) and fields[fields.index(b"acked") + 1] == 1)
    os.killpg(started.pid, signal.SIGTERM)
    started.wait(10)
    terminal.run("redis-cli CONFIG SET lease-default 30000")
    steps = next(prompts(block) for block in blocks("sh") if "ADDJOB" in block)
    shown_id = re.search(r"D-[0-9a-f]+-[0-9a-f]+", steps[0][1]).group()
    real_id = shown_id
    for line, shown in steps:
        output = terminal.run(on_a_terminal(line.replace(shown_id, real_id)))[1]
        if line == steps[0][0]:
            real_id = re.search(r"D-[0-9a-f]+-[0-9a-f]+", output).group()
        run.equal("README: " + line, output.replace(real_id, shown_id).split(), shown.split())


def moving(run, server):
    """The lines that move data in and out."""
    lines = next(block for block in blocks("sh") if "--import" in block).splitlines()
    redis = servers.Server(servers.CONTROL, run.directory("redis")).start()
    with redis.connect() as connection:
        connection.do("RPUSH", "jobs", "a", "b", "c")
        connection.do("SET", "name", "value")
        connection.do("SAVE")
    redis.kill()
    with server.connect() as connection:
        for line in lines:
            line = re.sub(r"\s+#.*", "", line)
            terminal = Terminal(run, server)
            connection.do("FLUSHALL")
            shutil.copytree(redis.directory, terminal.folder, dirs_exist_ok=True)
            if "--export" in line:
                terminal.run("martlet-server --import dump.rdb --dir ./martlet-data")
            code, output = terminal.run(line)
            run.check("README: " + line, code == 0, output)
            if "--export" not in line:
                terminal.run("martlet-server --export ./martlet-data | redis-cli --pipe")
            run.equal("README: %s: all is there" % line, [connection.do("LRANGE", "jobs", 0, -1), connection.do("GET", "name")], [[b"a", b"b", b"c"], b"value"])


def chapter(title):
    """The text of a chapter."""
    with open(README, encoding="utf-8") as file:
        return re.search(r"^## %s\n(.*?)(?=^## |\Z)" % re.escape(title), file.read(), re.M | re.S).group(1)


def rows(text):
    """The cells of the lines of its first table, without the head."""
    table = re.search(r"(?:^\|.*\n)+", text, re.M).group()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def options(run, server):
    """The defaults in the table are those of --help."""
    code, text = Terminal(run, server).run("martlet-server --help")
    defaults = dict(re.findall(r"(?m)^  --(\S+) .*  \[(.*)\]$", text))
    known = set(re.findall(r"(?m)^  --(\S+) ", text))
    for names, shown, _ in rows(chapter("Options")):
        names, shown = re.findall(r"`([^`]+)`", names), [part.strip(" `") for part in shown.split(", ")]
        run.equal("README: options that are there: " + ", ".join(names), set(names) - known, set())
        for name, default in zip(names, shown) if any(shown) else ():
            wanted = {"none": '""', "all": '""', "stderr": '""', "0 (none)": "0"}.get(default, default)
            run.equal("README: the default of " + name, wanted, defaults.get(name))


# Words in capitals that are no commands: the second words of some, and parts of others' names.
PARTS = {"STORE", "LOAD", "LIST", "DELETE", "FLUSH", "STATS", "KILL", "ZREMRANGEBY"}


def commands(run, server):
    """What it can do is there, and what is left out is not."""
    text = chapter("What it can do")
    with server.connect() as connection:
        for family, names in rows(text):
            names = sorted(set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", names)) - PARTS)
            there = connection.do("COMMAND", "INFO", *names)
            run.equal("README: commands of %s" % family, [name for name, row in zip(names, there) if row is None], [])
        for words in re.findall(r"[A-Z]{3,}(?: [A-Z]{3,})?", re.search(r"Left out so far: (.*?)\.", text, re.S).group(1)):
            tried = {"CLIENT TRACKING": "CLIENT TRACKING ON"}.get(words, words)
            run.check("README: left out: " + words, isinstance(connection.call(*tried.split()), Error))
        grammar = next(block for block in blocks("text") if "ADDJOB" in block)
        names = re.findall(r"(?m)^[A-Z]+", grammar)
        run.equal("README: the commands of jobs", [name for name, row in zip(names, connection.do("COMMAND", "INFO", *names)) if row is None], [])


def bounds_of_jobs(run, server):
    """The numbers in the chapter on jobs."""
    text = chapter("Jobs")
    with server.connect() as connection:
        lease = int(re.search(r"`lease-default` \((\d+) s\)", text).group(1))
        run.check("README: the usual lease", re.search(r"--lease-default .*\[%d\]" % (lease * 1000), Terminal(run, server).run("martlet-server --help")[1]), lease)
        attempts = int(re.search(r"as `ATTEMPTS` says \((\d+); 0: no limit\)", text).group(1))
        connection.do("DEL", "bounded", "bounded:dead")
        connection.do("ADDJOB", "bounded", "body", 0)
        for number in range(1, attempts + 1):
            run.equal("README: a job's usual attempts: the queue after %s of them" % ("the last" if number == attempts else "fewer"), connection.do("LLEN", "bounded"), 1)
            (_, receipt, _), = connection.do("GETJOB", "FROM", "bounded")
            connection.do("NACK", receipt)
        run.equal("README: a job that has none left is dead", [connection.do("LLEN", "bounded"), connection.do("LLEN", "bounded:dead")], [0, 1])
        connection.do("DEL", "bounded:dead")
        most = int(re.search(r"up to ([\d,]+)[^.]{0,60}? a call", text).group(1).replace(",", ""))
        connection.send_bytes(b"".join(encode("ADDJOB", "bounded", "body", 0) for _ in range(most + 1)))
        for _ in range(most + 1):
            connection.raw()
        receipts = []
        while len(receipts) <= most:
            receipts += [receipt for _, receipt, _ in connection.do("GETJOB", "COUNT", 1000, "LEASE", 60_000, "FROM", "bounded")]
        connection.do("NACK", *receipts, "DEAD")
        run.equal("README: dead jobs that a call puts back", [connection.do("QREDRIVE", "bounded:dead"), connection.do("LLEN", "bounded:dead")], [most, 1])
        connection.do("DEL", "bounded", "bounded:dead")


def verified(run, server):
    """The line that verifies a data folder, in the text."""
    with open(README, encoding="utf-8") as file:
        line = re.search(r"`(martlet-server --check-log DIR)`", file.read()).group(1)
    terminal = Terminal(run, server)
    server.stop()
    run.equal("README: " + line, terminal.run(line.replace("DIR", shlex.quote(server.directory)))[0], 0)


def run(run):
    server = run.start()
    for part in (conversation, programs, jobs, options, commands, bounds_of_jobs, moving, verified):
        run.part(part, run, server)
