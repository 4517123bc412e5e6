// ScoreIndex.swift: a sorted set of any size: a tree of items by rank, a table of them by member.
//
// Both own each item. A member that gets another score keeps its item where no snapshot sees it.

import RESP

///     offset  size  field
///          0     4  owners
///          4     4  mark     0xFFFFFFFF; a packed set has its size there, which is smaller
///          8    16  table
///         24     8  root of the tree, or 0
@safe
struct ScoreIndex: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  typealias Table = HashTable<SortedItem>
  static var mark: UInt32 { .max }

  static func make() -> ScoreIndex { make(.empty, ScoreTree()) }

  private static func make(_ table: Table.Kept, _ tree: ScoreTree) -> ScoreIndex {
    let index = ScoreIndex.allocate(size: 32)
    index.store(mark, at: 4)
    index.table = table
    index.tree = tree
    return index
  }

  @inline(__always) private var table: Table.Kept {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }
  @inline(__always) private(set) var tree: ScoreTree {
    get {
      unsafe ScoreTree(
        load(24, as: UnsafeMutableRawPointer?.self).map { unsafe .init(address: $0) })
    }
    nonmutating set { unsafe store(newValue.root?.address, at: 24) }
  }
  var count: Int { table.count }

  func releaseChildren() {
    Table.release(table)
    tree.root?.release()
  }

  func copied() -> ScoreIndex {
    Table.retain(table)
    tree.root?.retain()
    return .make(table, tree)
  }

  /// Gives up one ownership; what was owned by it alone is freed in slices.
  func bury(in graveyard: inout Graveyard) {
    guard !isShared else { return release() }
    var items = Table(table, hash: KeyHash(seed: 0))  // Nothing is looked up any more.
    graveyard.bury(items.takeAll())
    _ = items.keep()
    graveyard.bury(BuriedScores(tree))
    free()
  }

  // MARK: By member

  /// The item of `member`, to be read only.
  @inline(__always)
  func find(_ member: ByteView, _ hash: KeyHash) -> SortedItem? {
    let items = Table(table, hash: hash)
    let item = items.find(member, hash: hash(member))
    _ = items.keep()
    return item
  }

  /// Gives `member` the score that `decide` says, which is told the present one; nil: no change.
  @inline(__always)
  func put(_ member: ByteView, _ hash: KeyHash, _ decide: (Double?) -> Double?) {
    let memberHash = hash(member)
    var items = Table(table, hash: hash)
    if let place = items.place(of: member, hash: memberHash) {
      let old = place.item.score
      if let score = decide(old), score.bitPattern != old.bitPattern { move(place, to: score) }
    } else if let score = decide(nil) {
      let item = SortedItem.make(member, score)
      item.retain()
      items.insert(item, hash: memberHash)
      var tree = tree
      tree.insert(item)
      self.tree = tree
    }
    table = items.keep()
  }

  private func move(_ place: Table.Place, to score: Double) {
    let item = place.item
    var tree = tree
    tree.remove(item)
    // Both paths are unshared by now: a snapshot that sees the item owns it besides us.
    if item.isOwned(by: 2) {
      item.score = score
      tree.insert(item)
    } else {
      let moved = SortedItem.make(item.key, score)
      moved.retain()
      place.replace(with: moved)
      tree.insert(moved)
      item.release()
      item.release()
    }
    self.tree = tree
  }

  /// Drops `member`.
  ///
  /// - Returns: whether it was there.
  func remove(_ member: ByteView, _ hash: KeyHash) -> Bool {
    var items = Table(table, hash: hash)
    let found = items.remove(member, hash: hash(member))
    table = items.keep()
    guard let item = found else { return false }
    var tree = tree
    tree.remove(item)
    self.tree = tree
    item.release()
    item.release()
    return true
  }

  // MARK: By rank

  /// Drops the items of the ranks in `range`, each after it was shown to `body`.
  func remove(_ range: Range<Int>, _ hash: KeyHash, _ body: (SortedItem) -> Void) {
    var items = Table(table, hash: hash), tree = tree
    tree.remove(range) { item in
      body(item)
      _ = items.remove(item.key, hash: hash(item.key))
      item.release()
      item.release()
    }
    table = items.keep()
    self.tree = tree
  }

  // MARK: In no order

  /// Calls `body` with `atLeast` items from `cursor` on, as `HashTable.scan` has it.
  func scan(
    from cursor: UInt64, atLeast: Int, _ hash: KeyHash, _ body: (SortedItem) -> Void
  ) -> UInt64 {
    let items = Table(table, hash: hash)
    let next = items.scan(from: cursor, atLeast: atLeast, body)
    _ = items.keep()
    return next
  }

  /// Bytes that the table takes for each item: a slot and a tag, in leaves that are filled by two
  /// thirds to nine tenths.
  private static let tableSize = 14

  var memoryUsage: Int { usableSize + 8 + count * Self.tableSize + tree.memoryUsage }

  func checkInvariants(_ hash: KeyHash) {
    let items = Table(table, hash: hash)
    items.checkInvariants()
    tree.checkInvariants()
    precondition(items.count == tree.count)
    tree.forEach(in: 0..<tree.count) { item in
      guard let found = items.find(item.key, hash: hash(item.key)) else {
        preconditionFailure("an item that the table has not")
      }
      precondition(found == item)
    }
    _ = items.keep()
  }
}
