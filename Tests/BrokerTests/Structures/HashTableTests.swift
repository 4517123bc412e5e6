// HashTableTests.swift: the table against a dictionary, its scan's guarantee, its snapshots.

import RESP
import Testing

@testable import Broker

/// A blob whose bytes are its key.
@safe
private struct Word: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }
  var key: ByteView { unsafe Blob(address: address).bytes }
  func releaseChildren() {}

  static func make(_ text: String) -> Word {
    var text = text
    return text.withUTF8 {
      unsafe Word(address: Blob.copying(ByteView(UnsafeRawBufferPointer($0))).address)
    }
  }
}

private func with<R>(_ text: String, _ body: (ByteView) -> R) -> R {
  let bytes = Array(text.utf8)
  return unsafe bytes.withUnsafeBytes { unsafe body(ByteView($0)) }
}

/// Goal: a table answers like a set, also beside snapshots. Method: random steps on both.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func tableAgreesWithItsModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  let hash = KeyHash(seed: seed)
  var table = HashTable<Word>(hash: hash)
  var model: Set<String> = []
  var growing = true
  for step in 0..<30_000 {
    if step % 7_000 == 0 { growing.toggle() }
    let name = "key\(random.next() % 6_000)"
    let insert = random.next() % 10 < (growing ? 7 : 3)
    let isThere = with(name) { table.find($0, hash: hash($0)) != nil }
    #expect(isThere == model.contains(name), "seed \(seed), step \(step)")
    if insert, !isThere {
      let word = Word.make(name)
      table.insert(word, hash: hash(word.key))
      model.insert(name)
    } else if !insert, isThere {
      with(name) { table.remove($0, hash: hash($0))?.release() }
      model.remove(name)
    }
    if step % 5_000 == 0 { table.checkInvariants() }
    if step % 1_000 == 999 {
      let kept = table.keep()
      #expect(kept.count == model.count)
      table = HashTable(kept, hash: hash)
    }
    if step % 9_000 == 8_999 {
      let snapshot = table.snapshot()
      let frozen = model
      for number in 0..<2_000 {
        let name = "key\(number)"
        with(name) { table.remove($0, hash: hash($0))?.release() }
        model.remove(name)
        let word = Word.make("new\(number)")
        if with("new\(number)", { table.find($0, hash: hash($0)) == nil }) {
          table.insert(word, hash: hash(word.key))
          model.insert("new\(number)")
        } else {
          word.release()
        }
      }
      snapshot.checkInvariants()
      var met: Set<String> = []
      snapshot.forEach { met.insert($0.key.text) }
      #expect(met == frozen, "seed \(seed), step \(step)")
    }
  }
  table.checkInvariants()
  var met: Set<String> = []
  table.forEach { met.insert($0.key.text) }
  #expect(met == model)
  for name in model { with(name) { table.remove($0, hash: hash($0))?.release() } }
  #expect(table.count == 0)
}

/// Goal: leaves that are joined take nothing from a snapshot. Method: empty every other leaf, by each
/// bit of the hash in turn, so that it joins a buddy which was not written to and is shared.
@Test func leavesThatJoinASharedBuddyLeaveItToTheSnapshot() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    for bit in 0..<64 as Range<UInt64> {
      let hash = KeyHash(seed: bit)
      var table = HashTable<Word>(hash: hash)
      let names = (0..<300).map { "key\($0)" }
      for name in names {
        let word = Word.make(name)
        table.insert(word, hash: hash(word.key))
      }
      do {
        let snapshot = table.snapshot()
        for name in names where with(name, { hash($0) }) >> bit & 1 == 0 {
          with(name) { table.remove($0, hash: hash($0))?.release() }
        }
        table.checkInvariants()
        snapshot.checkInvariants()
        var met: Set<String> = []
        snapshot.forEach { met.insert($0.key.text) }
        precondition(met == Set(names), "bit \(bit)")
      }
      for name in names { with(name) { table.remove($0, hash: hash($0))?.release() } }
    }
    precondition(MemoryAccount.used == before)
  }
}

/// Goal: a scan meets all that is there from its start to its end, however the table changes.
@Test(arguments: [1, 2, 3] as [UInt64])
func scanMeetsWhatStays(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  let hash = KeyHash(seed: seed)
  var table = HashTable<Word>(hash: hash)
  for number in 0..<1_000 {
    let word = Word.make("stays\(number)")
    table.insert(word, hash: hash(word.key))
  }
  for round in 0..<10 {
    var met: Set<String> = []
    var cursor: UInt64 = 0
    var extra = 0
    repeat {
      cursor = table.scan(from: cursor, atLeast: 10) { met.insert($0.key.text) }
      for _ in 0..<random.next() % 400 {
        let name = "round\(round)-\(random.next() % 5_000)"
        if let gone = with(name, { table.remove($0, hash: hash($0)) }) {
          gone.release()
        } else {
          let word = Word.make(name)
          table.insert(word, hash: hash(word.key))
        }
      }
      extra += 1
    } while cursor != 0 && extra < 5_000
    for number in 0..<1_000 {
      #expect(met.contains("stays\(number)"), "seed \(seed), round \(round)")
    }
    var names: [String] = []
    table.forEach { if $0.key.text.hasPrefix("round") { names.append($0.key.text) } }
    for name in names { with(name) { table.remove($0, hash: hash($0))?.release() } }
    table.checkInvariants()
  }
}

/// Goal: to ask for an item ahead of time changes nothing and may be done at any time. Method: any
/// hashes, in tables of all sizes, also between the steps of their growth.
@Test(arguments: [1, 2] as [UInt64])
func aTableMayBeAskedForAnyItem(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  let hash = KeyHash(seed: seed)
  var table = HashTable<Word>(hash: hash)
  for number in 0..<3_000 {
    let word = Word.make("key\(number)")
    for wanted in [random.next(), hash(word.key)] {
      table.prefetchLeaf(hash: wanted)
      table.prefetchItem(hash: wanted)
    }
    table.insert(word, hash: hash(word.key))
  }
  table.checkInvariants()
  #expect(table.count == 3_000)
  for number in 0..<3_000 {
    let name = "key\(number)"
    #expect(with(name) { table.find($0, hash: hash($0))?.key == $0 })
  }
}
