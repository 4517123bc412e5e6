// ChunkRegionsTests.swift: memory of full chunks: nobody else's, and given back.
//
// Regions are counted for the whole process, so each test counts in a process of its own.

import RESP
import Testing

@testable import Broker

/// A full chunk of elements that say whose it is.
private func chunk(_ number: Int) -> ListChunk {
  let element = Array("chunk \(number) ".utf8) + [UInt8](repeating: 0x61, count: 300)
  let chunk = ListChunk.make(capacity: ListChunk.sizeMax, fillingFrom: .tail)
  unsafe element.withUnsafeBytes { bytes in
    while unsafe chunk.push(ByteView(bytes), at: .tail) {}
  }
  return chunk
}

private func isWhole(_ chunk: ListChunk, _ number: Int) -> Bool {
  chunk.checkInvariants()
  let begin = "chunk \(number) "
  return chunk.first.text.hasPrefix(begin) && chunk.last.text.hasPrefix(begin)
}

/// Goal: chunks share no memory, and all of it comes back. Method: make and free them at random.
@Test(arguments: [1, 2, 3] as [UInt64])
func chunksLieApartAndAreAllFreed(seed: UInt64) async {
  await #expect(processExitsWith: .success) { [seed] in
    let before = MemoryAccount.used
    var random = SplitMix64(seed: seed), chunks: [(ListChunk, Int)] = []
    for step in 0..<6_000 {
      // It grows to some regions and shrinks again.
      if Int.random(in: 0..<6_000, using: &random) > step || chunks.isEmpty {
        chunks.append((chunk(step), step))
      } else {
        let (chunk, number) = chunks.remove(at: Int.random(in: chunks.indices, using: &random))
        precondition(isWhole(chunk, number), "seed \(seed), step \(step)")
        chunk.release()
      }
    }
    for (chunk, number) in chunks {
      precondition(isWhole(chunk, number), "seed \(seed)")
      chunk.release()
    }
    precondition(MemoryAccount.used == before)
    precondition(ChunkRegions.counts.all == ChunkRegions.counts.empty)
  }
}

/// Goal: of what falls empty, some is kept and the rest given back, whichever key still lives.
@Test func emptyRegionsAreGivenBackOneByOne() async {
  await #expect(processExitsWith: .success) {
    let kept = ChunkRegions.emptyCountMax
    let chunks = (0..<128 * (kept + 10)).map(chunk)
    precondition(ChunkRegions.counts == (all: kept + 10, empty: 0))
    // The last region made keeps one chunk.
    for chunk in chunks.dropLast() { chunk.release() }
    precondition(ChunkRegions.counts == (all: kept + 10, empty: kept + 9))
    var count = 0
    while ChunkRegions.hasSurplus {
      ChunkRegions.giveBackOne()
      count += 1
    }
    precondition(count == 9)
    precondition(ChunkRegions.counts == (all: kept + 1, empty: kept))
    ChunkRegions.giveBackOne()
    precondition(ChunkRegions.counts == (all: kept + 1, empty: kept))
    precondition(isWhole(chunks.last!, chunks.count - 1))
    // What was kept is used before more is asked for.
    for number in 0..<128 * kept { _ = chunk(number) }
    precondition(ChunkRegions.counts == (all: kept + 1, empty: 0))
  }
}

/// Goal: a queue that fills and drains finds its memory again; what was not needed for a while goes.
@Test func emptyRegionsThatNobodyNeedsAreGivenBack() async {
  await #expect(processExitsWith: .success) {
    let kept = ChunkRegions.keptCountMax, age = ChunkRegions.unusedAge
    func fill(_ count: Int) -> [ListChunk] { (0..<128 * count).map(chunk) }
    func drain(_ chunks: [ListChunk]) { for chunk in chunks { chunk.release() } }
    func giveBack() {
      while ChunkRegions.hasSurplus { ChunkRegions.giveBackOne() }
    }
    var now: Int64 = 1_000_000
    ChunkRegions.review(at: now)
    // Filled and drained within the age, again and again: nothing goes.
    for _ in 0..<5 {
      drain(fill(kept + 40))
      now += age
      ChunkRegions.review(at: now)
      precondition(!ChunkRegions.hasSurplus)
      precondition(ChunkRegions.counts == (all: kept + 40, empty: kept + 40))
    }
    // Less is needed: what the smaller queue leaves goes, but for what is always kept.
    drain(fill(10))
    now += age
    ChunkRegions.review(at: now)
    giveBack()
    precondition(ChunkRegions.counts == (all: kept + 10, empty: kept + 10))
    // What falls empty meanwhile is as new.
    drain(fill(kept + 30))
    ChunkRegions.review(at: now + age - 1)  // Too early.
    precondition(!ChunkRegions.hasSurplus)
    // Nothing is needed: in twice the age all goes but what is always kept.
    now += age
    ChunkRegions.review(at: now)
    now += age
    ChunkRegions.review(at: now)
    giveBack()
    precondition(ChunkRegions.counts == (all: kept, empty: kept))
    now += age
    ChunkRegions.review(at: now)
    precondition(!ChunkRegions.hasSurplus)
  }
}
