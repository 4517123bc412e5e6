// ScoreLeaf.swift: up to 64 items in a row, the lowest level of a ScoreTree.
//
// Scores lie side by side beside the items, so a search by score reads a few lines of memory and no
// item; only between equal scores are members compared. Capacity grows by steps, for memory's sake.

import RESP

/// A part of a ScoreTree: a leaf or, from level 1 on, a node. Both begin alike:
///
///     offset  size  field
///          0     4  owners
///          4     2  count     items of a leaf, children of a node
///          6     1  capacity  items that a leaf has room for
///          7     1  level     0 for a leaf
@safe
struct ScoreTwig: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  @inline(__always) var level: Int { Int(load(7, as: UInt8.self)) }
  @inline(__always) var count: Int { Int(load(4, as: UInt16.self)) }
  @inline(__always) var leaf: ScoreLeaf { unsafe ScoreLeaf(address: address) }
  @inline(__always) var node: ScoreNode { unsafe ScoreNode(address: address) }

  /// Items in it and below.
  var total: Int { level == 0 ? count : node.total }
  /// The first item in it or below, which it must have.
  var first: (score: Double, item: SortedItem) {
    level == 0 ? (leaf.score(0), leaf[0]) : node.first(0)
  }

  func releaseChildren() {
    if level == 0 { leaf.releaseChildren() } else { node.releaseChildren() }
  }

  func copied() -> ScoreTwig {
    level == 0 ? leaf.copied(capacity: leaf.capacity).twig : node.copied().twig
  }
}

/// `capacity` scores from offset 8, then as many items.
@safe
struct ScoreLeaf: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var countMax: Int { 64 }
  private static var capacityStep: Int { 16 }
  private static var headerSize: Int { 8 }

  /// An empty leaf with room for `count` items at least.
  static func make(room count: Int) -> ScoreLeaf {
    precondition(count <= countMax)
    let capacity = (count + capacityStep - 1) / capacityStep * capacityStep
    let leaf = ScoreLeaf.allocate(size: headerSize + capacity * 16)
    leaf.store(UInt32(capacity) << 16, at: 4)
    return leaf
  }

  @inline(__always) var count: Int {
    get { Int(load(4, as: UInt16.self)) }
    nonmutating set { store(UInt16(truncatingIfNeeded: newValue), at: 4) }
  }
  @inline(__always) var capacity: Int { Int(load(6, as: UInt8.self)) }
  var twig: ScoreTwig { unsafe ScoreTwig(address: address) }
  @inline(__always) private var itemsOffset: Int { Self.headerSize + capacity * 8 }

  @inline(__always)
  func score(_ index: Int) -> Double { load(Self.headerSize + index * 8) }

  @inline(__always)
  subscript(index: Int) -> SortedItem {
    unsafe SortedItem(address: load(itemsOffset + index * 8, as: UnsafeMutableRawPointer.self))
  }

  /// How many items `isBefore` holds for; it must hold for these alone, the first of the leaf.
  @inline(__always)
  func partition(_ isBefore: (Double, SortedItem) -> Bool) -> Int {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(score(middle), self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Writing, on leaves that are not shared

  /// Takes over `item` before the one at `index`; there must be room.
  func insert(_ item: SortedItem, _ score: Double, at index: Int) {
    assert(!isShared)
    let count = count
    precondition(count < capacity && index <= count)
    let place = Self.headerSize + index * 8, itemPlace = itemsOffset + index * 8
    if index < count {
      move(from: place, to: place + 8, size: (count - index) * 8)
      move(from: itemPlace, to: itemPlace + 8, size: (count - index) * 8)
    }
    store(score, at: place)
    unsafe store(item.address, at: itemPlace)
    self.count = count + 1
  }

  /// Takes out the items in `range`, whose ownership becomes the caller's.
  func remove(_ range: Range<Int>) {
    assert(!isShared)
    let behind = count - range.upperBound
    precondition(behind >= 0)
    let from = range.upperBound * 8, to = range.lowerBound * 8, items = itemsOffset
    move(from: Self.headerSize + from, to: Self.headerSize + to, size: behind * 8)
    move(from: items + from, to: items + to, size: behind * 8)
    count -= range.count
  }

  /// Copies the items in `range` of `other` behind the last; ownership is not changed.
  func append(_ other: ScoreLeaf, _ range: Range<Int>) {
    let count = count
    precondition(count + range.count <= capacity && range.upperBound <= other.count)
    let from = Self.headerSize + range.lowerBound * 8, size = range.count * 8
    write(other.view(at: from, size: size), at: Self.headerSize + count * 8)
    write(
      other.view(at: other.itemsOffset + range.lowerBound * 8, size: size),
      at: itemsOffset + count * 8)
    self.count = count + range.count
  }

  /// The same items in a leaf with more room; this one is gone.
  func grown() -> ScoreLeaf {
    let grown = ScoreLeaf.make(room: count + 1)
    grown.append(self, 0..<count)
    free()
    return grown
  }

  // MARK: Ownership

  func releaseChildren() {
    for index in 0..<count { self[index].release() }
  }

  func copied(capacity: Int) -> ScoreLeaf {
    let copy = ScoreLeaf.make(room: capacity)
    copy.append(self, 0..<count)
    for index in 0..<count { self[index].retain() }
    return copy
  }
}
