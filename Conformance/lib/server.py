"""Servers under test: each a process of its own on a free port of 127.0.0.1 and in a temporary directory.

Every process started here is known by its id, and `stop_all` ends what is left, however the run ends.
"""
import ctypes
import os
import shlex
import signal
import socket
import subprocess
import threading
import time

from lib import clock
from lib.resp import Closed, Connection

CONTROL = "redis-server --bind 127.0.0.1 --port {port} --dir {dir} --save '' --appendonly yes --appendfsync always"
WITHOUT_LOG = ("--appendonly", "no")
started = []
given, giving = [], threading.Lock()  # The latest ports, and who gives one.
libc = ctypes.CDLL(None)


def die_with_parent():
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: nothing is left even if the run itself is killed.


def free_port():
    """A port that nobody has, and that was not given to another server of this run a moment ago, which may not have begun to listen."""
    with giving:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            if port not in given:
                given[:] = given[-999:] + [port]
                return port


def wait_for(condition, seconds=60.0):
    """Whether the condition comes true within so many seconds, by default more than anything needs on a busy machine; looks 200 times a second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())


class DidNotStart(Exception):
    """The server ended, or did not answer in time. Carries the end of its log."""


class Server:
    """A server that can be killed and started again on the same port and directory.

    `command` has the places {port} and {dir}; `options` are appended, so they win over what stands in it; `environment` is added to ours.
    """

    def __init__(self, command, directory, options=(), port=None, environment=()):
        self.command, self.directory, self.options = command, directory, [str(o) for o in options]
        self.environment = dict(os.environ, LC_ALL="C", **dict(environment))
        self.port = port or free_port()
        self.log_path = directory.rstrip("/") + ".log"
        self.process = None
        os.makedirs(directory, exist_ok=True)

    @property
    def pid(self):
        return self.process.pid

    def spawn(self):
        """Starts the process without waiting for it to answer."""
        words = [w.replace("{port}", str(self.port)).replace("{dir}", self.directory) for w in shlex.split(self.command)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                words + self.options, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                cwd=self.directory, preexec_fn=die_with_parent)
        started.append(self.process)
        return self

    def start(self, timeout=30.0):
        """Starts and waits until commands are answered (an error other than LOADING is an answer)."""
        self.spawn()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DidNotStart("exit code %s\n%s" % (self.process.returncode, self.log_tail()))
            try:
                with Connection(self.port, timeout=timeout) as connection:
                    connection.send("PING")
                    if not connection.raw().startswith((b"-LOADING", b"-BUSY")):
                        return self
            except (OSError, Closed):
                pass
            time.sleep(0.003)
        raise DidNotStart("no answer within %g s\n%s" % (timeout, self.log_tail()))

    def connect(self, **options):
        return Connection(self.port, **options)

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, and waits for the process to be gone."""
        if self.alive:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, timeout=20.0):
        """SIGTERM; returns exit code and seconds until the exit, stalls of the machine not counted (kills after `timeout`: code None)."""
        begin = clock.now()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout), clock.now() - begin
        except subprocess.TimeoutExpired:
            self.kill()
            return None, clock.now() - begin

    def stop(self):
        if self.alive:
            self.terminate()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_tail(self, lines=8):
        return "\n".join(self.log().splitlines()[-lines:])

    def resident(self):
        """Resident memory in bytes."""
        with open("/proc/%d/status" % self.pid) as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0

    def info(self, field):
        with self.connect() as connection:
            text = connection.call("INFO")
        for line in (text if isinstance(text, bytes) else b"").splitlines():
            name, _, value = line.partition(b":")
            if name == field.encode():
                return value.decode()
        return None

    @property
    def is_martlet(self):
        return self.info("martlet_version") is not None


def stop_all():
    """Ends every process started here that still runs."""
    for process in started:
        if process.poll() is None:
            process.kill()
    for process in started:
        process.wait()
    started.clear()
