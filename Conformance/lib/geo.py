"""Random commands of places, for the differential suite: see `commands.py`.

Every member has a few places of its own, so no two are as far from anywhere: which of such two comes first, if some are left out, is a matter of
how redis-server sorts. For the same reason distances are stored in a key that is not searched, since as scores they would all be of one corner, and
calls that name places are bent on a key of their own. Most places are in one town or one country, where searches of all sizes meet them; some are
anywhere, and on the edges of the grid.
"""
import functools
import random

# Scores that GEOADD never gives, each of a place that nobody else has.
ODD_SCORES = {b"negative": b"-5", b"large": b"1e30", b"least": b"-inf", b"most": b"inf", b"half": b"3479099956230698.5", b"top": b"9223372036854775808"}
CORNERS = {b"ne": (b"180", b"85.05112878"), b"sw": (b"-180", b"-85.05112878"), b"nw": (b"-180", b"85.05112878"), b"se": (b"180", b"-85.05112878")}
BAD_PLACES = [(b"180.1", b"0"), (b"0", b"85.1"), (b"-181", b"0"), (b"0", b"-90"), (b"inf", b"1"), (b"1", b"nan"), (b"x", b"1"), (b"1", b""), (b"1e300", b"1")]


def around(source):
    kind = source.random()
    if kind < 0.45:
        place = (13.4 + source.uniform(-0.2, 0.2), 52.5 + source.uniform(-0.1, 0.1))
    elif kind < 0.75:
        place = (source.uniform(6, 15), source.uniform(47, 55))
    elif kind < 0.85:
        place = (source.choice((-179.9, 179.9)) + source.uniform(-0.09, 0.09), source.uniform(-1, 1))
    else:
        place = (source.uniform(-180, 180), source.uniform(-85, 85))
    return tuple(b"%.7f" % degrees for degrees in place)


@functools.cache
def places(member):
    source = random.Random(b"the places of " + member)
    return [around(source) for _ in range(3)]


def gkey(p):
    if p.chance(0.04):
        return p.of(b"s1", b"", b"none")
    return p.of(b"g1", b"g2", b"g3", b"{g}4")


def member(p):
    if p.chance(0.04):
        return p.of(*CORNERS, *ODD_SCORES, b"", b"nobody")
    return b"m%d" % p.random.randrange(400 if p.chance(0.2) else 30)


def triples(p, count):
    words = []
    for _ in range(count):
        name = member(p)
        place = CORNERS.get(name) or p.random.choice(places(name))
        words += [*(p.random.choice(BAD_PLACES) if count < 10 and p.chance(0.01) else place), name]
    return words


def geoadd(p):
    return [gkey(p), *p.shuffled(p.optional(0.15, p.of(b"NX", b"XX", b"nx")), p.optional(0.25, p.of(b"CH", b"ch")), p.optional(0.02, b"XX")), *triples(p, p.random.randint(1, 5))]


def geoadd_many(p):
    return [gkey(p), *triples(p, p.of(40, 150, 400))]


def unit(p):
    return p.of(b"furlong", b"", b"KM ") if p.chance(0.02) else p.of(b"m", b"km", b"ft", b"mi", b"km", b"KM", b"Mi")


def size(p):
    if p.chance(0.03):
        return p.of(b"-1", b"x", b"", b"inf", b"nan", b"1e300", b"1e-300", b"-0")
    return p.of(b"0", b"1", b"%d" % p.random.randrange(10 ** p.random.randint(1, 8)), b"%.3f" % p.random.uniform(0, 10 ** p.random.randint(0, 5)), b"30000", b"400")


def place(p):
    if p.chance(0.03):
        return p.random.choice(BAD_PLACES)
    return p.random.choice(list(CORNERS.values())) if p.chance(0.03) else around(p.random)


def first(p):
    return p.optional(0.4, b"COUNT", p.of(b"0", b"-1", b"x", b"9223372036854775807") if p.chance(0.05) else b"%d" % p.random.randint(1, 40), *p.optional(0.4, b"ANY"))


def options(p):
    return [first(p), p.optional(0.5, p.of(b"ASC", b"DESC", b"asc")), p.optional(0.3, p.of(b"WITHDIST", b"withdist")), p.optional(0.2, b"WITHCOORD"), p.optional(0.2, b"WITHHASH"),
            p.optional(0.01, p.of(b"ANY", b"WHAT", b"STOREDIST"))]


def to_store(p):
    return [first(p), p.optional(0.4, p.of(b"ASC", b"DESC")), p.optional(0.02, p.of(b"WITHDIST", b"ANY"))]


def area(p):
    groups = [[b"FROMMEMBER", member(p)] if p.chance(0.4) else [p.of(b"FROMLONLAT", b"fromlonlat"), *place(p)]]
    groups.append([b"BYRADIUS", size(p), unit(p)] if p.chance(0.5) else [b"BYBOX", size(p), size(p), unit(p)])
    if p.chance(0.03):
        groups.append(p.of([b"FROMMEMBER", member(p)], [b"BYRADIUS", size(p), unit(p)], [b"BYBOX", size(p), size(p), unit(p)]))
    return groups[1:] if p.chance(0.01) else groups


def target(p):
    return p.of([b"STOREDIST", b"out"], [p.of(b"STORE", b"store"), p.of(b"out", b"g3", b"s1")])


def georadius(p, may_store=True):
    middle = p.shuffled(*to_store(p), target(p)) if may_store and p.chance(0.3) else p.shuffled(*options(p))
    return [gkey(p), *place(p), size(p), unit(p), *middle]


def georadiusbymember(p, may_store=True):
    middle = p.shuffled(*to_store(p), target(p)) if may_store and p.chance(0.3) else p.shuffled(*options(p))
    return [gkey(p), member(p), size(p), unit(p), *middle]


def geosearchstore(p):
    by_distance = p.optional(0.5, b"STOREDIST")
    return [b"out" if by_distance else p.of(b"out", b"g3", b"s1"), gkey(p), *p.shuffled(*area(p), *to_store(p), by_distance)]


def odd(p):
    name = p.of(*ODD_SCORES)
    return [gkey(p), ODD_SCORES[name], name]


GEO = {
    "GEOADD": geoadd,
    "GEOADD ": geoadd,
    "GEOADD  ": geoadd_many,
    "GEOADD   ": lambda p: [b"bent", *geoadd(p)[1:]],
    "GEOPOS": lambda p: [gkey(p), *p.some(lambda: member(p), 0, 4)],
    "GEOHASH": lambda p: [gkey(p), *p.some(lambda: member(p), 0, 4)],
    "GEODIST": lambda p: [gkey(p), member(p), member(p), *p.optional(0.6, unit(p))],
    "GEOSEARCH": lambda p: [gkey(p), *p.shuffled(*area(p), *options(p))],
    "GEOSEARCH ": lambda p: [gkey(p), *p.shuffled(*area(p), *options(p))],
    "GEOSEARCHSTORE": geosearchstore,
    "GEORADIUS": georadius,
    "GEORADIUS_RO": lambda p: georadius(p, may_store=p.chance(0.03)),
    "GEORADIUSBYMEMBER": georadiusbymember,
    "GEORADIUSBYMEMBER_RO": lambda p: georadiusbymember(p, may_store=p.chance(0.03)),
    "ZADD    ": odd,
    "ZREM": lambda p: [gkey(p), *p.some(lambda: member(p))],
    "ZRANGE": lambda p: [p.of(b"out", b"g3", gkey(p)), b"0", b"-1", b"WITHSCORES"],
    "OBJECT": lambda p: [b"ENCODING", p.of(b"out", b"g1", b"g3")],
    "DEL": lambda p: [gkey(p)] if p.chance(0.3) else [b"nothing"],
    "SET": lambda p: [b"s1", b"string"],
}

UNBENT = {"GEOADD", "GEOADD ", "GEOADD  ", "ZADD    "}
