// BitCommandsTests.swift: bits of strings, as clients see them. Replies were noted from redis-server
// 7.0.15.

import Testing

@testable import Broker

@Test func bitCommandsAnswerAsRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  for (request, reply) in [
    ("SETBIT b 7 1", ":0"), ("SETBIT b 7 0", ":1"), ("STRLEN b", ":1"), ("SETBIT b 20 1", ":0"),
    ("STRLEN b", ":3"), ("GETBIT b 20", ":1"), ("GETBIT b 99999", ":0"), ("GETBIT none 1", ":0"),
    ("SETBIT b x 1", "-ERR bit offset is not an integer or out of range"),
    ("SETBIT b -1 1", "-ERR bit offset is not an integer or out of range"),
    ("SETBIT b 4294967296 1", "-ERR bit offset is not an integer or out of range"),
    ("SETBIT b 1 2", "-ERR bit is not an integer or out of range"),
    ("SET n 12", "+OK"), ("SETBIT n 6 1", ":0"), ("GET n", "$2\r\n32"),
    ("SET f foobar", "+OK"), ("BITCOUNT f", ":26"), ("BITCOUNT f 0 0", ":4"),
    ("BITCOUNT f 1 1", ":6"), ("BITCOUNT f -2 -1", ":7"), ("BITCOUNT f 5 30 BIT", ":17"),
    ("BITCOUNT f 5 30 byte", ":4"), ("BITCOUNT f 5 30 x", "-ERR syntax error"),
    ("BITCOUNT f 1", "-ERR syntax error"), ("BITCOUNT none 1", ":0"), ("BITCOUNT f -1 -5 x", ":0"),
    ("BITCOUNT f x 1", "-ERR value is not an integer or out of range"),
    ("BITPOS f 1", ":1"), ("BITPOS f 0", ":0"), ("BITPOS f 1 2 -1 BIT", ":2"),
    ("BITPOS none 0", ":0"), ("BITPOS none 1", ":-1"), ("BITPOS f 1 9", ":-1"),
    ("BITPOS f 2", "-ERR The bit argument must be 1 or 0."),
    ("BITPOS f 1 0 1 BIT x", "-ERR syntax error"),
    ("BITOP NOT ones b none", "-ERR BITOP NOT must be called with a single source key."),
    ("SET z 0", "+OK"), ("BITOP XOR z z z", ":1"), ("BITOP NOT ones z", ":1"),
    ("BITPOS ones 0", ":8"), ("BITPOS ones 0 0", ":8"), ("BITPOS ones 0 0 -1", ":-1"),
    ("SET a abc", "+OK"), ("BITOP AND r f a", ":6"), ("BITCOUNT r", ":9"),
    ("BITOP OR r f a none", ":6"), ("BITCOUNT r", ":27"), ("BITOP OR r none", ":0"),
    ("EXISTS r", ":0"), ("BITOP NAND r f a", "-ERR syntax error"), ("RPUSH l x", ":1"),
    ("BITOP OR r f l", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ("GETBIT l 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
  ] {
    #expect(harness.send(client, request) == reply + "\r\n", "\(request)")
  }
}

@Test func fieldsAnswerAsRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  for (request, reply) in [
    ("BITFIELD f SET u8 0 255 GET u8 0 INCRBY u8 0 1", "*3\r\n:0\r\n:255\r\n:0"),
    ("BITFIELD f SET i8 #1 -1 GET u8 8 GET i4 8", "*3\r\n:0\r\n:255\r\n:-1"),
    ("BITFIELD f OVERFLOW SAT INCRBY i8 0 200 INCRBY i8 0 -500", "*2\r\n:127\r\n:-128"),
    (
      "BITFIELD f OVERFLOW FAIL INCRBY i8 0 -1 SET u4 0 99 OVERFLOW WRAP INCRBY i8 0 -1",
      "*3\r\n$-1\r\n$-1\r\n:127"
    ),
    ("BITFIELD f SET u63 3 -1 GET u63 3", "*2\r\n:9222246136947933184\r\n:9223372036854775807"),
    (
      "BITFIELD f SET i64 0 -9223372036854775808 OVERFLOW SAT INCRBY i64 0 -1",
      "*2\r\n:9223372036854775807\r\n:-9223372036854775808"
    ),
    ("STRLEN f", ":9"), ("BITFIELD none GET u8 0", "*1\r\n:0"), ("EXISTS none", ":0"),
    ("BITFIELD none", "*0"), ("BITFIELD_RO f GET u1 0", "*1\r\n:1"),
    ("BITFIELD_RO f SET u1 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
    (
      "BITFIELD f GET u64 0",
      "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
    ),
    ("BITFIELD f GET u8 -1", "-ERR bit offset is not an integer or out of range"),
    ("BITFIELD f OVERFLOW x", "-ERR Invalid OVERFLOW type specified"),
    ("BITFIELD f SET u8 0", "-ERR syntax error"),
    ("BITFIELD f SET u8 0 x", "-ERR value is not an integer or out of range"),
  ] {
    #expect(harness.send(client, request) == reply + "\r\n", "\(request)")
  }
}

@Test func aBitmapOfManyPiecesIsJoinedAsAWhole() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SETBIT a 100000 1")
  _ = harness.send(client, "SETBIT b 70001 1")
  #expect(harness.send(client, "BITOP OR r a b") == ":12501\r\n")
  #expect(harness.send(client, "BITCOUNT r") == ":2\r\n")
  #expect(harness.send(client, "BITPOS r 1") == ":70001\r\n")
  #expect(harness.send(client, "BITOP NOT r a") == ":12501\r\n")
  #expect(harness.send(client, "BITPOS r 0") == ":100000\r\n")
  #expect(harness.send(client, "BITCOUNT r") == ":\(12501 * 8 - 1)\r\n")
}
