"""What applications do with coredis, as one program of the `clients` suite: see suites/clients.py for what it prints."""
import asyncio

import coredis
from coredis import exceptions
from coredis.retry import ConstantRetryPolicy, NoRetryPolicy

from parts import EVERY, LOCKED_PORT, PORT, SOCKET, in_time, part, raises, restart, run, until


def client(**options):
    return coredis.Redis(**{"host": "127.0.0.1", "port": PORT, **options})


@part
async def connection_pool(_):
    async with client(max_connections=4) as redis:
        await asyncio.gather(*(redis.incr("pool") for _ in range(500)))
        assert await redis.get("pool") == b"500"
        assert await asyncio.gather(*(redis.brpop(["slow"], 0.05) for _ in range(8))) == [None] * 8


@part
async def pipeline(redis):
    async with redis.pipeline(transaction=False) as pipe:
        pushed = [pipe.rpush("many", [number]) for number in range(5000)]
    assert [await each for each in pushed] == list(range(1, 5001))
    async with redis.pipeline(transaction=True) as pipe:
        done = pipe.set("a", 1), pipe.incr("a"), pipe.lrange("many", 0, 1)
    assert [await each for each in done] == [True, 2, [b"0", b"1"]]
    await raises(exceptions.WrongTypeError, redis.lpush("a", [1]))


@part
async def watch(redis):
    await redis.set("w", 1)
    turns = 0

    async def change(pipe):
        nonlocal turns
        turns += 1
        if turns == 1:
            await redis.set("w", 10)
        pipe.incr("w")

    await redis.transaction(change, "w")
    assert (turns, await redis.get("w")) == (2, b"11")


@part
async def blocking_pop_over_several_queues(redis):
    await redis.rpush("low", [1, 2, 3])
    assert await redis.blpop(["high", "low"], 1) == [b"low", b"1"]
    assert await redis.brpop(["high", "low"], 1) == [b"low", b"3"]
    assert await redis.blmove("low", "done", coredis.PureToken.LEFT, coredis.PureToken.RIGHT, 1) == b"2"
    waiting = asyncio.create_task(until_taken())

    async def waits():
        return (await redis.info("clients"))["blocked_clients"] == 1

    await until(waits)
    await redis.lpush("high", ["job"])
    assert await waiting == [b"high", b"job"]
    assert await in_time(lambda: redis.brpop(["none"], 0.2), 0.15, 2)


async def until_taken():
    async with client() as redis:
        return await redis.brpop(["higher", "high", "low"], 10)


@part
async def authentication(_):
    async def ping(**login):
        try:
            async with client(port=LOCKED_PORT, retry_policy=NoRetryPolicy(), **login) as redis:
                return await redis.ping()
        except Exception as error:
            raise getattr(error, "exceptions", [error])[0]  # The only one of a group.

    await raises(exceptions.AuthenticationError, ping())
    await raises(exceptions.AuthenticationError, ping(password="wrong"))
    assert await ping(password="secret") == b"PONG"
    async with client(port=LOCKED_PORT, password="secret", db=2) as admin:
        assert (await admin.client_info())["db"] == 2
        await admin.acl_setuser("coredis", "on", ">pw", "~jobs:*", "+@list", "+@connection")
    async with client(port=LOCKED_PORT, username="coredis", password="pw", verify_version=False) as user:
        assert await user.lpush("jobs:a", [1]) == 1
        await raises(exceptions.AuthorizationError, user.lpush("other", [1]))


@part
async def timeouts(_):
    async with client(stream_timeout=0.2, retry_policy=NoRetryPolicy()) as redis:
        await raises((TimeoutError, exceptions.RedisError), redis.brpop(["none"], 3))
    async with client() as redis:
        assert await redis.ping() == b"PONG"


@part
async def unix_socket(_):
    async with coredis.Redis(unix_socket_path=SOCKET) as redis:
        assert await redis.ping() == b"PONG"


@part
async def any_bytes(redis):
    for value in (b"", EVERY, EVERY * 20_000, b"\r\n$-1\r\n"):
        assert await redis.set(EVERY, value) and await redis.get(EVERY) == value


@part
async def types(redis):
    assert await redis.hset("h", {"a": "1", "b": "2"}) == 2
    assert await redis.hgetall("h") == {b"a": b"1", b"b": b"2"}
    await redis.sadd("s", ["x", "y"])
    assert await redis.smembers("s") == {b"x", b"y"}
    number = await redis.xadd("x", {"field": "value"})
    assert await redis.xgroup_create("x", "group", "0")
    assert list((await redis.xreadgroup("group", "me", streams={"x": ">"}))[b"x"])[0].identifier == number
    assert {key async for key in redis.scan_iter(match="[hsx]")} == {b"h", b"s", b"x"}
    assert await redis.eval("return {KEYS[1], ARGV[1]}", keys=["k"], args=["v"]) == [b"k", b"v"]
    async with redis.lock("lock", timeout=20, blocking_timeout=20):
        assert await redis.exists(["lock"]) == 1
    assert await redis.exists(["lock"]) == 0


@part
async def subscriptions(redis):
    async with redis.pubsub(channels=["news"], ignore_subscribe_messages=True) as listener:
        async def heard():
            return (await redis.pubsub_numsub("news"))[b"news"] == 1

        await until(heard)
        assert await redis.publish("news", "hello") == 1
        message = None
        while message is None:  # Nothing comes of those that are passed over.
            message = await listener.get_message(timeout=5)
        assert (message["type"], message["channel"], message["data"]) == ("message", b"news", b"hello"), message


@part
async def reconnects_after_a_restart(redis):
    await redis.set("kept", "yes")
    await restart()
    assert await redis.get("kept") == b"yes"
    assert await redis.lrange("many", 0, 1) == [b"0", b"1"]


async def main():
    async with client(retry_policy=ConstantRetryPolicy((exceptions.ConnectionError,), retries=20, delay=0.05)) as redis:
        await redis.flushall()
        await run(redis)


asyncio.run(main())
