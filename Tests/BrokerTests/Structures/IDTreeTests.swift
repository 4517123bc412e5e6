// IDTreeTests.swift: the tree of ids against a sorted array, with and without snapshots beside it.

import RESP
import Testing

@testable import Broker

/// An item that owns a block, as a chunk's does, so that a wrong count of owners shows.
private struct Owner: IDItem {
  let id: StreamID
  private let address: UInt

  init(_ id: StreamID, _ value: UInt64) {
    self.id = id
    let blob = Blob.zeroed(count: 8, capacity: 8)
    blob.store(value, at: 16)
    unsafe address = UInt(bitPattern: blob.address)
  }

  private var blob: Blob {
    unsafe Blob(address: UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped)
  }
  var value: UInt64 { blob.load(16) }
  func retain() { blob.retain() }
  func release() { blob.release() }
}

private func contents(_ tree: IDTree<Owner>) -> [StreamID: UInt64] {
  var all: [StreamID: UInt64] = [:], cursor = tree.cursor()
  while let item = cursor.next() { all[item.id] = item.value }
  return all
}

/// Goal: a tree answers like a dictionary with sorted keys. Method: random steps on both; ids in
/// order, at random and from the front, so that nodes fill, split, join and go; snapshots held.
@Test(arguments: 1...6 as ClosedRange<UInt64>)
func treeOfIDsAgreesWithItsModel(seed: UInt64) async {
  await #expect(processExitsWith: .success) { [seed] in
    let before = MemoryAccount.used
    do { try checkTree(seed: seed) } catch { fatalError("seed \(seed): \(error)") }
    precondition(MemoryAccount.used == before, "seed \(seed): memory was lost")
  }
}

private func checkTree(seed: UInt64) throws {
  struct Difference: Error { let step: Int }
  var random = SplitMix64(seed: seed), tree = IDTree<Owner>(), model: [StreamID: UInt64] = [:]
  var snapshots: [(IDTree<Owner>, [StreamID: UInt64])] = []
  let range = [50, 3000, 100_000][Int(seed % 3)] as UInt64
  var top: UInt64 = 0
  for step in 0..<12_000 {
    let isGrowing = step % 6000 < 4000
    var id = StreamID(random.next() % range, random.next() % 2)
    switch random.next() % 20 {
    case 0..<6 where isGrowing:
      top += 1
      id = StreamID(range + top, 0)
      fallthrough
    case 6..<12 where isGrowing:
      guard model[id] == nil else { continue }
      tree.insert(Owner(id, random.next() >> 1))
      model[id] = tree.find(id)?.value
    case 12..<15, 0..<12:
      let removed = tree.remove(id)
      guard removed?.value == model.removeValue(forKey: id) else { throw Difference(step: step) }
      removed?.release()
    case 15:
      guard let first = tree.first else { continue }
      guard first.id == model.keys.min() else { throw Difference(step: step) }
      tree.remove(first.id)?.release()
      model[first.id] = nil
    case 16:
      let value = random.next()
      let isThere = tree.change(id) {
        $0.release()
        $0 = Owner(id, value)
      }
      guard isThere == (model[id] != nil) else { throw Difference(step: step) }
      if isThere { model[id] = value }
    case 17 where random.next() % 40 == 0:
      tree.retain()
      snapshots.append((tree, model))
    default:
      guard tree.item(from: id)?.id == model.keys.filter({ $0 >= id }).min(),
        tree.item(upTo: id)?.id == model.keys.filter({ $0 <= id }).max()
      else { throw Difference(step: step) }
    }
    guard tree.count == model.count else { throw Difference(step: step) }
    if step % 100 == 0 {
      tree.checkInvariants()
      guard contents(tree) == model else { throw Difference(step: step) }
      if snapshots.count > 3 {
        let (old, expected) = snapshots.removeFirst()
        old.checkInvariants()
        guard contents(old) == expected else { throw Difference(step: step) }
        old.release()
      }
    }
  }
  for (old, expected) in snapshots {
    guard contents(old) == expected else { throw Difference(step: -1) }
    old.release()
  }
  var graveyard = Graveyard()
  graveyard.bury(tree.buried())
  while !graveyard.isEmpty { graveyard.freeSome(10) }
}

@Test func itemsThatComeInOrderFillTheNodes() {
  var tree = IDTree<OwnedEntry>()
  for number in 0..<100_000 as Range<UInt64> { tree.insert(OwnedEntry(id: StreamID(number, 0))) }
  tree.checkInvariants()
  let before = MemoryAccount.used
  tree.release()
  #expect(before - MemoryAccount.used < 100_000 * 18)
}
