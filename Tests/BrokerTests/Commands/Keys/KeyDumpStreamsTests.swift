// KeyDumpStreamsTests.swift: DUMP and RESTORE of streams. Bytes were noted from redis-server 6.2.14 and
// 7.0.15 and from Valkey 7.2.4.

import RESP
import Testing

@testable import Broker

/// What all three dump of a stream in the same way: 1-1 a 1 b two, 5-0 other v, 6-0 a 1 b 2, and 1-2,
/// which was deleted; the last id.
private let entriesOfStream = hex(
  "011000000000000000010000000000000001c3404d405212520000001f000301010102018161028162020020"
    + "09000020010901018374776f04050103600c0002200700052009110401dfff020101856f7468657206817602"
    + "06201a0005801420080101ff030600")
/// A group g with two entries that are pending for alice, and a group h at the end.
private let stream = join(
  [0x13], entriesOfStream,
  hex(
    "0101010204020167050003020000000000000001000000000000000112e269ffa10100000100000000000000"
      + "05000000000000000012e269ffa1010000010105616c69636512e269ffa10100000200000000000000010000"
      + "000000000001000000000000000500000000000000000168060081ffffffffffffffff00000a0011f435f63a"
      + "e770fc"))
/// The same by Redis 6.2, which counts no entries that are gone or were read.
private let oldStream = join(
  [0x0F], entriesOfStream,
  hex(
    "0201670500020000000000000001000000000000000113e269ffa10100000100000000000000050000000000"
      + "00000013e269ffa1010000010105616c69636513e269ffa10100000200000000000000010000000000000001"
      + "000000000000000500000000000000000168060000000900ebf64e589d427905"))
/// The same by Valkey 7.2, which also has when a consumer was last given something.
private let newStream = join(
  [0x15], entriesOfStream,
  hex(
    "0101010204020167050003020000000000000001000000000000000114e269ffa10100000100000000000000"
      + "05000000000000000014e269ffa1010000010105616c69636514e269ffa101000014e269ffa1010000020000"
      + "0000000000010000000000000001000000000000000500000000000000000168060081ffffffffffffffff00"
      + "000b0022fe29b605d5673f"))
/// A group g and no entries.
private let empty = hex("13000000000000000000010167000081ffffffffffffffff00000a00a01a953dfb9cddde")
private let oldEmpty = hex("0f00000000010167000000000900088dbae1c32d8fd8")
private let newEmpty = hex(
  "15000000000000000000010167000081ffffffffffffffff00000b0096f26e9fcacfc572")

private func bulk(_ words: String...) -> String {
  words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
}

@Test(arguments: [
  (stream, deleted: "1-2", added: 4, read: ":3\r\n"),
  (oldStream, deleted: "0-0", added: 3, read: "$-1\r\n"),
  (newStream, deleted: "1-2", added: 4, read: ":3\r\n"),
])
func aStreamThatRedisDumpedIsRestored(
  payload: [UInt8], deleted: String, added: Int, read: String
) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.restore(client, "x", "0", payload) == "+OK\r\n")
  #expect(
    harness.send(client, "XRANGE x - +")
      == "*3\r\n*2\r\n" + bulk("1-1") + "*4\r\n" + bulk("a", "1", "b", "two")
      + "*2\r\n" + bulk("5-0") + "*2\r\n" + bulk("other", "v")
      + "*2\r\n" + bulk("6-0") + "*4\r\n" + bulk("a", "1", "b", "2"))
  #expect(
    harness.send(client, "XPENDING x g")
      == "*4\r\n:2\r\n" + bulk("1-1", "5-0") + "*1\r\n*2\r\n" + bulk("alice", "2"))
  let information = harness.send(client, "XINFO STREAM x")
  #expect(information.contains(bulk("last-generated-id", "6-0")))
  #expect(information.contains(bulk("max-deleted-entry-id", deleted)))
  #expect(information.contains(bulk("entries-added") + ":\(added)\r\n"))
  #expect(harness.send(client, "XINFO GROUPS x").contains(bulk("entries-read") + read))
  harness.checkInvariants()
}

@Test func anEmptyStreamIsDumpedAsByRedis() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "XGROUP CREATE x g $ MKSTREAM")
  #expect(harness.dump(client, "x") == empty)
  for payload in [empty, oldEmpty, newEmpty] {
    #expect(harness.restore(client, "x", "0", payload, "REPLACE") == "+OK\r\n")
    #expect(harness.send(client, "XLEN x") == ":0\r\n")
    #expect(harness.send(client, "XINFO GROUPS x").contains(bulk("name", "g")))
  }
}

/// Goal: a stream comes back as it was, also from the log. Method: entries of changing names and sizes,
/// some deleted, read by groups; restored in place, and in a second engine by what was logged.
@Test(arguments: [1, 99, 100, 101, 2500])
func aStreamSurvivesDumpAndRestore(count: Int) throws {
  var source = EngineHarness(logging: true), copy = EngineHarness(seed: 7)
  let client = source.client()
  for number in 0..<count {
    let text = String(repeating: "x", count: number % 90) + "\(number)"
    let names = number % 7 == 3 ? "other \(text)" : "a \(number) b \(text)"
    _ = source.send(client, "XADD x \(number / 3 + 1)-\(number % 3 &* 0x3FFF_FFFF_FFFF) \(names)")
  }
  _ = source.send(client, "XGROUP CREATE x g 0")
  _ = source.send(client, "XGROUP CREATE x idle 0")
  _ = source.send(client, "XGROUP CREATECONSUMER x g nobody")
  _ = source.send(client, "XREADGROUP GROUP g alice COUNT \(count / 3 + 1) STREAMS x >")
  _ = source.send(client, "XREADGROUP GROUP g bob COUNT 5 STREAMS x >")
  _ = source.send(client, "XDEL x 1-0 2-0")
  let before = source.engine.context.digest()
  let information = source.send(client, "XINFO STREAM x FULL")
  let payload = source.dump(client, "x")
  #expect(source.restore(client, "x", "0", payload, "REPLACE") == "+OK\r\n")
  #expect(source.engine.context.digest() == before)
  #expect(source.send(client, "XINFO STREAM x FULL").utf8.count == information.utf8.count)
  let (body, effects) = source.frame()
  try copy.replay(body, count: effects)
  #expect(copy.engine.context.digest() == before)
  source.checkInvariants()
  copy.checkInvariants()
}

/// What is dumped of a stream of one node that begins at 1-1, up to where its last id stands; the words
/// of its `entries` are given as a listpack has them.
private func oneNode(_ entries: [[UInt8]], count: UInt8) -> [UInt8] {
  let a: [UInt8] = [0x81, 0x61]
  let listpack = RDBBuilder.listpack([[count], [0], [1], a, [0]] + entries)
  let head = hex("130110" + "00000000000000010000000000000001")
  return join(head, RDBBuilder.string(listpack), [count])
}

private func join(_ parts: [UInt8]...) -> [UInt8] { parts.flatMap { $0 } }

/// What two entries of the name a are: with ids 1-1 and, above it, 0-`sequence`.
private func entries(_ sequence: UInt8) -> [[UInt8]] {
  [[2], [0], [0], [7], [4], [2], [0], [sequence], [8], [4]]
}
/// Last id, first id, highest id deleted, entries added.
private let totals: [UInt8] = [1, 2, 1, 1, 0, 0, 2]
/// A group g at 1-1 that has read one entry, to which 1-1 was given at 0 and once.
private let group: [UInt8] =
  hex("0167010101" + "01" + "00000000000000010000000000000001" + "000000000000000001")
/// The consumer c, seen at 0, for whom 1-1 is pending.
private let consumer: [UInt8] =
  hex("0163" + "0000000000000000" + "01" + "00000000000000010000000000000001")

/// The consumer d with the same.
private let other: [UInt8] =
  hex("0164" + "0000000000000000" + "01" + "00000000000000010000000000000001")
/// A group g that has read nothing, and a consumer who has nothing.
private let idle: [UInt8] = hex("01670000" + "00" + "00")
private let new: [UInt8] = hex("016e" + "0000000000000000" + "00")
/// The group with its pending entry twice.
private let pendingTwice: [UInt8] =
  hex("0167010101" + "02")
  + Array(repeating: hex("00000000000000010000000000000001" + "000000000000000001"), count: 2)
  .joined()

@Test func aStreamMustBeWhatItSays() {
  var harness = EngineHarness()
  let client = harness.client()
  let good = oneNode(entries(1), count: 2)
  let ok = "+OK\r\n", bad = "-ERR Bad data format\r\n"
  let cases: [(name: String, payload: [UInt8], reply: String)] = [
    ("as it should be", join(good, totals, [1], group, [1], consumer), ok),
    ("an id twice", join(oneNode(entries(0), count: 2), totals, [0]), bad),
    ("a last id that is not", join(good, [1, 1, 1, 1, 0, 0, 2, 0]), bad),
    ("fewer entries added than there are", join(good, [1, 2, 1, 1, 0, 0, 1, 0]), bad),
    ("another count", join(Array(good.dropLast()), [3], totals, [0]), bad),
    ("a group twice", join(good, totals, [2], idle, [0], idle, [0]), bad),
    ("a consumer twice", join(good, totals, [1], idle, [2], new, new), bad),
    ("an entry pending twice", join(good, totals, [1], pendingTwice, [1], consumer), bad),
    ("an entry pending for two", join(good, totals, [1], group, [2], consumer, other), bad),
    ("an entry pending for nobody", join(good, totals, [1], group, [0]), bad),
    ("more behind it", join(good, totals, [0, 0]), bad),
  ]
  for (name, payload, reply) in cases {
    let restored = harness.restore(client, "x", "0", sealed(payload + [10, 0]), "REPLACE")
    #expect(restored == reply, "\(name)")
  }
  harness.checkInvariants()
}

/// Goal: what is dumped is bounded in memory. Method: a name that stands once, and so many entries that
/// each need it in a chunk of their own.
@Test func aNameThatIsMuchLongerThanTheEntriesIsRefused() {
  var harness = EngineHarness()
  let client = harness.client()
  let name = [UInt8](repeating: 0x61, count: 100_000)
  var entries: [[UInt8]] = [[2], [0], [0], [7], [4]]
  for number in 1..<2000 as Range<UInt16> {
    entries += [[2], [0], [0xC0 | UInt8(number >> 8), UInt8(number & 0xFF)], [7], [4]]
  }
  let listpack = RDBBuilder.listpack(
    [[0], [0], [1], [0xF0, 0xA0, 0x86, 0x01, 0x00] + name, [0]] + entries)
  let head = hex("130110" + "00000000000000010000000000000001")
  let tail = hex("47d0" + "0147d0" + "0101" + "0000" + "47d0" + "00")
  let body = join(head, RDBBuilder.string(listpack), tail)
  let reply = harness.restore(client, "x", "0", sealed(body + [10, 0]))
  #expect(reply == "-ERR Bad data format\r\n")
}

/// Goal: bytes with a good checksum and bad insides never trap, whatever is then asked.
@Test func noDumpOfAStreamTraps() {
  var harness = EngineHarness()
  let client = harness.client()
  let plain = join(oneNode(entries(1), count: 2), totals, [1], group, [1], consumer)
  for body in [stream, newStream, empty].map({ Array($0.dropLast(10)) }) + [plain] {
    for index in body.indices {
      for change in [0x00, 0x01, 0x02, 0x3F, 0x7F, 0x80, 0x81, 0xC3, 0xFF] as [UInt8] {
        var changed = body
        changed[index] = change
        for bytes in [changed, Array(changed[..<index])] {
          let reply = harness.restore(client, "t", "0", sealed(bytes + [10, 0]), "REPLACE")
          #expect(reply == "+OK\r\n" || reply == "-ERR Bad data format\r\n")
          guard reply == "+OK\r\n" else { continue }
          for request in [
            "XINFO STREAM t FULL", "XREADGROUP GROUP g c STREAMS t >", "XPENDING t g - + 9",
            "XADD t * a b", "XREADGROUP GROUP g c STREAMS t >", "XINFO GROUPS t", "DUMP t",
          ] {
            _ = harness.sendForBytes(client, request.split(separator: " ").map { Array($0.utf8) })
          }
        }
      }
    }
  }
  harness.checkInvariants()
}
