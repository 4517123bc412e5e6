// HyperLogLogCommandsTests.swift: counting different things, as clients see it. Replies and bytes were
// noted from redis-server 7.0.15.

import Testing

@testable import Broker

@Test func countingAnswersAsRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  let foreign = "-WRONGTYPE Key is not a valid HyperLogLog string value."
  for (request, reply) in [
    ("PFADD h a b c d e f g", ":1"), ("PFADD h a", ":0"), ("PFCOUNT h", ":7"),
    ("PFADD empty", ":1"), ("PFADD empty", ":0"), ("PFCOUNT empty", ":0"),
    ("PFADD g 1 2 3 a", ":1"), ("PFCOUNT h g none", ":10"), ("PFMERGE m h g", "+OK"),
    ("PFCOUNT m", ":10"), ("PFMERGE n none", "+OK"), ("PFCOUNT n", ":0"), ("PFCOUNT none", ":0"),
    ("EXPIRE h 100", ":1"), ("PFADD h new", ":1"), ("TTL h", ":100"),
    ("SET s text", "+OK"), ("PFADD s a", foreign), ("PFCOUNT s", foreign),
    ("PFCOUNT h s", foreign), ("PFMERGE h s", foreign),
    ("APPEND g tail", ":34"), ("PFCOUNT g", "-INVALIDOBJ Corrupted HLL object detected"),
    ("RPUSH l x", ":1"),
    ("PFADD l x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
  ] {
    #expect(harness.send(client, request) == reply + "\r\n", "\(request)")
  }
}

/// Goal: the bytes are Redis' own. Method: those of redis-server 7.0.15 for the same requests.
@Test func theBytesOfAHyperLogLogAreThoseOfRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "PFADD h a b c 1 2 3 300 17")
  let sparse = harness.sendForBytes(client, [Array("GET".utf8), Array("h".utf8)])
  #expect(
    sparse
      == hex(
        "2434320d0a48594c4c0100000000000000000000805d6680438b80442d8045b88046c8844a628c404f84414680425a0d0a"
      ))
  _ = harness.send(client, "PFCOUNT h")
  let counted = harness.sendForBytes(client, [Array("GET".utf8), Array("h".utf8)])
  #expect(
    counted
      == hex(
        "2434320d0a48594c4c0100000008000000000000005d6680438b80442d8045b88046c8844a628c404f84414680425a0d0a"
      ))
}

/// Goal: what PFCOUNT keeps, and what becomes dense, is there after a replay under other settings.
@Test func countingReplaysExactly() throws {
  var source = EngineHarness(logging: true), copy = EngineHarness()
  let client = source.client()
  _ = source.send(client, "CONFIG SET hll-sparse-max-bytes 100")
  for number in 0..<200 { _ = source.send(client, "PFADD h \(number)") }
  _ = source.send(client, "PFMERGE m h")
  _ = source.send(client, "PFADD few a b c")
  _ = source.send(client, "PFCOUNT few")
  let (body, count) = source.frame()
  try copy.replay(body, count: count)
  let reader = copy.client()
  for key in ["h", "m", "few"] {
    let get = [Array("GET".utf8), Array(key.utf8)]
    #expect(copy.sendForBytes(reader, get) == source.sendForBytes(client, get), "\(key)")
  }
  #expect(copy.send(reader, "STRLEN h") == ":12304\r\n")
}

@Test func registersThatNoCountingMakesAreNoMistakeOfOurs() {
  var harness = EngineHarness()
  let client = harness.client()
  var bytes = Array("HYLL".utf8) + [UInt8](repeating: 0, count: 12)
  bytes[15] = 0x80
  bytes += [0xE4] + [UInt8](repeating: 0xFF, count: 16384 * 6 / 8 - 1)
  _ = harness.send(client, [Array("SET".utf8), Array("k".utf8), bytes])
  #expect(harness.send(client, "PFCOUNT k").hasPrefix(":"))
  #expect(harness.send(client, "PFCOUNT k k").hasPrefix(":"))
}
