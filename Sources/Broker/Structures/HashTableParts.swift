// HashTableParts.swift: what a hash table is made of: nodes, leaves, and the words that lead to them.
//
// How they lie together, and what always holds of them, is said in HashTable.swift. Nobody but the files of
// the table (HashTable*.swift) touches them.

import RESP

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
struct Twig {
  let tagged: UnsafeMutableRawPointer

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
struct TableNode<Item: HashItem>: Block {
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
struct TableLeaf<Item: HashItem>: Block {
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

  /// Where `key` is, or -1.
  @inline(__always)
  func index(of key: ByteView, hash: UInt64) -> Int { index(hash) { $0.key == key } }

  /// Asks for the items that `index` would compare.
  @inline(__always)
  func prefetchItem(hash: UInt64) {
    _ = index(hash) { item in
      item.prefetch()
      return false
    }
  }

  /// Where the first item is that has the tag of `hash` and is meant, or -1. Tags are compared eight at a time.
  @inline(__always)
  private func index(_ hash: UInt64, where isMeant: (Item) -> Bool) -> Int {
    let count = count
    let pattern = (hash & 0xFF) &* 0x0101_0101_0101_0101
    var first = 0
    while first < count {
      let difference = load(8 + first, as: UInt64.self) ^ pattern
      // Each zero byte of `difference` sets its top bit; a false hit above a true one is harmless.
      var hits = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
      while hits != 0 {
        let index = first + hits.trailingZeroBitCount >> 3
        if index < count, isMeant(self[index]) { return index }
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
