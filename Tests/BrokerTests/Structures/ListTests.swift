// ListTests.swift: the list against an array, with and without snapshots beside it.

import RESP
import Testing

@testable import Broker

/// A random element: often of one size, so that uniform chunks form, sometimes huge or empty.
private func element(_ random: inout SplitMix64) -> [UInt8] {
  let size =
    switch random.next() % 20 {
    case 0: Int(random.next() % 300)
    case 1: Int(random.next() % 40_000)
    case 2: 0
    default: 100
    }
  let letter = UInt8(truncatingIfNeeded: random.next() % 3)
  return [UInt8](repeating: 0x61 + letter, count: size)
}

private func contents(_ list: List) -> [[UInt8]] {
  var all: [[UInt8]] = []
  list.forEach(in: 0..<list.count) { all.append($0.array) }
  return all
}

extension [UInt8] {
  fileprivate func asView<R>(_ body: (ByteView) -> R) -> R {
    unsafe withUnsafeBytes { unsafe body(ByteView($0)) }
  }
}

/// Goal: a list answers like an array. Method: random steps on both, compared as they go.
@Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
func listAgreesWithItsModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var model: [[UInt8]] = []
  var graveyard = Graveyard()
  var list = List.make()
  var snapshots: [(List, [[UInt8]])] = []
  for step in 0..<3_000 {
    let trace: Comment = "seed \(seed), step \(step)"
    switch random.next() % 40 {
    case 0..<12:
      let new = element(&random)
      new.asView { list.push($0, at: .head) }
      model.insert(new, at: 0)
    case 12..<26:
      let new = element(&random)
      new.asView { list.push($0, at: .tail) }
      model.append(new)
    case 26..<30 where !model.isEmpty:
      #expect(list.element(at: .head).array == model.removeFirst(), trace)
      list.remove(at: .head)
    case 30..<34 where !model.isEmpty:
      #expect(list.element(at: .tail).array == model.removeLast(), trace)
      list.remove(at: .tail)
    case 34 where !model.isEmpty:
      let index = Int(random.next() % UInt64(model.count))
      let new = element(&random)
      new.asView { list.set($0, at: index) }
      model[index] = new
    case 35:
      let index = Int(random.next() % UInt64(model.count + 1))
      let new = element(&random)
      new.asView { _ = list.insert($0, at: index) }
      model.insert(new, at: index)
    case 36 where random.next() % 8 == 0:
      let old = [UInt8](repeating: 0x61, count: 100)
      let from = Int(random.next() % UInt64(model.count + 1))
      let limit = Int(random.next() % 50)
      var left = limit
      var kept = Array(model[..<from])
      for item in model[from...] {
        if item == old, left > 0 { left -= 1 } else { kept.append(item) }
      }
      let removed = old.asView { list.removeAll(equalTo: $0, from: from, limit: limit) }
      #expect(removed == model.count - kept.count, trace)
      model = kept
    case 37 where random.next() % 8 == 0:
      let number = Int(random.next() % UInt64(model.count / 2 + 1))
      if Bool.random(using: &random) {
        list.remove(number, at: .head, into: &graveyard)
        model.removeFirst(number)
      } else {
        list.remove(number, at: .tail, into: &graveyard)
        model.removeLast(number)
      }
    case 38 where random.next() % 16 == 0:
      // What a writer does after a snapshot: it takes a copy of the root and writes to that.
      snapshots.append((list, model))
      list = list.copied()
    case 39 where !model.isEmpty:
      let index = Int(random.next() % UInt64(model.count))
      #expect(list[index].array == model[index], trace)
      var cursor = list.cursor(at: index)
      #expect(cursor?.previous()?.array == (index > 0 ? model[index - 1] : nil), trace)
    default:
      graveyard.freeSome(3)
    }
    #expect(list.count == model.count, trace)
    if step % 50 == 0 {
      list.checkInvariants()
      #expect(contents(list) == model, trace)
      if snapshots.count > 3 {
        let (old, expected) = snapshots.removeFirst()
        old.checkInvariants()
        #expect(contents(old) == expected, trace)
        old.release()
      }
    }
  }
  for (old, expected) in snapshots {
    #expect(contents(old) == expected)
    old.release()
  }
  list.release()
}

/// Goal: equal elements cost nothing above their bytes. Method: count blocks' memory.
@Test func equalElementsLieSideBySide() {
  let list = List.make()
  let bytes = [UInt8](repeating: 0x78, count: 100)
  for _ in 0..<100_000 { bytes.asView { list.push($0, at: .head) } }
  list.checkInvariants()
  var chunks = 0, space = 0
  if let spine = list.spine {
    for node in 0..<spine.count {
      for slot in 0..<spine[node].count {
        chunks += 1
        space += spine[node][slot].usableSize + 8
      }
    }
  }
  #expect(
    Double(space) < Double(100 * (list.count - (list.front?.count ?? 0) - (list.back?.count ?? 0)))
      * 1.006)
  list.release()
}

/// Goal: a list of very different elements loses only what it is asked to. Method: random lists whose
/// chunks are mixed and full, each with one removal, against an array.
@Test(arguments: [1, 2, 3] as [UInt64])
func removalFromMixedChunksAgreesWithItsModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  for round in 0..<1_500 {
    let list = List.make()
    var model: [[UInt8]] = []
    for _ in 0..<4 + random.next() % 30 {
      let isWanted = random.next() % 3 == 0
      let new = [UInt8](
        repeating: isWanted ? 0x78 : 0x79, count: isWanted ? 1 : 3 + Int(random.next() % 8000))
      new.asView { list.push($0, at: .tail) }
      model.append(new)
    }
    let from = Int(random.next() % UInt64(model.count + 1)), limit = 1 + Int(random.next() % 4)
    var left = limit
    var kept = Array(model[..<from])
    for item in model[from...] {
      if item == [0x78], left > 0 { left -= 1 } else { kept.append(item) }
    }
    _ = [0x78].asView { list.removeAll(equalTo: $0, from: from, limit: limit) }
    list.checkInvariants()
    #expect(contents(list) == kept, "seed \(seed), round \(round)")
    list.release()
  }
}
