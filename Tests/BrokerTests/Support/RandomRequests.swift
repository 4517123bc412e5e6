// RandomRequests.swift: a random request of every command that writes.
//
// One template a command, over few keys of all types, so that requests meet each other's values. A
// command that is in the table without a template here fails a test: see ReplayTests.

@testable import Broker

/// Makes requests from a seed.
struct RandomRequests {
  var random: SplitMix64

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
  mutating func side() -> String { pick(["LEFT", "RIGHT"]) }
  mutating func condition() -> [String] { chance(30) ? [pick(["NX", "XX", "GT", "LT"])] : [] }

  /// Of its own keys: no other string is one, and they would be gone too soon.
  mutating func hyperLogLog() -> String { "h" + number(0...3) }

  /// What DUMP gives for a string and for a list, both chosen so that it is text.
  static let dumps = [
    "\u{0}\u{4}w473\u{A}\u{0},$Mi!Q)N",
    "\u{1}\u{3}\u{1}a\u{5}e2334\u{3}500\u{A}\u{0}=2iH<+Pj",
  ]

  /// A request of the command called `name`, or nil when none is known.
  mutating func request(of name: String, now: Int64) -> [String]? {
    guard let words = words(of: name, now: now) else { return nil }
    return [name] + words
  }

  private mutating func words(of name: String, now: Int64) -> [String]? {
    switch name {
    case "LPUSH", "RPUSH", "LPUSHX", "RPUSHX": [key()] + values()
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
    case "INCRBYFLOAT": [key(), pick(["0.5", "-1.25", "3e2", "10"])]
    case "SETBIT": [key(), number(0...6000), number(0...1)]
    case "BITOP":
      pick([["NOT", key(), key()], [pick(["AND", "OR", "XOR"]), key(), key(), key()]])
    case "BITFIELD":
      [key()] + optional(50, "OVERFLOW", pick(["WRAP", "SAT", "FAIL"]))
        + ["SET", "u" + number(1...63), number(0...6000), number(-9...99)]
        + ["INCRBY", "i" + number(1...64), "#" + number(0...20), number(-300...300)]
    case "PFADD": [hyperLogLog()] + (0..<30).map { _ in number(0...500) }
    case "PFMERGE": [hyperLogLog(), hyperLogLog(), hyperLogLog()]
    case "RESTORE":
      [key(), chance(50) ? "0" : number(1...2000), pick(Self.dumps)] + optional(70, "REPLACE")
    default: nil
    }
  }
}
