// HashTable.swift: keys to items, grown leaf by leaf, copied by path.
//
// Extendible hashing (Fagin et al. 1979) by the *top* bits of the hash, in nodes of up to 256 slots:
//
//     root ─▶ node (8 bits) ─▶ node (2 to 8 more) ─▶ leaf: up to 32 items that share `depth` top bits
//
// A leaf of fewer bits than its node resolves fills a run of slots. A full leaf splits in two, an
// almost empty one merges with its buddy; a node begins with 4 slots and is made four times as wide
// when they do not tell its leaves apart any more: no step ever touches more than two nodes and two
// leaves, so growth needs no rehash, and nodes never take more than some two bytes for an item. Only
// nodes of 256 slots have nodes below them. Leaves lie in the order of the hash, and a scan's cursor is a hash: what
// is there throughout a scan is met however often leaves split and merge meanwhile.
// A snapshot retains the root; while one lives, a writer copies the nodes on its path.
// Nodes and leaves are in HashTableParts.swift.
// Invariants (`checkInvariants()`):
//   1. every item of a leaf has the leaf's `depth` top bits of hash, and its tag
//   2. a leaf with depth d in a node of b bits at depth n fills an aligned run of 2^(b - (d - n)) slots
//   3. a node below another one has its depth and 8
//   4. 0 < count ≤ 32 in each leaf, but for the only leaf of a node

import RESP

/// What a table stores: a block with a key.
protocol HashItem: Block {
  var key: ByteView { get }
  /// Where the item stands in the order of its table. No more than a leaf holds may stand together.
  func hash(by hash: KeyHash) -> UInt64
  /// Gives up the item, which is out of its table: what is big is freed later.
  func bury(in graveyard: inout Graveyard)
}

extension HashItem {
  @inline(__always)
  func hash(by hash: KeyHash) -> UInt64 { hash(key) }
  func bury(in graveyard: inout Graveyard) { release() }
}

/// A table of items by key, each key once.
struct HashTable<Item: HashItem>: ~Copyable {
  typealias Node = TableNode<Item>
  typealias Leaf = TableLeaf<Item>

  private(set) var root: Twig?
  private(set) var count = 0
  let hash: KeyHash
  /// True from the first snapshot until `snapshotsEnded`: paths must be checked for sharing.
  private var mayBeShared = false

  init(hash: KeyHash) { self.hash = hash }

  deinit { if let root { Self.release(root) } }

  static func release(_ twig: Twig) {
    if twig.isNode {
      unsafe Node(address: twig.address).release()
    } else {
      unsafe Leaf(address: twig.address).release()
    }
  }

  static func retain(_ twig: Twig) {
    unsafe Leaf(address: twig.address).retain()  // The count lies at the same place in both.
  }

  private static func isShared(_ twig: Twig) -> Bool { unsafe Leaf(address: twig.address).isShared }

  @inline(__always)
  func leaf(_ hash: UInt64) -> Leaf? { Self.leaf(of: root, hash) }

  @inline(__always)
  private static func leaf(of root: Twig?, _ hash: UInt64) -> Leaf? {
    guard var twig = root else { return nil }
    var rest = hash
    while twig.isNode {
      twig = twig.child(of: rest)
      rest &<<= 8
    }
    return unsafe Leaf(address: twig.address)
  }

  /// The item of `key`, to be read only.
  @inline(__always)
  func find(_ key: ByteView, hash: UInt64) -> Item? {
    guard let leaf = leaf(hash) else { return nil }
    let index = leaf.index(of: key, hash: hash)
    return index < 0 ? nil : leaf[index]
  }

  /// Asks for the leaf that `find` will look at. Nothing that `prefetch…` does can be seen but by a clock.
  @inline(__always)
  func prefetchLeaf(hash: UInt64) { leaf(hash)?.prefetch() }

  /// Asks for the item that `find` will look at, for which it reads the leaf.
  @inline(__always)
  func prefetchItem(hash: UInt64) { leaf(hash)?.prefetchItem(hash: hash) }

  /// Where an item stands, good until the table is changed.
  struct Place {
    fileprivate let leaf: TableLeaf<Item>
    fileprivate let index: Int
    var item: Item { leaf[index] }

    /// Puts `item`, which has the same key, in the place of what stood there, without releasing it.
    func replace(with item: Item) { leaf[index] = item }
  }

  /// The place of `key` for writing: nothing on the way to it is shared, the item itself may be.
  @inline(__always)
  mutating func place(of key: ByteView, hash: UInt64) -> Place? {
    if mayBeShared { unshare(hash) }
    guard let leaf = leaf(hash) else { return nil }
    let index = leaf.index(of: key, hash: hash)
    return index < 0 ? nil : Place(leaf: leaf, index: index)
  }

  /// Takes over `item`, whose key must not be in the table.
  mutating func insert(_ item: Item, hash: UInt64) {
    if mayBeShared { unshare(hash) }
    count += 1
    if root == nil { root = Leaf.make(depth: 0, capacity: 4).twig }
    while !put(item, hash: hash) {}
  }

  /// Puts `item` in its leaf, or makes a step towards one that has room.
  ///
  /// - Returns: whether it is in.
  @inline(__always)
  private mutating func put(_ item: Item, hash: UInt64) -> Bool {
    var above: Node?
    var parent: Node?
    var twig = root!
    var rest = hash
    while twig.isNode {
      above = parent
      unsafe parent = Node(address: twig.address)
      twig = twig.child(of: rest)
      rest &<<= 8
    }
    let leaf = unsafe Leaf(address: twig.address)
    if leaf.count < leaf.capacity {
      leaf.append(item, hash: hash)
      return true
    }
    guard leaf.count == Leaf.countMax else {
      let grown = leaf.moved(
        capacity: leaf.capacity < 8 ? 8 : leaf.capacity + 8, depth: leaf.depth)
      leaf.free()
      grown.append(item, hash: hash)
      replace(grown.twig, for: hash, in: parent)
      return true
    }
    makeRoom(leaf, hash: hash, in: parent, below: above)
    return false
  }

  /// Splits a full leaf, or has more bits resolved above it.
  private mutating func makeRoom(_ leaf: Leaf, hash: UInt64, in parent: Node?, below above: Node?) {
    let depth = leaf.depth
    precondition(depth < 64, "more than \(Leaf.countMax) keys of one hash")
    guard let parent, depth == parent.depth + parent.bits else {
      if let parent { return split(leaf, hash: hash, in: parent) }
      return root = Node.over(leaf).twig
    }
    guard parent.bits < Node.bitsMax else {
      return parent[parent.slot(of: hash)] = Node.over(leaf).twig
    }
    let wide = parent.widened()
    parent.free()
    replace(wide.twig, for: hash, in: above)
  }

  private func split(_ leaf: Leaf, hash: UInt64, in parent: Node) {
    let depth = leaf.depth
    let low = Leaf.make(depth: depth + 1, capacity: Leaf.countMax)
    let high = Leaf.make(depth: depth + 1, capacity: Leaf.countMax)
    let bit = UInt64(1) << UInt64(63 - depth)
    for index in 0..<leaf.count {
      let item = leaf[index]
      let itemHash = item.hash(by: self.hash)
      (itemHash & bit == 0 ? low : high).append(item, hash: itemHash)
    }
    let run = parent.run(of: leaf.twig)
    let first = parent.slot(of: hash) & ~(run - 1)
    leaf.free()
    parent.fill(first, run / 2, with: fitted(low).twig)
    parent.fill(first + run / 2, run / 2, with: fitted(high).twig)
  }

  /// Puts `twig` where the hash leads, in `parent` or at the root.
  private mutating func replace(_ twig: Twig, for hash: UInt64, in parent: Node?) {
    guard let parent else {
      root = twig
      return
    }
    let run = parent.run(of: twig)
    parent.fill(parent.slot(of: hash) & ~(run - 1), run, with: twig)
  }

  /// The leaf with no more capacity than it soon needs.
  private func fitted(_ leaf: Leaf) -> Leaf {
    let capacity = min(Leaf.countMax, max(8, (leaf.count + 8) & ~7))
    guard capacity < leaf.capacity else { return leaf }
    let smaller = leaf.moved(capacity: capacity, depth: leaf.depth)
    leaf.free()
    return smaller
  }

  /// Takes the item of `key` out and hands over its ownership.
  mutating func remove(_ key: ByteView, hash: UInt64) -> Item? {
    if mayBeShared { unshare(hash) }
    guard let leaf = leaf(hash) else { return nil }
    let index = leaf.index(of: key, hash: hash)
    guard index >= 0 else { return nil }
    let item = leaf[index]
    leaf.remove(at: index)
    count -= 1
    if leaf.count <= 8 { merge(hash) }
    return item
  }

  /// Joins the leaf of `hash` with its buddy while both together are half a leaf at most.
  private mutating func merge(_ hash: UInt64) {
    while let root {
      guard root.isNode else {
        if count == 0 {
          Self.release(root)
          self.root = nil
        }
        return
      }
      var above: Node?
      var node = unsafe Node(address: root.address)
      while node[node.slot(of: hash)].isNode {
        above = node
        node = unsafe Node(address: node[node.slot(of: hash)].address)
      }
      let slot = node.slot(of: hash)
      let leaf = unsafe Leaf(address: node[slot].address)
      if leaf.depth == node.depth {
        // The only leaf of its node: the node is not needed.
        if let above { above[above.slot(of: hash)] = leaf.twig } else { self.root = leaf.twig }
        node.free()
        continue
      }
      let run = node.run(of: leaf.twig)
      let buddySlot = (slot & ~(run - 1)) ^ run
      let buddyTwig = node[buddySlot]
      guard !buddyTwig.isNode, buddyTwig.depth == leaf.depth else { return }
      let buddy = unsafe Leaf(address: buddyTwig.address)
      guard leaf.count + buddy.count <= Leaf.countMax / 2 else { return }
      // Asked once: a snapshot may let go meanwhile.
      let buddyIsShared = mayBeShared && buddy.isShared
      if buddyIsShared {
        // Merging would take items out of a leaf that a snapshot reads.
        for index in 0..<buddy.count { buddy[index].retain() }
      }
      let merged = leaf.moved(capacity: Leaf.countMax / 2, depth: leaf.depth - 1)
      for index in 0..<buddy.count {
        merged.append(buddy[index], hash: buddy[index].hash(by: self.hash))
      }
      leaf.free()
      if buddyIsShared { buddy.release() } else { buddy.free() }
      node.fill(min(slot & ~(run - 1), buddySlot), run * 2, with: merged.twig)
    }
  }

  /// Empties the table and hands over what was in it.
  /// - Complexity: O(1).
  mutating func takeAll() -> BuriedTable<Item> {
    let buried = BuriedTable<Item>(root)
    root = nil
    count = 0
    return buried
  }
}

// MARK: In a block

extension HashTable {
  /// A table as the two words that a value keeps of it in its block; they own what is in it.
  struct Kept: BitwiseCopyable {
    fileprivate let root: UInt
    let count: Int
    /// An empty table.
    static var empty: Kept { Kept(root: 0, count: 0) }
  }

  /// The table that `kept` stands for; `keep` is to follow.
  ///
  /// Who shares a value's block shares its parts: paths are always checked for sharing.
  init(_ kept: Kept, hash: KeyHash) {
    root = Self.twig(kept)
    count = kept.count
    self.hash = hash
    mayBeShared = true
  }

  /// Ends the handling of the table without freeing anything.
  consuming func keep() -> Kept {
    let kept = Kept(root: root.map { unsafe UInt(bitPattern: $0.tagged) } ?? 0, count: count)
    discard self
    return kept
  }

  /// Makes a second owner of all that is in `kept`.
  static func retain(_ kept: Kept) {
    if let root = twig(kept) { retain(root) }
  }

  /// The item of `key` in `kept`, to be read only.
  @inline(__always)
  static func find(_ key: ByteView, hash: UInt64, in kept: Kept) -> Item? {
    guard let leaf = leaf(of: twig(kept), hash) else { return nil }
    let index = leaf.index(of: key, hash: hash)
    return index < 0 ? nil : leaf[index]
  }

  /// Calls `body` with the items in `kept`, in the order of their hashes, until it returns false.
  ///
  /// - Returns: whether it never did.
  @discardableResult
  static func walk(_ kept: Kept, _ body: (Item) -> Bool) -> Bool {
    twig(kept).map { walk($0, body) } ?? true
  }

  /// What is in `kept`, of which one ownership is taken over, to be freed leaf by leaf.
  static func bury(_ kept: Kept) -> BuriedTable<Item> { BuriedTable(twig(kept)) }

  /// The items in `kept` one by one, on any thread; one ownership is taken over.
  static func items(of kept: Kept) -> TableItems<Item> { TableItems(twig(kept), count: kept.count) }

  @inline(__always)
  private static func twig(_ kept: Kept) -> Twig? {
    unsafe UnsafeMutableRawPointer(bitPattern: kept.root).map { unsafe Twig(tagged: $0) }
  }

  /// Gives up one ownership of all that is in `kept`.
  static func release(_ kept: Kept) {
    if let root = twig(kept) { release(root) }
  }
}

// MARK: Snapshots

extension HashTable {
  /// The whole table as it is now, for reading on any thread.
  ///
  /// The writer calls `snapshotsEnded` once all of them are gone.
  /// - Complexity: O(1).
  mutating func snapshot() -> HashTable {
    var copy = HashTable(hash: hash)
    copy.root = root
    copy.count = count
    if let root { Self.retain(root) }
    mayBeShared = true
    return copy
  }

  mutating func snapshotsEnded() { mayBeShared = false }

  /// Ends the snapshot that this table is by handing its items out.
  consuming func takeItems() -> TableItems<Item> {
    if let root { Self.retain(root) }
    return TableItems(root, count: count)
  }

  /// Copies what is shared on the path to the leaf of `hash`.
  private mutating func unshare(_ hash: UInt64) {
    guard var twig = root else { return }
    if Self.isShared(twig) {
      let copy = Self.copy(twig)
      Self.release(twig)
      twig = copy
      root = copy
    }
    while twig.isNode {
      let node = unsafe Node(address: twig.address)
      let slot = node.slot(of: hash)
      var child = node[slot]
      if Self.isShared(child) {
        let copy = Self.copy(child)
        let run = node.run(of: child)
        node.fill(slot & ~(run - 1), run, with: copy)
        Self.release(child)
        child = copy
      }
      twig = child
    }
  }

  private static func copy(_ twig: Twig) -> Twig {
    if twig.isNode { return unsafe Node(address: twig.address).copied().twig }
    let leaf = unsafe Leaf(address: twig.address)
    for index in 0..<leaf.count { leaf[index].retain() }
    return leaf.moved(capacity: leaf.capacity, depth: leaf.depth).twig
  }
}
