// IDTree.swift: items in the order of their ids, copied by path.
//
// A B+-tree: leaves of up to 64 items, and nodes above them of up to 64 children, each named by an id
// that is not above any in it and above all before it. Items that come in their order fill the
// leaves. A leaf begins small and grows, so that a tree of a few items takes no more than they need.
// A snapshot retains the root; a writer copies what it finds shared on its path (Block.swift).
// Invariants (`checkInvariants()`):
//   1. ids rise from item to item; each lies at or above the id of every child on its path
//   2. no node is empty; all leaves have the same depth; a root that is no leaf has two children
//   3. count is the number of items

import RESP

/// What a tree stores. Its bytes are copied as they are.
protocol IDItem: BitwiseCopyable {
  var id: StreamID { get }
  /// Takes and gives up one ownership of what the item refers to.
  func retain()
  func release()
  /// Gives up the item, which is out of its tree: what is big is freed later.
  func bury(in graveyard: inout Graveyard)
}

extension IDItem {
  func bury(in graveyard: inout Graveyard) { release() }
}

/// A tree as the two words that its owner keeps of it; copying them changes no ownership.
struct IDTree<Item: IDItem>: BitwiseCopyable {
  private typealias Leaf = IDNode<Item>
  private typealias Child = IDChild<Item>
  private typealias Node = IDNode<IDChild<Item>>

  private var top: UInt = 0
  private(set) var count = 0

  init() {}

  var isEmpty: Bool { count == 0 }

  private var root: Child? {
    get {
      unsafe UnsafeMutableRawPointer(bitPattern: top).map { unsafe Child(.zero, $0) }
    }
    set { top = newValue?.address ?? 0 }
  }

  /// Makes a second owner of all that is in the tree, or gives up one ownership of it.
  func retain() { root?.retain() }
  func release() { root?.release() }

  // MARK: Finding

  /// Which child of `node` has `id`, if any has it.
  @inline(__always)
  private static func index(of id: StreamID, in node: Node) -> Int {
    let below = node.countBelow(id)
    if below < node.count, node[below].id == id { return below }
    return max(0, below - 1)
  }

  /// The leaf that has `id`, if any has it.
  @inline(__always)
  private func leaf(_ id: StreamID) -> Leaf? {
    guard var child = root else { return nil }
    while !child.isLeaf {
      let node = child.node
      child = node[Self.index(of: id, in: node)]
    }
    return child.leaf
  }

  /// The item of `id`.
  func find(_ id: StreamID) -> Item? {
    guard let leaf = leaf(id) else { return nil }
    let index = leaf.countBelow(id)
    return index < leaf.count && leaf[index].id == id ? leaf[index] : nil
  }

  var first: Item? { item(from: .zero) }
  var last: Item? { item(upTo: .max) }

  /// The first item whose id is `id` or above.
  func item(from id: StreamID) -> Item? {
    var cursor = cursor(from: id)
    return cursor.next()
  }

  /// The last item whose id is `id` or below.
  func item(upTo id: StreamID) -> Item? {
    func last(_ child: Child) -> Item? {
      guard !child.isLeaf else {
        let below = child.leaf.countBelow(id)
        if below < child.count, child.leaf[below].id == id { return child.leaf[below] }
        return below > 0 ? child.leaf[below - 1] : nil
      }
      let index = Self.index(of: id, in: child.node)
      // A child may have lost the items that its id was made for.
      return last(child.node[index]) ?? (index > 0 ? last(child.node[index - 1]) : nil)
    }
    return root.flatMap(last)
  }

  /// Walks over items in their order. Valid until the tree changes.
  struct Cursor {
    fileprivate let tree: IDTree
    fileprivate var leaf: IDNode<Item>?
    fileprivate var index = 0

    /// The next item; nil behind the last.
    mutating func next() -> Item? {
      while let current = leaf {
        if index < current.count {
          index += 1
          return current[index - 1]
        }
        leaf = tree.leaf(after: current)
        index = 0
      }
      return nil
    }
  }

  /// A cursor before the first item whose id is `id` or above.
  func cursor(from id: StreamID = .zero) -> Cursor {
    let leaf = leaf(id)
    return Cursor(tree: self, leaf: leaf, index: leaf?.countBelow(id) ?? 0)
  }

  private func leaf(after leaf: Leaf) -> Leaf? {
    guard var child = root else { return nil }
    let id = leaf[leaf.count - 1].id
    var next: Child?
    while !child.isLeaf {
      let node = child.node
      let index = Self.index(of: id, in: node)
      if index + 1 < node.count { next = node[index + 1] }
      child = node[index]
    }
    guard var child = next else { return nil }
    while !child.isLeaf { child = child.node[0] }
    return child.leaf
  }

  // MARK: Changing

  /// Takes over `item`, whose id must not be there.
  mutating func insert(_ item: Item) {
    count += 1
    guard let root else {
      unsafe self.root = Child(
        .zero, Leaf.make(level: 0, capacity: 1).inserting(item, at: 0).address)
      return
    }
    let (first, second) = Self.insert(item, into: root.unshared())
    guard let second else {
      self.root = first
      return
    }
    let node = Node.make(level: first.leaf.level + 1, capacity: 4)
    _ = node.inserting(first, at: 0).inserting(second, at: 1)
    unsafe self.root = Child(.zero, node.address)
  }

  /// Inserts into a child that is not shared.
  ///
  /// - Returns: the child as it is now, and a second one if it had to be split.
  private static func insert(_ item: Item, into child: Child) -> (Child, Child?) {
    guard !child.isLeaf else {
      let leaf = child.leaf
      let index = leaf.countBelow(item.id)
      assert(index == leaf.count || leaf[index].id != item.id)
      if leaf.count < Leaf.countMax {
        return unsafe (Child(child.id, leaf.inserting(item, at: index).address), nil)
      }
      let second = leaf.splitting(item, at: index)
      return unsafe (child, Child(second[0].id, second.address))
    }
    var node = child.node
    let index = Self.index(of: item.id, in: node)
    var (first, second) = insert(item, into: node[index].unshared())
    first.id = min(first.id, item.id)
    node[index] = first
    guard let second else { return (child, nil) }
    if node.count < Node.countMax {
      node = node.inserting(second, at: index + 1)
      return unsafe (Child(child.id, node.address), nil)
    }
    let sibling = node.splitting(second, at: index + 1)
    return unsafe (child, Child(sibling[0].id, sibling.address))
  }

  /// Lets `body` make another item of that of `id`, with the same id; nothing on the way to it is
  /// shared, what it refers to may be.
  ///
  /// - Returns: false when there is none.
  @discardableResult
  mutating func change(_ id: StreamID, _ body: (inout Item) -> Void) -> Bool {
    guard find(id) != nil, let root else { return false }
    var child = root.unshared()
    self.root = child
    while !child.isLeaf {
      let node = child.node
      let index = Self.index(of: id, in: node)
      child = node[index].unshared()
      node[index] = child
    }
    let index = child.leaf.countBelow(id)
    body(&child.leaf[index])
    return true
  }

  /// Takes the item of `id` out and hands over its ownership.
  mutating func remove(_ id: StreamID) -> Item? {
    guard find(id) != nil, let root else { return nil }
    count -= 1
    var child = root.unshared()
    let item = Self.remove(id, from: child)
    if child.count == 0 {
      child.leaf.free()
      self.root = nil
      return item
    }
    while !child.isLeaf, child.count == 1 {
      let only = child.node[0]
      only.retain()
      child.node.release()
      child = only
    }
    self.root = child
    return item
  }

  /// Takes out an item that is there; the child, which is not shared, may be empty afterwards.
  private static func remove(_ id: StreamID, from child: Child) -> Item {
    guard !child.isLeaf else { return child.leaf.remove(at: child.leaf.countBelow(id)) }
    let node = child.node
    let index = Self.index(of: id, in: node)
    let below = node[index].unshared()
    node[index] = below
    let item = remove(id, from: below)
    if below.count == 0 {
      below.leaf.free()
      _ = node.remove(at: index)
    } else if below.count <= Leaf.countMax / 4 {
      if !join(index, in: node), index > 0 { _ = join(index - 1, in: node) }
    }
    return item
  }

  /// Joins the child at `index` with the one behind it, if both do not fill a node by far.
  private static func join(_ index: Int, in node: Node) -> Bool {
    guard index + 1 < node.count, node[index].count + node[index + 1].count <= Leaf.countMax / 2
    else { return false }
    let first = node[index].unshared(), second = node[index + 1].unshared()
    _ = node.remove(at: index + 1)
    node[index] =
      unsafe first.isLeaf
      ? Child(first.id, first.leaf.joined(with: second.leaf).address)
      : Child(first.id, first.node.joined(with: second.node).address)
    return true
  }

  /// Hands over all that is in the tree, to be freed part by part.
  func buried() -> some Buried { BuriedIDTree(root) }

  // MARK: Looking at the whole

  /// Bytes of all nodes, about: of a large tree one in two nodes may be half full.
  var nodesSize: Int {
    guard let root else { return 0 }
    guard !root.isLeaf else { return root.leaf.usableSize + 8 }
    return count * MemoryLayout<Item>.stride * 5 / 4
  }

  func checkInvariants() {
    var found = 0, last: StreamID?
    func check(_ child: Child, from: StreamID, below: StreamID?, level: Int) {
      precondition(child.leaf.level == level && child.count > 0)
      for index in 0..<child.count {
        let id = child.isLeaf ? child.leaf[index].id : child.node[index].id
        precondition(id >= from)
        if let below { precondition(id < below) }
        guard !child.isLeaf else {
          if let last { precondition(last < id) }
          last = id
          found += 1
          continue
        }
        let next = index + 1 < child.count ? child.node[index + 1].id : below
        check(child.node[index], from: id, below: next, level: level - 1)
      }
    }
    if let root {
      precondition(root.isLeaf || root.count > 1)
      check(root, from: .zero, below: nil, level: root.leaf.level)
    }
    precondition(found == count)
  }
}

/// What was in a tree, to be freed node by node; parts that a snapshot shares are let go as they are.
private struct BuriedIDTree<Item: IDItem>: Buried {
  private var children: [IDChild<Item>]

  init(_ root: IDChild<Item>?) { children = root.map { [$0] } ?? [] }

  var isEmpty: Bool { children.isEmpty }

  mutating func freeSome(_ limit: Int, _ graveyard: inout Graveyard) -> Int {
    var left = limit
    while left > 0, let child = children.popLast() {
      left -= 1
      if child.isShared {
        child.release()
      } else if child.isLeaf {
        left -= child.count
        for index in 0..<child.count { child.leaf[index].bury(in: &graveyard) }
        child.leaf.free()
      } else {
        for index in 0..<child.count { children.append(child.node[index]) }
        child.node.free()
      }
    }
    return limit - left
  }

  func freeAll() {
    for child in children { child.release() }
  }
}
