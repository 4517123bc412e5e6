// ListSpine.swift: the chunks of a list between its first and its last, in order.
//
// Two levels: an array of nodes, each with up to 128 chunks, both open at either end. A list of ten
// million KiB-sized elements has some 5,000 nodes, so that even the copy of the upper level, which
// the first write after a snapshot makes, takes microseconds.

import RESP

/// Up to 128 chunks in a row.
///
///     offset  size  field
///          0     4  owners
///          4     1  start     slots start ..< start + count are in use
///          5     1  count
///          6     1  lowest    no element of its chunks has a lower rank
///          7     1  (free)
///          8     8  elements  in all its chunks
///         16     …  128 slots
@safe
struct SpineNode: Block {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }
  static var slots: Int { 128 }

  static func make(start: Int) -> SpineNode {
    let node = SpineNode.allocate(size: 16 + slots * 8)
    node.start = start
    node.count = 0
    node.store(UInt8.max, at: 6)
    node.elements = 0
    return node
  }

  var start: Int {
    get { Int(load(4, as: UInt8.self)) }
    nonmutating set { store(UInt8(newValue), at: 4) }
  }
  var count: Int {
    get { Int(load(5, as: UInt8.self)) }
    nonmutating set { store(UInt8(newValue), at: 5) }
  }
  var lowestRank: UInt8 { load(6) }
  var elements: Int {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }

  /// Takes in that a chunk has an element of `rank`.
  func note(_ rank: UInt8) { if rank < lowestRank { store(rank, at: 6) } }

  subscript(index: Int) -> ListChunk {
    get {
      unsafe ListChunk(address: load(16 + (start + index) * 8, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set { unsafe store(newValue.address, at: 16 + (start + index) * 8) }
  }

  func releaseChildren() {
    for index in 0..<count { self[index].release() }
  }

  func copied() -> SpineNode {
    let copy = SpineNode.make(start: start)
    copy.count = count
    copy.store(lowestRank, at: 6)
    copy.elements = elements
    copy.write(view(at: 16, size: Self.slots * 8), at: 16)
    for index in 0..<count { self[index].retain() }
    return copy
  }

  /// Inserts before the chunk number `index`; there must be a free slot.
  func insert(_ chunk: ListChunk, at index: Int) {
    assert(!isShared)
    precondition(count < Self.slots)
    if start > 0, index * 2 < count || start + count == Self.slots {
      move(from: 16 + start * 8, to: 16 + (start - 1) * 8, size: index * 8)
      start -= 1
    } else {
      let place = 16 + (start + index) * 8
      move(from: place, to: place + 8, size: (count - index) * 8)
    }
    count += 1
    self[index] = chunk
    note(chunk.lowestRank)
    elements += chunk.count
  }

  func remove(at index: Int) -> ListChunk {
    assert(!isShared)
    let chunk = self[index]
    if index * 2 < count {
      move(from: 16 + start * 8, to: 16 + (start + 1) * 8, size: index * 8)
      start += 1
    } else {
      let place = 16 + (start + index) * 8
      move(from: place + 8, to: place, size: (count - index - 1) * 8)
    }
    count -= 1
    elements -= chunk.count
    return chunk
  }
}

/// The upper level: nodes in a row.
///
///     offset  size  field
///          0     4  owners
///          4     4  (free)
///          8     4  start     slots start ..< start + count are in use
///         12     4  count     nodes
///         16     4  capacity
///         24     8  elements  in all its nodes
///         32     …  slots
@safe
struct ListSpine: Block {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static func make(capacity: Int) -> ListSpine {
    let spine = ListSpine.allocate(size: 32 + capacity * 8)
    spine.store(UInt32(capacity), at: 16)
    spine.start = capacity / 2
    spine.count = 0
    spine.elements = 0
    return spine
  }

  var capacity: Int { Int(load(16, as: UInt32.self)) }
  var start: Int {
    get { Int(load(8, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 8) }
  }
  var count: Int {
    get { Int(load(12, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 12) }
  }
  var elements: Int {
    get { load(24) }
    nonmutating set { store(newValue, at: 24) }
  }

  subscript(index: Int) -> SpineNode {
    get {
      unsafe SpineNode(address: load(32 + (start + index) * 8, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set { unsafe store(newValue.address, at: 32 + (start + index) * 8) }
  }

  func releaseChildren() {
    for index in 0..<count { self[index].release() }
  }

  /// The same nodes with room for `capacity`; ownership of the nodes is not changed.
  private func moved(capacity: Int) -> ListSpine {
    let copy = ListSpine.make(capacity: capacity)
    copy.start = (capacity - count) / 2
    copy.count = count
    copy.elements = elements
    copy.write(view(at: 32 + start * 8, size: count * 8), at: 32 + copy.start * 8)
    return copy
  }

  func copied() -> ListSpine {
    for index in 0..<count { self[index].retain() }
    return moved(capacity: capacity)
  }

  /// The node number `index`, not shared: a copy takes its place if it was.
  func unshared(_ index: Int) -> SpineNode {
    let node = self[index]
    guard node.isShared else { return node }
    let copy = node.copied()
    self[index] = copy
    node.release()
    return copy
  }

  /// Inserts before the node number `index`.
  ///
  /// - Returns: the spine to use from now on, which may be another block.
  private func insert(_ node: SpineNode, at index: Int) -> ListSpine {
    assert(!isShared)
    if index == 0 ? start == 0 : start + count == capacity {
      let roomy = moved(capacity: max(8, count * 2 + 2))
      free()
      return roomy.insert(node, at: index)
    }
    if index == 0 {
      start -= 1
    } else {
      let place = 32 + (start + index) * 8
      move(from: place, to: place + 8, size: (count - index) * 8)
    }
    count += 1
    self[index] = node
    return self
  }

  func removeNode(at index: Int) {
    if index == 0 {
      start += 1
    } else {
      let place = 32 + (start + index) * 8
      move(from: place + 8, to: place, size: (count - index - 1) * 8)
    }
    count -= 1
  }

  /// Inserts `chunk` in node `node` before its chunk number `slot`; node = count means a new last one.
  ///
  /// - Returns: the spine to use from now on.
  func insert(_ chunk: ListChunk, node index: Int, slot: Int) -> ListSpine {
    elements += chunk.count
    if count == 0 {
      let node = SpineNode.make(start: SpineNode.slots / 2)
      node.insert(chunk, at: 0)
      return insert(node, at: 0)
    }
    let node = unshared(index)
    guard node.count == SpineNode.slots else {
      node.insert(chunk, at: slot)
      return self
    }
    if slot == SpineNode.slots, index == count - 1 {
      let next = SpineNode.make(start: 0)
      next.insert(chunk, at: 0)
      return insert(next, at: index + 1)
    }
    if slot == 0, index == 0 {
      let next = SpineNode.make(start: SpineNode.slots - 1)
      next.insert(chunk, at: 0)
      return insert(next, at: 0)
    }
    // A full node in the middle: its second half becomes a node of its own.
    let half = SpineNode.slots / 2
    let second = SpineNode.make(start: 0)
    for _ in half..<SpineNode.slots { second.insert(node.remove(at: half), at: second.count) }
    if slot <= half { node.insert(chunk, at: slot) } else { second.insert(chunk, at: slot - half) }
    return insert(second, at: index + 1)
  }

  func append(_ chunk: ListChunk) -> ListSpine {
    count == 0
      ? insert(chunk, node: 0, slot: 0)
      : insert(chunk, node: count - 1, slot: self[count - 1].count)
  }

  func prepend(_ chunk: ListChunk) -> ListSpine { insert(chunk, node: 0, slot: 0) }

  /// Takes the chunk at `slot` of node `node` out and hands over its ownership.
  func remove(node index: Int, slot: Int) -> ListChunk {
    assert(!isShared)
    let node = unshared(index)
    let chunk = node.remove(at: slot)
    elements -= chunk.count
    if node.count == 0 {
      removeNode(at: index)
      node.release()
    }
    return chunk
  }

  func checkInvariants() {
    var total = 0
    for index in 0..<count {
      let node = self[index]
      precondition(node.count > 0 && node.start + node.count <= SpineNode.slots)
      var inNode = 0
      for slot in 0..<node.count {
        node[slot].checkInvariants()
        precondition(node[slot].count > 0 && node[slot].lowestRank >= node.lowestRank)
        inNode += node[slot].count
      }
      precondition(inNode == node.elements)
      total += inNode
    }
    precondition(total == elements)
  }
}
