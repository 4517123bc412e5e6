// StringTests.swift: strings, as a client sees them, and what of them is logged.

import RESP
import Testing

@testable import Broker

private let notAnInteger = "-ERR value is not an integer or out of range\r\n"
private let notAFloat = "-ERR value is not a valid float\r\n"
private let syntax = "-ERR syntax error\r\n"
private let wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
private let tooLong = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"
private let null = "$-1\r\n"
private let ok = "+OK\r\n"

private func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

/// The log record of a command of `words`.
private func record(_ line: String) -> String {
  let words = line.split(separator: " ").map(String.init)
  return "*\(words.count)\r\n" + words.map(bulk).joined()
}

/// The slot of the only client.
private let c = 1

/// A harness whose client has a list "l".
private func begun() -> EngineHarness {
  var harness = EngineHarness(logging: true)
  precondition(harness.client() == c)
  _ = harness.send(c, "RPUSH l a")
  _ = harness.effects()
  return harness
}

extension EngineHarness {
  /// When `key` goes, in ms from now; nil if it stays or is not there.
  fileprivate func timeLeft(_ key: String) -> Int64? {
    let bytes = Array(key.utf8)
    return unsafe bytes.withUnsafeBytes { bytes in
      let key = unsafe engine.context.key(ByteView(bytes))
      let entry = engine.context.databases[0].find(key.bytes, hash: key.hash)
      return entry?.deadline.map { $0 - engine.context.wall }
    }
  }
}

// MARK: Setting

@Test func aStringIsWhatItWasSetTo() {
  var harness = begun()
  #expect(harness.send(c, "GET k") == null)
  let values = [
    "", "a", "12", "-0", "007", "9223372036854775808", String(repeating: "x", count: 512),
    String(repeating: "y", count: 513), String(repeating: "z", count: 100_000),
  ]
  for first in values {
    for second in values {
      for value in [first, second] {
        #expect(harness.send(c, ["SET", "k", value].map { Array($0.utf8) }) == ok)
        #expect(harness.send(c, "GET k") == bulk(value))
        #expect(harness.send(c, "STRLEN k") == ":\(value.utf8.count)\r\n")
      }
    }
  }
  #expect(harness.send(c, "SET l a") == ok, "SET replaces whatever there is")
  #expect(harness.send(c, "GET l") == bulk("a"))
}

@Test func aPlainSetIsLoggedAsItCame() {
  var harness = begun()
  _ = harness.send(c, "set k v")
  #expect(harness.effects() == record("set k v"))
}

@Test func setObeysItsConditions() {
  var harness = begun()
  #expect(harness.send(c, "SET k v XX") == null)
  #expect(harness.send(c, "SET k v nx") == ok)
  #expect(harness.send(c, "SET k w NX") == null)
  #expect(harness.send(c, "SET k w XX") == ok)
  #expect(harness.send(c, "SET k x NX GET") == bulk("w"))
  #expect(harness.send(c, "SET k x GET XX") == bulk("w"))
  #expect(harness.send(c, "SET new x XX GET") == null)
  #expect(harness.send(c, "SET new x NX GET") == null)
  #expect(harness.send(c, "SET l x GET") == wrongType)
  #expect(harness.send(c, "SET l x NX GET") == wrongType)
  #expect(harness.send(c, "GET k") == bulk("x"))
  #expect(
    harness.effects()
      == ["SET k v", "SET k w", "SET k x", "SET new x"].map(record).joined())
}

@Test func setSetsAndKeepsDeadlines() {
  var harness = begun()
  let now = harness.engine.context.wall
  let requests: [(String, Int64?)] = [
    ("SET k v EX 10", 10_000), ("SET k v PX 10", 10), ("SET k w KEEPTTL", 10),
    ("SET k v EXAT \(now / 1000 + 7)", 7_000), ("SET k v pxat \(now + 3)", 3),
    ("SET k v EX 10 EX 20", 20_000), ("SET k v", nil), ("SET k v KEEPTTL", nil),
    ("SETEX k 10 v", 10_000), ("PSETEX k 10 v", 10),
  ]
  for (request, left) in requests {
    #expect(harness.send(c, request) == ok)
    #expect(harness.timeLeft("k") == left, "\(request)")
  }
  #expect(
    harness.effects()
      == [
        "SET k v PXAT \(now + 10_000)", "SET k v PXAT \(now + 10)", "SET k w PXAT \(now + 10)",
        "SET k v PXAT \(now + 7_000)", "SET k v PXAT \(now + 3)", "SET k v PXAT \(now + 20_000)",
        "SET k v", "SET k v", "SET k v PXAT \(now + 10_000)", "SET k v PXAT \(now + 10)",
      ].map(record).joined())
  harness.engine.context.databases[0].checkInvariants()
  harness.advance(milliseconds: 10)
  #expect(harness.send(c, "GET k") == null)
  #expect(harness.send(c, "SET gone v PXAT 1") == ok)
  #expect(harness.send(c, "GET gone") == null)
}

@Test(
  arguments: [
    "SET k v NX XX", "SET k v XX NX", "SET k v EX 10 PX 10", "SET k v EX 10 EXAT 10",
    "SET k v KEEPTTL EX 10", "SET k v EX 10 KEEPTTL", "SET k v EX", "SET k v PERSIST",
    "SET k v foo",
    "GETEX k KEEPTTL", "GETEX k EX 10 PERSIST", "GETEX k PERSIST EX 10", "GETEX k NX", "GETEX k EX",
  ])
func optionsThatExcludeEachOtherAreRefused(request: String) {
  var harness = begun()
  #expect(harness.send(c, request) == syntax)
}

@Test(
  arguments: [
    ("SET k v EX 0", "set"), ("SET k v PX -1", "set"), ("SET k v PX 9223372036854775807", "set"),
    ("SET k v EX 9223372036854775", "set"), ("SET k v EXAT 9223372036854776", "set"),
    ("SETEX k 0 v", "setex"), ("PSETEX k -5 v", "psetex"), ("GETEX k EX 0", "getex"),
  ])
func timesThatCannotBeAreRefused(request: String, command: String) {
  var harness = begun()
  _ = harness.send(c, "SET k v")
  _ = harness.effects()
  #expect(harness.send(c, request) == "-ERR invalid expire time in '\(command)' command\r\n")
  #expect(harness.effects() == "")
}

@Test func timesThatAreNoIntegersAreRefused() {
  var harness = begun()
  #expect(harness.send(c, "SET k v EX x") == notAnInteger)
  #expect(harness.send(c, "SETEX k 1.5 v") == notAnInteger)
  #expect(harness.send(c, "SET k v EXAT 9223372036854775") == ok)
}

@Test func setnxAndGetsetDoAsTheirNamesSay() {
  var harness = begun()
  #expect(harness.send(c, "SETNX k v") == ":1\r\n")
  #expect(harness.send(c, "SETNX k w") == ":0\r\n")
  #expect(harness.send(c, "SETNX l w") == ":0\r\n")
  #expect(harness.send(c, "GETSET k w") == bulk("v"))
  #expect(harness.send(c, "GETSET new w") == null)
  #expect(harness.send(c, "GETSET l w") == wrongType)
  #expect(harness.effects() == ["SETNX k v", "SET k w", "SET new w"].map(record).joined())
  _ = harness.send(c, "SETEX k 10 v")
  _ = harness.send(c, "GETSET k w")
  #expect(harness.timeLeft("k") == nil)
}

@Test func severalKeysAreSetTogether() {
  var harness = begun()
  #expect(harness.send(c, "MSET a 1 b 2 a 3") == ok)
  #expect(harness.send(c, "MGET a b none l") == "*4\r\n" + bulk("3") + bulk("2") + null + null)
  #expect(harness.send(c, "MSETNX c 1 a 2") == ":0\r\n")
  #expect(harness.send(c, "GET c") == null)
  #expect(harness.send(c, "MSETNX c 1 d 2") == ":1\r\n")
  #expect(harness.send(c, "MSET a") == "-ERR wrong number of arguments for 'mset' command\r\n")
  #expect(harness.send(c, "MSET a 1 b") == "-ERR wrong number of arguments for 'mset' command\r\n")
  #expect(
    harness.send(c, "MSETNX a 1 b") == "-ERR wrong number of arguments for 'msetnx' command\r\n")
  #expect(harness.effects() == ["MSET a 1 b 2 a 3", "MSETNX c 1 d 2"].map(record).joined())
}

// MARK: Reading

@Test func getdelTakesTheKeyAlong() {
  var harness = begun()
  _ = harness.send(c, "SET k v")
  _ = harness.effects()
  #expect(harness.send(c, "GETDEL k") == bulk("v"))
  #expect(harness.effects() == record("DEL k"))
  #expect(harness.send(c, "GETDEL k") == null)
  #expect(harness.send(c, "GETDEL l") == wrongType)
  #expect(harness.effects() == "")
}

@Test func getexChangesTheDeadlineAlone() {
  var harness = begun()
  let now = harness.engine.context.wall
  _ = harness.send(c, "SET k v")
  _ = harness.effects()
  #expect(harness.send(c, "GETEX k") == bulk("v"))
  #expect(harness.send(c, "GETEX k PERSIST") == bulk("v"))
  #expect(harness.effects() == "")
  #expect(harness.send(c, "GETEX k EX 10") == bulk("v"))
  #expect(harness.timeLeft("k") == 10_000)
  #expect(harness.send(c, "GETEX k PERSIST") == bulk("v"))
  #expect(harness.timeLeft("k") == nil)
  #expect(harness.send(c, "GETEX k PXAT \(now)") == bulk("v"))
  #expect(harness.send(c, "GETEX k EX 0") == null, "an absent key comes before a wrong time")
  #expect(harness.send(c, "GETEX l EX 0") == wrongType)
  #expect(
    harness.effects()
      == ["PEXPIREAT k \(now + 10_000)", "PERSIST k", "DEL k"].map(record).joined())
}

@Test func rangesOfBytesCountFromEitherEnd() {
  var harness = begun()
  _ = harness.send(c, "SET k hello")
  _ = harness.send(c, "SET n 12345")
  let ranges = [
    ("0 -1", "hello"), ("1 3", "ell"), ("-3 -2", "ll"), ("1 100", "ello"), ("-100 -50", "h"),
    ("-50 -100", ""), ("3 1", ""), ("5 9", ""), ("\(Int64.min) \(Int64.max)", "hello"),
    ("\(Int64.max) \(Int64.max)", ""), ("-2 1", ""), ("0 \(Int64.min)", "h"),
  ]
  for (range, expected) in ranges {
    #expect(harness.send(c, "GETRANGE k \(range)") == bulk(expected), "\(range)")
    #expect(harness.send(c, "SUBSTR k \(range)") == bulk(expected), "\(range)")
  }
  #expect(harness.send(c, "GETRANGE n 1 2") == bulk("23"))
  #expect(harness.send(c, "GETRANGE none 0 -1") == bulk(""))
  #expect(harness.send(c, "GETRANGE none 0 x") == notAnInteger)
  #expect(harness.send(c, "GETRANGE l 0 1") == wrongType)
}

// MARK: Editing

@Test func appendingGrowsWhatIsThere() {
  var harness = begun()
  #expect(harness.send(c, "APPEND k ab") == ":2\r\n")
  #expect(harness.send(c, "APPEND k 12") == ":4\r\n")
  #expect(harness.send(c, "GET k") == bulk("ab12"))
  #expect(harness.send(c, "SET n 12") == ok)
  #expect(harness.send(c, "APPEND n 3") == ":3\r\n")
  #expect(harness.send(c, "INCR n") == ":124\r\n")
  #expect(harness.send(c, "APPEND l x") == wrongType)
  #expect(harness.send(c, ["APPEND", "empty", ""].map { Array($0.utf8) }) == ":0\r\n")
  #expect(harness.send(c, "GET empty") == bulk(""))
  _ = harness.send(c, "SETEX k 10 a")
  _ = harness.send(c, "APPEND k b")
  #expect(harness.timeLeft("k") == 10_000)
  var text = "ab"
  for step in 0..<3_000 {
    _ = harness.send(c, "APPEND k \(step)")
    text += "\(step)"
  }
  #expect(harness.send(c, "GET k") == bulk(text))
  #expect(harness.timeLeft("k") == 10_000)
}

@Test func writingBeyondTheEndFillsWithZeros() {
  var harness = begun()
  #expect(harness.send(c, "SETRANGE k 2 ab") == ":4\r\n")
  #expect(harness.send(c, "GET k") == bulk("\0\0ab"))
  #expect(harness.send(c, "SETRANGE k 1 x") == ":4\r\n")
  #expect(harness.send(c, "SETRANGE k 6 y") == ":7\r\n")
  #expect(harness.send(c, "GET k") == bulk("\0xab\0\0y"))
  #expect(harness.send(c, "SETRANGE k 600 z") == ":601\r\n")
  #expect(harness.send(c, "SETRANGE k 700 z") == ":701\r\n")
  #expect(harness.send(c, "SETRANGE k 650 z") == ":701\r\n")
  let zeros = { String(repeating: "\0", count: $0) }
  #expect(
    harness.send(c, "GET k")
      == bulk("\0xab\0\0y" + zeros(593) + "z" + zeros(49) + "z" + zeros(49) + "z"))
  _ = harness.effects()
  func set(_ key: String, _ offset: String) -> String {
    harness.send(c, ["SETRANGE", key, offset, ""].map { Array($0.utf8) })
  }
  #expect(set("none", "5") == ":0\r\n")
  #expect(set("k", "\(Int64.max)") == ":701\r\n")
  #expect(set("l", "5") == wrongType)
  #expect(harness.send(c, "SETRANGE k -1 x") == "-ERR offset is out of range\r\n")
  #expect(harness.send(c, "SETRANGE k x x") == notAnInteger)
  #expect(harness.effects() == "")
}

@Test func stringsAreBoundedByTheLongestBulkString() {
  var harness = begun()
  harness.engine.context.settings.bulkSizeMax = 10
  #expect(harness.send(c, "SETRANGE k 10 x") == tooLong)
  #expect(harness.send(c, "SETRANGE k 9 x") == ":10\r\n")
  #expect(harness.send(c, "SETRANGE k \(Int64.max) xx") == tooLong)
  #expect(harness.send(c, "APPEND k x") == tooLong)
  _ = harness.send(c, "SET k 12345")
  #expect(harness.send(c, "APPEND k 12345") == ":10\r\n")
  harness.engine.context.isLoading = true
  #expect(harness.send(c, "APPEND k 1") == ":11\r\n", "what the log has was allowed once")
}

// MARK: Numbers

@Test func countersCountUpToTheirBounds() {
  var harness = begun()
  #expect(harness.send(c, "INCR n") == ":1\r\n")
  #expect(harness.send(c, "DECR m") == ":-1\r\n")
  #expect(harness.send(c, "INCRBY n 10") == ":11\r\n")
  #expect(harness.send(c, "DECRBY n 12") == ":-1\r\n")
  #expect(harness.send(c, "GET n") == bulk("-1"))
  _ = harness.send(c, "SET n \(Int64.max)")
  _ = harness.effects()
  let overflow = "-ERR increment or decrement would overflow\r\n"
  #expect(harness.send(c, "INCR n") == overflow)
  #expect(harness.send(c, "DECRBY n -1") == overflow)
  #expect(harness.send(c, "DECRBY n \(Int64.min)") == "-ERR decrement would overflow\r\n")
  #expect(harness.send(c, "GET n") == bulk("\(Int64.max)"))
  #expect(harness.send(c, "INCRBY n x") == notAnInteger)
  #expect(harness.send(c, "INCR l") == wrongType)
  #expect(harness.effects() == "")
  _ = harness.send(c, "SET n 1.5")
  #expect(harness.send(c, "INCR n") == notAnInteger)
  _ = harness.send(c, "SETEX n 10 5")
  #expect(harness.send(c, "INCR n") == ":6\r\n")
  #expect(harness.timeLeft("n") == 10_000)
}

#if arch(x86_64)
  @Test func decimalsAddUpAsInRedis() {
    var harness = begun()
    let steps = [
      ("0.1", "0.1"), ("0.2", "0.3"), ("-0.3", "0"), ("3.0e3", "3000"), ("0x10", "3016"),
      ("5.0e-17", "3016"), ("1e-14", "3016.00000000000000999"),
      ("1e25", "10000000000000000000000000"),
    ]
    for (increment, expected) in steps {
      #expect(harness.send(c, "INCRBYFLOAT f \(increment)") == bulk(expected), "\(increment)")
      #expect(harness.effects() == record("SET f \(expected)"))
    }
    let huge = harness.send(c, "INCRBYFLOAT huge 1e4932")
    #expect(huge.hasPrefix("$4933\r\n100000000000000000000601894938796389"))
  }
#endif

@Test func decimalsThatAreNoneAreRefused() {
  var harness = begun()
  for wrong in ["x", "nan", "1e", "1e5000", "1e-5000", "1.5x", "1,5"] {
    #expect(harness.send(c, "INCRBYFLOAT f \(wrong)") == notAFloat, "\(wrong)")
  }
  for wrong in ["", " 1", "1 "] {
    #expect(
      harness.send(c, ["INCRBYFLOAT", "f", wrong].map { Array($0.utf8) }) == notAFloat, "\(wrong)")
  }
  let infinite = "-ERR increment would produce NaN or Infinity\r\n"
  #expect(harness.send(c, "INCRBYFLOAT f inf") == infinite)
  #expect(harness.send(c, "INCRBYFLOAT l 1") == wrongType)
  _ = harness.send(c, "SET f text")
  #expect(harness.send(c, "INCRBYFLOAT f 1") == notAFloat)
  _ = harness.send(c, "SETEX f 10 1")
  _ = harness.effects()
  #expect(harness.send(c, "INCRBYFLOAT f 1") == bulk("2"))
  #expect(harness.effects() == record("SET f 2 PXAT \(harness.engine.context.wall + 10_000)"))
}

// MARK: Comparing

@Test func theLongestCommonSubsequenceIsFound() {
  var harness = begun()
  _ = harness.send(c, "MSET a ohmytext b mynewtext")
  #expect(harness.send(c, "LCS a b") == bulk("mytext"))
  #expect(harness.send(c, "LCS b a") == bulk("mytext"))
  #expect(harness.send(c, "LCS a b LEN") == ":6\r\n")
  #expect(harness.send(c, "LCS a none") == bulk(""))
  #expect(
    harness.send(c, "LCS none none IDX") == "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n")
  let first = "*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
  let second = "*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n"
  #expect(
    harness.send(c, "LCS a b IDX")
      == "*4\r\n$7\r\nmatches\r\n*2\r\n\(first)\(second)$3\r\nlen\r\n:6\r\n")
  harness.engine.context.sessions[c].reply.version = 3
  #expect(
    harness.send(c, "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN")
      == "%2\r\n$7\r\nmatches\r\n*1\r\n*3\(first.dropFirst(2)):4\r\n$3\r\nlen\r\n:6\r\n")
  #expect(harness.effects() == record("MSET a ohmytext b mynewtext"))
}

@Test func aWrongComparisonIsRefused() {
  var harness = begun()
  #expect(harness.send(c, "LCS l a") == "-ERR The specified keys must contain string values\r\n")
  #expect(harness.send(c, "LCS a b foo") == syntax)
  #expect(harness.send(c, "LCS a b IDX MINMATCHLEN") == syntax)
  #expect(harness.send(c, "LCS a b MINMATCHLEN x") == notAnInteger)
  #expect(
    harness.send(c, "LCS a b LEN IDX")
      == "-ERR If you want both the length and indexes, please just use IDX.\r\n")
  harness.engine.context.settings.bulkSizeMax = 1000
  _ = harness.send(c, "SETRANGE a 99 x")
  _ = harness.send(c, "SETRANGE b 99 x")
  #expect(
    harness.send(c, "LCS a b")
      == "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n")
}

@Test(
  arguments: [
    "GET l", "STRLEN l", "GETDEL l", "GETEX l", "GETSET l a", "APPEND l a", "SETRANGE l 0 a",
    "GETRANGE l 0 1", "SUBSTR l 0 1", "INCR l", "DECR l", "INCRBY l 1", "DECRBY l 1",
    "INCRBYFLOAT l 1",
  ])
func aListIsNoString(request: String) {
  var harness = begun()
  #expect(harness.send(c, request) == wrongType)
  #expect(harness.effects() == "")
}

/// Goal: the log brings back what the commands left. Method: random requests, their log replayed
/// into an engine that begins empty.
@Test(arguments: [1, 2, 3] as [UInt64])
func theLogBringsStringsBack(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var first = begun()
  _ = first.send(c, "LTRIM l 1 0")
  _ = first.effects()
  let requests = [
    "SET k 1", "SET k v EX 100", "SET k w KEEPTTL", "SET k 2 NX GET", "SET j 5 XX", "SETNX j 7",
    "SETEX j 9 1", "PSETEX k 900 abc", "GETSET j b", "MSET k 1 j 2", "MSETNX k 3 j 4", "APPEND k x",
    "SETRANGE j 3 yy", "INCR k", "DECRBY j 4", "INCRBYFLOAT k 0.1", "SETRANGE k 600 z",
    "GET k", "STRLEN j",
  ]
  for _ in 0..<400 { _ = first.send(c, requests[Int(random.next() % UInt64(requests.count))]) }
  let log = first.effects()
  var second = EngineHarness()
  let d = second.client()
  second.engine.context.isLoading = true
  var parser = RequestParser()
  var input = ByteBuffer()
  input.append(log)
  let limits = RequestLimits()
  second.engine.beginBatch(d)
  while case .request(let size) = (try? parser.parse(input.view, limits: limits)) {
    unsafe second.engine.run(Arguments(input.view, parser.arguments), request: nil)
    input.removeFirst(size)
  }
  second.engine.endBatch()
  #expect(!second.output(d).contains("-ERR"), "no command of the log fails")
  for key in ["k", "j"] {
    #expect(second.send(d, "GET \(key)") == first.send(c, "GET \(key)"), "seed \(seed)")
    #expect(second.timeLeft(key) == first.timeLeft(key), "seed \(seed)")
  }
}
