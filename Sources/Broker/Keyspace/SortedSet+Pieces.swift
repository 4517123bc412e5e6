// SortedSet+Pieces.swift: sorted sets as checkpoints have them, and as commands.
//
// A piece is its form (0: the whole of a packed set, 1: members of an index), then entries as
// PackedScores has them, in order.

import RESP

extension SortedSet {
  private enum Form: UInt8 {
    case packed = 0
    case index = 1
  }

  var snapshotCount: Int { count }

  func appendPiece(to bytes: inout ByteBuffer) {
    if isPacked {
      bytes.append(byte: Form.packed.rawValue)
      bytes.append(packed.bytes)
    } else {
      bytes.append(byte: Form.index.rawValue)
      forEach(in: 0..<count) { EncodedScore.append($0, $1, to: &bytes) }
    }
  }

  func pieces() -> any ValuePieces { Pieces(self) }

  mutating func takePiece(elements: Int, _ piece: ByteView, _ hash: KeyHash) -> Bool {
    guard piece.count > 1, let form = Form(rawValue: piece[0]) else { return false }
    let entries = piece[1..<piece.count]
    switch form {
    case .packed:
      guard isPacked, count == 0, entries.count <= PackedScores.usedMax,
        PackedScores.count(entries) == elements
      else { return false }
      take(packed.filled(entries, count: elements))
      return true
    case .index:
      if isPacked {
        guard count == 0 else { return false }
        becomeIndex(hash)
      }
      let before = count
      var offset = 0, found = 0
      while offset < entries.count {
        guard let entry = PackedScores.checkedEntry(entries, offset) else { return false }
        index.put(entry.member, hash) { _ in entry.score }
        offset = entry.next
        found += 1
      }
      return found == elements && count == before + found
    }
  }

  static func appendCommands(
    _ key: ByteView, elements: Int, _ piece: ByteView, _ batch: inout CommandBatch
  ) -> Bool {
    guard piece.count > 1 else { return false }
    let entries = piece[1..<piece.count]
    var offset = 0, found = 0
    while offset < entries.count {
      guard let entry = PackedScores.checkedEntry(entries, offset) else { return false }
      offset = entry.next
      found += 1
    }
    guard found == elements else { return false }
    batch.begin("ZADD", words: 2 + 2 * elements)
    batch.word(key)
    offset = 0
    while let entry = PackedScores.checkedEntry(entries, offset) {
      entry.score.withScoreText { batch.word($0) }
      batch.word(entry.member)
      offset = entry.next
    }
    return true
  }

  /// A long sorted set on its way into a checkpoint.
  private final class Pieces: ValuePieces {
    private static let sizeWanted = 64 << 10

    private var leaves: ScoreLeaves
    /// The leaf that is being read, owned, and how many of its items have been.
    private var leaf: ScoreLeaf?
    private var taken = 0

    init(_ set: SortedSet) {
      precondition(!set.isPacked)
      let tree = set.index.tree
      tree.root?.retain()
      leaves = ScoreLeaves(tree)
      set.release()
    }

    deinit { leaf?.release() }

    func next(into bytes: inout ByteBuffer) -> Int {
      let start = bytes.count
      var count = 0
      bytes.append(byte: Form.index.rawValue)
      while bytes.count - start < Self.sizeWanted, let item = nextItem() {
        EncodedScore.append(item.key, item.score, to: &bytes)
        count += 1
      }
      if count == 0 { bytes.truncate(to: start) }
      return count
    }

    /// The next item, good until the one after it is asked for.
    private func nextItem() -> SortedItem? {
      while true {
        guard let leaf = leaf ?? leaves.next() else { return nil }
        self.leaf = leaf
        if taken < leaf.count {
          taken += 1
          return leaf[taken - 1]
        }
        leaf.release()
        self.leaf = nil
        taken = 0
      }
    }
  }
}
