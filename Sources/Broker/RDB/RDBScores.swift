// RDBScores.swift: sorted sets in RDB format, in all the layouts that Redis has had.

import RESP

extension RDBInput where Self: ~Copyable {
  /// Takes a sorted set and hands its members on.
  ///
  /// - Parameter text: room for one string.
  mutating func sortedSet<Members: RDBScores & ~Copyable>(
    _ layout: RDBSortedSet, sizeMax: Int, text: inout ByteBuffer, into members: inout Members
  ) throws(Failure) where Members.Failure == Failure {
    switch layout {
    case .texts, .doubles:
      for _ in 0..<(try length()) {
        try string(into: &text, sizeMax: sizeMax)
        let score = try layout == .texts ? scoreText() : scoreDouble()
        try members.append(.bytes(text.view), score: score)
      }
    case .ziplist: try pairs(Ziplist.self, &text, &members)
    case .listpack: try pairs(Listpack.self, &text, &members)
    }
  }

  private mutating func scoreDouble() throws(Failure) -> Double {
    let start = offset
    let score = Double(bitPattern: try take(8).littleEndian(at: 0, as: UInt64.self))
    guard !score.isNaN else { throw noScore(at: start) }
    return score
  }

  /// A score as digits behind their count; above 252 it is infinite or no number.
  private mutating func scoreText() throws(Failure) -> Double {
    let start = offset
    switch try byte() {
    case 253: throw noScore(at: start)
    case 254: return .infinity
    case 255: return -.infinity
    case let count:
      guard let score = try take(Int(count)).score else { throw noScore(at: start) }
      return score
    }
  }

  private func noScore(at start: Int) -> Failure {
    flaw("a sorted set has a score that is no number", at: start)
  }

  /// Takes members and scores in turn, in a packed string.
  private mutating func pairs<Packed: PackedElements, Members: RDBScores & ~Copyable>(
    _ type: Packed.Type, _ text: inout ByteBuffer, _ members: inout Members
  ) throws(Failure) where Members.Failure == Failure {
    let start = offset
    var elements = try packed(type, text: &text)
    while let member = try next(of: &elements, from: start) {
      let score: Double?
      switch try next(of: &elements, from: start) {
      case .bytes(let bytes)?: score = bytes.score
      case .integer(let number)?: score = Double(number)
      case nil: throw flaw("a sorted set has a member without a score", at: start)
      }
      guard let score else { throw noScore(at: start) }
      try members.append(member, score: score)
    }
  }
}
