// RDBReader+Scores.swift: sorted sets of an RDB file.

import RESP

extension RDBReader {
  mutating func readSortedSet(
    _ layout: RDBSortedSet, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    let start = input.offset
    switch layout {
    case .texts, .doubles:
      for _ in 0..<(try input.length()) {
        try input.string(into: &text, sizeMax: sizeMax)
        let score = try layout == .texts ? readText(&input) : readDouble(&input)
        try importer.append(text.view, score: score)
      }
    case .ziplist:
      try input.string(into: &text, sizeMax: .max)
      let elements: Ziplist
      do { elements = try Ziplist(text.view) } catch { throw input.flaw(error.reason, at: start) }
      try append(pairs: elements, at: start, input, &importer)
    case .listpack:
      try input.string(into: &text, sizeMax: .max)
      let elements: Listpack
      do { elements = try Listpack(text.view) } catch { throw input.flaw(error.reason, at: start) }
      try append(pairs: elements, at: start, input, &importer)
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

  /// Hands on members and scores in turn.
  private func append(
    pairs: consuming some PackedElements, at start: Int, _ input: borrowing ImportInput,
    _ importer: inout Importer
  ) throws(ImportError) {
    var elements = pairs
    while true {
      let member: PackedElement?, second: PackedElement?
      do {
        member = try elements.next()
        second = member == nil ? nil : try elements.next()
      } catch { throw input.flaw(error.reason, at: start) }
      guard let member else { return }
      let score: Double?
      switch second {
      case .bytes(let bytes)?: score = bytes.score
      case .integer(let number)?: score = Double(number)
      case nil: throw input.flaw("a sorted set has a member without a score", at: start)
      }
      guard let score else { throw Self.noScore(at: start, input) }
      switch member {
      case .bytes(let bytes): try importer.append(bytes, score: score)
      case .integer(let number): try importer.append(number, score: score)
      }
    }
  }
}
