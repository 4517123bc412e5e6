// SortedSetSnapshotTests.swift: sorted sets in checkpoints, as records and as commands.

import RESP
import Testing

@testable import Broker

private func fill(_ harness: inout EngineHarness) {
  let client = harness.client()
  for (key, count) in [("one", 1), ("packed", 100), ("index", 200), ("long", 6_000)] {
    for start in stride(from: 0, to: count, by: 500) {
      let pairs = (start..<min(count, start + 500)).map {
        "\(["0.1", "-3", "\($0)", "70000", "inf"][$0 % 5]) member-\($0)"
      }
      _ = harness.send(client, "ZADD \(key) \(pairs.joined(separator: " "))")
    }
  }
  _ = harness.send(client, "PEXPIRE packed 100000")
  let big = [UInt8](repeating: 0x62, count: 100_000)
  _ = harness.send(client, [Array("ZADD".utf8), Array("big".utf8), Array("1".utf8), big])
}

/// The blocks of a snapshot of `harness`; `between` runs behind each of them.
private func blocks(
  _ harness: inout EngineHarness, _ between: (inout EngineHarness) -> Void
) -> [[UInt8]] {
  var blocks: [[UInt8]] = []
  var snapshot = harness.engine.snapshot(), block = SnapshotBlock(sizeWanted: 50_000)
  while true {
    block.removeAll()
    snapshot.fill(&block)
    guard block.records > 0 else { return blocks }
    blocks.append(block.bytes.view.array + block.tail.array)
    between(&harness)
  }
}

/// Goal: a checkpoint has a sorted set as it was, whatever happens to it while it is written.
/// Method: between the blocks all sorted sets change; the blocks are read back elsewhere.
@Test func sortedSetsAreReadBackAsTheyWere() throws {
  var harness = EngineHarness()
  fill(&harness)
  let before = harness.engine.context.digest()
  let client = harness.client()
  var round = 0
  let written = blocks(&harness) { harness in
    for key in ["one", "packed", "index", "long", "big"] {
      for number in 0..<200 {
        _ = harness.send(client, "ZADD \(key) \(round) member-\(number * 7)")
      }
      _ = harness.send(client, "ZPOPMAX \(key) 100")
      _ = harness.send(client, "ZREMRANGEBYRANK \(key) 10 60")
    }
    harness.checkInvariants()
    round += 1
  }
  harness.engine.snapshotEnded()
  #expect(written.count > 2)
  var fresh = EngineHarness(seed: 5), load = SnapshotLoad()
  for block in written {
    var bytes = ByteBuffer()
    bytes.append(block)
    let parts = try SnapshotParts(bytes.view, hash: fresh.engine.context.keyHash)
    try load.add(parts, to: &fresh.engine)
  }
  try load.finish(&fresh.engine)
  let after = fresh.engine.context.digest()
  #expect(after == before)
  fresh.checkInvariants()
  let other = fresh.client()
  #expect(fresh.send(other, "OBJECT ENCODING packed") == "$8\r\nlistpack\r\n")
  #expect(fresh.send(other, "OBJECT ENCODING index") == "$8\r\nskiplist\r\n")
  #expect(fresh.send(other, "PTTL packed") == ":100000\r\n")
  #expect(fresh.send(other, "ZADD packed 1 more") == ":1\r\n")
}

/// Goal: those who take their data elsewhere have the same sorted sets there.
@Test func sortedSetsAreExportedAsCommands() throws {
  var harness = EngineHarness(), copy = EngineHarness(seed: 2)
  fill(&harness)
  var commands = SnapshotCommands(), body = ByteBuffer(), text = ""
  for block in blocks(&harness, { _ in }) {
    var bytes = ByteBuffer()
    bytes.append(block)
    commands.begin(bytes.view)
    while true {
      body.truncate(to: 0)
      let count = try commands.next(into: &body)
      guard count > 0 else { break }
      text += body.view.text
      try copy.replay(body.view.array, count: count)
    }
  }
  #expect(commands.open == nil)
  #expect(text.contains("ZADD\r\n$3\r\none\r\n$19\r\n0.10000000000000001\r\n$8\r\nmember-0"))
  let (same, first) = (harness.engine.context.digest(), copy.engine.context.digest())
  #expect(same == first)
}
