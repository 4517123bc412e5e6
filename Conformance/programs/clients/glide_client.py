"""What applications do with Valkey GLIDE, as one program of the `clients` suite: see suites/clients.py for what it prints.

GLIDE sends all requests over one connection, so what blocks has a client of its own. Its first argument is the protocol.
"""
import asyncio
import sys

import glide

from parts import EVERY, LOCKED_PORT, PORT, SOCKET, in_time, part, raises, restart, run, until

PROTOCOL = glide.ProtocolVersion.RESP3 if sys.argv[1] == "RESP3" else glide.ProtocolVersion.RESP2


async def client(address=None, **options):
    settings = {"request_timeout": 15_000, "protocol": PROTOCOL, "reconnect_strategy": glide.BackoffStrategy(10, 50, 2), **options}
    return await glide.GlideClient.create(glide.GlideClientConfiguration([address or glide.NodeAddress("127.0.0.1", PORT)], **settings))


@part
async def one_connection_for_many(redis):
    await asyncio.gather(*(redis.incr("pool") for _ in range(500)))
    assert await redis.get("pool") == b"500"


@part
async def pipeline(redis):
    batch = glide.Batch(is_atomic=False)
    for number in range(5000):
        batch.rpush("many", [str(number)])
    assert await redis.exec(batch, raise_on_error=True) == list(range(1, 5001))
    batch = glide.Batch(is_atomic=True)
    batch.set("a", "1")
    batch.incr("a")
    batch.lrange("many", 0, 1)
    assert await redis.exec(batch, raise_on_error=True) == ["OK", 2, [b"0", b"1"]]
    await raises(glide.RequestError, redis.lpush("a", ["1"]), "WRONGTYPE")


@part
async def watch(redis):
    other = await client()
    await redis.set("w", "1")
    await redis.watch(["w"])
    await other.set("w", "10")
    batch = glide.Batch(is_atomic=True)
    batch.incr("w")
    assert await redis.exec(batch, raise_on_error=True) is None
    assert await redis.get("w") == b"10"
    await other.close()


@part
async def blocking_pop_over_several_queues(redis):
    waiter = await client()
    await redis.rpush("low", ["1", "2", "3"])
    assert await waiter.blpop(["high", "low"], 1) == [b"low", b"1"]
    assert await waiter.brpop(["high", "low"], 1) == [b"low", b"3"]
    assert await waiter.blmove("low", "done", glide.ListDirection.LEFT, glide.ListDirection.RIGHT, 1) == b"2"
    waiting = asyncio.create_task(waiter.brpop(["higher", "high", "low"], 10))

    async def waits():
        return b"blocked_clients:1\r" in await redis.info([glide.InfoSection.CLIENTS])

    await until(waits)
    await redis.lpush("high", ["job"])
    assert await waiting == [b"high", b"job"]
    assert await in_time(lambda: waiter.brpop(["none"], 0.2), 0.15, 2)
    await waiter.close()


@part
async def authentication(_):
    place = glide.NodeAddress("127.0.0.1", LOCKED_PORT)
    never = glide.BackoffStrategy(0, 1, 1)
    await raises(glide.GlideError, client(place, reconnect_strategy=never, credentials=glide.ServerCredentials("wrong")))
    admin = await client(place, credentials=glide.ServerCredentials("secret"), database_id=2)
    assert b" db=2 " in await admin.custom_command(["CLIENT", "INFO"])
    await admin.custom_command(["ACL", "SETUSER", "glide", "on", ">pw", "~jobs:*", "+@list", "+@connection", "+info"])
    user = await client(place, credentials=glide.ServerCredentials("pw", "glide"))
    assert await user.lpush("jobs:a", ["1"]) == 1
    await raises(glide.RequestError, user.lpush("other", ["1"]), "no permissions")
    await admin.close()
    await user.close()


@part
async def timeouts(redis):
    hasty = await client(request_timeout=200)
    await redis.custom_command(["CLIENT", "PAUSE", "10000", "WRITE"])
    await raises(glide.TimeoutError, hasty.set("paused", "x"))
    await redis.custom_command(["CLIENT", "UNPAUSE"])
    await hasty.close()


@part
async def unix_socket(_):
    redis = await client(glide.NodeAddress(unix_socket_path=SOCKET))
    assert await redis.ping() == b"PONG"
    await redis.close()


@part
async def any_bytes(redis):
    for value in (b"", EVERY, EVERY * 20_000, b"\r\n$-1\r\n"):
        assert await redis.set(EVERY, value) == "OK" and await redis.get(EVERY) == value


@part
async def types(redis):
    assert await redis.hset("h", {"a": "1", "b": "2"}) == 2
    assert await redis.hgetall("h") == {b"a": b"1", b"b": b"2"}
    assert await redis.zadd("z", {"one": 1, "two": 2.5}) == 2
    assert await redis.zrange_withscores("z", glide.RangeByIndex(0, -1)) == {b"one": 1.0, b"two": 2.5}
    await redis.sadd("s", ["x", "y"])
    assert await redis.smembers("s") == {b"x", b"y"}
    number = await redis.xadd("x", [("field", "value")])
    await redis.xgroup_create("x", "group", "0")
    assert await redis.xreadgroup({"x": ">"}, "group", "me") == {b"x": {number: [[b"field", b"value"]]}}
    assert await redis.invoke_script(glide.Script("return {KEYS[1], ARGV[1]}"), ["k"], ["v"]) == [b"k", b"v"]


@part
async def subscriptions(redis):
    modes = glide.GlideClientConfiguration.PubSubChannelModes
    wanted = glide.GlideClientConfiguration.PubSubSubscriptions({modes.Exact: {"news"}}, None, None)
    listener = await client(protocol=glide.ProtocolVersion.RESP3, pubsub_subscriptions=wanted)

    async def heard():
        return (await redis.custom_command(["PUBSUB", "NUMSUB", "news"])) in ([b"news", 1], {b"news": 1})

    await until(heard)
    await redis.publish("hello", "news")
    message = await asyncio.wait_for(listener.get_pubsub_message(), 20)
    assert (message.channel, message.message) == (b"news", b"hello"), message
    await listener.close()


@part
async def reconnects_after_a_restart(redis):
    await redis.set("kept", "yes")
    await restart()
    for _ in range(400):  # Requests that meet the broken connection are told so; it is made anew beside them.
        try:
            assert await redis.get("kept") == b"yes"
            break
        except (glide.ConnectionError, glide.RequestError, glide.ClosingError):
            await asyncio.sleep(0.05)
    assert await redis.get("kept") == b"yes"
    assert await redis.lrange("many", 0, 1) == [b"0", b"1"]


async def main():
    redis = await client()
    await redis.flushall()
    await run(redis)
    await redis.close()


asyncio.run(main())
