// KeyDumpTypesTests.swift: DUMP and RESTORE of sets, hashes and sorted sets. Bytes were noted from
// redis-server 7.0.15.

import RESP
import Testing

@testable import Broker

/// 1, 300 and -70000.
private let intset = hex("0b14040000000300000090eefeff010000002c0100000a00a5504c2ce63939c1")
/// a and 17.
private let set = hex("02020161c0110a000c43b0f171140492")
/// f v n 12, in a listpack and as strings.
private let smallHash = hex("1012120000000400816602817602816e020c01ff0a0001369481d35b8974")
private let hash = hex("040201660176016ec00c0a002acab7136ca4a7ab")
/// a 1.5, b -inf (and c 3), as numbers and in a listpack.
private let sortedSet = hex("05020161000000000000f83f0162000000000000f0ff0a0048977e33659e660b")
private let smallSortedSet = hex(
  "111d1d0000000600816202842d696e660581610283312e35048163020301ff0a002970c58fcde6fc31")
private let payloads = [intset, set, smallHash, hash, sortedSet, smallSortedSet]

@Test func whatRedisDumpedOfOtherTypesIsRestored() {
  var harness = EngineHarness()
  let client = harness.client()
  for (payload, request, reply) in [
    (intset, "SMISMEMBER k 1 300 -70000", "*3\r\n:1\r\n:1\r\n:1\r\n"),
    (intset, "OBJECT ENCODING k", "$6\r\nintset\r\n"),
    (set, "SMISMEMBER k a 17 b", "*3\r\n:1\r\n:1\r\n:0\r\n"),
    (smallHash, "HGETALL k", "*4\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\nn\r\n$2\r\n12\r\n"),
    (hash, "HMGET k f n", "*2\r\n$1\r\nv\r\n$2\r\n12\r\n"),
    (
      sortedSet, "ZRANGE k 0 -1 WITHSCORES",
      "*4\r\n$1\r\nb\r\n$4\r\n-inf\r\n$1\r\na\r\n$3\r\n1.5\r\n"
    ),
    (smallSortedSet, "ZSCORE k c", "$1\r\n3\r\n"),
  ] {
    #expect(harness.restore(client, "k", "0", payload, "REPLACE") == "+OK\r\n")
    #expect(harness.send(client, request) == reply, "\(request)")
  }
  harness.checkInvariants()
}

@Test func otherTypesAreDumpedAsByRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SADD i 300 -70000 1")
  #expect(harness.dump(client, "i") == intset)
  _ = harness.send(client, "SADD s a 17")
  #expect(harness.dump(client, "s") == set)
  _ = harness.send(client, "HSET h f v n 12")
  #expect(harness.dump(client, "h") == hash)
  _ = harness.send(client, "ZADD z 1.5 a -inf b")
  #expect(harness.dump(client, "z") == sortedSet)
}

/// Goal: each form of a value comes back as it was, also from the log, and is refused nowhere. Method:
/// values of growing size, restored in place; what was logged makes the same in a second engine.
@Test(arguments: [1, 5, 130, 600, 5000])
func valuesSurviveDumpAndRestore(count: Int) throws {
  var source = EngineHarness(logging: true), copy = EngineHarness(seed: 7)
  let client = source.client()
  for number in 0..<count {
    let text = String(repeating: "x", count: number % 90) + "\(number)"
    for request in [
      "SADD integers \(number &* 77_777_777 - 5000)", "SADD mixed \(text) \(number)",
      "HSET hash \(text) \(number) \(number) \(text)", "HSET going \(number) \(text)",
      "ZADD scores \(Double(number % 40) / 4 - 3) \(text)",
    ] { _ = source.send(client, request) }
    if number % 3 == 0 {
      _ = source.send(client, "HPEXPIRE going \(50_000 + number) FIELDS 1 \(number)")
    }
  }
  let before = source.engine.context.digest()
  for key in ["integers", "mixed", "hash", "going", "scores"] {
    let encoding = source.send(client, "OBJECT ENCODING \(key)")
    let payload = source.dump(client, key)
    #expect(source.restore(client, key, "0", payload, "REPLACE") == "+OK\r\n", "\(key)")
    #expect(source.send(client, "OBJECT ENCODING \(key)") == encoding, "\(key)")
  }
  #expect(source.engine.context.digest() == before)
  let (body, effects) = source.frame()
  try copy.replay(body, count: effects)
  #expect(copy.engine.context.digest() == before)
  source.checkInvariants()
  copy.checkInvariants()
}

@Test func restoredFieldsGoAtTheirTime() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1 b 2 c 3")
  _ = harness.send(client, "HPEXPIRE h 1000 FIELDS 1 a")
  _ = harness.send(client, "HPEXPIRE h 3000 FIELDS 1 b")
  let payload = harness.dump(client, "h")
  #expect(payload.first == 24)
  harness.advance(milliseconds: 2000)
  #expect(harness.restore(client, "h", "0", payload, "REPLACE") == "+OK\r\n")
  #expect(
    harness.send(client, "HPTTL h FIELDS 3 a b c") == "*3\r\n:-2\r\n:1000\r\n:-1\r\n")
}

/// Goal: an element that is there twice, or none at all, is no value.
@Test(
  arguments: [
    "0200", "02020161" + "0161", "0b" + "08" + "0200000000000000",
    "0b" + "0c" + "0200000002000000" + "0500" + "0500", "0400", "0402" + "01610162" + "01610163",
    "0401" + "0161", "0500", "0501" + "0161" + "000000000000f87f",
    "0502" + "0161" + "0000000000000000" + "0161" + "0000000000000000",
    "10" + "0a" + "0a0000000100" + "816602" + "ff",
    "18" + "ffffffffffffff7f" + "01" + "02" + "01660176", "0201" + "0161" + "00",
  ])
func whatIsNoValueIsRefused(payload: String) {
  var harness = EngineHarness()
  let client = harness.client()
  let reply = harness.restore(client, "k", "0", sealed(hex(payload) + [10, 0]))
  #expect(reply == "-ERR Bad data format\r\n")
  #expect(harness.send(client, "EXISTS k") == ":0\r\n")
}

/// Goal: bytes with a good checksum and bad insides never trap. Method: cut and change dumps at every
/// byte and seal them again.
@Test func noDumpTraps() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HSET h a 1 b 2")
  _ = harness.send(client, "HPEXPIRE h 1000 FIELDS 1 a")
  for payload in payloads + [harness.dump(client, "h")] {
    let body = Array(payload.dropLast(10))
    for index in body.indices {
      for change in [0x00, 0x01, 0x02, 0x0A, 0x3F, 0x7F, 0x80, 0x81, 0xC3, 0xFF] as [UInt8] {
        var changed = body
        changed[index] = change
        for bytes in [changed, Array(changed[..<index])] {
          let reply = harness.restore(client, "t", "0", sealed(bytes + [10, 0]), "REPLACE")
          #expect(reply == "+OK\r\n" || reply == "-ERR Bad data format\r\n")
        }
      }
    }
  }
  harness.checkInvariants()
}
