"""Random commands by family, for the differential suite.

A family is a table: command -> function of a `Pool` giving the arguments after the name. Keys and values come
from small pools, so that commands meet: wrong types, missing keys, empty arguments and odd numbers are in them.
`mutated` then bends one call in a hundred or so: too few arguments, too many, junk in place of one.
"""
import time

from lib import geo, zsets

JUNK = [b"", b"0", b"-1", b"1", b"2", b"1.5", b" 1", b"1 ", b"+1", b"01", b"0x10", b"1e3", b"nan", b"inf", b"-inf",
        b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809",
        b"18446744073709551616", b"4294967296", b"-0", b"abc", b"\x00", b"\xff\xfe", b"a b", b"\r\n", b"*", b"k1",
        b"LIMIT", b"COUNT", b"NX", b"EX", b"GET", b"LEFT", b"KEEPTTL", b"99999999999999999999999999"]
VALUES = [b"a", b"b", b"c", b"d", b"e", b"", b"0", b"1", b"10", b"-5", b"3.5", b"hello world", b"\x00\x01\xff",
          b"line\r\nbreak", b"9223372036854775806", b"x" * 60, b"y" * 300]


class Pool:
    """Draws keys, values, numbers and options from one random source."""

    def __init__(self, random):
        self.random = random
        self.lists = [b"l1", b"l2", b"l3", b"{l}4"]
        self.strings = [b"s1", b"s2", b"n1", b"n2", b"bin\x00\xff"]
        self.hashes = [b"h1", b"h2", b"h3", b"{h}4"]
        self.sets = [b"set1", b"set2", b"set3", b"{set}4"]

    def chance(self, p):
        return self.random.random() < p

    def of(self, *items):
        return self.random.choice(items)

    def lkey(self):
        if self.chance(0.06):
            return self.of(b"s1", b"n1", b"", b"none")
        return self.random.choice(self.lists)

    def skey(self):
        if self.chance(0.06):
            return self.of(b"l1", b"l2", b"", b"none")
        return self.random.choice(self.strings)

    def hkey(self):
        return self.of(b"s1", b"l1", b"set1", b"", b"none") if self.chance(0.04) else self.random.choice(self.hashes)

    def setkey(self):
        return self.of(b"s1", b"l1", b"h1", b"", b"none") if self.chance(0.04) else self.random.choice(self.sets)

    def key(self):
        return self.random.choice((self.lkey, self.skey, self.lkey, self.skey, self.hkey, self.setkey))()

    def value(self):
        if self.chance(0.003):
            return bytes([self.random.randrange(256)]) * self.random.randrange(1000, 200_000)
        return self.random.choice(VALUES)

    def some(self, draw, low=1, high=4):
        return [draw() for _ in range(self.random.randint(low, high))]

    def elements(self):
        if self.chance(0.004):
            return [b"e%d" % self.random.randrange(100) for _ in range(self.random.randrange(500, 4000))]
        return self.some(self.value)

    def int(self, low=-6, high=8):
        if self.chance(0.04):
            return self.random.choice(JUNK)
        if self.chance(0.03):
            return b"%d" % self.random.choice([-(1 << 63), (1 << 63) - 1, 1 << 31, -(1 << 31), 1 << 40, 1000, -1000])
        return b"%d" % self.random.randint(low, high)

    def number(self):
        return self.of(b"1", b"-1", b"0", b"3.0", b"2.5e3", b"-0.25", b"1e-7", b"1234567890123456789", b"0.1", b"abc",
                       b"inf", b"nan", b"1e400", b"5", b"17179869184.5", b"")

    def optional(self, p, *items):
        return list(items) if self.chance(p) else []

    def shuffled(self, *groups):
        groups = list(groups)
        self.random.shuffle(groups)
        return [item for group in groups for item in group]

    def side(self):
        return self.of(b"LEFT", b"RIGHT", b"left", b"Right", b"LEFT", b"RIGHT", b"UP")

    def ttl(self, unit):
        """Far enough that no key expires while a history runs; or in the past; or no number at all."""
        if self.chance(0.15):
            return self.of(b"0", b"-1", b"-100", b"abc", b"1.5", b"", b"9223372036854775807", b"-9223372036854775808",
                           b"9223372036854775", b"100000000000000000")
        # No two alike: the same term twice within a millisecond makes GT and LT a matter of luck.
        return b"%d" % (self.random.randrange(500, 1 << 33) * unit)

    def instant(self, unit):
        if self.chance(0.25):
            return self.of(b"0", b"-1", b"1", b"abc", b"", b"9223372036854775807", b"9223372036854776")
        return b"%d" % ((int(time.time()) + self.random.randrange(1000, 1 << 33)) * unit)

    def numkeys(self, keys):
        if self.chance(0.06):
            return self.int()
        return b"%d" % len(keys)

    def pattern(self):
        return self.of(b"*", b"l*", b"?1", b"[ls]1", b"[^l]*", b"s[1-2]", b"s[2-1]", b"\\l1", b"*\xff", b"{l}?", b"", b"n*1",
                       b"[", b"[l", b"l\\", b"**", b"l1", b"nothing*", b"[\\]-a]*")


def lmpop(p, keys=None):
    keys = keys or p.some(p.lkey)
    return [p.numkeys(keys), *keys, p.side(), *p.optional(0.4, b"COUNT", p.int(-1, 6))]


def lpos(p):
    return [p.lkey(), p.value(), *p.shuffled(p.optional(0.4, b"RANK", p.int(-3, 3)), p.optional(0.4, b"COUNT", p.int(-1, 4)),
                                              p.optional(0.3, b"MAXLEN", p.int(-1, 6)))]


LISTS = {
    "LPUSH": lambda p: [p.lkey(), *p.elements()],
    "RPUSH": lambda p: [p.lkey(), *p.elements()],
    "LPUSHX": lambda p: [p.lkey(), *p.some(p.value)],
    "RPUSHX": lambda p: [p.lkey(), *p.some(p.value)],
    "LPOP": lambda p: [p.lkey(), *p.optional(0.4, p.int(-1, 6))],
    "RPOP": lambda p: [p.lkey(), *p.optional(0.4, p.int(-1, 6))],
    "LLEN": lambda p: [p.lkey()],
    "LRANGE": lambda p: [p.lkey(), p.int(), p.int()],
    "LINDEX": lambda p: [p.lkey(), p.int()],
    "LSET": lambda p: [p.lkey(), p.int(), p.value()],
    "LINSERT": lambda p: [p.lkey(), p.of(b"BEFORE", b"AFTER", b"before", b"After", b"NEXT"), p.value(), p.value()],
    "LREM": lambda p: [p.lkey(), p.int(-3, 3), p.value()],
    "LTRIM": lambda p: [p.lkey(), p.int(-12, 3), p.int(-3, 12)],
    "LPOS": lpos,
    "LMOVE": lambda p: [p.lkey(), p.lkey(), p.side(), p.side()],
    "RPOPLPUSH": lambda p: [p.lkey(), p.lkey()],
    "LMPOP": lmpop,
}


def set_options(p):
    return p.shuffled(
        p.optional(0.2, p.of(b"NX", b"XX", b"nx")), p.optional(0.2, b"GET"),
        p.random.choice([[], [], [], [b"EX", p.ttl(1)], [b"PX", p.ttl(1000)], [b"EXAT", p.instant(1)],
                         [b"PXAT", p.instant(1000)], [b"KEEPTTL"], [b"ex", p.ttl(1)], [b"EX"], [b"KEEPTTL", b"PX", p.ttl(1000)],
                         [b"NX", b"XX"], [b"WHAT"]]))


STRINGS = {
    "SET": lambda p: [p.skey(), p.value(), *set_options(p)],
    "GET": lambda p: [p.skey()],
    "GETDEL": lambda p: [p.skey()],
    "GETEX": lambda p: [p.skey(), *p.random.choice([[], [b"EX", p.ttl(1)], [b"PX", p.ttl(1000)], [b"EXAT", p.instant(1)],
                                                    [b"PXAT", p.instant(1000)], [b"PERSIST"], [b"persist", b"EX", b"5000"], [b"KEEPTTL"]])],
    "GETSET": lambda p: [p.skey(), p.value()],
    "SETNX": lambda p: [p.skey(), p.value()],
    "SETEX": lambda p: [p.skey(), p.ttl(1), p.value()],
    "PSETEX": lambda p: [p.skey(), p.ttl(1000), p.value()],
    "MGET": lambda p: p.some(p.key),
    "MSET": lambda p: [x for _ in range(p.random.randint(1, 3)) for x in (p.skey(), p.value())],
    "MSETNX": lambda p: [x for _ in range(p.random.randint(1, 3)) for x in (p.of(b"m1", b"m2", b"m3", b"s1", b"m4"), p.value())],
    "APPEND": lambda p: [p.skey(), p.value()],
    "STRLEN": lambda p: [p.skey()],
    "GETRANGE": lambda p: [p.skey(), p.int(-20, 20), p.int(-20, 20)],
    "SUBSTR": lambda p: [p.skey(), p.int(-20, 20), p.int(-20, 20)],
    "SETRANGE": lambda p: [p.skey(), p.of(b"0", b"1", b"5", b"-1", b"70", b"536870912", b"abc", b"9223372036854775807")
                           if p.chance(0.3) else p.int(0, 40), p.value()],
    "INCR": lambda p: [p.skey()],
    "DECR": lambda p: [p.skey()],
    "INCRBY": lambda p: [p.skey(), p.int(-100, 100)],
    "DECRBY": lambda p: [p.skey(), p.int(-100, 100)],
    "INCRBYFLOAT": lambda p: [p.skey(), p.number()],
    "LCS": lambda p: [p.skey(), p.skey(), *p.shuffled(p.optional(0.3, b"IDX"), p.optional(0.2, b"LEN"), p.optional(0.3, b"MINMATCHLEN", p.int(-1, 4)),
                                                      p.optional(0.3, b"WITHMATCHLEN"), p.optional(0.03, b"NO"))],
    # Strings that are close to each other and to numbers, so that the commands above have something to do.
    "SET ": lambda p: [p.skey(), p.of(b"ohmytext", b"mynewtext", b"10", b"-3", b"2.5", b"9223372036854775807", b" 7", b"1e2", b"007")],
}


FIELDS = [b"a", b"b", b"c", b"name", b"1", b"2", b"100", b"-7", b"123456789", b"-9223372036854775808", b"", b"f" * 64, b"g" * 65, b"\x00\x01\xff", b"007", b"63", b"64"]


def field(p):
    return p.random.choice(FIELDS)


def pairs(p):
    if p.chance(0.01):
        return [x for n in range(p.random.randrange(100, 700)) for x in (b"field:%d" % n, b"%d" % (n * n))]
    return [x for _ in range(p.random.randint(1, 4)) for x in (field(p), p.value())]


def random_count(p):
    """No large negative number: redis-server would be busy with the reply for minutes."""
    return p.of(b"x", b"", b"1.5", b"-9223372036854775808", b"9223372036854775807", b"1099511627776", b"-1000") if p.chance(0.1) else b"%d" % p.random.randint(-5, 5)


def scan_options(p):
    return p.shuffled(p.optional(0.4, b"MATCH", p.of(b"*", b"[abc]", b"?", b"*1*", b"none*", b"f*")),
                      p.optional(0.4, b"COUNT", p.of(b"1", b"7", b"100", b"10000", b"0", b"-1", b"x")), p.optional(0.02, b"WHAT"))


def scan_cursor(p):
    return p.of(b"0", b"0", b"0", b"0", b"0", b"abc", b"-1", b"", b"1.5")


HASHES = {
    "HSET": lambda p: [p.hkey(), *pairs(p)],
    "HMSET": lambda p: [p.hkey(), *pairs(p)],
    "HSETNX": lambda p: [p.hkey(), field(p), p.value()],
    "HGET": lambda p: [p.hkey(), field(p)],
    "HMGET": lambda p: [p.hkey(), *p.some(lambda: field(p))],
    "HGETALL": lambda p: [p.hkey()],
    "HKEYS": lambda p: [p.hkey()],
    "HVALS": lambda p: [p.hkey()],
    "HLEN": lambda p: [p.hkey()],
    "HEXISTS": lambda p: [p.hkey(), field(p)],
    "HSTRLEN": lambda p: [p.hkey(), field(p)],
    "HDEL": lambda p: [p.hkey(), *p.some(lambda: field(p))],
    "HINCRBY": lambda p: [p.hkey(), field(p), p.int(-100, 100)],
    "HINCRBYFLOAT": lambda p: [p.hkey(), field(p), p.number()],
    "HRANDFIELD": lambda p: [p.hkey(), *p.optional(0.6, random_count(p), *p.optional(0.4, b"WITHVALUES"))],
    "HSCAN": lambda p: [p.hkey(), scan_cursor(p), *scan_options(p)],
    "OBJECT": lambda p: [b"ENCODING", p.hkey()],
    "CONFIG": lambda p: [b"SET", b"hash-max-listpack-entries", p.of(b"512", b"3", b"0", b"100")],
    "COPY": lambda p: [p.hkey(), p.hkey(), *p.optional(0.5, b"REPLACE")],
    "RENAME": lambda p: [p.hkey(), p.hkey()],
    "DEL": lambda p: [p.hkey()],
    # Values that counters have something to do with.
    "HSET ": lambda p: [p.hkey(), field(p), p.of(b"10", b"-3", b"2.5", b"9223372036854775807", b" 7", b"1e2", b"007", b"inf", b"0x10")],
}

# SORT of redis-server takes a zero byte for the end: two such members have no order.
MEMBERS = [name for name in FIELDS if b"\0" not in name] + [b"%d" % n for n in (3, 4, 5, 32767, 32768, -32769, 2147483648, -5)]


def member(p):
    return p.random.choice(MEMBERS)


def members(p):
    if p.chance(0.01):
        return [b"%d" % (n * p.of(1, 1, 70000)) for n in range(p.random.randrange(100, 700))]
    return p.some(lambda: b"%d" % p.random.randrange(-9, 40)) if p.chance(0.4) else p.some(lambda: member(p))


def sintercard(p):
    keys = p.some(p.setkey)
    return [p.numkeys(keys), *keys, *p.optional(0.4, b"LIMIT", p.int(-1, 5))]


SETS = {
    "SADD": lambda p: [p.setkey(), *members(p)],
    "SREM": lambda p: [p.setkey(), *members(p)],
    "SMOVE": lambda p: [p.setkey(), p.setkey(), member(p)],
    "SCARD": lambda p: [p.setkey()],
    "SISMEMBER": lambda p: [p.setkey(), member(p)],
    "SMISMEMBER": lambda p: [p.setkey(), *p.some(lambda: member(p))],
    "SMEMBERS": lambda p: [p.setkey()],
    "SSCAN": lambda p: [p.setkey(), scan_cursor(p), *scan_options(p)],
    # What is taken by chance is not the same on both sides: all of it, or nothing, or an error.
    "SPOP": lambda p: [p.setkey(), p.of(b"0", b"100000", b"-1", b"x", b"9223372036854775807")],
    "SRANDMEMBER": lambda p: [p.setkey(), *p.optional(0.7, random_count(p))],
    "SINTER": lambda p: p.some(p.setkey),
    "SUNION": lambda p: p.some(p.setkey),
    "SDIFF": lambda p: p.some(p.setkey),
    "SINTERSTORE": lambda p: [p.setkey(), *p.some(p.setkey)],
    "SUNIONSTORE": lambda p: [p.setkey(), *p.some(p.setkey)],
    "SDIFFSTORE": lambda p: [p.setkey(), *p.some(p.setkey)],
    "SINTERCARD": sintercard,
    "OBJECT": lambda p: [b"ENCODING", p.setkey()],
    "CONFIG": lambda p: [b"SET", b"set-max-intset-entries", p.of(b"512", b"3", b"0", b"100")],
    "COPY": lambda p: [p.setkey(), p.setkey(), *p.optional(0.5, b"REPLACE")],
    "RENAME": lambda p: [p.setkey(), p.setkey()],
    "DEL": lambda p: [p.setkey()],
    "SORT": lambda p: [p.setkey(), *p.optional(0.6, b"ALPHA"), *p.optional(0.3, b"DESC"), *p.optional(0.3, b"LIMIT", p.int(-1, 3), p.int(-1, 5))],
    "SORT ": lambda p: [p.setkey(), *p.of([b"ALPHA"], [b"BY", b"nosort"], []), b"STORE", b"l1"],
    "LRANGE": lambda p: [b"l1", b"0", b"-1"],
}


def conditions(p):
    return p.optional(0.35, p.of(b"NX", b"XX", b"GT", b"LT", b"gt", b"WHAT")) + p.optional(0.05, p.of(b"XX", b"GT", b"NX"))


KEYS = {
    "DEL": lambda p: p.some(p.key, 1, 2),
    "UNLINK": lambda p: p.some(p.key, 1, 2),
    "EXISTS": lambda p: p.some(p.key),
    "TYPE": lambda p: [p.key()],
    "TOUCH": lambda p: p.some(p.key),
    "RENAME": lambda p: [p.key(), p.key()],
    "RENAMENX": lambda p: [p.key(), p.key()],
    "COPY": lambda p: [p.key(), p.key(), *p.shuffled(p.optional(0.2, b"DB", p.of(b"0", b"1", b"2", b"16", b"-1", b"x")), p.optional(0.4, b"REPLACE"),
                                                     p.optional(0.02, b"WHAT"))],
    "MOVE": lambda p: [p.key(), p.of(b"0", b"1", b"1", b"2", b"15", b"16", b"-1", b"x", b"")],
    "SELECT": lambda p: [p.of(b"0", b"0", b"0", b"1", b"2", b"16", b"-1", b"x", b"4294967296")],
    "SWAPDB": lambda p: [p.of(b"0", b"1", b"2"), p.of(b"0", b"1", b"2", b"99", b"x")],
    "DBSIZE": lambda p: [],
    "RANDOMKEY": lambda p: [],
    "KEYS": lambda p: [p.pattern()],
    "FLUSHDB": lambda p: p.optional(0.4, p.of(b"ASYNC", b"SYNC", b"sync", b"NOW")),
    "FLUSHALL": lambda p: p.optional(0.4, p.of(b"ASYNC", b"SYNC", b"async", b"NOW")),
    "OBJECT": lambda p: [p.of(b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ", b"encoding", b"WHAT"), p.key()],
    "MEMORY": lambda p: [p.of(b"USAGE", b"usage", b"WHAT"), p.key(), *p.optional(0.2, b"SAMPLES", p.int(-1, 5))],
    "SET": lambda p: [p.skey(), p.value()],
    "RPUSH": lambda p: [p.lkey(), *p.some(p.value)],
    "PERSIST": lambda p: [p.key()],
    "GET": lambda p: [p.skey()],
    "LRANGE": lambda p: [p.lkey(), b"0", b"-1"],
    "HSET": lambda p: [p.hkey(), *pairs(p)],
    "HGETALL": lambda p: [p.hkey()],
    "SADD": lambda p: [p.setkey(), *members(p)],
    "SMEMBERS": lambda p: [p.setkey()],
}

EXPIRY = {
    "EXPIRE": lambda p: [p.key(), p.ttl(1), *conditions(p)],
    "PEXPIRE": lambda p: [p.key(), p.ttl(1000), *conditions(p)],
    "EXPIREAT": lambda p: [p.key(), p.instant(1), *conditions(p)],
    "PEXPIREAT": lambda p: [p.key(), p.instant(1000), *conditions(p)],
    "TTL": lambda p: [p.key()],
    "PTTL": lambda p: [p.key()],
    "EXPIRETIME": lambda p: [p.key()],
    "PEXPIRETIME": lambda p: [p.key()],
    "PERSIST": lambda p: [p.key()],
    "SET": lambda p: [p.skey(), p.value(), *set_options(p)],
    "GETEX": lambda p: STRINGS["GETEX"](p),
    "RPUSH": lambda p: [p.lkey(), *p.some(p.value)],
    "RENAME": lambda p: [p.key(), p.key()],
    "COPY": lambda p: [p.key(), p.key(), *p.optional(0.4, b"REPLACE")],
    "EXISTS": lambda p: p.some(p.key),
    "APPEND": lambda p: [p.skey(), p.value()],
    "GETSET": lambda p: [p.skey(), p.value()],
    "LPOP": lambda p: [p.lkey()],
    "INCR": lambda p: [p.skey()],
    # Expires while the suite sleeps: see `differential.py`.
    "PEXPIRE ": lambda p: [p.key(), p.of(b"1", b"5", b"15"), *conditions(p)],
    "SET  ": lambda p: [p.skey(), p.value(), b"PX", p.of(b"1", b"5", b"15")],
}

SCAN = {
    "SET": lambda p: [b"%s:%d" % (p.of(b"user", b"job", b"x"), p.random.randrange(300)), p.value()],
    "RPUSH": lambda p: [b"list:%d" % p.random.randrange(60), p.value()],
    "HSET": lambda p: [b"hash:%d" % p.random.randrange(60), b"f", p.value()],
    "SADD": lambda p: [b"set:%d" % p.random.randrange(60), p.value()],
    "DEL": lambda p: [b"%s:%d" % (p.of(b"user", b"job", b"x", b"list", b"hash"), p.random.randrange(100))],
    "SCAN": lambda p: [p.of(b"0", b"0", b"0", b"0", b"0", b"abc", b"-1", b"", b"1.5"), *p.shuffled(
        p.optional(0.4, b"MATCH", p.of(b"*", b"user:*", b"job:1?", b"[xj]*", b"none*", b"user:7")),
        p.optional(0.4, b"COUNT", p.of(b"1", b"7", b"10", b"100", b"10000", b"0", b"-1", b"x")),
        p.optional(0.3, b"TYPE", p.of(b"string", b"list", b"LIST", b"nosuchtype", b"hash", b"set", b"zset")), p.optional(0.02, b"WHAT"))],
    "KEYS": lambda p: [p.of(b"*", b"user:*", b"job:?", b"list:[1-3]*")],
    "RANDOMKEY": lambda p: [],
    "DBSIZE": lambda p: [],
}


def sort(p):
    by = p.of([], [], [], [b"BY", b"w_*"], [b"BY", b"nosort"], [b"BY", b"w_*->f"], [b"BY", b"hash_*->f"], [b"BY", b"hash_*->"], [b"by", b"none_*"])
    alpha = p.optional(0.4, b"ALPHA")
    # Two elements of equal weight have no order under BY with ALPHA: only the set of them can be compared.
    loose = by and alpha and by[1] != b"nosort"
    limit = [] if loose else p.optional(0.3, b"LIMIT", p.int(-2, 4), p.int(-2, 5))
    get = [x for _ in range(p.of(0, 0, 0, 1, 2)) for x in (b"GET", p.of(b"#", b"d_*", b"w_*", b"d_x", b"*", b"hash_*->f", b"hash_*->g", b"d_*->f"))]
    key = p.of(b"sort1", b"sort2", b"sort3", b"sort4", b"s1", b"none")
    if key == b"sort4" and b"nosort" in by:
        by = []  # A set has no order of its own.
    return [key,
            *p.shuffled(by, alpha, limit, get, p.optional(0.3, p.of(b"DESC", b"ASC", b"desc")), p.optional(0.02, b"WHAT"))]


def sort_store(p):
    arguments = sort(p)
    if b"ALPHA" in arguments and (b"BY" in arguments or b"by" in arguments):
        arguments.remove(b"ALPHA")
    return arguments + [b"STORE", p.of(b"out1", b"out2", b"sort3")]


# What SORT meets as a set: without weights its elements have no order.
SORTED_SETS = {b"sort4", b"set1", b"set2", b"set3", b"{set}4"}
SORT_VALUES = [b"1", b"2", b"3", b"10", b"-1", b"2.5", b"1e2", b"007"]
SORT = {
    "RPUSH": lambda p: [p.of(b"sort1", b"sort1", b"sort3"), *p.some(lambda: p.random.choice(SORT_VALUES), 1, 6)],
    "LPUSH": lambda p: [b"sort2", *p.some(lambda: p.of(b"apple", b"Banana", b"cherry", b"10", b"9", b"", b"zz"), 1, 5)],
    "SADD": lambda p: [b"sort4", *p.some(lambda: p.random.choice(SORT_VALUES[:-1]), 1, 6)],
    "HSET": lambda p: [b"hash_" + p.random.choice(SORT_VALUES), p.of(b"f", b"g"), p.of(b"1", b"5", b"3", b"-2", b"0.5", b"12", b"word")],
    "DEL": lambda p: [p.of(b"sort1", b"sort2", b"sort3", b"sort4", b"w_1", b"out1")],
    "MSET": lambda p: [x for _ in range(4) for x in (p.of(b"w_", b"d_") + p.random.choice(SORT_VALUES),
                                                     p.of(b"1", b"5", b"3", b"-2", b"0.5", b"12") if p.chance(0.95) else b"word")],
    "SORT": sort,
    "SORT_RO": sort,
    "SORT ": sort_store,
    "LRANGE": lambda p: [p.of(b"out1", b"out2", b"sort3"), b"0", b"-1"],
    "TYPE": lambda p: [p.of(b"out1", b"out2")],
    "LTRIM": lambda p: [p.of(b"sort1", b"sort2", b"sort3"), b"0", b"12"],
}

SERVER = {
    "PING": lambda p: p.optional(0.5, p.value()),
    "ECHO": lambda p: [p.value()],
    "TIME": lambda p: [],
    "LASTSAVE": lambda p: [],
    "WAIT": lambda p: [p.of(b"0", b"0", b"-1", b"x"), p.of(b"0", b"1", b"-1", b"x", b"10")],
    "COMMAND": lambda p: p.of([b"GETKEYS", b"SET", b"a", b"b"], [b"GETKEYS", b"MSET", b"a", b"1", b"b", b"2"], [b"GETKEYS", b"LMPOP", b"2", b"a", b"b", b"LEFT"],
                              [b"GETKEYS", b"BLMPOP", b"0", b"1", b"a", b"LEFT"], [b"GETKEYS", b"SORT", b"a", b"STORE", b"b"], [b"GETKEYS", b"PING"],
                              [b"GETKEYS", b"BRPOP", b"a", b"b", b"0"], [b"GETKEYS", b"NOSUCH"], [b"GETKEYS", b"SET"], [b"GETKEYS"], [b"WHAT"],
                              [b"INFO", b"nosuch"], [b"INFO", b"nosuch", b"nosuch2"], [b"LIST", b"FILTERBY", b"PATTERN", b"xyz*"], [b"GETKEYS", b"COPY", b"a", b"b"],
                              [b"LIST", b"FILTERBY", b"PATTERN", b"lpush*"], [b"LIST", b"FILTERBY"], [b"LIST", b"FILTERBY", b"WHAT", b"x"],
                              [b"GETKEYS", b"LCS", b"a", b"b"], [b"GETKEYS", b"RENAME", b"a", b"b"], [b"COUNT", b"x"],
                              [b"GETKEYSANDFLAGS", b"SET", b"a", b"b"], [b"GETKEYSANDFLAGS", b"LMOVE", b"a", b"b", b"LEFT", b"LEFT"], [b"DOCS", b"nosuch"]),
    "CONFIG": lambda p: p.of([b"GET", b"nosuch*"], [b"GET"], [b"SET", b"nosuch", b"1"], [b"SET", b"maxclients"], [b"WHAT"], [b"GET", b"appendfsyn?x"],
                             [b"SET", b"appendfsync", b"what"], [b"SET", b"timeout", b"-1"], [b"SET", b"timeout", b"abc"], [b"SET", b"maxmemory", b"abc"],
                             [b"SET", b"timeout", b"0", b"timeout", b"0"], [b"GET", b"timeout"], [b"GET", b"TIMEOUT"], [b"GET", b"tcp-keepalive"], [b"RESETSTAT"],
                             [b"SET", b"slowlog-max-len", b"128"], [b"GET", b"slowlog-max-len"], [b"GET", b"maxmemory-policy"], [b"GET", b"maxmemory"],
                             [b"SET", b"maxmemory", b"0"], [b"GET", b"databases"], [b"SET", b"databases", b"3"], [b"GET", b"proto-max-bulk-len"], [b"RESETSTAT", b"x"]),
    "CLIENT": lambda p: p.of([b"GETNAME"], [b"SETNAME", b"me"], [b"SETNAME", b"with space"], [b"SETNAME", b""], [b"WHAT"], [b"ID", b"x"], [b"KILL"], [b"KILL", b"1.2.3.4:5"],
                             [b"KILL", b"ID", b"0"], [b"KILL", b"ID", b"abc"], [b"KILL", b"ID", b"999999999"], [b"KILL", b"TYPE", b"what"], [b"KILL", b"ADDR", b"1.2.3.4:5"],
                             [b"KILL", b"USER", b"nosuch"], [b"KILL", b"WHAT", b"x"], [b"KILL", b"SKIPME", b"maybe"], [b"LIST", b"TYPE", b"what"], [b"LIST", b"ID", b"999999999"],
                             [b"LIST", b"ID", b"x"], [b"LIST", b"TYPE", b"pubsub"], [b"LIST", b"WHAT"], [b"UNBLOCK", b"999999999"], [b"UNBLOCK", b"x"], [b"UNBLOCK", b"999999999", b"WHAT"],
                             [b"NO-EVICT", b"on"], [b"NO-EVICT", b"off"], [b"NO-EVICT", b"x"], [b"PAUSE", b"x"], [b"PAUSE", b"-1"], [b"PAUSE", b"1", b"WHAT"], [b"UNPAUSE"],
                             [b"REPLY", b"WHAT"], [b"REPLY", b"ON"], [b"REPLY"], [b"GETREDIR"], [b"TRACKINGINFO", b"x"]),
    "SLOWLOG": lambda p: p.of([b"WHAT"], [b"RESET"], [b"GET", b"x"], [b"GET", b"-2"], [b"LEN", b"x"], [b"GET", b"0"]),
    "LATENCY": lambda p: p.of([b"WHAT"], [b"RESET"], [b"HISTORY", b"nosuch"], [b"LATEST"], [b"RESET", b"nosuch"], [b"HISTORY"]),
    "MEMORY": lambda p: p.of([b"WHAT"], [b"USAGE"], [b"USAGE", b"nosuch"], [b"USAGE", b"nosuch", b"SAMPLES"]),
    "INFO": lambda p: [b"nosuchsection"],
    "SELECT": lambda p: [p.of(b"0", b"0", b"16", b"x", b"-1", b"")],
    "AUTH": lambda p: p.of([b"x"], [b"default", b"x"], [b"nosuch", b"y"], [b"a", b"b", b"c"], []),
    "HELLO": lambda p: p.of([b"1"], [b"4"], [b"abc"], [b"2", b"AUTH"], [b"2", b"AUTH", b"nosuch", b"x"], [b"3", b"WHAT"], [b"2", b"SETNAME"], [b"3", b"SETNAME", b"a b"], [b""], [b"-3"]),
    "ACL": lambda p: p.of([b"WHOAMI"], [b"WHAT"], [b"WHOAMI", b"x"], [b"GETUSER", b"nosuch"], [b"DELUSER", b"nosuch"], [b"DELUSER", b"default"], [b"CAT", b"nosuch"], [b"GETUSER"],
                          [b"DRYRUN", b"nosuch", b"GET", b"x"], [b"DRYRUN", b"default", b"NOSUCH", b"x"], [b"DRYRUN", b"default", b"GET"], [b"DRYRUN", b"default", b"GET", b"a"], [b"USERS"]),
    "SAVE": lambda p: [b"x"],
    "BGSAVE": lambda p: [b"WHAT"],
    "SHUTDOWN": lambda p: p.of([b"WHAT"], [b"ABORT"], [b"SAVE", b"NOSAVE"], [b"NOW", b"WHAT"], [b"ABORT", b"NOW"]),
    "DISCARD": lambda p: [],
    "EXEC": lambda p: [],
    "UNWATCH": lambda p: [],
    "NOSUCHCOMMAND": lambda p: p.some(p.value, 0, 4),
    "nosuch\x00\r\n": lambda p: p.some(p.value, 0, 2),
    "x" * 200: lambda p: [b"y" * 200, b"z"],
    "": lambda p: p.some(p.value, 0, 1),
}

# Streams. Ids rise through a run, so that most of them are new; a stream that gets ids by the clock has one of the far
# future already, so that both servers give the same.

def xkey(p):
    return p.of(b"s1", b"none", b"") if p.chance(0.05) else p.of(b"x1", b"x1", b"x2", b"{x}3")


def last_id(p):
    return getattr(p.random, "stream_id", 1)


def new_id(p):
    p.random.stream_id = last_id(p) + 1
    return p.of(b"%d", b"%d-0", b"%d-5", b"%d-*", b"0%d-1") % p.random.stream_id


def old_id(p):
    if p.chance(0.05):
        return p.of(b"-", b"+", b"0", b"0-0", b"x", b"", b"1-x", b"5-", b"-5", b"18446744073709551615-18446744073709551615", b"18446744073709551616",
                    b"99999999999999-0", b"$", b">", b"(3", b"1-*", b"*")
    return p.of(b"%d", b"%d-0", b"%d-5", b"%d-1") % p.random.randint(max(0, last_id(p) - 30), last_id(p) + 1)


def bound_id(p):
    return p.of(b"-", b"+", b"0", old_id(p), old_id(p), b"(" + old_id(p))


def group(p):
    return p.of(b"g1", b"g1", b"g1", b"g2", b"nogroup") if p.chance(0.9) else b"\x00\xff"


def consumer(p):
    return p.of(b"c1", b"c2", b"c3", b"", b"consumer")


def trim(p):
    mark = p.optional(0.6, p.of(b"=", b"~"))
    what = [b"MAXLEN", *mark, p.int(0, 12)] if p.chance(0.5) else [b"MINID", *mark, old_id(p)]
    return what + p.optional(0.15, b"LIMIT", p.int(0, 200)) + p.optional(0.03, b"MAXLEN", b"3")


def entry_fields(p):
    names = p.of([b"a"], [b"a"], [b"a", b"b"], [b"b", b"a"], [b"long field name", b"", b"12"])
    return [word for name in names for word in (name, p.value())]


def read_id(p):
    """What is read from: no `+`, which is of Redis 7.4."""
    return old_id(p).replace(b"+", b"0")


def xread(p, blocking=()):
    keys = p.some(lambda: xkey(p), 1, 2)
    return [*p.shuffled(p.optional(0.5, b"COUNT", p.int(0, 5)), list(blocking)), b"STREAMS", *keys, *(p.of(read_id(p), b"$", b"0") for _ in keys)]


def xreadgroup(p, blocking=()):
    keys = p.some(lambda: xkey(p), 1, 2)
    return [*p.shuffled([b"GROUP", group(p), consumer(p)], p.optional(0.5, b"COUNT", p.int(0, 5)), p.optional(0.2, b"NOACK"), list(blocking)),
            b"STREAMS", *keys, *(p.of(b">", b">", b"0", read_id(p)) for _ in keys)]


def xgroup(p):
    key, name = xkey(p), group(p)
    return p.of([b"CREATE", key, name, p.of(b"$", b"0", old_id(p)), *p.shuffled(p.optional(0.6, b"MKSTREAM"), p.optional(0.2, b"ENTRIESREAD", p.int(-2, 30)))],
                [b"CREATE", key, name, b"0", b"MKSTREAM"], [b"SETID", key, name, p.of(b"$", b"0", old_id(p)), *p.optional(0.3, b"ENTRIESREAD", p.int(-2, 30))],
                [b"CREATECONSUMER", key, name, consumer(p)], [b"DELCONSUMER", key, name, consumer(p)], [b"DESTROY", key, name], [b"WHAT", key])


def xpending(p):
    return [xkey(p), group(p), *p.of([], [], [*p.optional(0.2, b"IDLE", p.of(b"0", b"100000000", b"x")), bound_id(p), bound_id(p), p.int(-1, 10),
                                             *p.optional(0.4, consumer(p))])]


def claim_idle(p):
    return p.of(b"0", b"0", b"0", b"-5", b"100000000", b"x")


STREAMS = {
    "XADD": lambda p: [xkey(p), *p.optional(0.1, b"NOMKSTREAM"), *(trim(p) if p.chance(0.25) else []), new_id(p) if p.chance(0.9) else old_id(p).replace(b"*", b"0"), *entry_fields(p)],
    "XADD ": lambda p: [xkey(p), new_id(p), *entry_fields(p)],
    "XADD  ": lambda p: [b"far", *p.of([b"99999999999999-*"], [b"NOMKSTREAM", b"*"], [b"NOMKSTREAM", b"MAXLEN", b"4", b"*"]), *entry_fields(p)],
    "XLEN": lambda p: [xkey(p)],
    "XRANGE": lambda p: [p.of(xkey(p), xkey(p), b"far"), bound_id(p), bound_id(p), *p.optional(0.4, b"COUNT", p.int(-1, 6))],
    "XREVRANGE": lambda p: [xkey(p), bound_id(p), bound_id(p), *p.optional(0.4, b"COUNT", p.int(-1, 6))],
    "XREAD": xread,
    "XDEL": lambda p: [xkey(p), *p.some(lambda: old_id(p))],
    "XTRIM": lambda p: [xkey(p), *trim(p)],
    "XSETID": lambda p: [xkey(p), old_id(p), *p.shuffled(p.optional(0.3, b"ENTRIESADDED", p.int(-1, 60)), p.optional(0.3, b"MAXDELETEDID", old_id(p)))],
    "XGROUP": xgroup,
    "XGROUP ": xgroup,
    "XREADGROUP": xreadgroup,
    "XREADGROUP ": xreadgroup,
    "XACK": lambda p: [xkey(p), group(p), *p.some(lambda: old_id(p))],
    "XPENDING": xpending,
    "XCLAIM": lambda p: [xkey(p), group(p), consumer(p), claim_idle(p), *p.some(lambda: old_id(p)),
                         *p.shuffled(p.optional(0.2, b"IDLE", b"1000"), p.optional(0.2, b"TIME", b"1600000000000"), p.optional(0.2, b"RETRYCOUNT", p.int(-1, 5)),
                                     p.optional(0.3, b"FORCE"), p.optional(0.3, b"JUSTID"), p.optional(0.2, b"LASTID", old_id(p)), p.optional(0.02, b"WHAT"))],
    "XAUTOCLAIM": lambda p: [xkey(p), group(p), consumer(p), claim_idle(p), bound_id(p), *p.shuffled(p.optional(0.5, b"COUNT", p.int(0, 5)), p.optional(0.3, b"JUSTID"))],
    "XINFO": lambda p: p.of([b"STREAM", xkey(p), *p.of([], [], [b"FULL"], [b"FULL", b"COUNT", p.int(-1, 3)])], [b"GROUPS", xkey(p)], [b"CONSUMERS", xkey(p), group(p)]),
    "DEL": lambda p: [xkey(p)] if p.chance(0.3) else [b"none"],
    "RENAME": lambda p: [xkey(p), xkey(p)] if p.chance(0.5) else [b"none", b"none"],
    "COPY": lambda p: [xkey(p), xkey(p), *p.optional(0.5, b"REPLACE")],
    "SET": lambda p: [b"s1", b"v"],
    "CONFIG": lambda p: [b"SET", b"stream-node-max-entries", p.of(b"100", b"3", b"10")],
    "OBJECT": lambda p: [b"ENCODING", xkey(p)],
}

def bit_range(p):
    edge = lambda: p.of(p.int(-20, 20), p.int(-3, 700))
    return p.of([], [], [edge(), edge()], [edge(), edge(), p.of(b"BIT", b"BYTE", b"bit", b"BITS")], [edge()])


def bit_offset(p):
    return p.of(p.int(0, 100), p.int(0, 3000), p.int(0, 100), b"#%d" % p.random.randrange(5), b"4294967296", b"-1")


def bitfield(p):
    arguments = []
    for _ in range(p.random.randrange(5)):
        kind = p.of(b"GET", b"SET", b"INCRBY", b"set", b"OVERFLOW")
        if kind == b"OVERFLOW":
            arguments += [kind, p.of(b"WRAP", b"SAT", b"FAIL", b"fail", b"sat")]
            continue
        width = p.of(b"u%d" % p.random.randint(1, 63), b"i%d" % p.random.randint(1, 64), b"u8", b"i8")
        arguments += [kind, b"u64" if p.chance(0.02) else width, p.of(p.int(0, 200), b"#%d" % p.random.randrange(9))]
        if kind != b"GET":
            # redis-server saturates what is close to -2^63 to the greatest number: no such here.
            arguments.append(b"%d" % p.random.randint(-(1 << p.of(4, 9, 61)), 1 << p.of(4, 9, 62)))
    return arguments


BITS = {
    "SETBIT": lambda p: [p.skey(), bit_offset(p), p.of(b"0", b"1", b"1", b"1", b"2")],
    "GETBIT": lambda p: [p.skey(), bit_offset(p)],
    "BITCOUNT": lambda p: [p.skey(), *bit_range(p)],
    "BITPOS": lambda p: [p.skey(), p.of(b"0", b"1", b"1", b"2"), *bit_range(p)],
    "BITOP": lambda p: [p.of(b"AND", b"OR", b"XOR", b"xor", b"NAND"), *p.some(p.skey, 2, 4)],
    "BITOP ": lambda p: [b"NOT", p.skey(), p.skey()],
    "BITFIELD": lambda p: [p.skey(), *bitfield(p)],
    "BITFIELD_RO": lambda p: [p.skey(), *bitfield(p)],
    "SET": lambda p: [p.skey(), p.of(p.value(), bytes(p.of(0, 255) for _ in range(p.random.randrange(70))))],
    "STRLEN": lambda p: [p.skey()],
    "GET": lambda p: [p.skey()],
    "RPUSH": lambda p: [p.lkey(), p.value()],
    "DEL": lambda p: [p.skey()],
}


def counter(p):
    return p.skey() if p.chance(0.03) else b"h%d" % p.random.randint(1, 4)


# GET shows that the strings are the same byte for byte, sparse and dense.
HYPERLOGLOG = {
    "PFADD": lambda p: [counter(p), *(b"%d" % p.random.randrange(10 ** p.random.randint(1, 8)) for _ in range(p.of(0, 1, 2, 30, 200)))],
    "PFADD ": lambda p: [counter(p), *p.some(p.value)],
    "PFCOUNT": lambda p: p.some(lambda: counter(p), 1, 3),
    "PFMERGE": lambda p: p.some(lambda: counter(p), 1, 3),
    "GET": lambda p: [counter(p)],
    "DEL": lambda p: [counter(p)] if p.chance(0.2) else [b"none"],
    "SET": lambda p: [p.skey(), p.value()],
}

PIPELINED = {"lists": LISTS, "streams": STREAMS, "strings": STRINGS, "hashes": HASHES, "sets": SETS, "keys": KEYS, "expiry": EXPIRY, "scan": SCAN, "sort": SORT, "zsets": zsets.ZSETS, "geo": geo.GEO, "server": SERVER,
             "bits": BITS, "hyperloglog": HYPERLOGLOG}
MIXED = {}
for table in (LISTS, STRINGS, HASHES, SETS, KEYS, EXPIRY):
    MIXED.update(table)
PIPELINED["mixed"] = MIXED


def cased(random, name):
    """The name as clients write it: mostly in capitals, sometimes not."""
    roll = random.random()
    if roll < 0.85:
        return name.encode()
    return (name.lower() if roll < 0.93 else "".join(random.choice((c.lower(), c.upper())) for c in name)).encode()


def mutated(random, arguments):
    """The arguments, one time in fifteen bent a little."""
    if random.random() > 0.07 or len(arguments) > 50:
        return arguments
    arguments = list(arguments)
    roll = random.random()
    if roll < 0.35 and arguments:
        arguments.pop(random.randrange(len(arguments)))
    elif roll < 0.6:
        arguments.insert(random.randint(0, len(arguments)), random.choice(JUNK))
    elif arguments:
        arguments[random.randrange(len(arguments))] = random.choice(JUNK)
    return arguments


def generate(random, table, muted=(), bent=True):
    """One random command of the table: the table's name for it, and [name, argument, ...]."""
    names = [name for name in table if name.strip(" ").upper() not in muted]
    if not names:
        return "PING", [b"PING"]
    entry = random.choice(names)
    arguments = table[entry](Pool(random))
    # The id would be the clock's; and what CONFIG quotes is text here.
    bent = bent and not (entry.startswith("XADD") and b"*" in arguments) and entry not in zsets.UNBENT | geo.UNBENT
    changed = mutated(random, arguments) if bent and entry != "CONFIG" else arguments
    if entry.startswith("XADD") and b"*" in changed:
        changed = arguments
    if entry == "XSETID" and any(len(word) > 18 and b"-" not in word[1:] for word in changed):
        changed = arguments  # Redis lets the count of entries ever added overflow.
    if entry == "SPOP" and len(changed) in (1, 2):
        changed = arguments  # Which members go would be the server's choice.
    return entry, [cased(random, entry.strip(" ")), *changed]


# Families that need several connections. A table gives (connection, arguments); @ID1@ stands for the id that the
# server gave connection 1. Connection 0 never blocks without a term.

def blocking_pop(p, timeout):
    keys = p.some(p.lkey, 1, 3)
    return p.of(
        lambda: [b"BLPOP", *keys, timeout], lambda: [b"BRPOP", *keys, timeout],
        lambda: [b"BLMOVE", p.lkey(), p.lkey(), p.side(), p.side(), timeout],
        lambda: [b"BRPOPLPUSH", p.lkey(), p.lkey(), timeout],
        lambda: [b"BLMPOP", timeout, *lmpop(p, keys)])()


def blocking(p):
    """Returns connection, arguments, and whether the reply is to be waited for (a short term)."""
    roll = p.random.random()
    connection = p.random.randrange(5)
    if roll < 0.30:
        return p.random.randint(1, 4), blocking_pop(p, p.of(b"0", b"0", b"0.0", b"100", b"1000.5")), False
    if roll < 0.34:
        return p.random.randint(1, 4), blocking_pop(p, p.of(b"0.01", b".02", b"0.001")), True
    if roll < 0.38:
        return connection, blocking_pop(p, p.of(b"-1", b"abc", b"", b"nan", b"inf", b"1e400", b"-0.1", b"9223372036854775807", b"1e20")), False
    if roll < 0.44:
        return 0, [b"CLIENT", b"UNBLOCK", b"@ID%d@" % p.random.randint(1, 4), *p.optional(0.6, p.of(b"ERROR", b"TIMEOUT", b"error"))], False
    if roll < 0.56:
        # A transaction in one go, on connection 0: its pushes are seen by waiters after EXEC only.
        return 0, p.of([b"MULTI"], [b"EXEC"], [b"EXEC"]), False
    if roll < 0.60:
        return 0, blocking_pop(p, b"0") if p.chance(0.2) else [b"DEL", p.lkey()], False
    if roll < 0.66:
        # No SWAPDB: whom it serves first of which key is the order of a hash table in redis-server.
        # And no list is stored over a string, of which redis-server tells no waiter: a key of its own is a string at times.
        lists = lambda: p.of(*p.lists[:-1])
        return 0, p.of([b"RENAME", lists(), p.lkey()], [b"COPY", lists(), p.lkey(), b"REPLACE"], [b"SORT", p.lkey(), b"ALPHA", b"STORE", lists()],
                       [b"SET", p.lists[-1], b"string"], [b"MOVE", p.lkey(), b"1"], [b"FLUSHALL"]), False
    name = p.of("LPUSH", "RPUSH", "LPUSH", "RPUSH", "LMOVE", "RPOPLPUSH", "LLEN", "LRANGE", "LPOP", "LINSERT", "LPUSHX", "LMPOP")
    return p.of(0, 0, connection), [name.encode(), *mutated(p.random, LISTS[name](p))], False


def stream_blocking(p):
    """The same for readers of streams and consumers of groups."""
    roll = p.random.random()
    connection = p.random.randrange(5)
    if roll < 0.35:
        timeout = [b"BLOCK", p.of(b"0", b"0", b"100000")]
        return p.random.randint(1, 4), p.of([b"XREAD", *xread(p, timeout)], [b"XREADGROUP", *xreadgroup(p, timeout)]), False
    if roll < 0.39:
        timeout = [b"BLOCK", p.of(b"5", b"20")]
        return p.random.randint(1, 4), p.of([b"XREAD", *xread(p, timeout)], [b"XREADGROUP", *xreadgroup(p, timeout)]), True
    if roll < 0.42:
        return connection, [b"XREAD", *xread(p, [b"BLOCK", p.of(b"-1", b"abc", b"", b"1.5")])], False
    if roll < 0.46:
        return 0, [b"CLIENT", b"UNBLOCK", b"@ID%d@" % p.random.randint(1, 4), *p.optional(0.6, p.of(b"ERROR", b"TIMEOUT"))], False
    if roll < 0.54:
        return 0, p.of([b"MULTI"], [b"EXEC"], [b"EXEC"]), False
    if roll < 0.60:
        return 0, p.of([b"DEL", xkey(p)], [b"RENAME", xkey(p), xkey(p)], [b"COPY", xkey(p), xkey(p), b"REPLACE"], [b"SET", xkey(p), b"string"], [b"MOVE", xkey(p), b"1"],
                       [b"FLUSHALL"], [b"XGROUP", b"DESTROY", xkey(p), group(p)]), False
    if roll < 0.75:
        return 0, [b"XGROUP", b"CREATE", xkey(p), group(p), p.of(b"$", b"0"), b"MKSTREAM"], False
    # No XSETID: redis-server wakes a reader of another stream with nothing.
    name = p.of("XADD", "XADD ", "XADD ", "XDEL", "XTRIM", "XACK", "XLEN")
    return p.of(0, 0, connection), [name.strip().encode(), *STREAMS[name](p)], False


PLAIN_KEYS = {name: KEYS[name] for name in ("DEL", "RENAME", "RENAMENX", "COPY", "EXISTS", "TYPE", "FLUSHDB", "SELECT", "SWAPDB", "MOVE", "DBSIZE", "PERSIST")}


def transactions(p):
    roll = p.random.random()
    connection = p.of(0, 0, 1, 1, 2)
    if roll < 0.13:
        return connection, [b"MULTI", *p.optional(0.03, b"x")], False
    if roll < 0.25:
        return connection, [b"EXEC", *p.optional(0.03, b"x")], False
    if roll < 0.28:
        return connection, [b"DISCARD"], False
    if roll < 0.36:
        return connection, [b"WATCH", *p.some(p.key, 1, 3)], False
    if roll < 0.38:
        return connection, [b"UNWATCH"], False
    if roll < 0.41:
        return connection, p.of([b"NOSUCH"], [b"GET"], [b"LPUSH", b"l1"], [b"WATCH", b"l1"], [b"MULTI"], [b"RESET"], [b"CLIENT", b"WHAT"]), False
    if roll < 0.44:
        return 0, blocking_pop(p, b"0.01"), True
    if roll < 0.48:
        return connection, [b"PEXPIRE", p.key(), p.of(b"0", b"-1", b"100000000")], False
    table = p.of(LISTS, STRINGS, STRINGS, PLAIN_KEYS)
    _, arguments = generate(p.random, table)
    return connection, arguments, False


def connections(p):
    other = b"@ID%d@" % p.random.randrange(4)
    choice = p.of(
        [b"HELLO"], [b"HELLO", b"2"], [b"HELLO", b"3"], [b"HELLO", b"3", b"SETNAME", b"worker-1"], [b"hello", b"3", b"AUTH", b"default", b"any"],
        [b"HELLO", b"3", b"AUTH", b"nosuch", b"x", b"SETNAME", b"y"], [b"HELLO", b"9"], [b"RESET"], [b"RESET", b"x"], [b"QUIT"], [b"CLIENT", b"GETNAME"],
        [b"CLIENT", b"SETNAME", p.of(b"a", b"name-2", b"", b"bad name", b"bad\nname")], [b"CLIENT", b"REPLY", p.of(b"ON", b"OFF", b"SKIP", b"on", b"WHAT")],
        [b"CLIENT", b"REPLY", b"ON"], [b"CLIENT", b"KILL", b"ID", other], [b"CLIENT", b"KILL", b"ID", other, b"SKIPME", p.of(b"no", b"yes")],
        [b"CLIENT", b"KILL", b"USER", b"default", b"ID", other], [b"CLIENT", b"KILL", b"TYPE", b"pubsub", b"ID", other], [b"CLIENT", b"LIST", b"ID", other],
        [b"CLIENT", b"INFO"], [b"CLIENT", b"UNBLOCK", other], [b"PING"], [b"PING", b"hello"], [b"ECHO", b"x"], [b"SELECT", b"1"], [b"SELECT", b"0"],
        [b"SET", b"s1", b"v"], [b"GET", b"s1"], [b"DBSIZE"], [b"MULTI"], [b"EXEC"], [b"DISCARD"], [b"LRANGE", b"none", b"0", b"-1"], [b"LPOP", b"none"], [b"LPOS", b"none", b"x", b"COUNT", b"0"],
        [b"MGET", b"s1", b"none"], [b"AUTH", b"x"], [b"AUTH", b"default", b"x"], [b"LCS", b"s1", b"s1", b"IDX"], [b"CONFIG", b"GET", b"timeout"], [b"BLPOP", b"none", b"0.01"],
        [b"ACL", b"WHOAMI"], [b"COMMAND", b"INFO", b"nosuch"], [b"CLIENT", b"NO-EVICT", b"on"])
    return p.random.randrange(4), choice, choice[0] == b"BLPOP"


def access(p):
    user = p.of(b"u1", b"u1", b"u2")
    rule = lambda: p.of(b"on", b"on", b"on", b"off", b"nopass", b"resetpass", b">pw1", b">pw2", b"<pw1", b"~*", b"~l*", b"~s*", b"%R~l*", b"%W~s*", b"%RW~x*", b"resetkeys", b"allkeys",
                        b"+@all", b"-@all", b"allcommands", b"nocommands", b"+get", b"-get", b"+@read", b"-@write", b"+@list", b"-@list", b"+@string", b"-@dangerous", b"+@fast", b"+@keyspace",
                        b"+@connection", b"-@blocking", b"+client|id", b"-client|id", b"+config|get", b"-config", b"&*", b"&ch*", b"resetchannels", b"allchannels", b"reset", b"(+get ~s*)", b"clearselectors",
                        b"(+@list ~l1)", b"+nosuch", b"+@nosuch", b"what", b"%X~a", b"+get|x", b"(", b"(+get", b">", b"#abc", b"!abc", b"sanitize-payload", b"skip-sanitize-payload", b"")
    call = p.of([b"GET", b"s1"], [b"SET", b"s1", b"v"], [b"LPUSH", b"l1", b"v"], [b"LRANGE", b"l1", b"0", b"-1"], [b"LPOP", b"l2"], [b"RENAME", b"s1", b"s2"], [b"COPY", b"l1", b"s1"], [b"DEL", b"l1", b"s1"],
                [b"PING"], [b"CLIENT", b"ID"], [b"CLIENT", b"LIST"], [b"CONFIG", b"GET", b"timeout"], [b"FLUSHALL"], [b"ACL", b"WHOAMI"], [b"ACL", b"LIST"], [b"BLPOP", b"l1", b"0.01"], [b"KEYS", b"*"], [b"MGET", b"s1", b"l1"],
                [b"SORT", b"l1", b"BY", b"x*", b"STORE", b"s2"], [b"LMPOP", b"2", b"l1", b"s1", b"LEFT"], [b"LMOVE", b"l1", b"l2", b"LEFT", b"LEFT"], [b"EXISTS", b"l1"], [b"RPOPLPUSH", b"l1", b"x1"])
    roll = p.random.random()
    if roll < 0.40:
        return 0, [b"ACL", b"SETUSER", user, *p.some(rule, 0, 4)], False
    if roll < 0.44:
        return 0, [b"ACL", b"DELUSER", user, *p.optional(0.2, b"nosuch")], False
    if roll < 0.54:
        return 0, [b"ACL", b"GETUSER", user], False
    if roll < 0.74:
        return 0, [b"ACL", b"DRYRUN", user, *mutated(p.random, call)], False
    if roll < 0.84:
        return p.of(1, 2), [b"AUTH", user, p.of(b"pw1", b"pw2", b"wrong")], False
    if roll < 0.86:
        return p.of(1, 2), p.of([b"RESET"], [b"HELLO", b"2", b"AUTH", user, b"pw1"], [b"MULTI"], [b"EXEC"]), False
    return p.of(1, 2), p.of(call, [b"ACL", b"WHOAMI"]) if call[0] not in (b"CLIENT", b"ACL") else [b"ACL", b"WHOAMI"], call[0] == b"BLPOP"


def pubsub(p):
    """Connection 0 publishes and writes; the others listen. Two patterns never match the same channel: which comes first is the order
    of a hash table in redis-server, and so is that of leaving all channels at once."""
    channel = lambda: p.of(b"a1", b"a2", b"b1", b"c", b"", b"__keyevent@0__:lpush", b"__keyevent@0__:del", b"__keyspace@0__:l1", b"__keyevent@0__:set")
    pattern = lambda: p.of(b"a*", b"b?", b"[cd]", b"*nothing", b"")
    roll = p.random.random()
    if roll < 0.25:
        return 0, p.of([b"PUBLISH", channel(), p.value()], [b"PUBLISH", channel(), p.value()], [b"SPUBLISH", channel(), p.value()]), False
    if roll < 0.32:
        return 0, p.of([b"PUBSUB", b"NUMSUB", channel(), channel()], [b"PUBSUB", b"NUMPAT"], [b"PUBSUB", b"SHARDNUMSUB", channel()], [b"PUBSUB", b"CHANNELS", b"a1"],
                       [b"PUBSUB", b"SHARDCHANNELS", b"c"], [b"PUBSUB", b"WHAT"], [b"PUBSUB", b"CHANNELS", b"a", b"b"], [b"PUBSUB", b"NUMPAT", b"x"]), False
    if roll < 0.37:
        return 0, [b"CONFIG", b"SET", b"notify-keyspace-events", p.of(b"KEA", b"El", b"Kl", b"KEg$", b"A", b"")], False
    if roll < 0.47:
        return 0, p.of([b"LPUSH", p.lkey(), b"x"], [b"DEL", p.lkey()], [b"LPOP", p.lkey()], [b"SET", p.lkey(), b"y"], [b"RENAME", b"l1", b"l2"]), False
    if roll < 0.52:
        return 0, p.of([b"MULTI"], [b"EXEC"], [b"EXEC"]), False
    listener = p.random.randint(1, 4)
    return listener, p.of(
        [b"SUBSCRIBE", *p.some(channel, 1, 3)], [b"SUBSCRIBE", channel()], [b"PSUBSCRIBE", *p.some(pattern, 1, 2)], [b"SSUBSCRIBE", *p.some(channel, 1, 2)],
        [b"UNSUBSCRIBE", *p.some(channel, 1, 2)], [b"PUNSUBSCRIBE", pattern()], [b"SUNSUBSCRIBE", channel()], [b"PING"], [b"PING", b"x"], [b"GET", b"s1"],
        [b"CLIENT", b"INFO"], [b"RESET"], [b"SUBSCRIBE"], [b"QUIT"], [b"CLIENT", b"REPLY", p.of(b"ON", b"OFF", b"SKIP")]), False


STEPPED = {"pubsub": pubsub, "blocking": blocking, "zset blocking": zsets.blocking, "stream blocking": stream_blocking, "transactions": transactions, "connections": connections, "access": access}

# The commands of which `COMMAND INFO` is compared.
TABLE = sorted(({name.strip().upper() for family in (LISTS, STREAMS, STRINGS, HASHES, SETS, KEYS, EXPIRY, SORT, SCAN, zsets.ZSETS, geo.GEO, BITS, HYPERLOGLOG) for name in family} | set(
    "SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE PUBLISH SPUBLISH PUBSUB DUMP RESTORE "
    "BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP MULTI EXEC DISCARD WATCH UNWATCH PING ECHO HELLO AUTH QUIT RESET CLIENT COMMAND CONFIG "
    "INFO TIME SLOWLOG LATENCY MONITOR LASTSAVE SAVE BGSAVE BGREWRITEAOF WAIT SHUTDOWN DEBUG ACL".split())) - zsets.NEWER)
# Calls that would end or stall the comparison when they succeed.
DANGEROUS = {"SHUTDOWN", "MONITOR", "QUIT", "DEBUG", "SAVE", "BGSAVE", "BGREWRITEAOF", "WAIT", "RESET", "CLIENT", "HELLO", "BLPOP",
             "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE",
             "INFO", "COMMAND", "SLOWLOG", "LATENCY"}
