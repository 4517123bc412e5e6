// ScoreNode.swift: up to 64 children of a ScoreTree, with what a search needs to choose one.
//
// Of each child there is how many items are below it, and the first of these with its score. That
// item is not owned here: it lives as long as the leaf that owns it, which lies below.

import RESP

///     offset  size  field
///          0     8  as ScoreTwig has it
///          8   512  score of the first item, of each child
///        520   512  the first item
///       1032   512  items below
///       1544   512  children
@safe
struct ScoreNode: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var countMax: Int { 64 }
  private static var scores: Int { 8 }
  private static var items: Int { scores + countMax * 8 }
  private static var totals: Int { items + countMax * 8 }
  private static var children: Int { totals + countMax * 8 }
  private static var size: Int { children + countMax * 8 }
  /// Where each of the four columns begins.
  private static var columns: StrideThrough<Int> {
    stride(from: scores, through: children, by: countMax * 8)
  }

  static func make(level: Int) -> ScoreNode {
    let node = ScoreNode.allocate(size: size)
    node.store(UInt32(level) << 24, at: 4)
    return node
  }

  @inline(__always) private(set) var count: Int {
    get { Int(load(4, as: UInt16.self)) }
    nonmutating set { store(UInt16(truncatingIfNeeded: newValue), at: 4) }
  }
  var level: Int { Int(load(7, as: UInt8.self)) }
  var twig: ScoreTwig { unsafe ScoreTwig(address: address) }

  /// The child at `index`; who puts another one there says what else has changed.
  @inline(__always)
  subscript(index: Int) -> ScoreTwig {
    get {
      unsafe ScoreTwig(
        address: load(Self.children + index * 8, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set { unsafe store(newValue.address, at: Self.children + index * 8) }
  }

  /// How many items are below the child at `index`.
  @inline(__always)
  func total(_ index: Int) -> Int { load(Self.totals + index * 8) }

  func setTotal(_ total: Int, _ index: Int) { store(total, at: Self.totals + index * 8) }

  @inline(__always)
  func first(_ index: Int) -> (score: Double, item: SortedItem) {
    (
      load(Self.scores + index * 8),
      unsafe SortedItem(address: load(Self.items + index * 8, as: UnsafeMutableRawPointer.self))
    )
  }

  func setFirst(_ first: (score: Double, item: SortedItem), _ index: Int) {
    store(first.score, at: Self.scores + index * 8)
    unsafe store(first.item.address, at: Self.items + index * 8)
  }

  /// Items below all children before the one at `index`.
  @inline(__always)
  func total(before index: Int) -> Int {
    var sum = 0
    for child in 0..<index { sum += total(child) }
    return sum
  }

  var total: Int { total(before: count) }

  /// How many children begin with an item for which `isBefore` holds.
  @inline(__always)
  func partition(_ isBefore: (Double, SortedItem) -> Bool) -> Int {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      let first = first(middle)
      if isBefore(first.score, first.item) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The child with the item of rank `rank`, and that item's rank within it.
  @inline(__always)
  func locate(_ rank: Int) -> (index: Int, within: Int) {
    var index = 0, rest = rank
    while rest >= total(index) {
      rest -= total(index)
      index += 1
      precondition(index < count)
    }
    return (index, rest)
  }

  // MARK: Writing, on nodes that are not shared

  /// The child at `index`, not shared: a copy takes its place if it was.
  @inline(__always)
  func unsharedChild(_ index: Int) -> ScoreTwig {
    let child = self[index]
    guard child.isShared else { return child }
    let copy = child.copied()
    self[index] = copy
    child.release()
    return copy
  }

  /// Takes over `child` before the one at `index`; there must be room.
  func insert(_ child: ScoreTwig, at index: Int) {
    assert(!isShared)
    let count = count
    precondition(count < Self.countMax && index <= count)
    for column in Self.columns {
      let place = column + index * 8
      move(from: place, to: place + 8, size: (count - index) * 8)
    }
    self.count = count + 1
    self[index] = child
    setTotal(child.total, index)
    setFirst(child.first, index)
  }

  /// Takes out the children in `range`, whose ownership becomes the caller's.
  func remove(_ range: Range<Int>) {
    assert(!isShared)
    let behind = count - range.upperBound
    precondition(behind >= 0)
    for column in Self.columns {
      move(
        from: column + range.upperBound * 8, to: column + range.lowerBound * 8, size: behind * 8)
    }
    count -= range.count
  }

  /// Copies the children in `range` of `other` behind the last; ownership is not changed.
  func append(_ other: ScoreNode, _ range: Range<Int>) {
    let count = count
    precondition(count + range.count <= Self.countMax && range.upperBound <= other.count)
    for column in Self.columns {
      write(
        other.view(at: column + range.lowerBound * 8, size: range.count * 8),
        at: column + count * 8)
    }
    self.count = count + range.count
  }

  // MARK: Ownership

  func releaseChildren() {
    for index in 0..<count { self[index].release() }
  }

  func copied() -> ScoreNode {
    let copy = ScoreNode.make(level: level)
    copy.append(self, 0..<count)
    for index in 0..<count { self[index].retain() }
    return copy
  }
}
