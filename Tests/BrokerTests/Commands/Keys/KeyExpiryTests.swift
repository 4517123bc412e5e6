// KeyExpiryTests.swift: keys that go, by themselves, in time.

import Testing

@testable import Broker

@Test func aDeadlineIsSetInEveryUnitAndTold() {
  var harness = EngineHarness()  // The wall clock stands at 1700000000000 ms.
  let client = harness.client()
  _ = harness.send(client, "RPUSH a x")
  for (request, left) in [
    ("EXPIRE a 10", 10_000), ("PEXPIRE a 1500", 1500), ("EXPIREAT a 1700000020", 20_000),
    ("PEXPIREAT a 1700000000499", 499),
  ] as [(String, Int64)] {
    let end = 1_700_000_000_000 + left
    #expect(harness.send(client, request) == ":1\r\n")
    #expect(harness.send(client, "PTTL a") == ":\(left)\r\n")
    #expect(harness.send(client, "TTL a") == ":\((left + 500) / 1000)\r\n")
    #expect(harness.send(client, "PEXPIRETIME a") == ":\(end)\r\n")
    #expect(harness.send(client, "EXPIRETIME a") == ":\((end + 500) / 1000)\r\n")
  }
  #expect(harness.send(client, "PERSIST a") == ":1\r\n")
  #expect(harness.send(client, "PERSIST a") == ":0\r\n")
  for request in ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"] {
    #expect(harness.send(client, "\(request) a") == ":-1\r\n")
    #expect(harness.send(client, "\(request) none") == ":-2\r\n")
  }
  #expect(harness.send(client, "PERSIST none") == ":0\r\n")
  #expect(harness.send(client, "EXPIRE none 10") == ":0\r\n")
}

@Test func aConditionDecidesWhetherADeadlineIsSet() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH a x")
  for (request, reply) in [
    ("XX", 0), ("GT", 0), ("NX", 1), ("NX", 0), ("XX", 1), ("GT", 0), ("LT", 0),
  ] {
    #expect(harness.send(client, "EXPIRE a 100 \(request)") == ":\(reply)\r\n", "\(request)")
  }
  #expect(harness.send(client, "EXPIRE a 101 gt") == ":1\r\n")
  #expect(harness.send(client, "EXPIRE a 100 XX LT") == ":1\r\n")
  _ = harness.send(client, "PERSIST a")
  #expect(harness.send(client, "EXPIRE a 100 LT") == ":1\r\n")
}

@Test func whatIsNoDeadlineIsRefused() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH a x")
  for (request, reply) in [
    ("EXPIRE a x", "value is not an integer or out of range"),
    ("EXPIRE a 9223372036854775807", "invalid expire time in 'expire' command"),
    ("EXPIRE none 9223372036854775807", "invalid expire time in 'expire' command"),
    ("PEXPIRE a 9223372036854775807", "invalid expire time in 'pexpire' command"),
    ("EXPIREAT a -9223372036854775808", "invalid expire time in 'expireat' command"),
    ("EXPIRE a 1 WHAT", "Unsupported option WHAT"),
    ("EXPIRE a x NX GT", "NX and XX, GT or LT options at the same time are not compatible"),
    ("EXPIRE a 1 GT LT", "GT and LT options at the same time are not compatible"),
  ] {
    #expect(harness.send(client, request) == "-ERR \(reply)\r\n", "\(request)")
  }
  #expect(harness.send(client, "PEXPIREAT a 9223372036854775807") == ":1\r\n")
  #expect(harness.send(client, "EXPIRETIME a") == ":9223372036854776\r\n")
}

@Test func theLogHasDeadlinesAndDeletionsNotTimesToLive() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "RPUSH a x")
  _ = harness.effects()
  _ = harness.send(client, "EXPIRE a 10 NX")
  #expect(
    harness.effects() == "*3\r\n$9\r\nPEXPIREAT\r\n$1\r\na\r\n$13\r\n1700000010000\r\n")
  _ = harness.send(client, "EXPIRE a 20 NX")
  #expect(harness.effects() == "")
  #expect(harness.send(client, "EXPIRE a -1") == ":1\r\n")
  #expect(harness.effects() == "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n")
  #expect(harness.send(client, "EXISTS a") == ":0\r\n")
}

@Test func aKeyIsGoneForEveryCommandAtItsDeadlineExactly() {
  for request in [
    "EXISTS a", "TYPE a", "TTL a", "LPOP a", "RPUSHX a x", "RENAME a b", "COPY a b", "MOVE a 1",
    "DEL a", "TOUCH a", "PERSIST a", "EXPIRE a 10", "SORT a", "OBJECT ENCODING a", "KEYS *",
    "RANDOMKEY", "SCAN 0",
  ] {
    var harness = EngineHarness(logging: true), without = EngineHarness()
    let client = harness.client(), other = without.client()
    _ = harness.send(client, "RPUSH a x")
    _ = harness.send(client, "PEXPIRE a 100")
    harness.advance(milliseconds: 99, runningTimers: false)
    #expect(harness.send(client, "EXISTS a") == ":1\r\n")
    _ = harness.effects()
    harness.advance(milliseconds: 1, runningTimers: false)
    #expect(harness.send(client, request) == without.send(other, request), "\(request)")
    let isWalk = ["KEYS *", "SCAN 0"].contains(request)
    #expect(harness.effects() == (isWalk ? "" : "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"), "\(request)")
  }
}

@Test func aPushToAKeyWhoseTimeIsUpBeginsANewOne() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "RPUSH a x")
  _ = harness.send(client, "PEXPIRE a 100")
  harness.advance(milliseconds: 100, runningTimers: false)
  _ = harness.effects()
  #expect(harness.send(client, "RPUSH a y") == ":1\r\n")
  #expect(harness.send(client, "TTL a") == ":-1\r\n")
  #expect(
    harness.effects()
      == "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\na\r\n$1\r\ny\r\n")
}

/// Goal: keys nobody touches go too, each turn a bounded number, in order, logged where they were.
@Test func keysGoInSlicesWithoutBeingTouched() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  for number in 0..<1000 {
    _ = harness.send(client, "SELECT \(number % 3)")
    _ = harness.send(client, "RPUSH key:\(number) x")
    _ = harness.send(client, "PEXPIRE key:\(number) \(number < 900 ? 50 : 500)")
  }
  _ = harness.effects()
  #expect(harness.engine.nextKeyDeadline == harness.engine.context.wall + 50)
  harness.advance(milliseconds: 50, runningTimers: false)
  var slices = 1
  while harness.engine.runTimers() { slices += 1 }
  #expect(slices == 4)
  #expect(harness.engine.context.statistics.expired == 900)
  #expect((0..<3).reduce(0) { $0 + harness.engine.context.databases[$1].count } == 100)
  let records = harness.effects().components(of: "DEL\r\n")
  #expect(records == 900)
  harness.checkInvariants()
  harness.engine.context.expiresActively = false
  harness.advance(milliseconds: 500)
  #expect((0..<3).reduce(0) { $0 + harness.engine.context.databases[$1].count } == 100)
}

extension String {
  /// How often `part` is in it.
  fileprivate func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let found = rest.firstRange(of: part) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}

@Test func anExpiredListLeavesWhoWaitsForItWaiting() {
  var harness = EngineHarness()
  let worker = harness.client(), other = harness.client()
  _ = harness.send(other, "SELECT 1")
  _ = harness.send(other, "RPUSH w a")
  _ = harness.send(other, "PEXPIRE w 5")
  _ = harness.send(worker, "BLPOP w 0")
  harness.advance(milliseconds: 5, runningTimers: false)
  _ = harness.send(other, "SWAPDB 0 1")
  #expect(harness.output(worker) == "")
}
