// HashedValueTests.swift: hashes and sets against dictionaries, beside owners who share their parts.

import RESP
import Testing

@testable import Broker

private let hash = KeyHash(seed: 3)

private func with<R>(_ text: String, _ body: (ByteView) -> R) -> R {
  let bytes = Array(text.utf8)
  return unsafe bytes.withUnsafeBytes { unsafe body(ByteView($0)) }
}

/// A value and its deadline.
private struct Field: Equatable {
  var value: String
  var deadline: Int64?
}

extension HashedValue {
  /// All that is in it, as the model has it.
  fileprivate var contents: [String: Field] {
    var contents: [String: Field] = [:]
    forEach { name, value in
      let name = name.withView { $0.text }
      let deadline = itemHasDeadlines ? with(name) { item($0, hash)?.deadline } : nil
      #expect(contents[name] == nil)
      contents[name] = Field(value: value.withView { $0.text }, deadline: deadline)
    }
    return contents
  }

  /// The same value written to a checkpoint and read back.
  fileprivate func readBack() -> Self? {
    var copy = Self.make(), pieces: [(elements: Int, bytes: [UInt8])] = []
    if isLong {
      retain()
      let source = self.pieces()
      while true {
        var bytes = ByteBuffer()
        let elements = source.next(into: &bytes)
        guard elements > 0 else { break }
        pieces.append((elements, bytes.view.array))
      }
    } else {
      var bytes = ByteBuffer()
      appendPiece(to: &bytes)
      pieces.append((count, bytes.view.array))
    }
    for piece in pieces {
      let isTaken = unsafe piece.bytes.withUnsafeBytes {
        unsafe copy.takePiece(elements: piece.elements, ByteView($0), hash)
      }
      guard isTaken else {
        copy.release()
        return nil
      }
    }
    return copy
  }
}

private func text(_ random: inout SplitMix64, _ names: UInt64) -> String {
  let number = random.next() % names
  return number % 3 == 0 ? "\(Int64(number) - 20)" : "name\(number)"
}

/// Goal: a hash answers like a dictionary, in all of its forms, whoever shares it, also after its way
/// through a checkpoint. Method: random steps on both; every now and then a second owner is kept, which
/// must not change, and the hash goes on with a copy.
@Test(arguments: [(1, 30), (2, 30), (3, 400), (4, 400), (5, 4000)] as [(UInt64, UInt64)])
func hashAgreesWithItsModel(seed: UInt64, names: UInt64) {
  var random = SplitMix64(seed: seed)
  var value = HashValue.make(), model: [String: Field] = [:]
  var kept: [(value: HashValue, contents: [String: Field])] = []
  var graveyard = Graveyard()
  let limits = PackedLimits(countMax: 20, sizeMax: 30)
  let usesDeadlines = seed % 2 == 1
  var now: Int64 = 1_000_000
  for step in 0..<12_000 {
    if value.isShared {
      let copy = value.copied()
      value.release()
      value = copy
    }
    let name = text(&random, names)
    switch random.next() % 16 {
    case 0..<7:
      let size = Int(random.next() % 40)
      let new = size < 20 ? "\(random.next() % 100_000)" : String(repeating: "v", count: size)
      let isNew = with(name) { name in with(new) { value.put(name, $0, hash, limits) } }
      #expect(isNew == (model[name] == nil))
      model[name] = Field(value: new)
    case 7..<12:
      let wasThere = with(name) { value.remove($0, hash, into: &graveyard) }
      #expect(wasThere == (model[name] != nil))
      model[name] = nil
    case 12..<14 where usesDeadlines && model[name] != nil:
      let deadline = random.next() % 4 == 0 ? nil : now + Int64(random.next() % 20_000)
      with(name) { value.setDeadline(deadline, of: $0, hash) }
      model[name]?.deadline = deadline
    case 14 where usesDeadlines:
      now += Int64(random.next() % 200)
      let due = value.removeDue(now: now, limit: 5, hash, into: &graveyard)
      for name in due {
        let field = model.removeValue(forKey: String(decoding: name, as: UTF8.self))
        #expect(field.flatMap(\.deadline).map { $0 <= now } == true)
      }
      // Those of one second are in no order.
      let next = model.values.compactMap(\.deadline).min()
      #expect(
        value.nextDeadline.map { $0 / 1024 } == next.map { $0 / 1024 }, "seed \(seed), step \(step)"
      )
    default:
      let found = with(name) { value.value(of: $0, hash, now: now) }.map { $0.withView { $0.text } }
      let field = model[name].flatMap { $0.deadline ?? .max > now ? $0.value : nil }
      #expect(found == field, "seed \(seed), step \(step)")
    }
    #expect(value.count == model.count)
    if step % 50 == 0 { value.checkInvariants(hash) }
    if step % 400 == 399 {
      #expect(value.contents == model, "seed \(seed), step \(step)")
      value.retain()
      kept.append((value, model))
      if kept.count > 3 {
        let old = kept.removeFirst()
        #expect(old.value.contents == old.contents, "seed \(seed), step \(step)")
        if old.value.isLong { old.value.bury(in: &graveyard) } else { old.value.release() }
      }
    }
    if step % 1500 == 1499 {
      let copy = value.readBack()
      #expect(copy?.contents == model)
      copy?.checkInvariants(hash)
      copy?.release()
    }
  }
  for old in kept { old.value.release() }
  value.release()
}

/// Goal and method as for hashes, with the members of a set that begins as one of integers.
@Test(arguments: [(1, 30), (2, 300), (3, 3000)] as [(UInt64, UInt64)])
func setAgreesWithItsModel(seed: UInt64, names: UInt64) {
  var random = SplitMix64(seed: seed)
  var graveyard = Graveyard()
  for round in 0..<12 {
    var value = SetValue.make(), model: Set<String> = []
    let width = [100, 40_000, 3_000_000_000, Int64.max / 4][round % 4]
    for step in 0..<1500 {
      if value.isShared {
        let copy = value.copied()
        value.release()
        value = copy
      }
      let number = Int64(random.next() % names) * (width / Int64(names) + 1) - width / 2
      let word = step > 1000 && random.next() % 3 == 0 ? "word\(number)" : "\(number)"
      if random.next() % 5 < 3 {
        let isNew = with(word) { value.add($0, hash, integersMax: round < 6 ? 512 : 50) }
        #expect(isNew == model.insert(word).inserted)
      } else {
        let wasThere = with(word) { value.remove($0, hash, into: &graveyard) }
        #expect(wasThere == (model.remove(word) != nil))
      }
      #expect(with(word) { value.contains($0, hash) } == model.contains(word))
      #expect(value.count == model.count)
      if step % 100 == 0 {
        value.checkInvariants(hash)
        #expect(Set(value.contents.keys) == model, "seed \(seed), round \(round), step \(step)")
        let copy = value.readBack()
        #expect((copy?.contents.keys).map { Set($0) } == model)
        copy?.checkInvariants(hash)
        if !model.isEmpty {
          #expect(copy?.encodingName.lowercased == value.encodingName.lowercased)
        }
        copy?.release()
        value.retain()
        value.copied().release()
        value.release()
      }
    }
    value.release()
  }
}

/// Goal: a value gives all of its memory back. Method: the account before and after a long life, in
/// a process of its own since other tests take memory as well.
@Test func hashesGiveTheirMemoryBack() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    hashAgreesWithItsModel(seed: 5, names: 4000)
    hashAgreesWithItsModel(seed: 3, names: 400)
    setAgreesWithItsModel(seed: 2, names: 300)
    precondition(MemoryAccount.used == before)
  }
}

// MARK: Chance

/// Goal: each is as likely as the others. Method: the sum of squared deviations of many draws stays
/// within what fair draws exceed once in ten thousand runs.
@Test(arguments: [30, 100, 1000])
func randomMembersAreFair(count: Int) {
  var set = SetValue.make(), random = SplitMix64(seed: UInt64(count)), graveyard = Graveyard()
  // Leaves of many depths: a table that was much larger once.
  for number in 0..<count * 20 {
    with("m\(number)") { _ = set.add($0, hash, integersMax: 512) }
  }
  for number in count..<count * 20 {
    with("m\(number)") { _ = set.remove($0, hash, into: &graveyard) }
  }
  var drawn: [String: Int] = [:]
  let draws = count * 100
  for _ in 0..<draws {
    drawn[set.randomPair(using: &random).name.withView { $0.text }, default: 0] += 1
  }
  #expect(drawn.count == count)
  let squares = drawn.values.reduce(0.0) { $0 + Double(($1 - 100) * ($1 - 100)) / 100 }
  let freedom = Double(count - 1)
  #expect(squares < freedom + 4 * (2 * freedom).squareRoot() + 10, "\(squares) of \(freedom)")
  for limit in [1, count / 4, count / 2, count, count + 5] {
    let pairs = set.randomPairs(limit, using: &random).map { $0.name.withView { $0.text } }
    #expect(pairs.count == min(limit, count) && Set(pairs).count == pairs.count)
  }
  set.release()
}
