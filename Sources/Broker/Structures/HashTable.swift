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

/// A slot's content: a leaf, or a node, whose address then has its width and a one in its lowest bits.
///
/// So a walk reads one word of each node on its way and not its header: with a hundred thousand keys
/// each word not read is a cache miss saved. Leaves and nodes begin alike:
///
///     offset  size  field
///          0     4  owners
///          4     1  bits      of hash that a node resolves, 2, 4, 6 or 8; 0 for a leaf
///          5     1  depth     bits of hash shared by all below; of a node a multiple of 8
///          6     1  count     items (leaf)
///          7     1  capacity  slots (leaf)
@safe
private struct Twig {
  fileprivate let tagged: UnsafeMutableRawPointer

  @inline(__always)
  init(tagged: UnsafeMutableRawPointer) { unsafe self.tagged = tagged }

  @inline(__always) private var tag: UInt { unsafe UInt(bitPattern: tagged) & 15 }
  @inline(__always) var isNode: Bool { tag & 1 == 1 }
  /// Bits of hash that the node resolves.
  @inline(__always) var bits: UInt64 { UInt64(tag & 14) }
  @inline(__always) var address: UnsafeMutableRawPointer { unsafe tagged - Int(tag) }
  var depth: Int { unsafe Int(address.load(fromByteOffset: 5, as: UInt8.self)) }

  /// What the node has for a hash, of which the bits that are resolved already are shifted out.
  @inline(__always)
  func child(of rest: UInt64) -> Twig {
    let slot = Int(truncatingIfNeeded: rest &>> (64 &- bits))
    return unsafe Twig(
      tagged: address.load(fromByteOffset: 8 + slot * 8, as: UnsafeMutableRawPointer.self))
  }
}

/// 2^`bits` slots from offset 8.
@safe
private struct TableNode<Item: HashItem>: Block {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var bitsMin: Int { 2 }
  static var bitsMax: Int { 8 }

  static func make(depth: Int, bits: Int) -> TableNode {
    let node = TableNode.allocate(size: 8 + 8 << bits)
    node.store(UInt8(bits), at: 4)
    node.store(UInt8(depth), at: 5)
    return node
  }

  var bits: Int { Int(load(4, as: UInt8.self)) }
  var depth: Int { Int(load(5, as: UInt8.self)) }
  var slots: Range<Int> { 0..<1 << bits }
  var twig: Twig { unsafe Twig(tagged: address + (bits | 1)) }

  @inline(__always)
  subscript(slot: Int) -> Twig {
    get { unsafe Twig(tagged: load(8 + slot * 8, as: UnsafeMutableRawPointer.self)) }
    nonmutating set { unsafe store(newValue.tagged, at: 8 + slot * 8) }
  }

  @inline(__always)
  func slot(of hash: UInt64) -> Int {
    Int(truncatingIfNeeded: (hash << UInt64(depth)) >> UInt64(64 - bits))
  }

  /// How many slots `twig` fills.
  func run(of twig: Twig) -> Int { twig.isNode ? 1 : 1 << (bits - (twig.depth - depth)) }

  /// Puts `twig` in the `count` slots from `first`.
  func fill(_ first: Int, _ count: Int, with twig: Twig) {
    for slot in first..<first + count { self[slot] = twig }
  }

  func forEachChild(_ body: (Twig) -> Void) {
    var slot = 0
    while slot < slots.upperBound {
      let twig = self[slot]
      slot += run(of: twig)
      body(twig)
    }
  }

  func releaseChildren() {
    forEachChild { twig in HashTable<Item>.release(twig) }
  }

  func copied() -> TableNode {
    let copy = TableNode.make(depth: depth, bits: bits)
    copy.write(view(at: 8, size: 8 << bits), at: 8)
    forEachChild { twig in HashTable<Item>.retain(twig) }
    return copy
  }

  /// A narrow node with nothing but `leaf`, of whose depth it is.
  static func over(_ leaf: TableLeaf<Item>) -> TableNode {
    let node = make(depth: leaf.depth, bits: bitsMin)
    node.fill(0, 1 << bitsMin, with: leaf.twig)
    return node
  }

  /// The same leaves in a node of four times as many slots; ownership is not changed.
  func widened() -> TableNode {
    let wide = TableNode.make(depth: depth, bits: bits + 2)
    for slot in slots { wide.fill(slot * 4, 4, with: self[slot]) }
    return wide
  }
}

/// 32 tags from offset 8 (the low byte of each item's hash), then `capacity` items.
@safe
private struct TableLeaf<Item: HashItem>: Block {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var countMax: Int { 32 }
  private static var itemsOffset: Int { 40 }

  static func make(depth: Int, capacity: Int) -> TableLeaf {
    let leaf = TableLeaf.allocate(size: itemsOffset + capacity * 8)
    leaf.store(UInt32(depth) << 8 | UInt32(capacity) << 24, at: 4)
    return leaf
  }

  @inline(__always) var depth: Int { Int(load(5, as: UInt8.self)) }
  @inline(__always) var count: Int {
    get { Int(load(6, as: UInt8.self)) }
    nonmutating set { store(UInt8(truncatingIfNeeded: newValue), at: 6) }
  }
  var capacity: Int { Int(load(7, as: UInt8.self)) }
  var twig: Twig { unsafe Twig(tagged: address) }

  @inline(__always)
  subscript(index: Int) -> Item {
    get {
      unsafe Item(address: load(Self.itemsOffset + index * 8, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set { unsafe store(newValue.address, at: Self.itemsOffset + index * 8) }
  }

  /// Where `key` is, or -1. Tags are compared eight at a time.
  @inline(__always)
  func index(of key: ByteView, hash: UInt64) -> Int {
    let count = count
    let pattern = (hash & 0xFF) &* 0x0101_0101_0101_0101
    var first = 0
    while first < count {
      let difference = load(8 + first, as: UInt64.self) ^ pattern
      // Each zero byte of `difference` sets its top bit; a false hit above a true one is harmless.
      var hits = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
      while hits != 0 {
        let index = first + hits.trailingZeroBitCount >> 3
        if index < count, self[index].key == key { return index }
        hits &= hits &- 1
      }
      first += 8
    }
    return -1
  }

  func append(_ item: Item, hash: UInt64) {
    let index = count
    assert(index < capacity)
    self[index] = item
    store(UInt8(truncatingIfNeeded: hash), at: 8 + index)
    count = index + 1
  }

  /// Takes out the item at `index`; the last one takes its place.
  func remove(at index: Int) {
    let last = count - 1
    if index != last {
      self[index] = self[last]
      store(load(8 + last, as: UInt8.self), at: 8 + index)
    }
    count = last
  }

  func releaseChildren() {
    for index in 0..<count { self[index].release() }
  }

  /// The same items in a leaf of another capacity or depth; ownership is not changed.
  func moved(capacity: Int, depth: Int) -> TableLeaf {
    assert(capacity >= count)
    let leaf = TableLeaf.make(depth: depth, capacity: capacity)
    leaf.write(view(at: 8, size: 32), at: 8)
    leaf.write(view(at: Self.itemsOffset, size: count * 8), at: Self.itemsOffset)
    leaf.count = count
    return leaf
  }
}

/// A table of items by key, each key once.
struct HashTable<Item: HashItem>: ~Copyable {
  private typealias Node = TableNode<Item>
  private typealias Leaf = TableLeaf<Item>

  private var root: Twig?
  private(set) var count = 0
  let hash: KeyHash
  /// True from the first snapshot until `snapshotsEnded`: paths must be checked for sharing.
  private var mayBeShared = false

  init(hash: KeyHash) { self.hash = hash }

  deinit { if let root { Self.release(root) } }

  fileprivate static func release(_ twig: Twig) {
    if twig.isNode {
      unsafe Node(address: twig.address).release()
    } else {
      unsafe Leaf(address: twig.address).release()
    }
  }

  fileprivate static func retain(_ twig: Twig) {
    unsafe Leaf(address: twig.address).retain()  // The count lies at the same place in both.
  }

  private static func isShared(_ twig: Twig) -> Bool { unsafe Leaf(address: twig.address).isShared }

  @inline(__always)
  private func leaf(_ hash: UInt64) -> Leaf? { Self.leaf(of: root, hash) }

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

/// What was in a table that has been emptied, to be freed leaf by leaf.
///
/// Parts that a snapshot shares are let go as they are: the snapshot frees them.
struct BuriedTable<Item: HashItem>: Buried {
  private var twigs: [Twig]

  fileprivate init(_ root: Twig?) { twigs = root.map { [$0] } ?? [] }

  var isEmpty: Bool { twigs.isEmpty }

  mutating func freeSome(_ limit: Int, _ graveyard: inout Graveyard) -> Int {
    var left = limit
    while left > 0, let twig = twigs.popLast() {
      let node = unsafe TableNode<Item>(address: twig.address)
      let leaf = unsafe TableLeaf<Item>(address: twig.address)
      left -= 1
      if twig.isNode {
        guard !node.isShared else {
          node.release()
          continue
        }
        node.forEachChild { twigs.append($0) }
        node.free()
      } else {
        guard !leaf.isShared else {
          leaf.release()
          continue
        }
        left -= leaf.count
        for index in 0..<leaf.count { leaf[index].bury(in: &graveyard) }
        leaf.free()
      }
    }
    return limit - left
  }

  func freeAll() {
    for twig in twigs { HashTable<Item>.release(twig) }
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

/// The items of a snapshot, one by one in the order of their hashes.
///
/// What has been handed out is let go at once: the longer it goes on, the less there is that a writer
/// must copy. It may live on another thread than the table.
struct TableItems<Item: HashItem>: ~Copyable {
  /// What is still to come, the next one last; all of it owned.
  private var twigs: [Twig]
  private var items: [Item] = []
  /// How many items the table had.
  let total: Int

  fileprivate init(_ root: Twig?, count: Int) {
    twigs = root.map { [$0] } ?? []
    total = count
  }

  deinit {
    for twig in twigs { HashTable<Item>.release(twig) }
    for item in items { item.release() }
  }

  /// The next item, which the caller owns.
  mutating func next() -> Item? {
    while true {
      if let item = items.popLast() { return item }
      guard let twig = twigs.popLast() else { return nil }
      if twig.isNode {
        let node = unsafe TableNode<Item>(address: twig.address)
        let first = twigs.count
        node.forEachChild { child in
          HashTable<Item>.retain(child)
          twigs.append(child)
        }
        twigs[first...].reverse()
        node.release()
      } else {
        let leaf = unsafe TableLeaf<Item>(address: twig.address)
        for index in 0..<leaf.count {
          leaf[index].retain()
          items.append(leaf[index])
        }
        leaf.release()
      }
    }
  }
}

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

// MARK: Walking

extension HashTable {
  /// Bits of the hash that a cursor keeps: clients read cursors as numbers below 2^53.
  private static var cursorBits: UInt64 { 48 }

  /// The cursor from which a scan begins with the item whose hash this is, among few others.
  static func cursor(of hash: UInt64) -> UInt64 { hash >> (64 - cursorBits) }

  /// Calls `body` with at least `atLeast` items from `cursor` on, or all that are left.
  ///
  /// - Returns: the cursor to go on with; 0 when the whole table has been walked.
  /// Guarantee: an item that is in the table from cursor 0 until 0 returns is met at least once.
  func scan(from cursor: UInt64, atLeast: Int, _ body: (Item) -> Void) -> UInt64 {
    guard let root else { return 0 }
    let shift = 64 - Self.cursorBits
    guard cursor < 1 << Self.cursorBits else { return 0 }
    var position = cursor << shift
    var met = 0
    var leaves = 0
    while true {
      var twig = root
      while twig.isNode {
        let node = unsafe Node(address: twig.address)
        twig = node[node.slot(of: position)]
      }
      let leaf = unsafe Leaf(address: twig.address)
      for index in 0..<leaf.count { body(leaf[index]) }
      met += leaf.count
      leaves += 1
      guard leaf.depth > 0 else { return 0 }
      let span = UInt64(1) << UInt64(64 - leaf.depth)
      let (next, wrapped) = (position & ~(span - 1)).addingReportingOverflow(span)
      if wrapped { return 0 }
      position = next
      let isBoundary = position & (1 << shift - 1) == 0
      if isBoundary, met >= atLeast || leaves / 10 >= atLeast { return position >> shift }
    }
  }

  /// Calls `body` with every item, in the order of their hashes.
  func forEach(_ body: (Item) -> Void) {
    guard let root else { return }
    _ = Self.walk(root) {
      body($0)
      return true
    }
  }

  /// Calls `body` with the items below `twig`, in the order of their hashes, until it returns false.
  private static func walk(_ twig: Twig, _ body: (Item) -> Bool) -> Bool {
    guard twig.isNode else {
      let leaf = unsafe Leaf(address: twig.address)
      for index in 0..<leaf.count where !body(leaf[index]) { return false }
      return true
    }
    let node = unsafe Node(address: twig.address)
    var slot = 0
    while slot < node.slots.upperBound {
      let child = node[slot]
      slot += node.run(of: child)
      guard walk(child, body) else { return false }
    }
    return true
  }

  /// Items with the least hashes, at most a leaf of them, in no order; none of an empty table.
  func firstItems() -> [Item] {
    var items: [Item] = [], position: UInt64 = 0
    while items.isEmpty, count > 0, let leaf = leaf(position) {
      for index in 0..<leaf.count { items.append(leaf[index]) }
      guard leaf.depth > 0 else { break }
      position &+= UInt64(1) << UInt64(64 - leaf.depth)  // Leaves that are empty are few.
    }
    return items
  }

  /// How many times as dense as the mean a leaf may be for its items to be as likely as others.
  private static var densityMax: Double { 4 }

  /// Some item, each as likely as the others.
  ///
  /// A random point of the hashes meets a leaf the rarer the deeper it lies, and one of its items the
  /// rarer the more there are: who lies dense is accepted as much more often.
  /// - Complexity: O(1): about four leaves are looked at.
  func randomItem(using random: inout SplitMix64) -> Item? {
    guard count > 0, let root else { return nil }
    while true {
      guard let leaf = leaf(random.next()) else { return nil }
      guard leaf.count > 0 else { continue }
      let density = Double(sign: .plus, exponent: leaf.depth, significand: Double(leaf.count))
      let chance = root.isNode ? density / (Double(count) * Self.densityMax) : 1
      guard Double(random.next() >> 11) * 0x1p-53 < chance else { continue }
      return leaf[Int(random.next() % UInt64(leaf.count))]
    }
  }

  func checkInvariants() {
    var seen = 0
    func check(_ twig: Twig, prefix: UInt64, within parent: Node?) {
      if twig.isNode {
        let node = unsafe Node(address: twig.address)
        precondition(node.depth == (parent.map { $0.depth + 8 } ?? 0))
        precondition(parent.map { $0.bits == Node.bitsMax } ?? true)
        var slot = 0
        while slot < node.slots.upperBound {
          let child = node[slot]
          let run = node.run(of: child)
          precondition(slot % run == 0)
          for other in slot..<slot + run {
            unsafe precondition(node[other].address == child.address)
          }
          check(
            child, prefix: prefix | UInt64(slot) << UInt64(64 - node.bits - node.depth),
            within: node)
          slot += run
        }
      } else {
        let leaf = unsafe Leaf(address: twig.address)
        precondition(leaf.count <= leaf.capacity && leaf.capacity <= Leaf.countMax)
        for index in 0..<leaf.count {
          let itemHash = leaf[index].hash(by: hash)
          if leaf.depth > 0 {
            let shift = UInt64(64 - leaf.depth)
            precondition(itemHash >> shift == prefix >> shift)
          }
          precondition(leaf.load(8 + index, as: UInt8.self) == UInt8(truncatingIfNeeded: itemHash))
        }
        seen += leaf.count
      }
    }
    if let root { check(root, prefix: 0, within: nil) }
    precondition(seen == count)
  }
}
