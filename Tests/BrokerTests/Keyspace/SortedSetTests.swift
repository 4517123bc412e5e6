// SortedSetTests.swift: sorted sets against an array in order, packed and as an index, with snapshots.

import RESP
import Testing

@testable import Broker

/// What a sorted set should be: pairs in order.
private struct Model {
  struct Pair: Equatable {
    var score: Double
    var member: [UInt8]
  }
  var pairs: [Pair] = []
  var scores: [[UInt8]: Double] = [:]

  func place(of score: Double, _ member: [UInt8]) -> Int {
    pairs.partition {
      $0.score != score ? $0.score < score : $0.member.lexicographicallyPrecedes(member)
    }
  }

  func rank(of member: [UInt8]) -> Int? { scores[member].map { place(of: $0, member) } }

  mutating func put(_ member: [UInt8], _ score: Double) {
    guard scores[member] != score else { return }
    if let rank = rank(of: member) { pairs.remove(at: rank) }
    pairs.insert(Pair(score: score, member: member), at: place(of: score, member))
    scores[member] = score
  }

  mutating func remove(_ range: Range<Int>) {
    for pair in pairs[range] { scores[pair.member] = nil }
    pairs.removeSubrange(range)
  }
}

extension [Model.Pair] {
  /// How many of the first elements `isBefore` holds for.
  fileprivate func partition(_ isBefore: (Model.Pair) -> Bool) -> Int {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension [UInt8] {
  fileprivate func asView<R>(_ body: (ByteView) -> R) -> R {
    unsafe withUnsafeBytes { unsafe body(ByteView($0)) }
  }
}

private let hash = KeyHash(seed: 7)

private func contents(
  _ set: SortedSet, _ range: Range<Int>? = nil, isReversed: Bool = false
) -> [Model.Pair] {
  var pairs: [Model.Pair] = []
  set.forEach(in: range ?? 0..<set.count, isReversed: isReversed) {
    pairs.append(Model.Pair(score: $1, member: $0.array))
  }
  return pairs
}

/// Scores of every form, many of them equal.
private func randomScore(_ random: inout SplitMix64) -> Double {
  switch random.next() % 16 {
  case 0: Double(Int64(bitPattern: random.next()) >> Int64(random.next() % 64))
  case 1:
    [-Double.infinity, .infinity, -0.0, 0.1, 1e300, -Double.leastNonzeroMagnitude].randomElement(
      using: &random)!
  case 2: Double(Float(random.next() % 1000) / 8)
  case 3...6: Double(random.next() % 100_000)
  default: Double(random.next() % 5)
  }
}

private func range(in count: Int, _ random: inout SplitMix64) -> Range<Int> {
  let lower = Int(random.next() % UInt64(count + 1))
  return lower..<lower + Int(random.next() % UInt64(count - lower + 1))
}

/// Goal: a sorted set answers like an array in order, whatever its size, and snapshots of it stay as
/// they were. Method: random steps on both; members come from few, so that they meet again.
@Test(
  arguments: [
    (1, 10, 128), (2, 100, 16), (3, 100, 128), (4, 1_000, 0), (5, 1_000, 128), (6, 20_000, 128),
    (7, 20_000, 0),
  ] as [(UInt64, Int, Int)])
func aSortedSetAgreesWithItsModel(seed: UInt64, memberCount: Int, packedMax: Int) {
  var random = SplitMix64(seed: seed)
  let limits = SortedSet.Limits(countMax: packedMax, memberMax: 64)
  var set = SortedSet.make(), model = Model()
  var snapshots: [(SortedSet, Model)] = []
  let isLarge = memberCount > 1_000
  /// Sets grow and shrink in turn.
  var isGrowing = true
  for step in 0..<(isLarge ? 25_000 : 5_000) {
    let trace: Comment = "seed \(seed), step \(step)"
    if set.isShared {
      let copy = set.copied()
      set.release()
      set = copy
    }
    if step % 6_000 == 5_999 { isGrowing.toggle() }
    let isLong = memberCount == 100 && random.next() % 500 == 0
    let number = random.next() % UInt64(memberCount)
    let member = Array("member:\(number)\(isLong ? String(repeating: "x", count: 300) : "")".utf8)
    switch random.next() % 100 {
    case 0..<(isGrowing ? 60 : 20):
      let score = randomScore(&random)
      let expected = model.rank(of: member).map { model.pairs[$0].score }
      member.asView {
        set.put($0, hash, limits) { old in
          #expect(old == expected, trace)
          return score
        }
      }
      model.put(member, score)
    case 60..<63:
      member.asView { set.put($0, hash, limits) { _ in nil } }
    case 63..<80:
      let rank = model.rank(of: member)
      let isRemoved = member.asView { set.remove($0, hash) }
      #expect(isRemoved == (rank != nil), trace)
      if let rank { model.remove(rank..<rank + 1) }
    case 80 where !isGrowing || random.next() % 16 == 0:
      let gone = range(in: set.count, &random)
      set.remove(gone, hash)
      model.remove(gone)
    case 81..<85 where set.count > 0:
      let end = random.next() % 2 == 0 ? 0 : set.count - 1
      set.remove(end..<end + 1, hash)
      model.remove(end..<end + 1)
    case 85..<90:
      let found = member.asView { set.rank(of: $0, hash) }
      let expected = model.rank(of: member)
      #expect(found?.rank == expected, trace)
      #expect(found?.score == expected.map { model.pairs[$0].score }, trace)
      #expect(member.asView { set.score(of: $0, hash) } == found?.score, trace)
    case 90..<94:
      let score = randomScore(&random)
      let rank = member.asView { view in
        set.rank { $0 != score ? $0 < score : $1 < view }
      }
      #expect(rank == model.place(of: score, member), trace)
    case 94..<97 where !isLarge || random.next() % 20 == 0:
      let shown = range(in: set.count, &random)
      #expect(contents(set, shown) == Array(model.pairs[shown]), trace)
      #expect(contents(set, shown, isReversed: true) == model.pairs[shown].reversed(), trace)
    case 97 where random.next() % 20 == 0:
      set.retain()
      snapshots.append((set, model))
    case 98 where !snapshots.isEmpty && random.next() % 20 == 0:
      let index = Int(random.next() % UInt64(snapshots.count))
      let (old, expected) = snapshots.remove(at: index)
      #expect(contents(old) == expected.pairs, trace)
      old.checkInvariants(hash)
      old.release()
    default: break
    }
    #expect(set.count == model.pairs.count, trace)
    if step % (isLarge ? 1_000 : 20) == 0 { set.checkInvariants(hash) }
  }
  set.checkInvariants(hash)
  #expect(contents(set) == model.pairs)
  for (old, expected) in snapshots {
    #expect(contents(old) == expected.pairs)
    old.release()
  }
  set.release()
}

/// Goal: scores that ascend, descend or are all the same make a sound tree, and little is wasted.
@Test(arguments: [1.0, -1.0, 0.0]) func anyOrderOfAddingMakesATree(step: Double) {
  var set = SortedSet.make()
  for number in 0..<20_000 {
    Array("\(number % 7):\(number)".utf8).asView {
      set.put($0, hash, SortedSet.Limits(countMax: 0, memberMax: 0)) { _ in Double(number) * step }
    }
  }
  set.checkInvariants(hash)
  #expect(set.memoryUsage < 20_000 * 90)
  set.remove(5..<19_990, hash)
  set.checkInvariants(hash)
  #expect(set.count == 15)
  set.release()
}

@Test func aSortedSetIsPackedUpToItsLimits() {
  let limits = SortedSet.Limits(countMax: 3, memberMax: 4)
  func encoding(_ members: [String]) -> String {
    var set = SortedSet.make()
    defer { set.release() }
    for member in members { Array(member.utf8).asView { set.put($0, hash, limits) { _ in 1 } } }
    return "\(set.encodingName)"
  }
  #expect(encoding(["a", "b", "c"]) == "listpack")
  #expect(encoding(["a", "b", "c", "a"]) == "listpack")
  #expect(encoding(["a", "b", "c", "d"]) == "skiplist")
  #expect(encoding(["abcd"]) == "listpack")
  #expect(encoding(["abcde"]) == "skiplist")
  // However wide the limits, a packed set is no longer than a walk may be.
  var set = SortedSet.make()
  let wide = SortedSet.Limits(countMax: .max, memberMax: .max)
  for number in 0..<400 {
    let member = Array("\(number)".utf8) + [UInt8](repeating: 0x78, count: 200)
    member.asView { set.put($0, hash, wide) { _ in 0 } }
  }
  #expect("\(set.encodingName)" == "skiplist")
  #expect(set.count == 400)
  set.release()
}

/// Goal: scores that grow in a packed set do not make it longer than its bytes may be.
@Test func scoresThatGrowMakeAnIndex() {
  var set = SortedSet.make()
  let wide = SortedSet.Limits(countMax: .max, memberMax: .max)
  for score in [1, 0.1] {
    for number in 0..<1_800 {
      Array("\(1_000_000 + number)-of-thirty-bytes-or-so".utf8).asView {
        set.put($0, hash, wide) { _ in score }
      }
    }
    #expect("\(set.encodingName)" == (score == 1 ? "listpack" : "skiplist"))
    #expect(set.count == 1_800)
    set.checkInvariants(hash)
  }
  set.release()
}

/// Goal: what a checkpoint has of a sorted set makes the same again. Method: sets of all sizes, with
/// members of all sizes, in pieces and back.
@Test(arguments: [1, 5, 100, 128, 300, 5_000])
func aSortedSetGoesThroughPieces(count: Int) {
  var random = SplitMix64(seed: UInt64(count)), set = SortedSet.make(), again = SortedSet.make()
  let limits = SortedSet.Limits(countMax: 128, memberMax: 64)
  for number in 0..<count {
    let size = count == 300 && number % 50 == 0 ? 70_000 : number % 60
    let member = Array("\(number)".utf8) + [UInt8](repeating: 0x78, count: size)
    member.asView { set.put($0, hash, limits) { _ in randomScore(&random) } }
  }
  var pieces = 0
  func take(_ elements: Int, _ bytes: borrowing ByteBuffer) {
    pieces += 1
    let isTaken = again.takePiece(elements: elements, bytes.view, hash)
    #expect(isTaken)
  }
  if set.isLong {
    set.retain()
    let source = set.pieces()
    while true {
      var bytes = ByteBuffer()
      let elements = source.next(into: &bytes)
      if elements == 0 { break }
      take(elements, bytes)
    }
    #expect(pieces == (count == 300 ? 7 : 3))
  } else {
    var bytes = ByteBuffer()
    set.appendPiece(to: &bytes)
    take(set.count, bytes)
  }
  again.checkInvariants(hash)
  #expect(contents(again) == contents(set))
  #expect("\(again.encodingName)" == "\(set.encodingName)")
  set.release()
  again.release()
}

/// Goal: bytes that are no piece are refused, and never trap. Method: a good piece, each of its bytes
/// changed, or cut there.
@Test(arguments: [3, 200]) func aDamagedPieceIsRefusedOrSound(limit: Int) {
  var set = SortedSet.make()
  let limits = SortedSet.Limits(countMax: limit, memberMax: 400)
  for (number, score) in [3, -4, 0.25, 0.1, 70_000, -1e12, .infinity].enumerated() {
    let member = [UInt8](repeating: UInt8(0x61 + number), count: number == 3 ? 300 : number)
    member.asView { set.put($0, hash, limits) { _ in score } }
  }
  var bytes = ByteBuffer()
  set.appendPiece(to: &bytes)
  let good = bytes.view.array
  for place in good.indices {
    var cut = Array(good[..<place]), again = SortedSet.make()
    #expect(!cut.asView { again.takePiece(elements: set.count, $0, hash) })
    again.release()
    for flip in [1, 0x80, 0xFF] as [UInt8] {
      cut = good
      cut[place] ^= flip
      again = SortedSet.make()
      if cut.asView({ again.takePiece(elements: set.count, $0, hash) }) {
        again.checkInvariants(hash)
        #expect(again.count == set.count)
      }
      again.release()
    }
  }
  set.release()
}

/// Goal: a large sorted set is freed in slices, all of it, though a snapshot shares parts of it.
@Test func aBuriedSortedSetIsFreedInSlices() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var set = SortedSet.make(), graveyard = Graveyard()
      let limits = SortedSet.Limits(countMax: 128, memberMax: 64)
      for number in 0..<100_000 {
        Array("\(number)".utf8).asView { set.put($0, hash, limits) { _ in Double(number % 999) } }
      }
      precondition(set.isLong)
      let snapshot = set
      set = snapshot.copied()
      for number in 0..<1_000 {
        Array("\(number * 90)".utf8).asView { set.put($0, hash, limits) { _ in -1 } }
      }
      set.bury(in: &graveyard)
      var slices = 0
      while !graveyard.isEmpty {
        graveyard.freeSome(512)
        slices += 1
      }
      precondition(snapshot.count == 100_000)
      snapshot.checkInvariants(hash)
      snapshot.bury(in: &graveyard)
      slices = 0
      while !graveyard.isEmpty {
        let last = MemoryAccount.used
        graveyard.freeSome(512)
        precondition(last - MemoryAccount.used < 200_000)
        slices += 1
      }
      precondition(slices > 300)
    }
    precondition(MemoryAccount.used == before)
  }
}
