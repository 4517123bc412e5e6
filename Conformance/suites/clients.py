"""Client libraries as applications use them: twelve of them, in eight languages.

Goal: the client libraries that people have work unchanged: pools, pipelines, WATCH, blocking pops over several queues, users and passwords, timeouts,
Unix socket, any bytes, subscriptions, reconnecting after the broker's restart.
Method: programs/clients has one program for each, which says of each of its parts whether it went well; it gets ports and socket of servers of its own, one
open and one with the password `secret`, and has the first killed and started again. redis-py runs in two versions, with and without hiredis, in RESP2 and RESP3.
The programs mostly wait, so two run at a time. A library that can't be had on this machine is skipped and named.
"""
import os
import subprocess
import sys
from typing import NamedTuple

from lib import programs, setup

TIME_LIMIT = 600  # Most of it for installing; the programs take a minute.
PROGRAMS = os.path.join(setup.HERE, "programs", "clients")
SECONDS = 120


class Client(NamedTuple):
    """A library: where it comes from (packages of Debian; folders of Python packages, and what pip puts there), and how its program is started."""

    title: str
    command: list
    debian: tuple = ()
    python: dict = {}
    build: list = None  # Makes the program `{built}` of its source.


def python(title, program, *words, **folders):
    return Client(title, [sys.executable, program, *words], python={name.replace("_", "-"): [wanted] for name, wanted in folders.items()})


CLIENTS = [python("redis-py %s%s, RESP%d" % (version, " with hiredis" if hiredis else "", protocol), "redis_py.py", "redis", protocol,
                  **{"redis_py" + suffix: wanted}, **({"hiredis": "hiredis"} if hiredis else {}))
           for version, suffix, wanted in (("5", "_5", "redis>=5,<6"), ("newest", "", "redis")) for hiredis in (True, False) for protocol in (2, 3)]
CLIENTS += [
    python("valkey-py, RESP3", "redis_py.py", "valkey", 3, valkey="valkey"),
    python("coredis", "coredis_client.py", coredis="coredis"),
    python("GLIDE, RESP3", "glide_client.py", "RESP3", glide="valkey-glide"),
    python("GLIDE, RESP2", "glide_client.py", "RESP2", glide="valkey-glide"),
    Client("ruby-redis", ["ruby", "ruby_redis.rb"], ("ruby", "ruby-redis", "ruby-connection-pool")),
    Client("node-redis", ["node", "node_redis.js"], ("nodejs", "node-redis")),
    Client("php-redis", ["php", "php_redis.php"], ("php-cli", "php-redis")),
    Client("Predis", ["php", "predis.php"], ("php-cli", "php-predis")),
    Client("Perl's Redis", ["perl", "redis_pm.pl"], ("perl", "libredis-perl")),
    Client("lua-redis", ["lua5.1", "lua_redis.lua"], ("lua5.1", "lua-redis")),
    Client("hiredis", ["{built}"], ("gcc", "libc6-dev", "libhiredis-dev"), build=["gcc", "-Wall", "-O1", "-o", "{built}", "hiredis.c", "-lhiredis"]),
    Client("redigo", ["{built}"], ("golang-go", "golang-github-gomodule-redigo-dev"), build=["go", "build", "-o", "{built}", "redigo.go"]),
]
# Neither Debian 12 nor PyPI has them.
UNREACHABLE = ["go-redis", "ioredis", "Jedis, Lettuce, Redisson", "StackExchange.Redis", "redis-rs (but GLIDE is made of it)"]
# Where Debian puts what the programs import.
ENVIRONMENT = {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs", "GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOFLAGS": "", "GOCACHE": os.path.join(setup.CACHE, "go"),
               "PYTHONDONTWRITEBYTECODE": "1"}


def prepare(client):
    """Installs and builds what the client needs; returns command and environment."""
    setup.need(*client.debian)
    folders = [setup.install_packages(folder, wanted) for folder, wanted in client.python.items()]
    environment = dict(os.environ, **ENVIRONMENT, PYTHONPATH=os.pathsep.join(folders))
    built = os.path.join(setup.CACHE, "clients", client.title)
    if client.build:
        source = os.path.join(PROGRAMS, client.build[-2] if client.build[0] == "gcc" else client.build[-1])
        if not os.path.exists(built) or os.path.getmtime(built) < os.path.getmtime(source):
            os.makedirs(os.path.dirname(built), exist_ok=True)
            subprocess.run([word.replace("{built}", built) for word in client.build], cwd=PROGRAMS, env=environment, check=True)
    return [str(word).replace("{built}", built) for word in client.command], environment


def one_client(run, client, command, environment):
    socket_path = os.path.join(run.directory(), "socket")  # Short enough for a socket's address.
    server, locked = run.start("--unixsocket", socket_path), run.start("--requirepass", "secret")
    programs.follow(run, client.title, [*command, server.port, locked.port, socket_path], server, SECONDS, cwd=PROGRAMS, env=environment)
    server.stop()
    locked.stop()


def run(run):
    setup.install_missing({package for client in CLIENTS for package in client.debian})
    ready = []
    for client in CLIENTS:
        try:
            ready.append((client, *prepare(client)))
        except (setup.CannotBeHad, subprocess.CalledProcessError) as error:
            run.skip(client.title, str(error))
    for name in UNREACHABLE:
        run.skip(name, "neither in Debian nor on PyPI")
    run.together(one_client, ready)
