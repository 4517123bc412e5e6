// ScoreTree.swift: items by score and, where scores are equal, by member; and by rank.
//
// A counted B+-tree (Bayer and McCreight 1972; the counts are Knuth's, vol. 3, 6.2.3): 64 items a
// leaf, 64 children a node, each with how many items are below. A million items are four levels, of
// which the upper ones stay in the processor's cache. Everything is copied on its path when a
// snapshot shares it (Block.swift).
// Invariants (`checkInvariants()`):
//   1. items ascend by (score, member); leaves are of level 0, a node's children one below it
//   2. no leaf or node is empty, and the root is no node of one child
//   3. a node has the true total and the true first item of each child
//   4. a leaf has each item's own score
// Small neighbours are joined as items go; how full two neighbours are is no invariant.

import RESP

/// The root of a tree. A handle: who keeps it owns the tree.
struct ScoreTree: BitwiseCopyable {
  private(set) var root: ScoreTwig?

  init(_ root: ScoreTwig? = nil) { self.root = root }

  var count: Int { root?.total ?? 0 }

  /// Whether an entry comes before (`score`, `member`).
  @inline(__always)
  static func precedes(
    _ entry: Double, _ item: SortedItem, _ score: Double, _ member: ByteView
  ) -> Bool {
    entry != score ? entry < score : item.key < member
  }

  private mutating func unsharedRoot() -> ScoreTwig? {
    guard let old = root, old.isShared else { return root }
    let copy = old.copied()
    old.release()
    root = copy
    return copy
  }

  // MARK: Adding

  /// Takes over one ownership of `item`, which must not be in the tree.
  mutating func insert(_ item: SortedItem) {
    guard let old = unsharedRoot() else {
      let leaf = ScoreLeaf.make(room: 1)
      leaf.insert(item, item.score, at: 0)
      root = leaf.twig
      return
    }
    let (twig, sibling) = Self.insert(item, item.score, in: old, isLast: true)
    root = twig
    guard let sibling else { return }
    let node = ScoreNode.make(level: twig.level + 1)
    node.insert(twig, at: 0)
    node.insert(sibling, at: 1)
    root = node.twig
  }

  /// - Parameter isLast: whether nothing of the tree is behind `twig`.
  /// - Returns: what is in the place of `twig` now, and what is to follow it if it was split.
  private static func insert(
    _ item: SortedItem, _ score: Double, in twig: ScoreTwig, isLast: Bool
  ) -> (ScoreTwig, sibling: ScoreTwig?) {
    let member = item.key
    guard twig.level > 0 else {
      let index = twig.leaf.partition { precedes($0, $1, score, member) }
      return insert(item, score, at: index, in: twig.leaf, isLast: isLast)
    }
    let node = twig.node
    let before = node.partition { precedes($0, $1, score, member) }
    let index = max(0, before - 1)
    let (child, sibling) = insert(
      item, score, in: node.unsharedChild(index), isLast: isLast && index == node.count - 1)
    node[index] = child
    if before == 0 { node.setFirst((score, item), 0) }
    guard let sibling else {
      node.setTotal(node.total(index) + 1, index)
      return (twig, nil)
    }
    node.setTotal(child.total, index)
    return (twig, insert(sibling, at: index + 1, in: node, isLast: isLast))
  }

  private static func insert(
    _ item: SortedItem, _ score: Double, at index: Int, in leaf: ScoreLeaf, isLast: Bool
  ) -> (ScoreTwig, sibling: ScoreTwig?) {
    if leaf.count < ScoreLeaf.countMax {
      let roomy = leaf.count < leaf.capacity ? leaf : leaf.grown()
      roomy.insert(item, score, at: index)
      return (roomy.twig, nil)
    }
    // Scores that only ascend, such as times, are to leave full leaves behind.
    if isLast, index == leaf.count {
      let next = ScoreLeaf.make(room: 1)
      next.insert(item, score, at: 0)
      return (leaf.twig, next.twig)
    }
    let half = leaf.count / 2
    let left = ScoreLeaf.make(room: half + 1), right = ScoreLeaf.make(room: half + 1)
    left.append(leaf, 0..<half)
    right.append(leaf, half..<leaf.count)
    leaf.free()
    if index <= half {
      left.insert(item, score, at: index)
    } else {
      right.insert(item, score, at: index - half)
    }
    return (left.twig, right.twig)
  }

  /// - Returns: the node to follow `node` if it was split.
  private static func insert(
    _ child: ScoreTwig, at index: Int, in node: ScoreNode, isLast: Bool
  ) -> ScoreTwig? {
    guard node.count == ScoreNode.countMax else {
      node.insert(child, at: index)
      return nil
    }
    let kept = isLast && index == node.count ? node.count : node.count / 2
    let right = ScoreNode.make(level: node.level)
    right.append(node, kept..<node.count)
    node.remove(kept..<node.count)
    if index < kept || (index == kept && right.count > 0) {
      node.insert(child, at: index)
    } else {
      right.insert(child, at: index - kept)
    }
    return right.twig
  }

  // MARK: Removing

  /// What is to be removed below some twig.
  private enum Target {
    case item(SortedItem, score: Double)
    /// `limit` items at most from rank `from` of the twig on, as far as they lie in one leaf.
    case ranks(from: Int, limit: Int)
  }

  /// Takes out `item`, which must be in the tree; its ownership becomes the caller's.
  mutating func remove(_ item: SortedItem) {
    _ = remove(.item(item, score: item.score)) { _ in }
  }

  /// Takes out the items of the ranks in `range`; their ownership becomes that of `body`.
  mutating func remove(_ range: Range<Int>, _ body: (SortedItem) -> Void) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    var left = range.count
    while left > 0 { left -= remove(.ranks(from: range.lowerBound, limit: left), body) }
  }

  private mutating func remove(_ target: Target, _ body: (SortedItem) -> Void) -> Int {
    guard let old = unsharedRoot() else { preconditionFailure("nothing to remove") }
    let removed = Self.remove(target, in: old, body)
    while let twig = root {
      if twig.count == 0 {
        twig.free()
        root = nil
      } else if twig.level > 0, twig.count == 1 {
        root = twig.node[0]
        twig.free()
      } else {
        break
      }
    }
    return removed
  }

  /// - Returns: how many items it were.
  private static func remove(
    _ target: Target, in twig: ScoreTwig, _ body: (SortedItem) -> Void
  ) -> Int {
    guard twig.level > 0 else { return remove(target, in: twig.leaf, body) }
    let node = twig.node
    let index: Int, below: Target, isFirst: Bool
    switch target {
    case .item(let item, let score):
      let member = item.key
      let behind = node.partition { $1 == item || precedes($0, $1, score, member) }
      index = max(0, behind - 1)
      below = target
      isFirst = node.first(index).item == item
    case .ranks(let from, let limit):
      let place = node.locate(from)
      index = place.index
      below = .ranks(from: place.within, limit: limit)
      isFirst = place.within == 0
    }
    let child = node.unsharedChild(index)
    let removed = remove(below, in: child, body)
    guard child.count > 0 else {
      node.remove(index..<index + 1)
      child.free()
      return removed
    }
    node.setTotal(node.total(index) - removed, index)
    if isFirst { node.setFirst(child.first, index) }
    if child.count <= ScoreLeaf.countMax / 4 { join(index, in: node) }
    return removed
  }

  private static func remove(
    _ target: Target, in leaf: ScoreLeaf, _ body: (SortedItem) -> Void
  ) -> Int {
    switch target {
    case .item(let item, let score):
      let member = item.key
      let index = leaf.partition { $1 == item || precedes($0, $1, score, member) } - 1
      precondition(index >= 0 && leaf[index] == item)
      leaf.remove(index..<index + 1)
      return 1
    case .ranks(let from, let limit):
      let range = from..<min(leaf.count, from + limit)
      for index in range { body(leaf[index]) }
      leaf.remove(range)
      return range.count
    }
  }

  /// Two neighbours are joined when they have no more than this together: below what a split
  /// leaves, so that no twig is split and joined in turn.
  private static let joinedCountMax = 48

  /// Joins the child at `index` with a neighbour if both together are small.
  private static func join(_ index: Int, in node: ScoreNode) {
    let left = index + 1 < node.count ? index : index - 1
    guard left >= 0, node[left].count + node[left + 1].count <= joinedCountMax else { return }
    let first = node.unsharedChild(left), second = node.unsharedChild(left + 1)
    let total = node.total(left) + node.total(left + 1)
    if first.level > 0 {
      first.node.append(second.node, 0..<second.count)
    } else {
      let joined = ScoreLeaf.make(room: first.count + second.count)
      joined.append(first.leaf, 0..<first.count)
      joined.append(second.leaf, 0..<second.count)
      first.free()
      node[left] = joined.twig
    }
    second.free()
    node.remove(left + 1..<left + 2)
    node.setTotal(total, left)
  }
}
