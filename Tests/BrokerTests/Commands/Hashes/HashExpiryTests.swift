// HashExpiryTests.swift: fields that go at a time of their own.

import RESP
import Testing

@testable import Broker

@Test func fieldsGoWhenTheirTimeIsUp() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1 b 2 c 3")
  #expect(harness.send(client, "HPEXPIRE h 1500 FIELDS 2 a none") == "*2\r\n:1\r\n:-2\r\n")
  #expect(harness.send(client, "HEXPIRE none 5 FIELDS 1 a") == "*1\r\n:-2\r\n")
  #expect(harness.send(client, "HPTTL h FIELDS 3 a b none") == "*3\r\n:1500\r\n:-1\r\n:-2\r\n")
  #expect(harness.send(client, "HTTL h FIELDS 1 a") == "*1\r\n:2\r\n")
  #expect(harness.send(client, "HPEXPIRETIME h FIELDS 1 a") == "*1\r\n:1700000001500\r\n")
  #expect(harness.send(client, "HEXPIRETIME h FIELDS 1 a") == "*1\r\n:1700000002\r\n")
  #expect(harness.send(client, "HTTL none FIELDS 1 a") == "*1\r\n:-2\r\n")
  let next = harness.engine.nextKeyDeadline
  #expect(next == 1_700_000_001_500)
  _ = harness.effects()
  harness.advance(milliseconds: 1499)
  #expect(harness.send(client, "HGET h a") == "$1\r\n1\r\n")
  harness.advance(milliseconds: 1, runningTimers: false)
  #expect(harness.send(client, "HGET h a") == "$-1\r\n", "exact on access")
  #expect(harness.send(client, "HGETALL h") == "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n")
  #expect(harness.send(client, "HEXISTS h a") == ":0\r\n")
  #expect(harness.send(client, "HLEN h") == ":3\r\n", "it is there until it is taken out")
  #expect(harness.effects() == "", "who reads changes nothing")
  harness.engine.runTimers()
  #expect(harness.send(client, "HLEN h") == ":2\r\n")
  #expect(harness.effects() == "*3\r\n$4\r\nHDEL\r\n$1\r\nh\r\n$1\r\na\r\n")
  let none = harness.engine.nextKeyDeadline
  #expect(none == nil)
}

@Test func theLastFieldTakesItsHashWithIt() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1 b 2")
  _ = harness.send(client, "HPEXPIRE h 10 FIELDS 2 a b")
  harness.advance(milliseconds: 10)
  #expect(harness.send(client, "EXISTS h") == ":0\r\n")
  _ = harness.send(client, "HSET h a 1")
  #expect(harness.send(client, "HEXPIRE h 0 FIELDS 1 a") == "*1\r\n:2\r\n")
  #expect(harness.send(client, "EXISTS h") == ":0\r\n")
}

/// Goal: a write finds what the log will find on replay: nothing of a field whose time is up. Method:
/// writes to such fields before the timers ran, replayed in an engine in which no time passes.
@Test(arguments: [
  ("HSETNX h a new", ":1\r\n"), ("HSET h a new", ":1\r\n"), ("HINCRBY h a 5", ":5\r\n"),
  ("HINCRBYFLOAT h a 0.5", "$3\r\n0.5\r\n"), ("HDEL h a", ":0\r\n"),
  ("HPERSIST h FIELDS 1 a", "*1\r\n:-2\r\n"), ("HEXPIRE h 9 FIELDS 1 a", "*1\r\n:-2\r\n"),
])
func aWriteFindsNoFieldWhoseTimeIsUp(request: String, reply: String) throws {
  for other in ["", " b 7"] {
    var harness = EngineHarness(logging: true), copy = EngineHarness(seed: 2)
    let client = harness.client()
    _ = harness.send(client, "HSET h a 70\(other)")
    _ = harness.send(client, "PEXPIRE h 100000")
    _ = harness.send(client, "HPEXPIRE h 10 FIELDS 1 a")
    harness.advance(milliseconds: 10, runningTimers: false)
    #expect(harness.send(client, request) == reply)
    let (body, count) = harness.frame()
    try copy.replay(body, count: count)
    let same = harness.engine.context.digest() == copy.engine.context.digest()
    #expect(same, "\(String(decoding: body, as: UTF8.self))")
  }
}

@Test func conditionsDecideAboutDeadlinesOfFields() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1 b 2")
  _ = harness.send(client, "HEXPIRE h 100 FIELDS 1 a")
  func expire(_ seconds: Int, _ condition: String) -> String {
    harness.send(client, "HEXPIRE h \(seconds) \(condition) FIELDS 2 a b")
  }
  #expect(expire(200, "XX") == "*2\r\n:1\r\n:0\r\n")
  #expect(expire(100, "GT") == "*2\r\n:0\r\n:0\r\n")
  #expect(expire(300, "gt") == "*2\r\n:1\r\n:0\r\n")
  #expect(expire(300, "LT") == "*2\r\n:0\r\n:1\r\n")
  #expect(expire(500, "NX") == "*2\r\n:0\r\n:0\r\n")
  #expect(harness.send(client, "HPERSIST h FIELDS 3 a b c") == "*3\r\n:1\r\n:1\r\n:-2\r\n")
  #expect(harness.send(client, "HPERSIST h FIELDS 1 a") == "*1\r\n:-1\r\n")
  #expect(expire(500, "NX") == "*2\r\n:1\r\n:1\r\n")
}

@Test func settingAFieldTakesItsDeadlineAwayAndCountingKeepsIt() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1 b 2 c 3")
  _ = harness.send(client, "HEXPIRE h 100 FIELDS 3 a b c")
  _ = harness.send(client, "HSET h a 5")
  _ = harness.send(client, "HINCRBY h b 5")
  _ = harness.send(client, "HINCRBYFLOAT h c 5")
  #expect(harness.send(client, "HTTL h FIELDS 3 a b c") == "*3\r\n:-1\r\n:100\r\n:100\r\n")
  _ = harness.send(client, "COPY h other")
  _ = harness.send(client, "RENAME other third")
  #expect(harness.send(client, "HTTL third FIELDS 3 a b c") == "*3\r\n:-1\r\n:100\r\n:100\r\n")
  harness.advance(milliseconds: 100_000)
  #expect(harness.send(client, "HKEYS h") == "*1\r\n$1\r\na\r\n")
  #expect(harness.send(client, "HLEN third") == ":1\r\n")
}

@Test(arguments: [
  ("HEXPIRE h x FIELDS 1 a", "value is not an integer or out of range"),
  ("HEXPIRE h -1 FIELDS 1 a", "invalid expire time, must be >= 0"),
  ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "invalid expire time in 'hexpire' command"),
  ("HPEXPIREAT h 70368744177664 FIELDS 1 a", "invalid expire time in 'hpexpireat' command"),
  (
    "HEXPIRE h 1 WHAT FIELDS 1 a",
    "Mandatory argument FIELDS is missing or not at the right position"
  ),
  (
    "HEXPIRE h 1 NX GT FIELDS 1 a",
    "Mandatory argument FIELDS is missing or not at the right position"
  ),
  ("HEXPIRE h 1 FIELDS 0 a", "Parameter `numFields` should be greater than 0"),
  ("HEXPIRE h 1 FIELDS 2 a", "The `numfields` parameter must match the number of arguments"),
  ("HEXPIRE h 1 FIELDS 1", "wrong number of arguments for 'hexpire' command"),
  ("HTTL h FIELD 1 a", "Mandatory argument FIELDS is missing or not at the right position"),
  ("HTTL h FIELDS x a", "Number of fields must be a positive integer"),
  ("HTTL h FIELDS 1 a b", "The `numfields` parameter must match the number of arguments"),
])
func badDeadlinesOfFieldsAreRefused(request: String, reason: String) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1")
  #expect(harness.send(client, request) == "-ERR \(reason)\r\n")
}

/// Goal: fields go in slices, all of them and no other, and a turn takes no more than its share.
/// Method: more of them than a turn takes, in hashes of both sizes, some of which last.
@Test func manyFieldsGoInSlices() {
  var harness = EngineHarness()
  let client = harness.client()
  for key in ["large", "small"] {
    let count = key == "large" ? 3000 : 200
    let names = (0..<count).map { "f\($0)" }
    let pairs = names.flatMap { [$0, "v"] }
    _ = harness.send(client, (["HSET", key] + pairs).map { Array($0.utf8) })
    let going = names.dropLast(50)
    for start in stride(from: 0, to: going.count, by: 500) {
      let some = going[start..<min(going.count, start + 500)]
      let words = ["HPEXPIRE", key, "\(10 + start)", "FIELDS", "\(some.count)"] + some
      _ = harness.send(client, words.map { Array($0.utf8) })
    }
    harness.checkInvariants()
  }
  let total = harness.engine.context.databases[0].count
  #expect(total == 2)
  harness.advance(milliseconds: 5000, runningTimers: false)
  var turns = 0, left = 3200
  while harness.engine.runTimers() {
    turns += 1
    let now = ["large", "small"].reduce(0) {
      $0 + Int(harness.send(client, "HLEN \($1)").dropFirst().prefix { $0.isNumber })!
    }
    #expect(left - now <= Context.expiredCountMax)
    left = now
    harness.checkInvariants()
  }
  #expect(turns > 5)
  #expect(harness.send(client, "HLEN large") == ":50\r\n")
  #expect(harness.send(client, "HLEN small") == ":50\r\n")
}
