// RandomRequests.swift: a random request of every command that writes.
//
// One template a command, over few keys of all types, so that requests meet each other's values. A
// command that is in the table without a template here fails a test: see ReplayTests.

@testable import Broker

/// Makes requests from a seed.
struct RandomRequests {
  var random: SplitMix64
  /// The highest id that was asked for by its number, in any stream.
  private var lastID = 0
  /// The number of the next job. The node is to be 1: see `receipt`.
  var nextJob = 1

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func pick<T>(_ choices: [T]) -> T {
    choices[Int.random(in: 0..<choices.count, using: &random)]
  }
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
  mutating func number(_ range: ClosedRange<Int>) -> String {
    "\(Int.random(in: range, using: &random))"
  }
  mutating func key() -> String { "k" + number(0...9) }

  mutating func value() -> String {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: ""
    case 1: String(repeating: "v", count: Int.random(in: 500...700, using: &random))
    case 2: String(repeating: "long", count: 1000)
    case 3, 4: number(-50...50)
    default: "v" + number(0...99)
    }
  }

  mutating func values() -> [String] {
    (0..<Int.random(in: 1...6, using: &random)).map { _ in value() }
  }
  mutating func optional(_ percent: Int, _ words: String...) -> [String] {
    chance(percent) ? words : []
  }
  /// Few, so that they meet; many at times, so that values grow out of their small form.
  mutating func field() -> String { pick(["", "f", "-7", "4000000000"]) + number(0...15) }
  mutating func fields() -> [String] {
    let count = chance(3) ? 700 : Int.random(in: 1...5, using: &random)
    return (0..<count).map { _ in count > 5 ? "m" + number(0...2000) : field() }
  }
  mutating func named() -> [String] {
    let fields = (0..<Int.random(in: 1...4, using: &random)).map { _ in field() }
    return ["FIELDS", "\(fields.count)"] + fields
  }
  /// Mostly a key that has a stream, if any.
  mutating func streamKey() -> String { chance(5) ? key() : "x" + number(0...2) }
  /// The id of an entry that may be there.
  mutating func entryID() -> String { number(max(1, lastID - 40)...lastID + 1) + "-0" }
  mutating func entryIDs() -> [String] {
    (0..<Int.random(in: 1...4, using: &random)).map { _ in entryID() }
  }
  mutating func group() -> String { pick(["g", "g", "g", "h"]) }
  mutating func consumer() -> String { "c" + number(0...3) }
  mutating func entryFields() -> [String] {
    pick([["a", value()], ["a", value(), "b", value()], ["c", value()]])
  }
  mutating func trim() -> [String] {
    (chance(50)
      ? ["MAXLEN"] + optional(70, pick(["=", "~"])) + [number(0...30)]
      : ["MINID"] + optional(70, pick(["=", "~"])) + [entryID()])
  }
  mutating func nextID() -> String {
    lastID += 1
    return pick(["\(lastID)-0", "\(lastID)-0", "\(lastID)-0", "\(lastID)-*", entryID()])
  }

  /// The id of a job that may be there.
  mutating func job() -> String {
    if chance(10) { return "own" + number(0...2) }
    return "D-00000001-"
      + String(Int.random(in: max(1, nextJob - 25)...nextJob, using: &random), radix: 16)
  }
  mutating func receipt() -> String { job() + "." + number(1...(chance(70) ? 1 : 3)) }
  mutating func receipts() -> [String] {
    (0..<Int.random(in: 1...4, using: &random)).map { _ in receipt() }
  }
  mutating func jobOptions(now: Int64) -> [String] {
    optional(20, "DELAY", pick(["0", "0.2", "1.5"]))
      + optional(15, "RETRY", pick(["0", "0.1", "2"]))
      + optional(15, "TTL", pick(["0.3", "3"])) + optional(10, "ID", "own" + number(0...2))
      + optional(20, "PRIORITY", number(0...9)) + optional(15, "ATTEMPTS", number(0...2))
      + optional(15, "BACKOFF", pick(["FIXED", "LINEAR", "EXP"]), number(0...300), "JITTER", "50")
      + optional(10, "DEAD", key()) + optional(10, "KEEP", "1.5") + optional(10, "MAXLEN", "9")
      + (chance(20)
        ? ["UNIQUE", "u" + number(0...2)] + optional(30, "FOR", "0.4") + optional(40, "REPLACE")
          + optional(40, "UNTIL", pick(["START", "DONE"])) : [])
  }

  mutating func side() -> String { pick(["LEFT", "RIGHT"]) }
  mutating func condition() -> [String] { chance(30) ? [pick(["NX", "XX", "GT", "LT"])] : [] }

  /// A subcommand of XGROUP.
  private mutating func groupChange() -> [String] {
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<5:
      ["CREATE", streamKey(), group(), pick(["$", "0", entryID()])] + optional(70, "MKSTREAM")
        + optional(30, "ENTRIESREAD", number(-1...50))
    case 5, 6:
      ["SETID", streamKey(), group(), pick(["$", "0", entryID()])]
        + optional(50, "ENTRIESREAD", number(-1...50))
    case 7: ["CREATECONSUMER", streamKey(), group(), consumer()]
    case 8: ["DELCONSUMER", streamKey(), group(), consumer()]
    default: ["DESTROY", streamKey(), group()]
    }
  }

  mutating func member() -> String {
    chance(5)
      ? "long" + String(repeating: "m", count: 80) : "m" + number(0...(chance(20) ? 400 : 12))
  }
  mutating func score() -> String { pick(["0", "1", "1", "-2.5", "0.1", "inf", number(0...1000)]) }
  /// Scores and members, now and then more than a packed sorted set takes.
  mutating func pairs() -> [String] {
    (0..<Int.random(in: 1...(chance(5) ? 200 : 6), using: &random)).flatMap { _ in
      [score(), member()]
    }
  }

  /// A longitude and a latitude, in degrees: mostly of a town's size.
  mutating func place() -> [String] {
    chance(30)
      ? [number(-180...180), number(-85...85)] : ["13." + number(0...999), "52." + number(0...999)]
  }

  /// Of its own keys: no other string is one, and they would be gone too soon.
  mutating func hyperLogLog() -> String { "h" + number(0...3) }

  /// What DUMP gives for a value of each type, chosen so that it is text.
  static let dumps = [
    "\u{0}\u{4}w473\u{A}\u{0},$Mi!Q)N",
    "\u{1}\u{3}\u{1}a\u{5}e2334\u{3}500\u{A}\u{0}=2iH<+Pj",
    #"\#u{2}\#u{2}\#u{7}m006060\#u{1}a\#u{A}\#u{0}/gD2` 7/"#,
    #"\#u{B}\#u{C}\#u{2}\#0\#0\#0\#u{2}\#0\#0\#0+#\#u{5}s\#u{A}\#0b=w^p9!\"#,
    "\u{4}\u{2}\u{2}f1\u{7}v001048\u{2}f2\u{2}17\u{A}\u{0}ZULe(g_,",
    "\u{5}\u{2}\u{7}m001161\0\0\0\0\0\0\u{18}@\u{1}a\0\0\0\0\0\0\0\0\u{A}\0m*@Yl/?8",
    "\u{13}\0\0\u{5}\0\0\0\0\0\u{3}\u{1}\u{7}g001494\0\0\0\0\u{1}\u{1}c\0\0\0\0\u{1}\0\0\0\0\u{A}\0AVnl/fU5",
  ]

  /// A request of the command called `name`, or nil when none is known.
  mutating func request(of name: String, now: Int64) -> [String]? {
    guard let words = words(of: name, now: now) else { return nil }
    return [name] + words
  }

  /// The text of library number `number`.
  private func library(_ number: String) -> String {
    "#!lua name=lib\(number)\nredis.register_function('f\(number)', function() return 1 end)"
  }

  private mutating func words(of name: String, now: Int64) -> [String]? {
    switch name {
    case "LPUSH", "RPUSH", "LPUSHX", "RPUSHX": [key()] + values()
    case "FUNCTION":
      pick([
        ["LOAD", "REPLACE", library(number(1...3))], ["DELETE", "lib" + number(1...3)], ["FLUSH"],
      ])
    case "LPOP", "RPOP": [key()] + optional(30, number(0...5))
    case "LSET": [key(), number(-3...3), value()]
    case "LINSERT": [key(), pick(["BEFORE", "AFTER"]), value(), value()]
    case "LREM": [key(), number(-2...2), value()]
    case "LTRIM": [key(), number(-8...3), number(-3...12)]
    case "LMOVE": [key(), key(), side(), side()]
    case "RPOPLPUSH": [key(), key()]
    case "LMPOP": ["2", key(), key(), side()] + optional(50, "COUNT", number(1...4))
    case "BLPOP", "BRPOP": [key(), key(), "0.05"]
    case "BLMOVE": [key(), key(), side(), side(), "0.05"]
    case "BRPOPLPUSH": [key(), key(), "0.05"]
    case "BLMPOP": ["0.05", "2", key(), key(), side()] + optional(50, "COUNT", number(1...4))
    case "XADD":
      // Ids by the clock go to a stream of their own, above those by number.
      chance(10)
        ? ["xt"] + optional(50, "MAXLEN", "20") + ["*"] + entryFields()
        : [streamKey()] + optional(10, "NOMKSTREAM") + (chance(30) ? trim() : []) + [nextID()]
          + entryFields()
    case "XTRIM": [streamKey()] + trim()
    case "XDEL": [streamKey()] + entryIDs()
    case "XSETID":
      [streamKey(), entryID()] + optional(30, "ENTRIESADDED", number(0...400))
        + optional(30, "MAXDELETEDID", entryID())
    case "XREADGROUP":
      ["GROUP", group(), consumer()] + optional(60, "COUNT", number(0...5)) + optional(20, "NOACK")
        + optional(30, "BLOCK", "50")
        + ["STREAMS", streamKey(), streamKey(), ">", pick([">", ">", "0", entryID()])]
    case "XACK": [streamKey(), group()] + entryIDs()
    case "XCLAIM":
      [streamKey(), group(), consumer(), number(0...100)] + entryIDs()
        + optional(30, "IDLE", number(0...500)) + optional(30, "RETRYCOUNT", number(0...5))
        + optional(40, "FORCE") + optional(40, "JUSTID") + optional(20, "LASTID", entryID())
    case "XAUTOCLAIM":
      [streamKey(), group(), consumer(), number(0...100), pick(["-", entryID()])]
        + optional(50, "COUNT", number(1...5)) + optional(30, "JUSTID")
    case "XGROUP": groupChange()
    case "ZADD":
      [key()]
        + pick([[], [], [], ["NX"], ["XX"], ["GT"], ["LT", "CH"], ["XX", "CH"], ["GT", "XX"]])
        + pairs()
    case "ZINCRBY": [key(), score(), member()]
    case "ZREM": [key(), member(), member()]
    case "ZREMRANGEBYRANK": [key(), number(-9...3), number(-3...9)]
    case "ZREMRANGEBYSCORE": [key(), pick(["-inf", "(1", "-3"]), pick(["2", "(5", "0.5"])]
    case "ZREMRANGEBYLEX": [key(), pick(["-", "[m2", "(m5"]), pick(["+", "[m3", "(m6"])]
    case "ZPOPMIN", "ZPOPMAX": [key()] + optional(30, number(0...5))
    case "ZMPOP": ["2", key(), key(), pick(["MIN", "MAX"])] + optional(50, "COUNT", number(1...4))
    case "BZPOPMIN", "BZPOPMAX": [key(), key(), "0.05"]
    case "BZMPOP":
      ["0.05", "2", key(), key(), pick(["MIN", "MAX"])] + optional(50, "COUNT", number(1...4))
    case "ZRANGESTORE":
      [key(), key()]
        + pick([
          ["0", number(-2...5)], ["1", "-2", "REV"], ["-inf", "3", "BYSCORE", "LIMIT", "0", "4"],
          ["-", "+", "BYLEX", "LIMIT", number(0...2), "3"],
        ])
    case "ZUNIONSTORE", "ZINTERSTORE":
      [key(), "2", key(), key()] + optional(30, "WEIGHTS", score(), score())
        + optional(40, "AGGREGATE", pick(["SUM", "MIN", "MAX"]))
    case "ZDIFFSTORE": [key(), "2", key(), key()]
    case "GEOADD":
      [key()] + pick([[], [], ["NX"], ["XX", "CH"]])
        + (0..<Int.random(in: 1...(chance(5) ? 150 : 6), using: &random)).flatMap { _ in
          place() + [member()]
        }
    case "GEOSEARCHSTORE":
      [key(), key()] + pick([["FROMMEMBER", member()], ["FROMLONLAT"] + place()])
        + pick([["BYRADIUS", number(0...9000), "km"], ["BYBOX", number(1...9000), "800", "mi"]])
        + optional(40, "COUNT", number(1...5)) + optional(30, pick(["ASC", "DESC"]))
        + optional(50, "STOREDIST")
    case "GEORADIUS":
      [key()] + place() + [number(0...9000), "km"]
        + optional(80, pick(["STORE", "STOREDIST"]), key()) + optional(30, "COUNT", "2", "ANY")
    case "GEORADIUSBYMEMBER":
      [key(), member(), number(0...9000), "km"]
        + optional(80, pick(["STORE", "STOREDIST"]), key()) + optional(30, "COUNT", "3")
    case "DEL", "UNLINK": [key(), key()]
    case "EXPIRE": [key(), number(-1...3)] + condition()
    case "PEXPIRE": [key(), number(-50...2000)] + condition()
    case "EXPIREAT":
      [key(), "\(now / 1000 + Int64.random(in: -1...3, using: &random))"] + condition()
    case "PEXPIREAT":
      [key(), "\(now + Int64.random(in: -50...2000, using: &random))"] + condition()
    case "PERSIST": [key()]
    case "RENAME", "RENAMENX": [key(), key()]
    case "COPY": [key(), key()] + optional(30, "DB", number(0...2)) + optional(50, "REPLACE")
    case "MOVE": [key(), number(0...2)]
    case "SWAPDB": [number(0...2), number(0...2)]
    case "FLUSHDB", "FLUSHALL": chance(10) ? [] : ["NOT"]  // Rare, or nothing would grow.
    case "SORT":
      [key()] + optional(70, "ALPHA") + optional(30, "BY", "k*")
        + optional(30, "GET", "k*", "GET", "#")
        + optional(30, "DESC") + ["STORE", key()]
    case "SET":
      [key(), value()]
        + pick([
          [], [], ["PX", number(1...2000)], ["EX", "1"], ["KEEPTTL"], ["NX"], ["XX", "GET"],
          ["PXAT", "\(now + Int64.random(in: 1...2000, using: &random))"],
        ])
    case "SETNX", "GETSET", "APPEND": [key(), value()]
    case "SETEX": [key(), number(1...3), value()]
    case "PSETEX": [key(), number(1...2000), value()]
    case "GETDEL", "INCR", "DECR": [key()]
    case "GETEX": [key()] + pick([[], ["PERSIST"], ["PX", number(1...2000)], ["EX", "1"]])
    case "MSET", "MSETNX": [key(), value(), key(), value()]
    case "SETRANGE": [key(), number(0...700), value()]
    case "INCRBY", "DECRBY": [key(), number(-100...100)]
    case "HSET", "HMSET": [key()] + fields().flatMap { [$0, value()] }
    case "HSETNX": [key(), field(), value()]
    case "HDEL", "SADD", "SREM": [key()] + fields()
    case "HINCRBY": [key(), field(), number(-100...100)]
    case "HINCRBYFLOAT": [key(), field(), pick(["0.5", "-1.25", "3e2", "10"])]
    case "HEXPIRE": [key(), number(0...3)] + condition() + named()
    case "HPEXPIRE": [key(), number(0...2000)] + condition() + named()
    case "HEXPIREAT":
      [key(), "\(now / 1000 + Int64.random(in: 0...3, using: &random))"] + condition() + named()
    case "HPEXPIREAT":
      [key(), "\(max(0, now + Int64.random(in: -50...2000, using: &random)))"] + condition()
        + named()
    case "HPERSIST": [key()] + named()
    case "SMOVE": [key(), key(), field()]
    case "SPOP": [key()] + optional(50, number(0...9))
    case "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE": [key(), key()] + optional(60, key())
    case "INCRBYFLOAT": [key(), pick(["0.5", "-1.25", "3e2", "10"])]
    case "SETBIT": [key(), number(0...6000), number(0...1)]
    case "BITOP":
      pick([["NOT", key(), key()], [pick(["AND", "OR", "XOR"]), key(), key(), key()]])
    case "BITFIELD":
      [key()] + optional(50, "OVERFLOW", pick(["WRAP", "SAT", "FAIL"]))
        + ["SET", "u" + number(1...63), number(0...6000), number(-9...99)]
        + ["INCRBY", "i" + number(1...64), "#" + number(0...20), number(-300...300)]
    case "ADDJOB":
      [key(), value(), number(0...50)]
        + (chance(10)
          ? ["AT", "\(now + Int64.random(in: -500...900, using: &random))"] : jobOptions(now: now))
    case "GETJOB":
      optional(50, "NOHANG") + optional(50, "TIMEOUT", "50") + optional(40, "COUNT", number(1...4))
        + optional(50, "LEASE", number(1...900)) + optional(20, side())
        + optional(20, "WORKER", "w")
        + optional(20, "WITHCOUNTERS") + optional(20, "WITHMETA") + ["FROM", key(), key()]
    case "ACKJOB", "FASTACK": receipts()
    case "DONE": [receipt()] + optional(60, "RESULT", value()) + optional(40, "KEEP", "0.5")
    case "NACK":
      receipts() + optional(30, "DELAY", "0.2") + optional(30, pick(["FREE", "DEAD"]))
        + optional(30, "ERROR", value())
    case "WORKING": [receipt()]
    case "EXTEND": [number(1...900)] + receipts()
    case "DELJOB": [job(), job()]
    case "ENQUEUE", "DEQUEUE": [job(), job()]
    case "QSET":
      [key()]
        + pick([
          ["LEASE", number(0...900)], ["ATTEMPTS", number(0...3)], ["DEAD", pick(["", key()])],
          ["BACKOFF", "EXP", number(0...50), "CAP", "200", "JITTER", "20"],
          ["TTL", pick(["0", "1"])], ["MAXLEN", number(0...12)], ["TAKE", side()],
        ])
    case "QDROP": chance(10) ? [key()] : ["nothing"]
    case "QREDRIVE":
      [key() + pick([":dead", ""])] + optional(30, "TO", key()) + optional(30, "COUNT", "2")
    case "PAUSE": [key(), pick(["in", "out", "all", "none", "none", "none", "none", "state"])]
    case "JOBSTAMP": ["1", "1", "1", "1", "1"]  // Both are the log's alone.
    case "JOBDUE": ["1"]
    case "JOBLOAD": ["NOTE", "1"]
    case "PFADD": [hyperLogLog()] + (0..<30).map { _ in number(0...500) }
    case "PFMERGE": [hyperLogLog(), hyperLogLog(), hyperLogLog()]
    case "RESTORE":
      [key(), chance(50) ? "0" : number(1...2000), pick(Self.dumps)] + optional(70, "REPLACE")
    default: nil
    }
  }
}
