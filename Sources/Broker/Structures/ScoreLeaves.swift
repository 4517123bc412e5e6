// ScoreLeaves.swift: how a tree is read leaf by leaf by a snapshot, and freed when it is gone.

/// The leaves of a tree in a snapshot, in order.
///
/// What has been handed out is let go at once, as `TableItems` does. It may live on another thread
/// than the tree.
struct ScoreLeaves: ~Copyable {
  /// What is still to come, the next one last; all of it owned.
  private var twigs: [ScoreTwig]

  /// Takes over one ownership of the tree.
  init(_ tree: ScoreTree) { twigs = tree.root.map { [$0] } ?? [] }

  deinit { for twig in twigs { twig.release() } }

  /// The next leaf, which the caller owns.
  mutating func next() -> ScoreLeaf? {
    while let twig = twigs.popLast() {
      guard twig.level > 0 else { return twig.leaf }
      for index in (0..<twig.count).reversed() {
        twig.node[index].retain()
        twigs.append(twig.node[index])
      }
      twig.release()
    }
    return nil
  }
}

/// A tree that nobody can reach any more, to be freed leaf by leaf.
struct BuriedScores: Buried {
  private var twigs: [ScoreTwig]

  /// Takes over one ownership of the tree.
  init(_ tree: ScoreTree) { twigs = tree.root.map { [$0] } ?? [] }

  var isEmpty: Bool { twigs.isEmpty }

  mutating func freeSome(_ limit: Int, _ graveyard: inout Graveyard) -> Int {
    var left = limit
    while left > 0, let twig = twigs.popLast() {
      left -= 1
      guard !twig.isShared else {
        twig.release()
        continue
      }
      if twig.level > 0 {
        for index in 0..<twig.count { twigs.append(twig.node[index]) }
      } else {
        left -= twig.count
        for index in 0..<twig.count { twig.leaf[index].release() }
      }
      twig.free()
    }
    return limit - left
  }

  func freeAll() { for twig in twigs { twig.release() } }
}
