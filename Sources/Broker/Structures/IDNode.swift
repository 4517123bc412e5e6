// IDNode.swift: the nodes of a tree of ids: leaves with items, and what is above them with children.
//
// Only the tree (IDTree.swift) touches these.

/// Items side by side: of a leaf, or the children of a node above.
///
///     offset  size  field
///          0     4  owners
///          4     2  level   0 for a leaf
///          6     2  count
///          8     …  items, with room for more behind them
@safe
struct IDNode<Item: IDItem>: Block {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var countMax: Int { 64 }
  private static var stride: Int { MemoryLayout<Item>.stride }
  private static func size(_ capacity: Int) -> Int { 8 + capacity * stride }

  static func make(level: Int, capacity: Int) -> IDNode {
    let node = IDNode.allocate(size: size(capacity))
    node.store(UInt16(level), at: 4)
    node.count = 0
    return node
  }

  @inline(__always) var level: Int { Int(load(4, as: UInt16.self)) }
  @inline(__always) var count: Int {
    get { Int(load(6, as: UInt16.self)) }
    nonmutating set { store(UInt16(truncatingIfNeeded: newValue), at: 6) }
  }
  private var capacity: Int { min(Self.countMax, (usableSize - 8) / Self.stride) }

  @inline(__always)
  subscript(index: Int) -> Item {
    get { load(8 + index * Self.stride) }
    nonmutating set { store(newValue, at: 8 + index * Self.stride) }
  }

  func releaseChildren() {
    for index in 0..<count { self[index].release() }
  }

  func copied() -> IDNode {
    let copy = IDNode.make(level: level, capacity: min(Self.countMax, count + count / 4 + 1))
    copy.write(view(at: 8, size: count * Self.stride), at: 8)
    copy.count = count
    for index in 0..<count { self[index].retain() }
    return copy
  }

  /// How many items have ids below `id`.
  @inline(__always)
  func countBelow(_ id: StreamID) -> Int {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Takes over `item` at `index`; there must be less than `countMax`.
  ///
  /// - Returns: the node to use from now on, which may be another block.
  func inserting(_ item: Item, at index: Int) -> IDNode {
    assert(!isShared)
    let roomy =
      count < capacity ? self : resized(to: Self.size(min(Self.countMax, max(4, count * 2))))
    let place = 8 + index * Self.stride
    roomy.move(from: place, to: place + Self.stride, size: (roomy.count - index) * Self.stride)
    roomy.count += 1
    roomy[index] = item
    return roomy
  }

  /// Inserts into a full node by making two of it.
  ///
  /// - Returns: the second one. What comes in order leaves the first one full.
  func splitting(_ item: Item, at index: Int) -> IDNode {
    if index == count {
      return IDNode.make(level: level, capacity: 4).inserting(item, at: 0)
    }
    let half = count / 2
    let second = IDNode.make(level: level, capacity: Self.countMax)
    second.write(view(at: 8 + half * Self.stride, size: (count - half) * Self.stride), at: 8)
    second.count = count - half
    count = half
    if index <= half {
      _ = inserting(item, at: index)  // In place: the node was full, so it has the room.
      return second
    }
    return second.inserting(item, at: index - half)
  }

  func remove(at index: Int) -> Item {
    assert(!isShared)
    let item = self[index]
    let place = 8 + index * Self.stride
    move(from: place + Self.stride, to: place, size: (count - index - 1) * Self.stride)
    count -= 1
    return item
  }

  /// Takes over all items of `other`, which come behind its own; the shell of `other` is freed.
  ///
  /// - Returns: the node to use from now on.
  func joined(with other: IDNode) -> IDNode {
    let total = count + other.count
    let roomy = total <= capacity ? self : resized(to: Self.size(Self.countMax))
    roomy.write(
      other.view(at: 8, size: other.count * Self.stride), at: 8 + roomy.count * Self.stride)
    roomy.count = total
    other.free()
    return roomy
  }
}

/// A child of a node above the leaves.
@safe
struct IDChild<Item: IDItem>: IDItem {
  var id: StreamID
  var address: UInt

  init(_ id: StreamID, _ address: UnsafeMutableRawPointer) {
    self.id = id
    self.address = UInt(bitPattern: address)
  }

  private var pointer: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }
  var leaf: IDNode<Item> { unsafe IDNode<Item>(address: pointer) }
  var node: IDNode<IDChild<Item>> { unsafe IDNode<IDChild<Item>>(address: pointer) }
  var isLeaf: Bool { leaf.level == 0 }
  var isShared: Bool { leaf.isShared }
  var count: Int { leaf.count }

  func retain() { leaf.retain() }
  func release() { if isLeaf { leaf.release() } else { node.release() } }

  /// The same child, not shared with anyone: a copy takes its place if it was.
  func unshared() -> IDChild {
    guard isShared else { return self }
    let copy = unsafe IDChild(id, isLeaf ? leaf.copied().address : node.copied().address)
    release()
    return copy
  }
}
