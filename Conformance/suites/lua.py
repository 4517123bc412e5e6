"""Our Lua beside Lua in C: a corpus, random programs and hostile ones give the same lines, whatever the collector does meanwhile.

Goal: scripts mean here what they mean in Redis: every statement, operator, library function and message, to the letter; and no program, however odd, crashes
the interpreter, hangs beyond its budget or takes more memory than it may.
Method: the programs of lua/ run in `lua-runner` (our interpreter alone) and in lua5.1, and what they print is compared line by line; those of the libraries that
Redis adds run in redis-server. All of them run once more with a collection of garbage at every safe point, the longest at every nth, n from the seed. Random programs of a grammar, and damaged ones that
are only compiled, are made from the seed. The hostile ones are asked to end after a second.
"""
import concurrent.futures
import os
import random
import re
import shutil
import subprocess

from lib import lua_programs, setup

TIME_LIMIT = 900
OURS_ALONE = "it is about the interpreter, and no server's"
CORPUS = os.path.join(setup.HERE, "lua")
# What takes minutes with a collection at every safe point has one at each of so many, or some more.
INTERVALS = {"redis": 24}
# Programs in one process, and processes in all.
BATCH, BATCHES = 1000, 8


def run(run):
    runner = setup.build_lua_runner()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        collecting = []  # (name, what is to be printed, the run to come): the long ones, side by side.
        for name in ("language", "libraries", "strings"):
            run.part(corpus, run, runner, name, pool, collecting)
        run.part(redis_libraries, run, runner, pool, collecting)
        for name, wanted, printed in collecting:
            run.part(always, run, name, wanted, printed)
    run.part(random_programs, run, runner)
    run.part(hostile, run, runner)


def text(name):
    with open(os.path.join(CORPUS, name + ".lua"), "rb") as file:
        return file.read()


def output(run, command, source, timeout=120):
    """What a program prints, and how it ends. Its name is `program` in every message; addresses are left out."""
    folder = run.directory("lua")
    with open(os.path.join(folder, "program"), "wb") as file:
        file.write(source)
    try:
        done = subprocess.run(command + ["program"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        printed, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        printed, status = late.stdout or b"", "no end in %d s" % timeout
    shutil.rmtree(folder)
    return without_addresses(printed), status


def without_addresses(printed):
    return re.sub(rb"0x[0-9a-f]{8,}|0x\(nil\)", b"ADDRESS", printed)


def compare(run, name, got, wanted):
    """Both are lines; the detail of a failure is the first ones that differ."""
    got, wanted = got.rstrip(b"\n").split(b"\n"), wanted.rstrip(b"\n").split(b"\n")
    different = [pair for pair in zip(got, wanted) if pair[0] != pair[1]]
    detail = "".join("got    %s\nwanted %s\n" % (g.decode("latin-1")[:300], w.decode("latin-1")[:300]) for g, w in different[:5])
    run.check(name, not different and len(got) == len(wanted), "%d of %d lines differ, there should be %d\n%s" % (len(different), len(got), len(wanted), detail))


def corpus(run, runner, name, pool, collecting):
    run.note(name)
    source = text("prelude") + text(name)
    wanted, status = output(run, ["lua5.1"], source)
    run.equal(name + ": lua5.1 runs it", status, 0)
    both_ways(run, runner, name, source, wanted, pool, collecting)


def both_ways(run, runner, name, source, wanted, pool, collecting):
    interval = INTERVALS.get(name, 1)
    interval += run.seed % 7 if interval > 1 else 0
    collecting.append((name, wanted, pool.submit(output, run, [runner, "--collect-every", str(interval)], source, 600)))
    got, status = output(run, [runner], source)
    compare(run, name + ": prints the same", got, wanted)
    run.equal(name + ": ends well", status, 0)


def always(run, name, wanted, printed):
    run.note(name + ", collecting much")
    got, status = printed.result()
    compare(run, name + ", collecting much: prints the same", got, wanted)
    run.equal(name + ", collecting much: ends well", status, 0)


def redis_libraries(run, runner, pool, collecting):
    """The script gathers what it prints, and returns it."""
    run.note("redis")
    # On one line, so that lines have the same numbers in both.
    gather = (b"local printed = {} local function print(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end"
              b" printed[#printed + 1] = table.concat(t, '\\t') end ")
    source = text("prelude") + text("redis")
    server = run.control("--lua-time-limit", "60000")
    with server.connect(timeout=60) as client:
        reply = client.call("EVAL", gather + source + b"\nreturn table.concat(printed, '\\n')", "0")
    if not run.check("redis: redis-server runs it", isinstance(reply, bytes), repr(reply)[:300]):
        return
    both_ways(run, runner, "redis", source, without_addresses(reply).replace(b"user_script:", b"program:"), pool, collecting)


def quoted(program):
    return b'"%s"' % b"".join(b"\\%03d" % byte if byte < 32 or byte > 126 or byte in b'"\\' else bytes([byte]) for byte in program.encode("latin-1"))


def random_programs(run, runner):
    for batch in range(max(1, int(BATCHES * run.scale))):
        seed = "%d.%d" % (run.seed, batch)
        run.note("random programs, seed " + seed)
        chance = random.Random(seed)
        programs = [lua_programs.program(chance) for _ in range(BATCH)]
        programs += [lua_programs.damaged(chance, chance.choice(programs)) for _ in range(BATCH)]
        calls = [b"%s(%d, %s)\n" % (b"program" if number < BATCH else b"damaged", number, quoted(program)) for number, program in enumerate(programs)]
        source = text("prelude") + text("random") + b"".join(calls)
        wanted = by_program(output(run, ["lua5.1"], source)[0])
        options = ["--collect-every", "1"] if batch % 4 == 3 else []
        got = by_program(output(run, [runner] + options, source, 300)[0])
        run.check("random programs: lua5.1 runs all of them", len(wanted) == len(programs), "seed %s: %d" % (seed, len(wanted)))
        different = [n for n in wanted if got.get(n) != wanted[n]]
        detail = "".join("%s\ngot    %r\nwanted %r\n" % (programs[n][:1500], got.get(n), wanted[n]) for n in different[:1])
        run.check("random programs: print the same", not different, "seed %s: %d differ\n%s" % (seed, len(different), detail))


def by_program(printed):
    """Behind each `#number` what that program printed."""
    parts = re.split(rb"(?m)^#(\d+)\n", printed)
    return {int(number): said for number, said in zip(parts[1::2], parts[2::2])}


def hostile(run, runner):
    """Each program of lua/hostile.lua, between lines `---- title`, ends by itself or is ended, in seconds, with its memory bounded."""
    parts = re.split(rb"(?m)^---- (.+)\n", text("hostile"))
    for title, source in zip(parts[1::2], parts[2::2]):
        name = "hostile: " + title.decode()
        run.note(name)
        printed, status = output(run, [runner, "--memory", "256", "--seconds", "1"], source, 20)
        run.check(name, status in (0, 1, 3), "ended with %s: %s" % (status, printed[-300:]))
