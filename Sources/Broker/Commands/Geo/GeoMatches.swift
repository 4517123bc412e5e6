// GeoMatches.swift: the members in an area, all or the first of them.

import RESP

/// A member in an area; good until its sorted set changes.
struct GeoMatch {
  let member: ByteView
  let score: Double
  /// Metres from the centre.
  let distance: Double
}

/// Collects matches. Of those that are equally far the one that was found first comes first.
struct GeoMatches {
  enum Order {
    /// As they are found: cell by cell.
    case none
    case nearest, farthest

    fileprivate func precedes(_ a: Double, _ b: Double) -> Bool {
      self == .farthest ? a > b : a < b
    }
  }

  private let order: Order
  /// Matches that are kept at most.
  private let countMax: Int
  /// Whether the first ones that are found will do.
  private let takesAny: Bool
  private var matches: [GeoMatch] = []
  /// With `countMax` matches kept: the distance of the last one, which others must beat.
  private var last: Double?

  /// The members of `set` that are in `area`, as many as `request` takes, in its order.
  ///
  /// - Complexity: O(m log m) for m members in the area and near it; memory for 2 · `countMax` of them.
  static func found(
    in set: SortedSet, _ area: GeoArea, _ request: GeoRequest
  ) -> [GeoMatch] {
    var found = GeoMatches(
      order: request.order, countMax: request.countMax ?? .max, takesAny: request.takesAny)
    func ranks(_ scores: Range<Double>) -> Range<Int> {
      let first = set.rank { score, _ in score < scores.lowerBound }
      let end = set.rank { score, _ in score < scores.upperBound }
      return first..<end
    }
    area.forEachRun(ranks) { run in
      // In pieces, so that the rest is left when there are enough.
      for start in stride(from: run.lowerBound, to: run.upperBound, by: 128) {
        set.forEach(in: start..<min(run.upperBound, start + 128)) { member, score in
          guard !found.isFull, let distance = area.distance(to: GeoCell(score: score).middle)
          else { return }
          found.add(GeoMatch(member: member, score: score, distance: distance))
        }
        if found.isFull { return false }
      }
      return true
    }
    if request.order != .none { found.sort() }
    return found.matches
  }

  private init(order: Order, countMax: Int, takesAny: Bool) {
    (self.order, self.countMax, self.takesAny) = (order, countMax, takesAny)
  }

  private var isFull: Bool { takesAny && matches.count == countMax }

  private mutating func add(_ match: GeoMatch) {
    if let last, !order.precedes(match.distance, last) { return }
    matches.append(match)
    // Seldom enough that sorting costs each match O(log m).
    if order != .none, matches.count - countMax >= countMax { sort() }
  }

  private mutating func sort() {
    let order = order
    matches.sort { order.precedes($0.distance, $1.distance) }  // Which is stable.
    guard matches.count >= countMax else { return }
    matches.removeLast(matches.count - countMax)
    last = matches.last?.distance
  }
}
