// HashTests.swift: the commands about hashes as a client sees them, beside what redis-server 7.0
// answered.

import RESP
import Testing

@testable import Broker

private let wrongType =
  "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"

@Test func fieldsAreSetReadAndDeleted() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "HSET h a 1 b two a 3") == ":2\r\n")
  #expect(harness.send(client, "HSET h a 4 c 5") == ":1\r\n")
  #expect(harness.send(client, "HMSET h d 6") == "+OK\r\n")
  #expect(harness.send(client, "HGET h a") == "$1\r\n4\r\n")
  #expect(harness.send(client, "HGET h none") == "$-1\r\n")
  #expect(harness.send(client, "HGET none a") == "$-1\r\n")
  #expect(harness.send(client, "HMGET h b none") == "*2\r\n$3\r\ntwo\r\n$-1\r\n")
  #expect(harness.send(client, "HMGET none b") == "*1\r\n$-1\r\n")
  #expect(harness.send(client, "HSETNX h b 9") == ":0\r\n")
  #expect(harness.send(client, "HSETNX h e 9") == ":1\r\n")
  #expect(harness.send(client, "HLEN h") == ":5\r\n")
  #expect(harness.send(client, "HSTRLEN h b") == ":3\r\n")
  #expect(harness.send(client, "HEXISTS h b") == ":1\r\n")
  #expect(harness.send(client, "HDEL h b none c d e") == ":4\r\n")
  #expect(harness.send(client, "HGETALL h") == "*2\r\n$1\r\na\r\n$1\r\n4\r\n")
  #expect(harness.send(client, "HDEL h a") == ":1\r\n")
  #expect(harness.send(client, "EXISTS h") == ":0\r\n")
  #expect(harness.send(client, "TYPE h") == "+none\r\n")
}

@Test func smallHashesKeepTheOrderOfTheirFields() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h z 1 y 2 x 3")
  _ = harness.send(client, "HSET h y long-value-instead-of-a-number")
  #expect(harness.send(client, "HKEYS h") == "*3\r\n$1\r\nz\r\n$1\r\ny\r\n$1\r\nx\r\n")
  #expect(
    harness.send(client, "HVALS h")
      == "*3\r\n$1\r\n1\r\n$30\r\nlong-value-instead-of-a-number\r\n$1\r\n3\r\n")
  _ = harness.send(client, "HELLO 3")
  #expect(harness.send(client, "HGETALL h").hasPrefix("%3\r\n$1\r\nz\r\n$1\r\n1\r\n"))
  #expect(harness.send(client, "HGETALL none") == "%0\r\n")
  #expect(harness.send(client, "TYPE h") == "+hash\r\n")
}

@Test(arguments: [
  ("HSET h a", "wrong number of arguments for 'hset' command"),
  ("HSET h a 1 b", "wrong number of arguments for 'hset' command"),
  ("HMSET h a 1 b", "wrong number of arguments for 'hmset' command"),
  ("HINCRBY h n x", "value is not an integer or out of range"),
  ("HINCRBY h text 1", "hash value is not an integer"),
  ("HINCRBY h big 1", "increment or decrement would overflow"),
  ("HINCRBYFLOAT h n x", "value is not a valid float"),
  ("HINCRBYFLOAT h n inf", "value is NaN or Infinity"),
  ("HINCRBYFLOAT h text 1", "hash value is not a float"),
  ("HINCRBYFLOAT h inf 1", "increment would produce NaN or Infinity"),
  ("HRANDFIELD h x", "value is not an integer or out of range"),
  (
    "HRANDFIELD h -9223372036854775808",
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807"
  ),
  ("HRANDFIELD h 1 values", "syntax error"),
  ("HRANDFIELD h 1 WITHVALUES x", "syntax error"),
  ("HRANDFIELD h 9223372036854775807 WITHVALUES", "value is out of range"),
  ("HRANDFIELD h -9223372036854775807", "the reply would be longer than 2 GB"),
  ("HSCAN h x", "invalid cursor"),
  ("HSCAN h 0 COUNT 0", "syntax error"),
  ("HSCAN h 0 TYPE hash", "syntax error"),
])
func badRequestsAboutHashesAreRefused(request: String, reason: String) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h n 1 text abc big 9223372036854775807 inf inf")
  #expect(harness.send(client, request) == "-ERR \(reason)\r\n")
}

@Test(arguments: [
  "HSET s a 1", "HSETNX s a 1", "HMSET s a 1", "HGET s a", "HMGET s a", "HGETALL s", "HKEYS s",
  "HVALS s", "HLEN s", "HEXISTS s a", "HDEL s a", "HINCRBY s a 1", "HINCRBYFLOAT s a 1",
  "HSTRLEN s a", "HRANDFIELD s", "HRANDFIELD s 2", "HSCAN s 0", "HEXPIRE s 1 FIELDS 1 a",
  "HTTL s FIELDS 1 a", "HPERSIST s FIELDS 1 a",
])
func aValueOfAnotherTypeIsNoHash(request: String) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SET s v")
  #expect(harness.send(client, request) == wrongType)
}

@Test func countersOfFieldsCount() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "HINCRBY h n 5") == ":5\r\n")
  #expect(harness.send(client, "HINCRBY h n -70") == ":-65\r\n")
  #expect(harness.send(client, "HGET h n") == "$3\r\n-65\r\n")
  #expect(harness.send(client, "HINCRBYFLOAT h n 0.5") == "$5\r\n-64.5\r\n")
  #expect(harness.send(client, "HINCRBYFLOAT h new 3.0e3") == "$4\r\n3000\r\n")
  #expect(harness.send(client, "HINCRBYFLOAT h n 64.5") == "$1\r\n0\r\n")
  #expect(harness.send(client, "HINCRBY none n x").hasPrefix("-ERR value is not an integer"))
  #expect(harness.send(client, "EXISTS none") == ":0\r\n")
}

/// Goal: OBJECT ENCODING follows the settings as in Redis 7.0. Method: each bound reached and passed.
@Test func encodingsFollowTheSettings() {
  var harness = EngineHarness()
  let client = harness.client()
  func encoding(_ key: String) -> String { harness.send(client, "OBJECT ENCODING \(key)") }
  _ = harness.send(client, "HSET h f \(String(repeating: "v", count: 64))")
  #expect(encoding("h") == "$8\r\nlistpack\r\n")
  _ = harness.send(client, "HSET h f \(String(repeating: "v", count: 65))")
  #expect(encoding("h") == "$9\r\nhashtable\r\n")
  _ = harness.send(client, "HSET h f short")
  #expect(encoding("h") == "$9\r\nhashtable\r\n", "there is no way back")
  _ = harness.send(client, "CONFIG SET hash-max-listpack-entries 3 hash-max-listpack-value 10")
  _ = harness.send(client, "HSET few a 1 b 2 c 3")
  #expect(encoding("few") == "$8\r\nlistpack\r\n")
  _ = harness.send(client, "HSET few d 4")
  #expect(encoding("few") == "$9\r\nhashtable\r\n")
  _ = harness.send(client, "HSET name eleven-byte 4")
  #expect(encoding("name") == "$9\r\nhashtable\r\n")
  #expect(harness.send(client, "CONFIG GET hash-max-ziplist-entries").hasSuffix("$1\r\n3\r\n"))
  // Above what we pack ourselves the name is still that of the settings.
  _ = harness.send(client, "CONFIG SET hash-max-listpack-entries 100000 hash-max-listpack-value 64")
  for number in 0..<3000 {
    _ = harness.send(
      client, "HSET large field-number-\(number) \(String(repeating: "v", count: 30))")
  }
  #expect(encoding("large") == "$8\r\nlistpack\r\n")
  #expect(harness.send(client, "HLEN large") == ":3000\r\n")
  _ = harness.send(client, "HSET large f \(String(repeating: "v", count: 65))")
  #expect(encoding("large") == "$9\r\nhashtable\r\n")
}

// MARK: Some fields

@Test func fieldsByChanceAreDifferentOrNot() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "HRANDFIELD none") == "$-1\r\n")
  #expect(harness.send(client, "HRANDFIELD none 3") == "*0\r\n")
  _ = harness.send(client, "HSET one f v")
  #expect(harness.send(client, "HRANDFIELD one") == "$1\r\nf\r\n")
  #expect(harness.send(client, "HRANDFIELD one 5") == "*1\r\n$1\r\nf\r\n")
  #expect(harness.send(client, "HRANDFIELD one 0") == "*0\r\n")
  #expect(harness.send(client, "HRANDFIELD one -2") == "*2\r\n$1\r\nf\r\n$1\r\nf\r\n")
  #expect(
    harness.send(client, "HRANDFIELD one -2 WITHVALUES")
      == "*4\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\nf\r\n$1\r\nv\r\n")
  _ = harness.send(client, "HELLO 3")
  #expect(
    harness.send(client, "HRANDFIELD one 1 WITHVALUES") == "*1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n")
}

/// Goal: a walk meets every field that is there throughout, beside others that come and go. Method: a
/// hash above all bounds, changed between the calls.
@Test func hscanMeetsWhatStays() {
  var harness = EngineHarness()
  let client = harness.client()
  for number in 0..<1500 { _ = harness.send(client, "HSET h stay\(number) \(number)") }
  var cursor = "0", met: Set<Substring> = [], rounds = 0
  repeat {
    let lines = harness.send(client, "HSCAN h \(cursor) COUNT 20 MATCH stay*").split(
      separator: "\r\n")
    cursor = String(lines[2])
    met.formUnion(lines.filter { $0.hasPrefix("stay") })
    rounds += 1
    for number in 0..<20 {
      let name = "move\(rounds % 50 * 20 + number)"
      _ = harness.send(client, rounds % 100 < 60 ? "HSET h \(name) 1" : "HDEL h \(name)")
    }
  } while cursor != "0" && rounds < 1000
  #expect(met.count == 1500)
  #expect(rounds > 20)
  #expect(harness.send(client, "HSCAN none 5 WHAT") == "*2\r\n$1\r\n0\r\n*0\r\n")
}
