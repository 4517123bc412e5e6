// KeyDumpsTests.swift: DUMP and RESTORE. Bytes were noted from redis-server 7.0.15.

import RESP
import Testing

@testable import Broker

private func words(_ text: String) -> [[UInt8]] {
  text.split(separator: " ").map { Array($0.utf8) }
}

/// A dump of `bytes`, a type and a value and a version, with the right checksum.
func sealed(_ bytes: [UInt8]) -> [UInt8] {
  var buffer = ByteBuffer()
  buffer.append(bytes)
  let sum = CRC64.checksum(buffer.view)
  return bytes + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
}

extension EngineHarness {
  mutating func dump(_ client: Int, _ key: String) -> [UInt8] {
    let reply = sendForBytes(client, words("DUMP \(key)"))
    guard reply.first == UInt8(ascii: "$"), let end = reply.firstIndex(of: 0x0A) else {
      return reply
    }
    return Array(reply[(end + 1)...].dropLast(2))
  }

  mutating func restore(
    _ client: Int, _ key: String, _ ttl: String, _ payload: [UInt8], _ options: String = ""
  ) -> String {
    send(client, words("RESTORE \(key) \(ttl)") + [payload] + words(options))
  }
}

private let hello = hex("000568656c6c6f0a006372df766534200a")
/// a, 1, 500, -5000, 100000 and 70 times x, compressed.
private let list = hex(
  "120102c3214061196100000006008161020101c1f402f178ec03f2a0860104e04678e03c000148ff0a00c5f561ead3"
    + "2d80df")

@Test func whatRedisDumpedIsRestored() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.restore(client, "s", "0", hello) == "+OK\r\n")
  #expect(harness.send(client, "GET s") == "$5\r\nhello\r\n")
  #expect(harness.restore(client, "n", "0", hex("00c139300a009d94ea2793fc08b9")) == "+OK\r\n")
  #expect(harness.send(client, "INCR n") == ":12346\r\n")
  let packed = hex("00c30a405002616261e042010161620a00949d5f0eb1dea445")
  #expect(harness.restore(client, "z", "0", packed) == "+OK\r\n")
  #expect(harness.send(client, "STRLEN z") == ":80\r\n")
  #expect(harness.restore(client, "l", "0", list) == "+OK\r\n")
  let x = String(repeating: "x", count: 70)
  #expect(
    harness.send(client, "LRANGE l 0 -1")
      == "*6\r\n$1\r\na\r\n$1\r\n1\r\n$3\r\n500\r\n$5\r\n-5000\r\n$6\r\n100000\r\n$70\r\n\(x)\r\n")
}

@Test func shortStringsAreDumpedAsByRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "MSET s hello n 12345 big 1234567890123")
  #expect(harness.dump(client, "s") == hello)
  #expect(harness.dump(client, "n") == hex("00c139300a009d94ea2793fc08b9"))
  #expect(harness.dump(client, "big") == hex("000d313233343536373839303132330a005e0c12ae0429bc1e"))
  #expect(harness.send(client, "DUMP none") == "$-1\r\n")
}

/// Goal: a list of many nodes comes back as it was, whatever is in it.
@Test(arguments: [1, 2, 3] as [UInt64])
func aListSurvivesDumpAndRestore(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var harness = EngineHarness()
  let client = harness.client()
  for _ in 0..<500 {
    let element: [UInt8] =
      switch random.next() % 6 {
      case 0: Array("\(Int64(bitPattern: random.next()) >> Int64(random.next() % 64))".utf8)
      case 1: Array("\(random.next() % 200)".utf8)
      case 2: [UInt8](repeating: 0xAB, count: Int(random.next() % 5000))
      case 3: []
      default: (0..<random.next() % 80).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
    _ = harness.send(client, words("RPUSH l") + [element])
  }
  let before = harness.sendForBytes(client, words("LRANGE l 0 -1"))
  let payload = harness.dump(client, "l")
  #expect(harness.restore(client, "l", "0", payload, "REPLACE") == "+OK\r\n")
  #expect(harness.sendForBytes(client, words("LRANGE l 0 -1")) == before, "seed \(seed)")
  harness.checkInvariants()
}

@Test func restoreRefusesInRedisWords() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SET s x")
  let wrong = "-ERR DUMP payload version or checksum are wrong\r\n"
  #expect(
    harness.restore(client, "s", "0", hello) == "-BUSYKEY Target key name already exists.\r\n")
  #expect(harness.restore(client, "t", "-1", hello) == "-ERR Invalid TTL value, must be >= 0\r\n")
  #expect(
    harness.restore(client, "t", "x", hello)
      == "-ERR value is not an integer or out of range\r\n")
  #expect(harness.restore(client, "t", "0", Array(hello.dropLast())) == wrong)
  #expect(harness.restore(client, "t", "0", [0x78]) == wrong)
  var newer = RDBOutput()
  newer.byte(0)
  newer.string(ByteView("x"))
  newer.endDump()
  var bytes = newer.bytes.view.array
  bytes[bytes.count - 10] = 13  // A version to come.
  #expect(harness.restore(client, "t", "0", sealed(Array(bytes.dropLast(8)))) == wrong)
  for (options, reply) in [
    ("FOO", "-ERR syntax error"), ("IDLETIME", "-ERR syntax error"),
    ("IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0"),
    ("FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
    ("FREQ 1 IDLETIME 1", "-ERR syntax error"),
  ] {
    #expect(harness.restore(client, "t", "0", hello, options) == reply + "\r\n", "\(options)")
  }
  #expect(harness.send(client, "EXISTS t") == ":0\r\n")
}

/// Goal: bytes with a good checksum and bad insides never trap. Method: cut and change a dump at every
/// byte and seal it again.
@Test func aDumpOfNothingSensibleIsBadDataOrAValue() {
  var harness = EngineHarness()
  let client = harness.client()
  let body = Array(list.dropLast(10))
  for index in body.indices {
    for change in [0x00, 0x01, 0x3F, 0x7F, 0x80, 0x81, 0xC3, 0xFF] as [UInt8] {
      var changed = body
      changed[index] = change
      for bytes in [changed, Array(changed[..<index])] {
        let reply = harness.restore(client, "t", "0", sealed(bytes + [10, 0]), "REPLACE")
        #expect(reply == "+OK\r\n" || reply == "-ERR Bad data format\r\n")
      }
    }
  }
  harness.checkInvariants()
}

@Test func restoreTakesTimesAsTheyAreMeant() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  let now = harness.engine.context.wall
  #expect(harness.restore(client, "a", "1000", hello, "IDLETIME 50") == "+OK\r\n")
  #expect(harness.send(client, "PTTL a") == ":1000\r\n")
  #expect(harness.send(client, "OBJECT IDLETIME a") == ":50\r\n")
  #expect(harness.effects().contains("$13\r\n\(now + 1000)\r\n"))
  #expect(harness.restore(client, "b", "\(now + 70)", hello, "ABSTTL FREQ 3") == "+OK\r\n")
  #expect(harness.send(client, "PTTL b") == ":70\r\n")
  _ = harness.effects()
  #expect(harness.restore(client, "c", "1", hello, "ABSTTL") == "+OK\r\n")
  #expect(harness.effects() == "")
  #expect(harness.restore(client, "b", "1", hello, "ABSTTL REPLACE") == "+OK\r\n")
  #expect(harness.effects() == "*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n")
  #expect(harness.send(client, "EXISTS b c") == ":0\r\n")
}

/// Goal: what was restored once is there after a start with another limit.
@Test func aRestoreIsReplayedWhateverTheLimitIs() throws {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "SETRANGE a 2000000 x")
  #expect(harness.restore(client, "b", "0", harness.dump(client, "a")) == "+OK\r\n")
  let (body, count) = harness.frame()
  var copy = EngineHarness()
  copy.engine.context.settings.bulkSizeMax = 1 << 20
  try copy.replay(body, count: count)
  #expect(copy.send(copy.client(), "STRLEN b") == ":2000001\r\n")
}
