// SetTests.swift: the commands about sets as a client sees them, beside what redis-server 7.0
// answered.

import RESP
import Testing

@testable import Broker

extension EngineHarness {
  /// The bulk strings of a reply, in the order of their bytes.
  fileprivate mutating func members(_ client: Int, _ line: String) -> [String] {
    let lines = send(client, line).split(separator: "\r\n", omittingEmptySubsequences: false)
    var found: [String] = []
    for index in lines.indices where lines[index].hasPrefix("$") {
      found.append(String(lines[index + 1]))
    }
    return found.sorted()
  }
}

@Test func membersAreAddedRemovedAndMoved() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "SADD s a b a 1") == ":3\r\n")
  #expect(harness.send(client, "SADD s a") == ":0\r\n")
  #expect(harness.members(client, "SMEMBERS s") == ["1", "a", "b"])
  #expect(harness.send(client, "SISMEMBER s 1") == ":1\r\n")
  #expect(harness.send(client, "SISMEMBER s 01") == ":0\r\n")
  #expect(harness.send(client, "SMISMEMBER s a x 1") == "*3\r\n:1\r\n:0\r\n:1\r\n")
  #expect(harness.send(client, "SMISMEMBER none a x") == "*2\r\n:0\r\n:0\r\n")
  #expect(harness.send(client, "SCARD s") == ":3\r\n")
  #expect(harness.send(client, "SMOVE s t a") == ":1\r\n")
  #expect(harness.send(client, "SMOVE s t x") == ":0\r\n")
  #expect(harness.send(client, "SMOVE none t x") == ":0\r\n")
  #expect(harness.send(client, "SMOVE s s b") == ":1\r\n")
  #expect(harness.send(client, "SREM s b x 1") == ":2\r\n")
  #expect(harness.send(client, "EXISTS s t") == ":1\r\n")
  #expect(harness.send(client, "SMOVE t s a") == ":1\r\n")
  #expect(harness.send(client, "EXISTS s t") == ":1\r\n")
  #expect(harness.send(client, "TYPE s") == "+set\r\n")
  _ = harness.send(client, "HELLO 3")
  #expect(harness.send(client, "SMEMBERS s") == "~1\r\n$1\r\na\r\n")
  #expect(harness.send(client, "SMEMBERS none") == "~0\r\n")
}

@Test(arguments: [
  ("SPOP s x", "ERR value is out of range, must be positive"),
  ("SPOP s -1", "ERR value is out of range, must be positive"),
  ("SPOP s 1 2", "ERR syntax error"),
  ("SRANDMEMBER s 1 2", "ERR syntax error"),
  ("SRANDMEMBER s x", "ERR value is not an integer or out of range"),
  ("SRANDMEMBER s -9000000000000000000", "ERR the reply would be longer than 2 GB"),
  ("SINTERCARD 0 s", "ERR numkeys should be greater than 0"),
  ("SINTERCARD x s", "ERR numkeys should be greater than 0"),
  ("SINTERCARD 2 s", "ERR Number of keys can't be greater than number of args"),
  ("SINTERCARD 1 s LIMIT -1", "ERR LIMIT can't be negative"),
  ("SINTERCARD 1 s LIMIT", "ERR syntax error"),
  ("SINTER none string", "WRONGTYPE Operation against a key holding the wrong kind of value"),
  ("SUNION none string", "WRONGTYPE Operation against a key holding the wrong kind of value"),
  ("SMOVE s string a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
  ("SADD string a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
  ("SSCAN s x", "ERR invalid cursor"),
])
func badRequestsAboutSetsAreRefused(request: String, reason: String) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SET string v")
  _ = harness.send(client, "SADD s a")
  #expect(harness.send(client, request) == "-\(reason)\r\n")
}

@Test func encodingsOfSetsAreThoseOfRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  func encoding(_ key: String) -> String { harness.send(client, "OBJECT ENCODING \(key)") }
  _ = harness.send(client, "SADD numbers 1 2 3 -70000 9223372036854775807")
  #expect(encoding("numbers") == "$6\r\nintset\r\n")
  #expect(
    harness.send(client, "SMEMBERS numbers")
      == "*5\r\n$6\r\n-70000\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$19\r\n9223372036854775807\r\n")
  _ = harness.send(client, "SADD numbers word")
  #expect(encoding("numbers") == "$9\r\nhashtable\r\n")
  _ = harness.send(client, "SREM numbers word")
  #expect(encoding("numbers") == "$9\r\nhashtable\r\n")
  _ = harness.send(client, "CONFIG SET set-max-intset-entries 3")
  _ = harness.send(client, "SADD few 1 2 3")
  #expect(encoding("few") == "$6\r\nintset\r\n")
  _ = harness.send(client, "SADD few 3")
  #expect(encoding("few") == "$6\r\nintset\r\n")
  _ = harness.send(client, "SADD few 4")
  #expect(encoding("few") == "$9\r\nhashtable\r\n")
  // Above what we keep side by side ourselves the name is still that of the settings.
  _ = harness.send(client, "CONFIG SET set-max-intset-entries 10000")
  for number in 0..<6000 { _ = harness.send(client, "SADD many \(number)") }
  #expect(encoding("many") == "$6\r\nintset\r\n")
  #expect(harness.send(client, "SCARD many") == ":6000\r\n")
  _ = harness.send(client, "SADD many word")
  #expect(encoding("many") == "$9\r\nhashtable\r\n")
}

// MARK: Chance

@Test func whatIsPoppedIsLoggedByName() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "SADD s only")
  _ = harness.effects()
  #expect(harness.send(client, "SPOP s") == "$4\r\nonly\r\n")
  #expect(harness.effects() == "*3\r\n$4\r\nSREM\r\n$1\r\ns\r\n$4\r\nonly\r\n")
  #expect(harness.send(client, "SPOP s") == "$-1\r\n")
  #expect(harness.send(client, "SPOP s 3") == "*0\r\n")
  _ = harness.send(client, "SADD s a b c")
  _ = harness.effects()
  #expect(harness.members(client, "SPOP s 3") == ["a", "b", "c"])
  #expect(harness.effects() == "*2\r\n$3\r\nDEL\r\n$1\r\ns\r\n")
  _ = harness.send(client, "SADD s a b c")
  _ = harness.effects()
  let popped = harness.members(client, "SPOP s 2")
  #expect(Set(popped).count == 2)
  #expect(harness.effects().hasPrefix("*4\r\n$4\r\nSREM\r\n$1\r\ns\r\n"))
  #expect(harness.send(client, "SPOP s 0") == "*0\r\n")
  #expect(harness.effects() == "")
  let left = harness.members(client, "SMEMBERS s")
  #expect(Set(popped).union(left) == ["a", "b", "c"])
  _ = harness.send(client, "HELLO 3")
  #expect(harness.send(client, "SPOP s 5").hasPrefix("~1\r\n"))
}

/// Goal: popping empties a set of any form, each member once. Method: sets of all forms, in steps.
@Test(arguments: [("n", 400), ("word", 100), ("word", 3000)])
func poppingTakesEachMemberOnce(prefix: String, count: Int) {
  var harness = EngineHarness()
  let client = harness.client()
  let all = (0..<count).map { prefix == "n" ? "\($0)" : "\(prefix)\($0)" }
  _ = harness.send(client, (["SADD", "s"] + all).map { Array($0.utf8) })
  var taken: [String] = []
  while taken.count < count {
    let some = harness.members(client, "SPOP s \(1 + taken.count % 70)")
    #expect(!some.isEmpty)
    guard !some.isEmpty else { return }
    taken += some
    harness.checkInvariants()
  }
  #expect(taken.sorted() == all.sorted())
  #expect(harness.send(client, "EXISTS s") == ":0\r\n")
}

// MARK: Algebra

@Test func setsAreJoinedCutAndSubtracted() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SADD a 1 2 3 x y")
  _ = harness.send(client, "SADD b 2 3 4 x")
  _ = harness.send(client, "SADD c 3 x z")
  _ = harness.send(client, "SADD n 1 2 3")
  #expect(harness.members(client, "SINTER a b c") == ["3", "x"])
  #expect(harness.members(client, "SINTER n a") == ["1", "2", "3"])
  #expect(harness.members(client, "SINTER a none c") == [])
  #expect(harness.members(client, "SUNION a b none c") == ["1", "2", "3", "4", "x", "y", "z"])
  #expect(harness.members(client, "SDIFF a b none") == ["1", "y"])
  #expect(harness.members(client, "SDIFF a a") == [])
  #expect(harness.members(client, "SDIFF none a") == [])
  #expect(harness.send(client, "SINTERCARD 3 a b c") == ":2\r\n")
  #expect(harness.send(client, "SINTERCARD 3 a b c LIMIT 1") == ":1\r\n")
  #expect(harness.send(client, "SINTERCARD 3 a b c LIMIT 0") == ":2\r\n")
  #expect(harness.send(client, "SINTERCARD 2 a none") == ":0\r\n")
  #expect(harness.send(client, "SINTERSTORE a a b") == ":3\r\n")
  #expect(harness.members(client, "SMEMBERS a") == ["2", "3", "x"])
  #expect(harness.send(client, "SUNIONSTORE u n n") == ":3\r\n")
  #expect(harness.send(client, "OBJECT ENCODING u") == "$6\r\nintset\r\n")
  _ = harness.send(client, "SET string v")
  _ = harness.send(client, "EXPIRE u 100")
  #expect(harness.send(client, "SDIFFSTORE u a b") == ":0\r\n")
  #expect(harness.send(client, "EXISTS u") == ":0\r\n")
  #expect(harness.send(client, "SUNIONSTORE string c") == ":3\r\n")
  #expect(harness.send(client, "TYPE string") == "+set\r\n")
  _ = harness.send(client, "HELLO 3")
  #expect(harness.send(client, "SINTER a none") == "~0\r\n")
}

/// Goal: both ways to subtract give the same. Method: one large set, against one other and against
/// many small ones.
@Test func subtractingLittleFromMuchIsTheSameEitherWay() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, (["SADD", "all"] + (0..<500).map { "m\($0)" }).map { Array($0.utf8) })
  for number in 0..<20 { _ = harness.send(client, "SADD part\(number) m\(number) m\(number + 1)") }
  let parts = (0..<20).map { "part\($0)" }.joined(separator: " ")
  let expected = (21..<500).map { "m\($0)" }.sorted()
  #expect(harness.members(client, "SDIFF all \(parts)") == expected)
  #expect(harness.send(client, "SUNIONSTORE parts \(parts)") == ":21\r\n")
  #expect(harness.members(client, "SDIFF all parts") == expected)
  #expect(harness.send(client, "SDIFFSTORE rest all \(parts)") == ":479\r\n")
  #expect(harness.members(client, "SMEMBERS rest") == expected)
}
