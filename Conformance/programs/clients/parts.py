"""What the programs of asyncio clients beside this one share: their arguments, and checks that are told to the `clients` suite."""
import asyncio
import sys
import time
import traceback

PORT, LOCKED_PORT, SOCKET = int(sys.argv[-3]), int(sys.argv[-2]), sys.argv[-1]
EVERY = bytes(range(256))
parts = []


def part(function):
    parts.append(function)
    return function


async def raises(kind, awaited, text=""):
    try:
        await awaited
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError("no %s" % kind)


async def until(condition):
    """Waits for an awaited condition, ten seconds at most."""
    end = time.monotonic() + 10
    while not await condition() and time.monotonic() < end:
        await asyncio.sleep(0.01)


async def in_time(wait, least, most):
    """Whether `wait()` ends with None as soon as it should; a pause of the machine is allowed for by three attempts, of which none may be too short."""
    for _ in range(3):
        begin = time.monotonic()
        assert await wait() is None
        seconds = time.monotonic() - begin
        if seconds <= least or seconds < most:
            break
    return least < seconds < most


async def restart():
    print("restart", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def run(argument):
    """Runs the parts, each with that argument."""
    for function in parts:
        name = function.__name__.replace("_", " ")
        try:
            await function(argument)
            print("pass", name, flush=True)
        except Exception as error:
            lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == function.__code__.co_filename]
            print("fail %s: line %d: %s (%r)" % (name, lines[-1].lineno, lines[-1].line, error), flush=True)
    print("end", flush=True)
