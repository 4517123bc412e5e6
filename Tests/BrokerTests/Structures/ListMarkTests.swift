// ListMarkTests.swift: elements with marks, which whoever reads bytes does not see.

import RESP
import Testing

@testable import Broker

private struct Element: Equatable {
  var bytes: [UInt8]
  var mark: UInt64
  var rank: UInt8 = 0
  /// Of the chunk into which it was put.
  var label: Int64 = 0

  static func == (a: Element, b: Element) -> Bool { a.bytes == b.bytes && a.mark == b.mark }
}

private func contents(_ list: List) -> [Element] {
  var all: [Element] = []
  var cursor = list.cursor(at: 0)
  while let bytes = cursor?.next() {
    all.append(Element(bytes: bytes.array, mark: cursor?.mark ?? 0))
  }
  return all
}

/// Goal: marks stay with their elements. Method: random steps on a list and on an array, with copies
/// that share chunks; the chunks are read back from their bytes at the end.
@Test(arguments: [1, 2, 3] as [UInt64])
func marksStayWithTheirElements(seed: UInt64) throws {
  var random = SplitMix64(seed: seed), model: [Element] = [], list = List.make()
  var shared: [(List, [Element])] = []
  for step in 0..<2_000 {
    let trace: Comment = "seed \(seed), step \(step)"
    let size = [0, 5, 100, 100, 300, 70_000][
      Int(random.next() % 200) == 0 ? 5 : Int(random.next() % 5)]
    var new = Element(
      bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: size),
      mark: random.next() % 3 == 0 ? 0 : UInt64(step + 1))
    if new.mark != 0 { new.rank = UInt8(random.next() % 10) }
    let index = Int(random.next() % UInt64(model.count + 1))
    switch random.next() % 18 {
    case 0..<5:
      new.bytes.withView { list.push($0, mark: new.mark, rank: new.rank, at: .head) }
      new.label = list.label(at: .head)
      model.insert(new, at: 0)
    case 5..<9:
      new.bytes.withView { list.push($0, mark: new.mark, rank: new.rank, at: .tail) }
      new.label = list.label(at: .tail)
      model.append(new)
    case 9 where !model.isEmpty:
      #expect(list.mark(at: .head) == model.removeFirst().mark, trace)
      list.remove(at: .head)
    case 10 where !model.isEmpty:
      #expect(list.mark(at: .tail) == model.removeLast().mark, trace)
      list.remove(at: .tail)
    case 11:
      new.label = new.bytes.withView {
        list.insert($0, mark: new.mark, rank: new.rank, at: index)
      }
      model.insert(new, at: index)
    case 12 where index < model.count:
      list.remove(at: index)
      model.remove(at: index)
    case 13 where index < model.count:
      new.bytes.withView { list.set($0, at: index) }
      model[index] = Element(bytes: new.bytes, mark: 0)
    case 14 where index < model.count && model[index].mark != 0:
      let spot = try #require(list.find(model[index].mark, near: model[index].label), trace)
      #expect(spot.index == index, trace)
      #expect(spot.bytes.array == model[index].bytes, trace)
      #expect(list.find(1 << 60, near: model[index].label) == nil, trace)
      if random.next() % 2 == 0 {
        list.remove(spot)
        model.remove(at: index)
      } else {
        model[index].bytes = new.bytes
        model[index].label = new.bytes.withView {
          list.replace(spot, with: $0, mark: model[index].mark, rank: model[index].rank)
        }
      }
    case 16, 17:
      let rank = UInt8(random.next() % 11), end: List.End = step % 2 == 0 ? .head : .tail
      let counted = list.count(ofRank: rank, at: end) { mark in
        model.first { $0.mark == mark }!.rank
      }
      let ranks = end == .head ? model.map(\.rank) : model.map(\.rank).reversed()
      #expect(counted == ranks.prefix { $0 >= rank }.count, trace)
    case 15 where step % 40 == 0:
      let copy = list.copied()
      shared.append((list, model))
      list = copy
    default: break
    }
    list.checkInvariants()
    guard step % 100 == 0 else { continue }
    #expect(contents(list) == model, trace)
  }
  for (old, elements) in shared {
    #expect(contents(old) == elements, "seed \(seed)")
    old.release()
  }
  let same = Element(bytes: [0x61], mark: 0)
  var ended: [UInt64] = []
  for mark in 1...200 as ClosedRange<UInt64> {
    same.bytes.withView { list.push($0, mark: mark % 2 == 0 ? 5_000 + mark : 0, at: .tail) }
  }
  let removed = same.bytes.withView {
    list.removeAll(equalTo: $0, limit: .max) { ended.append($0) }
  }
  #expect(removed == 200)
  #expect(ended == (1...200).filter { $0 % 2 == 0 }.map { 5_000 + $0 })
  let whole = contents(list), again = List.make()
  var chunks = ListChunks(list)
  while let chunk = chunks.next() {
    let read = try #require(
      ListChunk.make(count: chunk.count, elementSize: chunk.elementSize, payload: chunk.payload))
    again.append(read)
    chunk.release()
  }
  #expect(contents(again) == whole)
  again.release()
}

/// Goal: an element is found by the label of its chunk wherever it is, also after its chunk was split.
/// Method: a long list with inserts at random places, and the chunks that searches read.
@Test func marksAreFoundWithoutAWalk() throws {
  let body = [UInt8](repeating: 0x78, count: 100), list = List.make()
  var random = SplitMix64(seed: 5), labels: [UInt64: Int64] = [:], mark: UInt64 = 0
  for step in 0..<60_000 {
    mark += 1
    labels[mark] = body.withView { body in
      if step % 3 == 0 {
        list.push(body, at: .head)  // Elements without a mark are nothing in the way.
        return list.insert(body, mark: mark, at: Int(random.next() % UInt64(list.count)))
      }
      list.push(body, mark: mark, at: .head)
      return list.label(at: .head)
    }
  }
  list.checkInvariants()
  var chunksRead = 0
  let marks = labels.keys.sorted()
  for _ in 0..<marks.count {
    let mark = marks[Int(random.next() % UInt64(marks.count))]
    guard let label = labels[mark] else { continue }
    let spot = try #require(list.find(mark, near: label))
    chunksRead += spot.chunksRead
    if !spot.isWhereNoted {
      spot.chunk.forEachMark { labels[$0] = spot.chunk.label }
    }
    list.remove(spot)
    labels[mark] = nil
  }
  list.checkInvariants()
  // A chunk or two for each.
  #expect(chunksRead < 2 * marks.count)
  list.release()
}

/// Goal: what a split has moved is found next to where it was, however many chunks are before it. Method: a
/// chunk in the middle of a long list is split, and all that was in it is looked for.
@Test func whatASplitHasMovedIsNextToWhereItWas() throws {
  let body = [UInt8](repeating: 0x78, count: 100), list = List.make()
  var labels: [UInt64: Int64] = [:]
  for mark in 1...60_000 as ClosedRange<UInt64> {
    body.withView { list.push($0, mark: mark, at: .tail) }
    labels[mark] = list.label(at: .tail)
  }
  let middle = try #require(labels[30_000])
  let moved = labels.filter { $0.value == middle }.keys.sorted()
  #expect(moved.count > 100)
  for number in 0..<20 { body.withView { _ = list.insert($0, at: 30_000 + number) } }
  for mark in moved {
    let spot = try #require(list.find(mark, near: middle))
    #expect(spot.chunksRead <= 3)
  }
  list.checkInvariants()
  list.release()
}

/// Goal: a place behind many elements of a high rank is found without looking at each, and what is
/// inserted there again and again fills its chunks. Method: count looks, and bytes.
@Test(arguments: [List.End.head, .tail])
func aRankIsFoundWithoutAWalk(end: List.End) {
  let body = [UInt8](repeating: 0x78, count: 100), list = List.make()
  let other: List.End = end == .head ? .tail : .head
  var looks = 0, mark: UInt64 = 0, ranks: [UInt64: UInt8] = [:]
  for rank in [9, 0] as [UInt8] {
    for _ in 0..<20_000 {
      mark += 1
      ranks[mark] = rank
      body.withView { list.push($0, mark: mark, rank: rank, at: other) }
    }
  }
  for step in 1...20_000 {
    let passed = list.count(ofRank: 5, at: end) {
      looks += 1
      return ranks[$0] ?? 0
    }
    #expect(passed == 20_000 + step - 1)
    mark += 1
    ranks[mark] = 5
    body.withView {
      _ = list.insert($0, mark: mark, rank: 5, at: end == .head ? passed : list.count - passed)
    }
  }
  // Fewer than a chunk has elements, for each search.
  #expect(looks < 20_000 * 140)
  list.checkInvariants()
  #expect(list.memoryUsage < 2 * 60_000 * (100 + 11))
  list.release()
}

/// Goal: what is removed in the middle gives its memory back. Method: leave one element of 200.
@Test func sparseChunksGiveMemoryBack() throws {
  let body = [UInt8](repeating: 0x78, count: 100), list = List.make()
  for _ in 0..<100_000 { body.withView { list.push($0, at: .tail) } }
  for index in 0..<500 {
    for _ in 0..<199 { list.remove(at: index) }
  }
  #expect(list.count == 500)
  list.checkInvariants()
  #expect(list.memoryUsage < 300_000)
  list.release()
}
