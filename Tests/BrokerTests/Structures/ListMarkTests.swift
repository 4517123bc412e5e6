// ListMarkTests.swift: elements with marks, which whoever reads bytes does not see.

import RESP
import Testing

@testable import Broker

private struct Element: Equatable {
  var bytes: [UInt8]
  var mark: UInt64
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
    let new = Element(
      bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: size),
      mark: random.next() % 3 == 0 ? 0 : UInt64(step + 1))
    let index = Int(random.next() % UInt64(model.count + 1))
    switch random.next() % 16 {
    case 0..<5:
      new.bytes.withView { list.push($0, mark: new.mark, at: .head) }
      model.insert(new, at: 0)
    case 5..<9:
      new.bytes.withView { list.push($0, mark: new.mark, at: .tail) }
      model.append(new)
    case 9 where !model.isEmpty:
      #expect(list.mark(at: .head) == model.removeFirst().mark, trace)
      list.remove(at: .head)
    case 10 where !model.isEmpty:
      #expect(list.mark(at: .tail) == model.removeLast().mark, trace)
      list.remove(at: .tail)
    case 11:
      new.bytes.withView { list.insert($0, mark: new.mark, at: index) }
      model.insert(new, at: index)
    case 12 where index < model.count:
      list.remove(at: index)
      model.remove(at: index)
    case 13 where index < model.count:
      new.bytes.withView { list.set($0, at: index) }
      model[index] = Element(bytes: new.bytes, mark: 0)
    case 14 where index < model.count && model[index].mark != 0:
      #expect(list.index(ofMark: model[index].mark) == index, trace)
      #expect(list.index(ofMark: 1 << 60) == nil, trace)
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
