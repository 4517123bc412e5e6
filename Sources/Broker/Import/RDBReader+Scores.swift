// RDBReader+Scores.swift: sorted sets of an RDB file.

import RESP

extension RDBReader {
  mutating func readSortedSet(
    _ layout: RDBSortedSet, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    switch layout {
    case .texts, .doubles:
      for _ in 0..<(try input.length()) {
        try input.string(into: &text, sizeMax: sizeMax)
        let score = try layout == .texts ? readText(&input) : readDouble(&input)
        try importer.append(.bytes(text.view), score: score)
      }
    case .ziplist: try readPairs(Ziplist.self, &input, &importer)
    case .listpack: try readPairs(Listpack.self, &input, &importer)
    }
  }

  private func readDouble(_ input: inout ImportInput) throws(ImportError) -> Double {
    let start = input.offset
    let bits = try input.take(8).littleEndian(at: 0, as: UInt64.self)
    let score = Double(bitPattern: bits)
    guard !score.isNaN else { throw Self.noScore(at: start, input) }
    return score
  }

  /// A score as digits behind their count; above 252 it is infinite or no number.
  private func readText(_ input: inout ImportInput) throws(ImportError) -> Double {
    let start = input.offset
    switch try input.byte() {
    case 253: throw Self.noScore(at: start, input)
    case 254: return .infinity
    case 255: return -.infinity
    case let count:
      guard let score = try input.take(Int(count)).score else {
        throw Self.noScore(at: start, input)
      }
      return score
    }
  }

  private static func noScore(at start: Int, _ input: borrowing ImportInput) -> ImportError {
    input.flaw("a sorted set has a score that is no number", at: start)
  }

  /// Takes members and scores in turn, in a packed string.
  private mutating func readPairs<Elements: PackedElements>(
    _ type: Elements.Type, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    let start = input.offset
    var elements = try packed(type, &input)
    while let member = try next(of: &elements, input, from: start) {
      let score: Double?
      switch try next(of: &elements, input, from: start) {
      case .bytes(let bytes)?: score = bytes.score
      case .integer(let number)?: score = Double(number)
      case nil: throw input.flaw("a sorted set has a member without a score", at: start)
      }
      guard let score else { throw Self.noScore(at: start, input) }
      try importer.append(member, score: score)
    }
  }
}
