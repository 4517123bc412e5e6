// ScanOptions.swift: what SCAN and its kin for values have in common.
//
// A value that lies packed is shown whole at once, whatever COUNT says: it is small.

import RESP

/// The options behind a cursor.
struct ScanOptions {
  /// The most of COUNT that is taken at its word; a table never has more.
  private static let countMax = Int64(1) << 48

  private(set) var pattern: ByteView?
  private(set) var type: ByteView?
  private(set) var count = 10

  /// Reads the words from number `start` on.
  ///
  /// - Parameter ofKeys: whether keys are walked over, which have a type.
  init(_ c: borrowing Context, from start: Int, ofKeys: Bool = false) throws(CommandError) {
    var index = start
    while index < c.arguments.count {
      let option = c.arguments[index]
      guard index + 1 < c.arguments.count else { throw .syntax }
      let value = c.arguments[index + 1]
      if option.matches("match") {
        pattern = value
      } else if option.matches("type"), ofKeys {
        type = value
      } else if option.matches("count") {
        guard let number = value.integer else { throw .notAnInteger }
        guard number > 0 else { throw .syntax }
        count = Int(min(number, Self.countMax))
      } else {
        throw .syntax
      }
      index += 2
    }
  }

  /// Whether MATCH lets a name through.
  func takes(_ name: ByteView) -> Bool {
    guard let pattern else { return true }
    if pattern.count == 1, pattern[0] == UInt8(ascii: "*") { return true }
    return Glob.matches(pattern, name)
  }

  /// The cursor that a word spells, as C reads it: a sign may stand before it, nothing is 0, and a
  /// zero byte ends it.
  static func cursor(_ whole: ByteView) throws(CommandError) -> UInt64 {
    let word = whole[0..<(whole.firstIndex(of: 0) ?? whole.count)]
    guard word.count > 0 else { return 0 }
    let isNegative = word[0] == UInt8(ascii: "-")
    let start = isNegative || word[0] == UInt8(ascii: "+") ? 1 : 0
    guard start < word.count else { throw .invalidCursor }
    var value: UInt64 = 0
    for index in start..<word.count {
      let digit = word[index] &- UInt8(ascii: "0")
      guard digit <= 9 else { throw .invalidCursor }
      let (product, isTooBig) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
      guard !isTooBig, !overflow else { throw .invalidCursor }
      value = sum
    }
    return isNegative ? 0 &- value : value
  }
}

extension CommandError {
  fileprivate static let invalidCursor = CommandError("ERR invalid cursor")
}

extension Context {
  /// HSCAN and SSCAN: `key cursor [MATCH pattern] [COUNT count]` → [next cursor, [name, ...]], with
  /// its value behind each name that has one.
  mutating func scan<V: HashedValue>(_ type: V.Type) throws(CommandError) {
    let cursor = try ScanOptions.cursor(arguments[2])
    guard let value = try value(key(1), V.self) else { return replyScan(0, [], V.self) }
    let options = try ScanOptions(self, from: 3)
    var found: [V.Pair] = []
    let next = value.scan(from: cursor, atLeast: options.count, now: fieldTime, keyHash) {
      if $0.name.withView({ options.takes($0) }) { found.append($0) }
    }
    replyScan(next, found, V.self)
  }

  private mutating func replyScan<V: HashedValue>(
    _ next: UInt64, _ found: [V.Pair], _ type: V.Type
  ) {
    reply.array(2)
    reply.bulk(integer: Int64(next))
    reply.array(found.count * (V.hasValues ? 2 : 1))
    for pair in found {
      reply.bulk(pair.name)
      if V.hasValues { reply.bulk(pair.value) }
    }
  }
}
