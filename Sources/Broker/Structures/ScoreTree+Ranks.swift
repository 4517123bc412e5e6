// ScoreTree+Ranks.swift: counting, finding and walking by rank; the checks of a tree.

import RESP

extension ScoreTree {
  /// How many items `isBefore` holds for; it must hold for these alone, the first of the tree.
  ///
  /// - Complexity: O(log n).
  func rank(_ isBefore: (Double, SortedItem) -> Bool) -> Int {
    guard var twig = root else { return 0 }
    var rank = 0
    while twig.level > 0 {
      let node = twig.node
      let index = max(0, node.partition(isBefore) - 1)
      rank += node.total(before: index)
      twig = node[index]
    }
    return rank + twig.leaf.partition(isBefore)
  }

  /// The rank of `item`, which is in the tree.
  func rank(of item: SortedItem) -> Int {
    let score = item.score, member = item.key
    return rank { $1 == item || Self.precedes($0, $1, score, member) } - 1
  }

  /// The item of a rank.
  subscript(rank: Int) -> SortedItem {
    guard var twig = root else { preconditionFailure("an empty tree has no ranks") }
    var rest = rank
    while twig.level > 0 {
      let place = twig.node.locate(rest)
      twig = twig.node[place.index]
      rest = place.within
    }
    precondition(rest < twig.count)
    return twig.leaf[rest]
  }

  /// Calls `body` with the items of the ranks in `range`, the last one first if `isReversed`.
  ///
  /// - Complexity: O(log n) and the items.
  func forEach(in range: Range<Int>, isReversed: Bool = false, _ body: (SortedItem) -> Void) {
    guard let root, !range.isEmpty else { return }
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    Self.walk(root, range, isReversed, body)
  }

  private static func walk(
    _ twig: ScoreTwig, _ range: Range<Int>, _ isReversed: Bool, _ body: (SortedItem) -> Void
  ) {
    guard twig.level > 0 else {
      let leaf = twig.leaf
      if isReversed {
        for index in range.reversed() { body(leaf[index]) }
      } else {
        for index in range { body(leaf[index]) }
      }
      return
    }
    let node = twig.node
    let first = node.locate(range.lowerBound), last = node.locate(range.upperBound - 1)
    var index = isReversed ? last.index : first.index
    while index >= first.index, index <= last.index {
      let lower = index == first.index ? first.within : 0
      let upper = index == last.index ? last.within + 1 : node.total(index)
      walk(node[index], lower..<upper, isReversed, body)
      index += isReversed ? -1 : 1
    }
  }

  /// Bytes of the tree, its items included, as far as a first leaf stands for all.
  var memoryUsage: Int {
    guard let root else { return 0 }
    var twig = root, nodes = 0
    while twig.level > 0 {
      nodes += twig.usableSize + 8
      twig = twig.node[0]
    }
    var inLeaf = twig.usableSize + 8
    for index in 0..<twig.count { inLeaf += twig.leaf[index].usableSize + 8 }
    return nodes + Int(Double(inLeaf) * Double(root.total) / Double(twig.count))
  }

  func checkInvariants() {
    guard let root else { return }
    if root.level > 0 { precondition(root.count > 1) }
    var last: SortedItem?
    func check(_ twig: ScoreTwig) {
      precondition(twig.count > 0)
      guard twig.level > 0 else {
        for index in 0..<twig.count {
          let item = twig.leaf[index]
          precondition(item.score == twig.leaf.score(index))
          if let last { precondition(Self.precedes(last.score, last, item.score, item.key)) }
          last = item
        }
        return
      }
      let node = twig.node
      for index in 0..<node.count {
        let child = node[index]
        precondition(child.level == node.level - 1)
        precondition(child.total == node.total(index))
        precondition(child.first.item == node.first(index).item)
        precondition(child.first.score == node.first(index).score)
        check(child)
      }
    }
    check(root)
  }
}
