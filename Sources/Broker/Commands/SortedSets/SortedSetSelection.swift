// SortedSetSelection.swift: which members of a sorted set are meant: by rank, by score or by name.
//
// Every selection becomes a range of ranks, by two searches from the root: what follows (counting,
// showing, dropping, LIMIT) knows ranks alone.

import RESP

/// A run of members, in ascending order.
enum Selection {
  /// From one rank to the other; negative ones count from the end.
  case ranks(Int64, Int64, isReversed: Bool)
  case scores(ScoreRange)
  case members(MemberRange)

  /// The ranks in `set` that are meant.
  ///
  /// - Complexity: O(log n).
  func ranks(in set: SortedSet) -> Range<Int> {
    switch self {
    case .scores(let range): range.ranks(in: set)
    case .members(let range): range.ranks(in: set)
    case .ranks(let first, let last, let isReversed):
      Self.ranks(first, last, isReversed, of: set.count)
    }
  }

  private static func ranks(
    _ first: Int64, _ last: Int64, _ isReversed: Bool, of total: Int
  ) -> Range<Int> {
    let count = Int64(total)
    let lower = max(0, first < 0 ? first + count : first)
    let upper = min(count - 1, last < 0 ? last + count : last)
    guard lower <= upper else { return 0..<0 }
    let range = Int(lower)..<Int(upper) + 1
    return isReversed ? total - range.upperBound..<total - range.lowerBound : range
  }

  enum Kind { case ranks, scores, members }

  /// The selection that two words say. Reversed, scores and members name the highest one first.
  init(
    _ kind: Kind, _ first: ByteView, _ last: ByteView, isReversed: Bool = false
  ) throws(CommandError) {
    let (low, high) = isReversed ? (last, first) : (first, last)
    switch kind {
    case .ranks:
      guard let first = first.integer, let last = last.integer else { throw .notAnInteger }
      self = .ranks(first, last, isReversed: isReversed)
    case .scores: self = .scores(try ScoreRange(low, high))
    case .members: self = .members(try MemberRange(low, high))
    }
  }
}

/// Scores from one to another, either of which may be left out by a `(` before it.
struct ScoreRange {
  private struct Limit {
    let score: Double
    let isExcluded: Bool

    init(_ word: ByteView) throws(CommandError) {
      isExcluded = word.count > 0 && word[0] == UInt8(ascii: "(")
      guard let score = word[(isExcluded ? 1 : 0)..<word.count].scoreLimit else {
        throw CommandError("ERR min or max is not a float")
      }
      self.score = score
    }
  }

  private let low: Limit, high: Limit

  init(_ low: ByteView, _ high: ByteView) throws(CommandError) {
    self.low = try Limit(low)
    self.high = try Limit(high)
  }

  func ranks(in set: SortedSet) -> Range<Int> {
    let from = low.score, to = high.score
    let lower =
      low.isExcluded
      ? set.rank { score, _ in score <= from }
      : set.rank { score, _ in score < from }
    let upper =
      high.isExcluded
      ? set.rank { score, _ in score < to }
      : set.rank { score, _ in score <= to }
    return lower..<max(lower, upper)
  }
}

/// Members from one to another in the order of bytes, for sorted sets whose scores are all the same.
struct MemberRange {
  private enum Limit {
    case lowest, highest
    case member(ByteView, isExcluded: Bool)

    init(_ word: ByteView) throws(CommandError) {
      let isAlone = word.count == 1 || (word.count > 1 && word[1] == 0)
      switch word.count > 0 ? word[0] : 0 {
      case UInt8(ascii: "-") where isAlone: self = .lowest
      case UInt8(ascii: "+") where isAlone: self = .highest
      case UInt8(ascii: "("): self = .member(word[1..<word.count], isExcluded: true)
      case UInt8(ascii: "["): self = .member(word[1..<word.count], isExcluded: false)
      default: throw CommandError("ERR min or max not valid string range item")
      }
    }

    /// How many members of `set` come before the limit, that itself among them if `passing`.
    func rank(in set: SortedSet, passing: Bool) -> Int {
      switch self {
      case .lowest: 0
      case .highest: set.count
      case .member(let limit, _): set.rank { passing ? !(limit < $1) : $1 < limit }
      }
    }

    var isExcluded: Bool {
      if case .member(_, let isExcluded) = self { isExcluded } else { false }
    }
  }

  private let low: Limit, high: Limit

  init(_ low: ByteView, _ high: ByteView) throws(CommandError) {
    self.low = try Limit(low)
    self.high = try Limit(high)
  }

  func ranks(in set: SortedSet) -> Range<Int> {
    let lower = low.rank(in: set, passing: low.isExcluded)
    let upper = high.rank(in: set, passing: !high.isExcluded)
    return lower..<max(lower, upper)
  }
}
