// SnapshotTests.swift: the keyspace as records and back.

import RESP
import Testing

@testable import Broker

private func asView<R, E: Error>(_ bytes: [UInt8], _ body: (ByteView) throws(E) -> R) throws(E) -> R
{
  var buffer = ByteBuffer()
  buffer.append(bytes)
  return try body(buffer.view)
}

private func load(_ blocks: [[UInt8]], into engine: inout Engine) throws {
  var load = SnapshotLoad()
  let hash = engine.context.keyHash
  for block in blocks {
    let parts = try asView(block) { bytes throws(SnapshotRecords.Flaw) in
      try SnapshotParts(bytes, hash: hash)
    }
    try load.add(parts, to: &engine)
  }
  try load.finish(&engine)
}

/// Every key with its value and deadline.
private func contents(_ engine: borrowing Engine) -> [[UInt8]: [[UInt8]]] {
  var all: [[UInt8]: [[UInt8]]] = [:]
  for database in 0..<engine.context.databases.count {
    engine.context.databases[database].table.forEach { entry in
      var value = [Array("\(entry.kind) \(entry.deadline ?? -1)".utf8)]
      switch entry.kind {
      case .string: value.append(entry.withString { $0.array })
      case .list: entry.list.forEach(in: 0..<entry.list.count) { value.append($0.array) }
      default:
        entry.pieced!.digest(KeyHash(seed: 1)) { value.append(Array(String($0).utf8)) }
      }
      all[[UInt8(database)] + entry.key.array] = value
    }
  }
  return all
}

/// Lists of every shape and strings of every kind, in several databases, some with deadlines.
private func fill(_ harness: inout EngineHarness, _ random: inout SplitMix64) {
  let client = harness.client()
  func bytes(_ size: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: size)
  }
  for database in [0, 3, 15] {
    _ = harness.send(client, "SELECT \(database)")
    for number in 0..<40 {
      let key = Array("key\(number)".utf8)
      switch number % 8 {
      case 0: _ = harness.send(client, [Array("SET".utf8), key, bytes(Int(random.next() % 700))])
      case 1: _ = harness.send(client, "SET key\(number) \(Int64(bitPattern: random.next()))")
      case 2:
        _ = harness.send(client, [Array("SET".utf8), key, bytes(number == 2 ? 300_000 : 3000)])
      case 3: _ = harness.send(client, "RPUSH key\(number) \("a b c d ")\(number)")
      case 4:
        for _ in 0..<400 {
          _ = harness.send(client, [Array("RPUSH".utf8), key, bytes(Int(random.next() % 300))])
        }
      case 5:
        for _ in 0..<1500 { _ = harness.send(client, [Array("LPUSH".utf8), key, bytes(16)]) }
      case 6:
        _ = harness.send(
          client, [Array("RPUSH".utf8), key, bytes(number == 6 ? 300_000 : 20_000), [], bytes(70)])
      default: _ = harness.send(client, [Array("RPUSH".utf8), key, [], [], []])
      }
      if number % 3 == 0 { _ = harness.send(client, "PEXPIRE key\(number) \(1000 + number)") }
    }
    fillHashed(&harness, client, &random)
    fillStreams(&harness, client, &random)
  }
}

/// Streams: a short one, one without entries, one of many chunks whose groups have much pending.
private func fillStreams(
  _ harness: inout EngineHarness, _ client: Int, _ random: inout SplitMix64
) {
  _ = harness.send(client, "XADD stream0 5-1 field value other 17")
  _ = harness.send(client, "XGROUP CREATE stream1 g 7-0 MKSTREAM ENTRIESREAD 3")
  _ = harness.send(client, "XGROUP CREATECONSUMER stream1 g idle")
  for number in 1...3000 {
    let value = String(repeating: "v", count: Int(random.next() % 60))
    _ = harness.send(client, "XADD stream2 \(number)-\(number % 3) f \(value)x n \(number - 1500)")
    if number % 50 == 0 {
      _ = harness.send(client, "XDEL stream2 \(number - 3)-\((number - 3) % 3)")
    }
  }
  _ = harness.send(client, "XSETID stream2 5000-0 ENTRIESADDED 9000 MAXDELETEDID 4000-0")
  for group in ["g", "h"] {
    _ = harness.send(client, "XGROUP CREATE stream2 \(group) 0")
    for number in 0..<5 {
      _ = harness.send(
        client, "XREADGROUP GROUP \(group) c\(number) COUNT \(number * 400) STREAMS stream2 >")
      harness.advance(milliseconds: 3, runningTimers: false)
    }
    _ = harness.send(client, "XACK stream2 \(group) 7-1 8-2 9-0")
    _ = harness.send(client, "XCLAIM stream2 \(group) c9 0 20-2 21-0 JUSTID RETRYCOUNT 40")
  }
  for number in 0..<2 {
    let big = String(repeating: "b", count: 200_000)
    _ = harness.send(client, "XADD stream3 \(number + 1)-0 f \(big)")
  }
}

/// Hashes and sets in all of their forms, some of them in several pieces.
private func fillHashed(
  _ harness: inout EngineHarness, _ client: Int, _ random: inout SplitMix64
) {
  for (number, count) in [3, 40, 300, 3000].enumerated() {
    let names = (0..<count).map { "\($0)" + String(repeating: "n", count: $0 % 5) }
    let pairs = names.flatMap { [$0, "\(random.next() % 99)" + String(repeating: "v", count: 20)] }
    func send(_ words: [String]) { _ = harness.send(client, words.map { Array($0.utf8) }) }
    send(["HSET", "hash\(number)"] + pairs)
    send(["HSET", "fields\(number)"] + pairs)
    send(["HPEXPIRE", "fields\(number)", "\(5000 + number)", "FIELDS", "3"] + names.prefix(3))
    send(["SADD", "set\(number)"] + names)
    send(["SADD", "numbers\(number)"] + (0..<count).map { "\($0 * 70_000 - 99)" })
  }
  let long = [UInt8](repeating: 7, count: 300_000)
  _ = harness.send(client, [Array("HSET".utf8), Array("large".utf8), long, long])
}

/// Goal: what is read back is what was there when the snapshot was taken, whatever happens to the
/// keyspace while it is written. Method: after each block every key is changed or deleted.
@Test(arguments: [1, 2, 3] as [UInt64])
func aSnapshotReadBackIsTheStateItWasTakenOf(seed: UInt64) throws {
  var random = SplitMix64(seed: seed)
  var harness = EngineHarness()
  fill(&harness, &random)
  let before = contents(harness.engine)
  let client = harness.client()
  var blocks: [[UInt8]] = []
  do {
    var snapshot = harness.engine.snapshot(), block = SnapshotBlock(sizeWanted: 50_000)
    while true {
      block.removeAll()
      snapshot.fill(&block)
      guard block.records > 0 else { break }
      blocks.append(block.bytes.view.array + block.tail.array)
      for number in 0..<40 {
        switch (number + blocks.count) % 6 {
        case 0: _ = harness.send(client, "RPUSH key\(number) new")
        case 1: _ = harness.send(client, "LPOP key\(number) 50")
        case 2: _ = harness.send(client, "DEL key\(number)")
        case 3: _ = harness.send(client, "APPEND key\(number) more")
        case 4: _ = harness.send(client, "PERSIST key\(number)")
        default: _ = harness.send(client, "LTRIM key\(number) 1 -2")
        }
      }
      for number in 0..<4 {
        _ = harness.send(client, "HSET hash\(number) \(blocks.count) changed new\(blocks.count) x")
        _ = harness.send(client, "HDEL fields\(number) 0 1n 2nn")
        _ = harness.send(client, "SPOP set\(number) 2")
        _ = harness.send(client, "SADD numbers\(number) \(blocks.count) word")
      }
      for line in [
        "XADD stream2 * f v", "XDEL stream2 \(100 * blocks.count + 1)-2 \(100 * blocks.count)-1",
        "XACK stream2 g \(blocks.count * 30)-0", "XREADGROUP GROUP h new COUNT 3 STREAMS stream2 >",
        "XTRIM stream0 MAXLEN 0", "XGROUP DESTROY stream1 g",
        "XTRIM stream2 MAXLEN \(2900 - blocks.count)",
      ] { _ = harness.send(client, line) }
      _ = harness.send(client, "SELECT \([0, 3, 15][blocks.count % 3])")
      if blocks.count == 5 { _ = harness.send(client, "SWAPDB 3 15") }
      if blocks.count == 8 { _ = harness.send(client, "FLUSHALL") }
    }
    #expect(snapshot.keysDone == snapshot.keyCount)
  }
  harness.engine.snapshotEnded()
  #expect(blocks.count > 10)
  var fresh = EngineHarness(seed: seed)
  try load(blocks, into: &fresh.engine)
  #expect(contents(fresh.engine) == before, "seed \(seed)")
  for database in 0..<16 { fresh.engine.context.databases[database].checkInvariants() }
  // It is no museum: lists go on at both ends.
  let other = fresh.client()
  _ = fresh.send(other, "SELECT 3")
  #expect(fresh.send(other, "LPUSH key3 z") == ":6\r\n")
  #expect(fresh.send(other, "RPUSH key3 z") == ":7\r\n")
  #expect(fresh.send(other, "HSET hash3 0 z new z") == ":1\r\n")
  #expect(fresh.send(other, "SADD numbers1 -99 -98") == ":1\r\n")
  fresh.advance(milliseconds: 6000)
  #expect(fresh.send(other, "HLEN fields3") == ":2997\r\n")
  #expect(fresh.send(other, "XADD stream2 5001-0 f v") == "$6\r\n5001-0\r\n")
  #expect(fresh.send(other, "XACK stream2 g 20-2") == ":1\r\n")
  fresh.checkInvariants()
}

/// Goal: no bytes can trap the reader, whatever they say. Method: real records with bytes changed,
/// cut and doubled at random; all that is asked is an answer.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func recordsThatAreWrongAreRefused(seed: UInt64) throws {
  var random = SplitMix64(seed: seed)
  var harness = EngineHarness()
  let client = harness.client()
  for number in 0..<6 {
    _ = harness.send(client, "RPUSH list\(number) a bb ccc \(String(repeating: "d", count: 260))")
    _ = harness.send(client, "SET string\(number) \(number)x EX 100")
    _ = harness.send(client, "SET number\(number) \(number)")
    _ = harness.send(client, "HSET hash\(number) f v number \(number)")
    _ = harness.send(client, "HSET fields\(number) f v g w")
    _ = harness.send(client, "HEXPIRE fields\(number) 100 FIELDS 1 f")
    _ = harness.send(client, "SADD set\(number) a b 7")
    _ = harness.send(client, "SADD numbers\(number) 1 70000 3")
    for line in [
      "XADD stream\(number) 5-1 field value n -17", "XADD stream\(number) 6-0 other \(number)",
      "XGROUP CREATE stream\(number) g 0", "XREADGROUP GROUP g c STREAMS stream\(number) >",
    ] { _ = harness.send(client, line) }
  }
  var snapshot = harness.engine.snapshot(), block = SnapshotBlock()
  snapshot.fill(&block)
  let good = block.bytes.view.array
  var refused = 0
  // One for all: making an engine takes longer than reading the records.
  var fresh = EngineHarness()
  let other = fresh.client()
  for size in 0..<good.count {
    do { try load([Array(good[..<size])], into: &fresh.engine) } catch { refused += 1 }
    _ = fresh.send(other, "FLUSHALL")
  }
  #expect(refused > good.count * 9 / 10)
  for _ in 0..<1000 {
    var bad = good
    for _ in 0..<1 + random.next() % 3 {
      bad[Int(random.next() % UInt64(bad.count))] = UInt8(truncatingIfNeeded: random.next() >> 40)
    }
    try? load([bad], into: &fresh.engine)
    _ = fresh.send(other, "FLUSHALL")
  }
  // Parts in the wrong order: a list that never ends, a chunk without a list, a key twice.
  for wrong in [[good, good], [Array(good[..<(good.count / 2)])]] {
    var fresh = EngineHarness()
    #expect(throws: (any Error).self) { try load(wrong, into: &fresh.engine) }
  }
}

/// Goal: a checkpoint's records as commands make the same keys, batch by batch as frames are
/// replayed. Method: a keyspace of every shape, written out, turned, and replayed elsewhere.
@Test func recordsAsCommandsMakeTheSameKeys() throws {
  var random = SplitMix64(seed: 11)
  var harness = EngineHarness(), copy = EngineHarness(seed: 2)
  fill(&harness, &random)
  var snapshot = harness.engine.snapshot()
  var block = SnapshotBlock(sizeWanted: 20_000), whole = ByteBuffer(), body = ByteBuffer()
  var commands = SnapshotCommands(), batches = 0
  while true {
    block.removeAll()
    snapshot.fill(&block)
    guard block.records > 0 else { break }
    whole.truncate(to: 0)
    whole.append(block.bytes.view)
    whole.append(block.tail)
    commands.begin(whole.view)
    while true {
      body.truncate(to: 0)
      let count = try commands.next(into: &body)
      guard count > 0 else { break }
      try copy.replay(body.view.array, count: count)
      batches += 1
    }
  }
  #expect(commands.open == nil)
  #expect(batches > 10)
  #expect(contents(copy.engine) == contents(harness.engine))
}

@Test func recordsThatDoNotFitTogetherAreNoCommands() throws {
  // A list of three elements with a deadline, and a chunk of two of them.
  let list: [UInt8] = [4, 1, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0x71]
  let chunk: [UInt8] = [5, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0x61, 0x62]
  let integer: [UInt8] = [3, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0x6E]
  func turn(_ records: [UInt8]) -> (text: String, flaw: Int?, rest: String) {
    var body = ByteBuffer(), rest = ByteBuffer(), commands = SnapshotCommands(), flaw: Int?
    asView(records) { bytes in
      commands.begin(bytes)
      do throws(SnapshotCommands.Flaw) { _ = try commands.next(into: &body) } catch {
        flaw = error.offset
      }
    }
    _ = commands.finish(into: &rest)
    return (body.view.text, flaw, rest.view.text)
  }
  let push = "*4\r\n$5\r\nRPUSH\r\n$1\r\nq\r\n$1\r\na\r\n$1\r\nb\r\n"
  let expire = "*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nq\r\n$1\r\n9\r\n"
  #expect(turn(integer) == ("*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$1\r\n7\r\n", nil, ""))
  #expect(turn(list) == ("", nil, ""), "nothing of it is there yet")
  #expect(turn(list + chunk) == (push, nil, expire), "cut short, it keeps its deadline")
  #expect(turn(chunk).flaw == 0)
  #expect(turn(list + chunk + chunk).flaw == list.count + chunk.count, "too many elements")
  #expect(turn(list + chunk + integer).flaw == list.count + chunk.count)
  #expect(turn([9]).flaw == 0)
  #expect(asView(list + chunk + integer) { SnapshotCommands.keys(in: $0) } == [[0x71], [0x6E]])
}

/// Goal: a piece has a field or a value in one, however long. Method: its size, which the bytes
/// behind it do not bear out, is not taken for what its low half says.
@Test func theSizeOfAPieceHas64Bits() throws {
  for size in [UInt64(1), 1 << 32 + 1, .max] {
    var bytes = ByteBuffer()
    bytes.append(byte: 7)
    bytes.append(littleEndian: UInt32(1))
    bytes.append(littleEndian: size)
    bytes.append("v")
    var records = SnapshotRecords(bytes.view)
    if size == 1 {
      guard case .piece(1, let piece)? = try records.next() else {
        Issue.record("no piece")
        return
      }
      #expect(piece.text == "v")
    } else {
      #expect(throws: SnapshotRecords.Flaw.self) { try records.next() }
    }
  }
}

/// Goal: a string may be longer than 4 GiB, as `proto-max-bulk-len` allows. Method: its size, which
/// the bytes behind it do not bear out, is not taken for what its low half says.
@Test func theSizeOfAStringHas64Bits() throws {
  var bytes = ByteBuffer()
  bytes.append(byte: 2)
  bytes.append(byte: 0)
  bytes.append(littleEndian: UInt32(1))
  bytes.append(littleEndian: UInt64(1) << 32 + 1)
  bytes.append("kv")
  var records = SnapshotRecords(bytes.view)
  #expect(throws: SnapshotRecords.Flaw.self) { try records.next() }
  var whole = ByteBuffer()
  whole.append(bytes.view[0..<6])
  whole.append(littleEndian: UInt64(1))
  whole.append("kv")
  records = SnapshotRecords(whole.view)
  guard case .string(let key, let value, nil) = try records.next() else {
    Issue.record("no string")
    return
  }
  #expect(key.text == "k")
  #expect(value.text == "v")
}
