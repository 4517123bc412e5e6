"""Random commands of sorted sets, for the differential suite: see `commands.py`.

Members and scores come from small pools. The keys x1 and x2 have members of one score alone: what is between two members is
defined for these only. Now and then a sorted set grows beyond what is packed, and the bounds of packing are moved.
"""

SCORES = [b"0", b"1", b"1", b"2", b"3", b"-1", b"-2.5", b"0.1", b"1.5", b"3.14159", b"1e3", b"1e-7", b"inf", b"-inf", b"+inf", b"-0", b"007",
          b"12345678901234567", b"123456789012345678901", b"1e300", b"-1e300", b"5e-324", b"0x1F", b".5", b"5.", b"1e17", b"99999999999999999",
          b"1700000000.123", b"0.30000000000000004", b"100000", b"-12345", b"2147483648", b"1e16"]
BAD_SCORES = [b"nan", b"abc", b"", b" 1", b"1 ", b"1e400", b"-1e400", b"1e-400", b"(1", b"--1", b"1_0", b"\x00", b"1\x00", b"infinity", b"-nan", b"e", b"."]
MEMBERS = [b"a", b"b", b"c", b"d", b"e", b"", b"0", b"1", b"10", b"-5", b"aa", b"ab", b"\x00\x01\xff", b"line\r\nbreak", b"x" * 60, b"y" * 65, b"9223372036854775806"]


def zkey(p):
    if p.chance(0.05):
        return p.of(b"s1", b"l1", b"", b"none")
    return p.of(b"z1", b"z2", b"z3", b"{z}4")


def xkey(p):
    return p.of(b"x1", b"x2") if p.chance(0.95) else p.of(b"s1", b"nothing")


def score(p):
    return p.random.choice(BAD_SCORES) if p.chance(0.02) else p.random.choice(SCORES)


def member(p):
    return b"m%d" % p.random.randrange(400) if p.chance(0.15) else p.random.choice(MEMBERS)


def pairs(p):
    count = p.random.randrange(100, 400) if p.chance(0.02) else p.random.randint(1, 4)
    return [x for _ in range(count) for x in (score(p), member(p))]


def limit(p):
    """One end of a range of scores."""
    text = p.random.choice(BAD_SCORES) if p.chance(0.03) else p.random.choice(SCORES)
    return b"(" + text if p.chance(0.3) else p.of(b"-inf", b"+inf", text, text)


def name(p):
    """One end of a range of members."""
    if p.chance(0.04):
        return p.of(b"a", b"", b"++", b"-x", b"+\x00", b"{a")
    return p.of(b"-", b"+", b"[" + member(p), b"(" + member(p), b"[", b"(")


def window(p, probability=0.3):
    return p.optional(probability, b"LIMIT", p.int(-2, 4), p.int(-2, 6))


def with_scores(p):
    return p.optional(0.4, p.of(b"WITHSCORES", b"withscores"))


def zadd(p):
    return [zkey(p), *p.shuffled(p.optional(0.15, p.of(b"NX", b"XX", b"nx")), p.optional(0.15, p.of(b"GT", b"LT", b"gt")), p.optional(0.2, b"CH"),
                                 p.optional(0.03, b"NX"), p.optional(0.02, b"INCR")), *pairs(p)]


def zadd_incr(p):
    return [zkey(p), *p.shuffled([b"INCR"], p.optional(0.2, p.of(b"NX", b"XX", b"GT", b"LT"))), score(p), member(p)]


def zrange(p):
    kind = p.of(b"", b"", b"BYSCORE", b"byscore", b"BYLEX")
    if kind == b"BYLEX":
        return [xkey(p), name(p), name(p), *p.shuffled([kind], p.optional(0.4, b"REV"), window(p), p.optional(0.05, b"WITHSCORES"))]
    if kind:
        return [zkey(p), limit(p), limit(p), *p.shuffled([kind], p.optional(0.4, b"REV"), window(p), with_scores(p), p.optional(0.02, b"BYLEX"))]
    return [zkey(p), p.int(), p.int(), *p.shuffled(p.optional(0.4, b"REV"), window(p, 0.03), with_scores(p), p.optional(0.02, b"REV"))]


def zrangestore(p):
    target = p.of(b"z1", b"z3", b"out")
    source, *rest = zrange(p)
    return [target, source, *(x for x in rest if x.upper() != b"WITHSCORES" or p.chance(0.05))]


def inputs(p):
    keys = p.some(lambda: p.of(b"t1", b"t2") if p.chance(0.2) else zkey(p), 1, 4)
    return keys, [p.numkeys(keys), *keys]


def joined(p, tail=()):
    keys, words = inputs(p)
    weights = [b"WEIGHTS", *(score(p) for _ in keys)] if p.chance(0.3) else []
    return [*words, *p.shuffled(weights, p.optional(0.3, b"AGGREGATE", p.of(b"SUM", b"MIN", b"max", b"AVG") if p.chance(0.2) else p.of(b"SUM", b"MIN", b"MAX")), *tail)]


def zmpop(p, keys=None):
    keys = keys or p.some(lambda: zkey(p))
    return [p.numkeys(keys), *keys, p.of(b"MIN", b"MAX", b"min", b"Max", b"LEFT") if p.chance(0.2) else p.of(b"MIN", b"MAX"), *p.optional(0.4, b"COUNT", p.int(-1, 6))]


def zscan(p):
    return [zkey(p), p.of(b"0", b"0", b"0", b"0", b"abc", b"-1", b""), *p.shuffled(
        p.optional(0.4, b"MATCH", p.of(b"*", b"m1*", b"?", b"[ab]*", b"none*")), p.optional(0.4, b"COUNT", p.of(b"1", b"7", b"1000", b"0", b"-1", b"x")),
        p.optional(0.02, b"WHAT"))]


ZSETS = {
    "ZADD": zadd,
    "ZADD ": zadd_incr,
    "ZADD  ": lambda p: [xkey(p), *(x for _ in range(p.random.randint(1, 4)) for x in (b"0", member(p)))],
    "ZINCRBY": lambda p: [zkey(p), score(p), member(p)],
    "ZREM": lambda p: [zkey(p), *p.some(lambda: member(p))],
    "ZCARD": lambda p: [zkey(p)],
    "ZSCORE": lambda p: [zkey(p), member(p)],
    "ZMSCORE": lambda p: [zkey(p), *p.some(lambda: member(p))],
    "ZRANK": lambda p: [zkey(p), member(p)],
    "ZREVRANK": lambda p: [zkey(p), member(p)],
    "ZCOUNT": lambda p: [zkey(p), limit(p), limit(p)],
    "ZLEXCOUNT": lambda p: [xkey(p), name(p), name(p)],
    "ZRANGE": zrange,
    "ZRANGESTORE": zrangestore,
    "ZREVRANGE": lambda p: [zkey(p), p.int(), p.int(), *with_scores(p), *window(p, 0.03)],
    "ZRANGEBYSCORE": lambda p: [zkey(p), limit(p), limit(p), *p.shuffled(with_scores(p), window(p))],
    "ZREVRANGEBYSCORE": lambda p: [zkey(p), limit(p), limit(p), *p.shuffled(with_scores(p), window(p))],
    "ZRANGEBYLEX": lambda p: [xkey(p), name(p), name(p), *window(p)],
    "ZREVRANGEBYLEX": lambda p: [xkey(p), name(p), name(p), *window(p), *p.optional(0.03, b"WITHSCORES")],
    "ZREMRANGEBYRANK": lambda p: [zkey(p), p.int(-4, 8), p.int(-8, 6)],
    "ZREMRANGEBYSCORE": lambda p: [zkey(p), limit(p), limit(p)],
    "ZREMRANGEBYLEX": lambda p: [xkey(p), name(p), name(p)],
    "ZPOPMIN": lambda p: [zkey(p), *p.optional(0.4, p.int(-1, 6))],
    "ZPOPMAX": lambda p: [zkey(p), *p.optional(0.4, p.int(-1, 6))],
    "ZMPOP": zmpop,
    "ZUNION": lambda p: joined(p, [with_scores(p)]),
    "ZINTER": lambda p: joined(p, [with_scores(p)]),
    "ZDIFF": lambda p: [*inputs(p)[1], *with_scores(p), *p.optional(0.03, b"AGGREGATE", b"SUM")],
    "ZUNIONSTORE": lambda p: [p.of(b"z1", b"out"), *joined(p, [p.optional(0.02, b"WITHSCORES")])],
    "ZINTERSTORE": lambda p: [p.of(b"z1", b"out"), *joined(p)],
    "ZDIFFSTORE": lambda p: [p.of(b"z2", b"out"), *inputs(p)[1]],
    "ZINTERCARD": lambda p: [*inputs(p)[1], *p.optional(0.4, b"LIMIT", p.int(-1, 4))],
    # No large negative counts: so many members would be shown.
    "ZRANDMEMBER": lambda p: [zkey(p), *p.random.choice([[], [p.of(b"-5", b"-1", b"0", b"1", b"3", b"1000", b"x")], [p.of(b"-3", b"2", b"9223372036854775807"), p.of(b"WITHSCORES", b"withscores", b"WHAT")], [b"-9223372036854775808"]])],
    "ZSCAN": zscan,
    "OBJECT": lambda p: [b"ENCODING", p.of(b"z1", b"z2", b"z3", b"{z}4", b"out", b"x1")],
    "CONFIG": lambda p: [b"SET", *p.of((b"zset-max-listpack-entries", p.of(b"128", b"128", b"0", b"3")), (b"zset-max-listpack-value", p.of(b"64", b"64", b"5", b"0")))],
    "TYPE": lambda p: [zkey(p)],
    "DEL": lambda p: p.some(lambda: p.of(b"z1", b"z2", b"z3", b"{z}4", b"out", b"x1", b"x2"), 1, 2),
    "SADD": lambda p: [p.of(b"t1", b"t2"), *p.some(lambda: member(p))],
    "SET": lambda p: [b"s1", b"string"],
    "RPUSH": lambda p: [b"l1", b"element"],
    "COPY": lambda p: [zkey(p), zkey(p), b"REPLACE"],
    "RENAME": lambda p: [p.of(b"z1", b"out"), p.of(b"z2", b"z3")],
    # Of a key of its own: SORT makes a skiplist of a listpack, which shows. No member has a zero byte, where strings end for SORT.
    "ZADD   ": lambda p: [b"sorted", *(x for _ in range(p.random.randint(1, 4)) for x in (score(p), p.of(b"1", b"2", b"10", b"-3", b"2.5", b"apple", b"Banana", b"zz")))],
    "SORT": lambda p: [p.of(b"sorted", b"sorted", b"s1", b"none"), *p.shuffled(p.optional(0.4, b"BY", b"nosort"), p.optional(0.7, b"ALPHA"), p.optional(0.3, b"DESC"), window(p))],
}

# WITHSCORE is of Redis 7.2: a word more is another error.
NEWER = {"ZRANK", "ZREVRANK"}
# Scores other than 0 in x1 and x2 would leave undefined what is between two members. What CONFIG says of junk, others test.
UNBENT = NEWER | {"ZADD  ", "CONFIG"}

# Several connections: see `commands.blocking`.


def blocking_pop(p, timeout):
    keys = p.some(lambda: zkey(p), 1, 3)
    return p.of(lambda: [b"BZPOPMIN", *keys, timeout], lambda: [b"BZPOPMAX", *keys, timeout], lambda: [b"BZMPOP", timeout, *zmpop(p, keys)],
                lambda: [b"BLPOP", *keys, timeout])()


def blocking(p):
    """Returns connection, arguments, and whether the reply is to be waited for (a short term)."""
    roll = p.random.random()
    connection = p.random.randrange(5)
    if roll < 0.30:
        return p.random.randint(1, 4), blocking_pop(p, p.of(b"0", b"0", b"0.0", b"100", b"1000.5")), False
    if roll < 0.34:
        return p.random.randint(1, 4), blocking_pop(p, p.of(b"0.01", b".02", b"0.001")), True
    if roll < 0.38:
        return connection, blocking_pop(p, p.of(b"-1", b"abc", b"", b"nan", b"inf", b"1e400", b"-0.1")), False
    if roll < 0.44:
        return 0, [b"CLIENT", b"UNBLOCK", b"@ID%d@" % p.random.randint(1, 4), *p.optional(0.6, p.of(b"ERROR", b"TIMEOUT", b"error"))], False
    if roll < 0.56:
        return 0, p.of([b"MULTI"], [b"EXEC"], [b"EXEC"]), False
    if roll < 0.60:
        return 0, blocking_pop(p, b"0") if p.chance(0.2) else [b"DEL", zkey(p)], False
    if roll < 0.66:
        # No set is stored over a value of another type, of which redis-server tells no waiter: {z}4 is one at times.
        return 0, p.of([b"RENAME", p.of(b"z1", b"z2", b"z3"), zkey(p)], [b"COPY", p.of(b"z1", b"z2", b"z3"), zkey(p), b"REPLACE"], [b"SET", b"{z}4", b"string"],
                       [b"LPUSH", b"{z}4", b"element"], [b"MOVE", zkey(p), b"1"], [b"FLUSHALL"]), False
    chosen = p.of("ZADD", "ZADD", "ZADD", "ZADD ", "ZINCRBY", "ZUNIONSTORE", "ZRANGESTORE", "ZCARD", "ZPOPMIN", "ZMPOP", "ZREM")
    return p.of(0, 0, connection), [chosen.strip().encode(), *ZSETS[chosen](p)], False
