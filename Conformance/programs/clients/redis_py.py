"""What applications do with redis-py, or with valkey-py, which grew out of it: one program of the `clients` suite (suites/clients.py says what it prints).

Arguments: the library's module, protocol, port, port of a server with the password `secret`, path of a Unix socket.
"""
import asyncio
import importlib
import sys
import threading
import time
import traceback

LIBRARY, PROTOCOL, PORT, LOCKED_PORT, SOCKET = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
redis = importlib.import_module(LIBRARY)
Redis = getattr(redis, LIBRARY.capitalize())
AsyncRedis = getattr(importlib.import_module(LIBRARY + ".asyncio"), LIBRARY.capitalize())
Retry = importlib.import_module(LIBRARY + ".retry").Retry
ConstantBackoff, NoBackoff = (getattr(importlib.import_module(LIBRARY + ".backoff"), name) for name in ("ConstantBackoff", "NoBackoff"))
NEVER = Retry(NoBackoff(), 0)
checks = []


def check(function):
    checks.append(function)
    return function


def client(**options):
    return Redis(**{"host": "127.0.0.1", "port": PORT, "protocol": PROTOCOL, **options})


def raises(kind, function, text=""):
    try:
        function()
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError("no %s" % kind.__name__)


def in_time(function, least, most):
    """Whether it takes as long as it should; a pause of the machine is allowed for by three attempts, of which none may be too short."""
    for _ in range(3):
        begin = time.monotonic()
        function()
        seconds = time.monotonic() - begin
        if seconds <= least or seconds < most:
            break
    return least < seconds < most


def patiently(function):
    """What a client with a short timeout of its own gets in the end, however busy the machine is."""
    for _ in range(50):
        try:
            return function()
        except redis.TimeoutError:
            pass
    return function()


@check
def connection_pool():
    pool = redis.ConnectionPool(host="127.0.0.1", port=PORT, protocol=PROTOCOL, max_connections=5)
    shared = Redis(connection_pool=pool)
    threads = [threading.Thread(target=lambda: [shared.incr("pool") for _ in range(100)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.get("pool") == b"500"
    pool.disconnect()
    assert shared.ping()


@check
def pool_that_waits():
    pool = redis.BlockingConnectionPool(host="127.0.0.1", port=PORT, protocol=PROTOCOL, max_connections=2, timeout=5)
    shared = Redis(connection_pool=pool)
    got = []
    threads = [threading.Thread(target=lambda: got.append(shared.brpop("slow", timeout=0.05))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [None] * 6


@check
def pipeline_with_transaction():
    r = client()
    with r.pipeline(transaction=True) as pipe:
        assert pipe.set("a", 1).incr("a").lpush("q", "x", "y").lrange("q", 0, -1).get("none").execute() == [True, 2, 2, [b"y", b"x"], None]
    with r.pipeline(transaction=False) as pipe:
        for number in range(5000):
            pipe.rpush("many", number)
        assert pipe.execute() == list(range(1, 5001))


@check
def pipeline_with_errors():
    r = client()
    r.set("s", "x")
    pipe = r.pipeline().lpush("s", 1).set("t", 2)
    results = pipe.execute(raise_on_error=False)
    assert isinstance(results[0], redis.ResponseError) and results[1] is True
    raises(redis.ResponseError, lambda: r.pipeline().lpush("s", 1).execute(), "WRONGTYPE")
    raises(redis.ResponseError, lambda: r.pipeline().execute_command("NOSUCH").set("t", 3).execute(), "unknown command")
    assert r.get("t") == b"2"


@check
def watch():
    r, other = client(), client()
    r.set("w", 1)
    with r.pipeline() as pipe:
        pipe.watch("w")
        value = int(pipe.get("w"))
        other.set("w", 10)
        pipe.multi()
        pipe.set("w", value + 1)
        raises(redis.WatchError, pipe.execute)
    assert r.get("w") == b"10"
    r.transaction(lambda pipe: (pipe.multi(), pipe.incr("w")), "w")
    assert r.get("w") == b"11"


@check
def blocking_pops():
    r, other = client(), client()
    r.rpush("b", 1, 2, 3)
    assert tuple(r.blpop(["none", "b"], timeout=1)) == (b"b", b"1")
    assert tuple(r.brpop(["b", "none"], timeout=1)) == (b"b", b"3")
    assert r.blmove("b", "c", timeout=1, src="LEFT", dest="RIGHT") == b"2"
    assert r.brpoplpush("c", "d", timeout=1) == b"2"
    assert r.blmpop(1, 2, "c", "d", direction="LEFT") == [b"d", [b"2"]]
    assert r.lmpop(1, "d", direction="LEFT") is None
    got = []
    assert in_time(lambda: got.append(r.brpop("none", timeout=0.2)), 0.15, 1)
    assert set(got) == {None}
    threading.Timer(0.1, lambda: other.lpush("high", "job")).start()
    assert tuple(r.brpop(["highest", "high", "low"], timeout=20)) == (b"high", b"job")


@check
def fair_to_workers():
    names, results = ["w%d" % n for n in range(5)], []
    workers = []
    admin = client()
    for number, name in enumerate(names):
        workers.append(threading.Thread(target=lambda name=name: results.append((name, client(client_name=name).brpop("fair", timeout=20)[1]))))
        workers[-1].start()
        while admin.info("clients")["blocked_clients"] < number + 1:
            time.sleep(0.005)
    for number in range(5):
        admin.lpush("fair", number)
    for worker in workers:
        worker.join()
    assert sorted(results) == [(name, b"%d" % n) for n, name in enumerate(names)], results


@check
def unblocked_by_another():
    r, admin = client(single_connection_client=True), client()
    number = r.client_id()

    def unblock(error):
        while not admin.client_unblock(number, error=error):
            time.sleep(0.01)

    threading.Thread(target=unblock, args=(False,)).start()
    begin = time.monotonic()
    assert r.blpop("none", timeout=20) is None and time.monotonic() - begin < 15
    threading.Thread(target=unblock, args=(True,)).start()
    raises(redis.ResponseError, lambda: r.blpop("none", timeout=20), "UNBLOCKED")


@check
def password():
    raises(redis.AuthenticationError, lambda: client(port=LOCKED_PORT, retry=NEVER).ping())
    raises(redis.AuthenticationError, lambda: client(port=LOCKED_PORT, password="wrong", retry=NEVER).ping())
    r = client(port=LOCKED_PORT, password="secret")
    assert r.ping()
    assert redis.from_url("redis://:secret@127.0.0.1:%d/2?protocol=%d" % (LOCKED_PORT, PROTOCOL)).client_info()["db"] in (2, "2")


@check
def users():
    admin = client(port=LOCKED_PORT, password="secret")
    assert admin.acl_setuser("worker", enabled=True, passwords=["+pw"], keys=["jobs:*"], categories=["+@list"], commands=["+ping", "+acl|whoami", "+client", "+hello", "-lset"], reset=True)
    r = client(port=LOCKED_PORT, username="worker", password="pw")
    assert r.acl_whoami() in (b"worker", "worker")
    assert r.lpush("jobs:a", 1) == 1
    raises(redis.exceptions.NoPermissionError, lambda: r.lpush("other", 1))
    raises(redis.exceptions.NoPermissionError, lambda: r.lset("jobs:a", 0, 1))
    raises(redis.exceptions.NoPermissionError, lambda: r.get("jobs:a"))
    user = admin.acl_getuser("worker")
    assert user["enabled"] and "on" in user["flags"], user
    assert {"worker", b"worker"} & set(admin.acl_users()) and {"list", b"list"} & set(admin.acl_cat())
    assert admin.acl_deluser("worker") == 1


@check
def unix_socket():
    r = Redis(unix_socket_path=SOCKET, protocol=PROTOCOL)
    assert r.ping()
    assert r.lpush("unix", "a") == 1
    assert redis.from_url("unix://%s?db=3" % SOCKET).dbsize() == 0


@check
def client_name_and_library():
    r = client(client_name="billing", single_connection_client=True)
    assert r.client_getname() in ("billing", b"billing")
    info = r.client_info()
    assert info["name"] == "billing", info
    assert any(c["name"] == "billing" for c in r.client_list())
    if "lib-name" in info:
        assert info["lib-name"].startswith(LIBRARY + "-py"), info
    assert r.client_setname("other") and r.client_id() > 0


@check
def timeouts():
    r = client(socket_timeout=0.2, retry=NEVER)
    raises(redis.TimeoutError, lambda: r.brpop("none", timeout=3))
    assert patiently(lambda: r.set("after", 1)) and patiently(lambda: r.get("after")) == b"1"
    closed = client(port=1, socket_connect_timeout=0.2, retry=NEVER)
    raises(redis.ConnectionError, closed.ping)


@check
def decoded():
    r = client(decode_responses=True)
    r.rpush("text", "grün", "日本")
    assert r.lrange("text", 0, -1) == ["grün", "日本"]
    assert r.set("k", "v", get=True) is None and r.set("k", "w", get=True) == "v"
    assert r.blpop("text", timeout=1)[1] == "grün"
    assert r.config_get("timeout") == {"timeout": "0"}


@check
def bytes_and_sizes():
    r = client()
    every = bytes(range(256))
    for value in (b"", every, every * 20_000, b"\r\n$-1\r\n"):
        assert r.set(every, value) and r.get(every) == value
        assert r.rpush("bytes", value) and r.rpop("bytes") == value


@check
def strings_and_keys():
    r = client()
    assert r.mset({"m1": 1, "m2": 2}) and r.mget("m1", "m2", "m3") == [b"1", b"2", None]
    assert r.set("e", 1, ex=100, nx=True) and 90 < r.ttl("e") <= 100 and r.set("e", 2, nx=True) is None
    assert r.expire("e", 500, gt=True) and r.persist("e") and r.ttl("e") == -1 and r.ttl("none") == -2
    assert r.getex("e", px=50_000) == b"1" and r.getdel("e") == b"1" and r.getdel("e") is None
    assert r.incrbyfloat("f", 1.5) == 1.5 and r.append("m1", "x") == 2 and r.setrange("m1", 3, "y") == 4 and r.getrange("m1", 0, 1) == b"1x"
    assert r.copy("m1", "m4") and r.rename("m4", "m5") and r.type("m5") in (b"string", "string") and r.exists("m5", "m1", "none") == 2
    r.set("l1", "ohmytext"), r.set("l2", "mynewtext")
    assert r.lcs("l1", "l2") == b"mytext" and r.lcs("l1", "l2", len=True) == 6
    r.rpush("sort", 3, 1, 2)
    assert r.sort("sort", desc=True) == [b"3", b"2", b"1"] and r.sort("sort", store="sorted") == 3
    assert r.lpos("sort", 1) == 1 and r.linsert("sort", "before", 1, 9) == 4 and r.lrem("sort", 0, 9) == 1


@check
def scanning():
    r = client(db=5)
    r.mset({"scan:%d" % n: n for n in range(1000)})
    assert len(set(r.scan_iter("scan:*", count=50))) == 1000
    assert len(set(r.scan_iter("scan:1?", _type="string"))) == 10
    assert r.dbsize() == 1000 and r.randomkey().startswith(b"scan:") and r.flushdb() and r.dbsize() == 0


@check
def server_commands():
    r = client()
    info = r.info()
    assert info["redis_version"].startswith("7.") and info["db0"]["keys"] > 0, info
    assert r.info("memory")["used_memory"] > 0 and "cmdstat_get" in r.info("commandstats")
    assert r.config_set("timeout", 100) and r.config_get("time*")["timeout"] == "100" and r.config_set("timeout", 0)
    assert r.time()[0] > 1_600_000_000 and r.lastsave() and r.command_count() > 100
    assert "get" in r.command() and r.command_getkeys("MSET", "a", 1, "b", 2) in ([b"a", b"b"], ["a", "b"])
    assert isinstance(r.slowlog_get(), list) and r.slowlog_reset() and r.memory_usage("m1") > 0
    assert r.echo("x") == b"x" and r.object("encoding", "m1") and r.wait(0, 10) == 0
    assert r.acl_whoami() in ("default", b"default")
    with r.monitor() as monitor:
        client().set("watched", 1)
        while True:
            if "watched" in str(monitor.next_command()["command"]):
                break


@check
def errors_by_kind():
    r = client()
    r.set("s", "x")
    raises(redis.ResponseError, lambda: r.lpush("s", 1), "WRONGTYPE")
    raises(redis.ResponseError, lambda: r.incr("s"), "value is not an integer or out of range")
    raises(redis.ResponseError, lambda: r.execute_command("GET"), "wrong number of arguments for 'get' command")
    r.config_set("maxmemory", 1)
    try:
        raises(redis.exceptions.OutOfMemoryError, lambda: r.set("more", "x"))
    finally:
        r.config_set("maxmemory", 0)


@check
def asyncio_client():
    async def main():
        r = AsyncRedis(host="127.0.0.1", port=PORT, protocol=PROTOCOL)
        await r.delete("async")

        async def worker(got):
            while (job := await r.brpop("async", timeout=20))[1] != b"last":
                got.append(int(job[1]))

        got = []
        tasks = [asyncio.create_task(worker(got)) for _ in range(4)]
        for number in range(200):
            await r.lpush("async", number)
        await r.lpush("async", *["last"] * 4)
        await asyncio.gather(*tasks)
        assert sorted(got) == list(range(200)), len(got)
        assert await r.brpop("async", timeout=0.05) is None
        async with r.pipeline(transaction=True) as pipe:
            assert await pipe.set("x", 1).incr("x").execute() == [True, 2]
        pending = asyncio.create_task(r.blpop("never", timeout=10))
        await asyncio.sleep(0.1)
        pending.cancel()
        assert await r.ping()
        await (r.aclose() if hasattr(r, "aclose") else r.close())

    asyncio.run(main())


@check
def listens_and_publishes():
    sender, listener = client(), client().pubsub()
    heard = []
    listener.subscribe("news", handled=lambda message: heard.append(message["data"]))
    listener.psubscribe("n*")

    def messages(count):
        got, deadline = [], time.monotonic() + 10
        while len(got) < count and time.monotonic() < deadline:
            message = listener.get_message(timeout=0.1)
            if message:
                got.append((message["type"], message["channel"], message["data"]))
        return got

    assert {kind for kind, _, _ in messages(3)} == {"subscribe", "psubscribe"}
    assert sender.publish("news", "one") == 2
    assert sorted(messages(2)) == [("message", b"news", b"one"), ("pmessage", b"news", b"one")]
    assert sender.pubsub_numsub("news") == [(b"news", 1)] and sender.pubsub_numpat() == 1 and b"news" in sender.pubsub_channels()
    listener.ping("still there")
    assert [data for _, _, data in messages(1)] == [b"still there"]
    listener.punsubscribe()
    assert messages(1)[0][0] == "punsubscribe"
    assert sender.publish("handled", "two") == 1
    deadline = time.monotonic() + 10
    while not heard and time.monotonic() < deadline:
        listener.get_message(timeout=0.1)
    assert heard == [b"two"]
    listener.close()
    deadline = time.monotonic() + 10
    while sender.publish("news", "nobody") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sender.publish("news", "nobody") == 0


@check
def hears_of_keys_that_expire():
    sender, listener = client(), client().pubsub()
    sender.config_set("notify-keyspace-events", "Ex")
    listener.psubscribe("__keyevent@*__:expired")
    assert listener.get_message(timeout=10)["type"] == "psubscribe"
    sender.set("short", "lived", px=20)
    message = listener.get_message(timeout=10)
    assert (message["type"], message["data"]) == ("pmessage", b"short"), message
    sender.config_set("notify-keyspace-events", "")
    listener.close()


@check
def reconnects_after_a_restart():
    r = client(retry=Retry(ConstantBackoff(0.05), 100), retry_on_error=[redis.ConnectionError, ConnectionError], health_check_interval=1)
    plain = client(retry=NEVER)
    r.set("kept", "yes")
    assert r.rpush("kept:list", 1, 2, 3) == 3 and plain.ping()
    print("restart", flush=True)
    sys.stdin.readline()
    assert r.get("kept") == b"yes"
    assert r.lrange("kept:list", 0, -1) == [b"1", b"2", b"3"]
    for _ in range(2):  # The connections that the restart broke are noticed, at the latest by the first use.
        try:
            plain.ping()
        except redis.ConnectionError:
            continue
    assert plain.get("kept") == b"yes"


client().flushall()
client(port=LOCKED_PORT, password="secret").flushall()
for function in checks:
    name = function.__name__.replace("_", " ")
    try:
        function()
        print("pass", name, flush=True)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        line = [frame for frame in where if frame.filename == __file__][-1]
        print("fail %s: line %d: %s (%r)" % (name, line.lineno, line.line, error), flush=True)
print("end", flush=True)
