// StreamTests.swift: the stream against a dictionary, with and without snapshots beside it.

import RESP
import Testing

@testable import Broker

private let hash = KeyHash(seed: 3)

/// The fields of an entry, names and values in turns.
private struct Fields: FieldWords {
  let words: [[UInt8]]
  /// What `subscript` gives lies here.
  private let kept: [Blob]

  init(_ words: [[UInt8]]) {
    self.words = words
    kept = words.map { word in unsafe word.withUnsafeBytes { unsafe Blob.copying(ByteView($0)) } }
  }

  var count: Int { words.count }
  subscript(index: Int) -> ByteView { kept[index].bytes }
  func free() { for blob in kept { blob.release() } }
}

private typealias Model = [StreamID: [[UInt8]]]

private func words(_ entry: Stream.Entry) -> [[UInt8]] {
  var words: [[UInt8]] = []
  entry.forEachField { name, value in
    words.append(name.array)
    words.append(value.withBytes { $0.array })
  }
  #expect(words.count == 2 * entry.fieldCount)
  return words
}

private func contents(_ stream: Stream, reversed: Bool = false) -> [(StreamID, [[UInt8]])] {
  var all: [(StreamID, [[UInt8]])] = []
  stream.forEach(reversed: reversed) {
    all.append(($0.id, words($0)))
    return true
  }
  return all
}

private func agrees(_ stream: Stream, _ model: Model) -> Bool {
  let forwards = contents(stream), backwards = contents(stream, reversed: true)
  let sorted = model.sorted { $0.key < $1.key }
  return forwards.count == sorted.count && zip(forwards, sorted).allSatisfy { $0 == $1 }
    && zip(backwards.reversed(), sorted).allSatisfy { $0 == $1 }
    && backwards.count == sorted.count && stream.count == model.count
}

/// Values of every form: numbers at the ends of what a byte more or less holds, what only looks like
/// a number, text, nothing, and now and then something large.
private func value(_ random: inout SplitMix64) -> [UInt8] {
  switch random.next() % 12 {
  case 0: return Array("\(Int64(bitPattern: random.next()) >> Int64(random.next() % 64))".utf8)
  case 1: return Array("\(random.next() % 300)".utf8)
  case 2:
    return Array(["-0", "007", "+5", "", "-", "9223372036854775808"][Int(random.next() % 6)].utf8)
  case 3: return Array("\([Int64.min, .max, -1, 0, 127, 128, -128][Int(random.next() % 7)])".utf8)
  case 4 where random.next() % 20 == 0:
    return [UInt8](repeating: 0x78, count: Int(random.next() % 100_000))
  default: return [UInt8](repeating: 0x61, count: Int(random.next() % 40))
  }
}

private func fields(_ random: inout SplitMix64) -> [[UInt8]] {
  let names =
    switch random.next() % 8 {
    case 0: ["other"]
    case 1: ["a", "b", "12", ""]
    case 2: ["b", "a"]
    default: ["a", "b"]
    }
  return names.flatMap { [Array($0.utf8), value(&random)] }
}

private func id(_ random: inout SplitMix64, _ model: Model, _ last: StreamID) -> StreamID {
  random.next() % 4 == 0
    ? StreamID(random.next() % (last.milliseconds + 2), random.next() % 3)
    : model.randomElement(using: &random)?.key ?? .zero
}

/// Goal: a stream's entries answer like a dictionary with sorted keys. Method: random steps on both,
/// with chunks of a few entries and of many, and snapshots held.
@Test(arguments: 1...6 as ClosedRange<UInt64>)
func streamAgreesWithItsModel(seed: UInt64) {
  var random = SplitMix64(seed: seed), model: Model = [:], last = StreamID.zero
  var stream = Stream.make(), graveyard = Graveyard(), snapshots: [(Stream, Model)] = []
  let (sizeMax, countMax) = [(4096, 100), (Int.max, 0), (200, 7)][Int(seed % 3)]
  for step in 0..<4000 {
    let trace: Comment = "seed \(seed), step \(step)"
    switch random.next() % 40 {
    case 0..<22:
      last = StreamID(
        last.milliseconds + random.next() % 3 * (random.next() % 30 == 0 ? 1 << 40 : 1),
        random.next() % 2 == 0 ? last.sequence + 1 : random.next() >> (random.next() % 60))
      guard last > stream.last else {
        last = stream.last
        continue
      }
      let words = fields(&random), entry = Fields(words)
      stream.append(last, entry, nodeSizeMax: sizeMax, nodeCountMax: countMax)
      entry.free()
      model[last] = words
    case 22..<28:
      let id = id(&random, model, last)
      #expect(stream.remove(id) == (model.removeValue(forKey: id) != nil), trace)
    case 28..<31:
      let id = id(&random, model, last)
      #expect(stream.find(id).map { words($0) } == model[id], trace)
    case 31 where random.next() % 4 == 0:
      let count = model.count - Int(random.next() % 30)
      let removed = stream.trim(
        to: .count(max(0, count)), wholeChunks: false, limit: 0, &graveyard)
      #expect(removed == min(model.count, model.count - count), trace)
      for id in model.keys.sorted().prefix(removed) { model[id] = nil }
    case 32 where random.next() % 4 == 0:
      let bound = id(&random, model, last)
      guard model.keys.count(where: { $0 < bound }) < 200 else { continue }
      let removed = stream.trim(to: .from(bound), wholeChunks: false, limit: 0, &graveyard)
      #expect(removed == model.keys.count { $0 < bound }, trace)
      for id in model.keys where id < bound { model[id] = nil }
    case 33 where random.next() % 10 == 0:
      // Whole chunks from the front: as many as fit, and never below what is asked for.
      let count = Int(random.next() % UInt64(model.count + 1))
      let removed = stream.trim(to: .count(count), wholeChunks: true, limit: 60, &graveyard)
      #expect(removed <= max(0, model.count - count) && removed <= 60, trace)
      for id in model.keys.sorted().prefix(removed) { model[id] = nil }
    case 34:
      let first = id(&random, model, last), end = id(&random, model, last)
      var found: [StreamID] = []
      stream.forEach(from: first, to: end, reversed: step % 2 == 0) {
        found.append($0.id)
        return found.count < 5
      }
      let inside = model.keys.filter { $0 >= first && $0 <= end }.sorted()
      let expected = step % 2 == 0 ? inside.suffix(5).reversed() : Array(inside.prefix(5))
      #expect(found == expected, trace)
    case 35 where random.next() % 16 == 0:
      // What a writer does after a snapshot: it takes a copy of the root and writes to that.
      snapshots.append((stream, model))
      stream = stream.copied()
    case 36 where random.next() % 30 == 0:
      // The ids that were ever given are forgotten down to the highest that is there.
      last = max(model.keys.max() ?? .zero, StreamID(last.milliseconds, 0))
      if last <= stream.last { stream.setLast(last) }
      last = stream.last
    default:
      #expect(stream.firstEntry?.id == model.keys.min(), trace)
      #expect(stream.lastEntry?.id == model.keys.max(), trace)
      graveyard.freeSome(3)
    }
    #expect(stream.count == model.count, trace)
    if step % 50 == 0 {
      stream.checkInvariants()
      #expect(agrees(stream, model), trace)
      if snapshots.count > 3 {
        let (old, expected) = snapshots.removeFirst()
        old.checkInvariants()
        #expect(agrees(old, expected), trace)
        old.release()
      }
    }
  }
  for (old, expected) in snapshots {
    #expect(agrees(old, expected))
    old.release()
  }
  stream.bury(in: &graveyard)
}

/// What is pending the naive way: who has it, when and how often it was delivered.
private struct Pending: Equatable {
  var owner: String
  var delivered: Int64
  var deliveries: Int64
}

private func pending(_ group: StreamGroup) -> [StreamID: Pending] {
  var all: [StreamID: Pending] = [:], cursor = group.pending.cursor()
  while let entry = cursor.next() {
    all[entry.id] = Pending(
      owner: entry.owner.text, delivered: entry.delivered, deliveries: entry.deliveries)
  }
  return all
}

/// Goal: what is pending in a group, and for whom, is what a dictionary says. Method: random
/// assignments, acknowledgements and removals on both, with snapshots held.
@Test(arguments: 1...4 as ClosedRange<UInt64>)
func groupAgreesWithItsModel(seed: UInt64) {
  var random = SplitMix64(seed: seed), model: [StreamID: Pending] = [:], names: Set<String> = []
  var stream = Stream.make(), graveyard = Graveyard()
  var snapshots: [(Stream, [StreamID: Pending], Set<String>)] = []
  let name = Blob.copying(ByteView("group"))
  stream.insert(StreamGroup.make(name.bytes, delivered: .zero, read: nil), hash)
  for step in 0..<6000 {
    let trace: Comment = "seed \(seed), step \(step)"
    guard let group = stream.groupForWriting(name.bytes, hash) else { break }
    let id = StreamID(random.next() % 400, 0)
    let consumer = "c\(random.next() % (seed * 20))"
    let consumerName = unsafe Array(consumer.utf8).withUnsafeBytes {
      unsafe Blob.copying(ByteView($0))
    }
    defer { consumerName.release() }
    switch random.next() % 20 {
    case 0..<11:
      let one =
        group.consumerForWriting(consumerName.bytes, hash)
        ?? group.makeConsumer(consumerName.bytes, hash, seen: 5)
      names.insert(consumer)
      group.assign(id, to: one, delivered: Int64(step), deliveries: 2, hash)
      model[id] = Pending(owner: consumer, delivered: Int64(step), deliveries: 2)
    case 11..<16:
      #expect(group.acknowledge(id, hash) == (model.removeValue(forKey: id) != nil), trace)
    case 16 where random.next() % 4 == 0:
      let owned = model.filter { $0.value.owner == consumer }
      let removed = group.removeConsumer(consumerName.bytes, hash, &graveyard)
      #expect(removed == (names.remove(consumer) == nil ? nil : owned.count), trace)
      for id in owned.keys { model[id] = nil }
    case 17 where random.next() % 30 == 0:
      snapshots.append((stream, model, names))
      stream = stream.copied()
    default:
      let one = group.consumer(consumerName.bytes, hash)
      #expect((one != nil) == names.contains(consumer), trace)
      let owned = model.filter { $0.value.owner == consumer }
      #expect(one?.pending.count ?? 0 == owned.count, trace)
    }
    if step % 100 == 0 {
      stream.checkInvariants()
      #expect(stream.group(name.bytes, hash).map(pending) == model, trace)
      if snapshots.count > 3 {
        let (old, expected, names) = snapshots.removeFirst()
        old.checkInvariants()
        #expect(old.group(name.bytes, hash).map(pending) == expected, trace)
        #expect(old.group(name.bytes, hash)?.consumerCount == names.count, trace)
        old.release()
      }
    }
  }
  for (old, expected, _) in snapshots {
    #expect(old.group(name.bytes, hash).map(pending) == expected)
    old.release()
  }
  name.release()
  stream.bury(in: &graveyard)
}

/// Goal: all memory of a stream comes back, however it goes. Method: a large one with groups, shared
/// with a snapshot for a while, freed in slices.
@Test func aBuriedStreamIsFreedInSlices() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var harness = EngineHarness()
      let c = harness.client()
      for number in 1...30_000 { _ = harness.send(c, "XADD s \(number) field value\(number)") }
      _ = harness.send(c, "XGROUP CREATE s g 0")
      for number in 0..<20 {
        _ = harness.send(c, "XREADGROUP GROUP g c\(number) COUNT 1000 STREAMS s >")
      }
      precondition(harness.send(c, "COPY s t") == ":1\r\n")
      _ = harness.send(c, "XADD t * field value")
      _ = harness.send(c, "XACK t g 5 6 7")
      harness.checkInvariants()
      for key in ["s", "t"] {
        precondition(harness.send(c, "UNLINK \(key)") == ":1\r\n")
        var last = MemoryAccount.used, slices = 0
        while !harness.engine.context.graveyard.isEmpty {
          harness.engine.context.graveyard.freeSome(100)
          precondition(last - MemoryAccount.used < 1 << 20)
          last = MemoryAccount.used
          slices += 1
        }
        precondition(slices > 2)
      }
    }
    precondition(MemoryAccount.used == before)
  }
}

/// Goal: small entries take fewer bytes than in Redis 7.0, whose million of them (one field "field"
/// of ten letters, 100 to a listpack) was seen to take 20 bytes each.
@Test func smallEntriesTakeFewBytes() {
  let stream = Stream.make()
  let entry = Fields([Array("field".utf8), Array("0123456789".utf8.map { $0 + 0x31 })])
  for number in 1...100_000 as ClosedRange<UInt64> {
    stream.append(
      StreamID(1_700_000_000_000 + number, 0), entry, nodeSizeMax: 4096, nodeCountMax: 100)
  }
  #expect(stream.memoryUsage < 100_000 * 17)
  entry.free()
  stream.release()
}
