// JSONScan.swift: finds where the members of a JSON object are, without making anything of them.
//
// It sees where values end, and not whether all within is right: what is used of them is decoded after.
// Nothing recurses, so depth costs no stack.

/// A walk over the members of one object.
struct JSONScan {
  struct Flaw: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  private let bytes: [UInt8]
  private var index = 0
  private var isFirst = true

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func beginObject() throws(Flaw) {
    skipBlanks()
    guard take(UInt8(ascii: "{")) else { throw Flaw("it is not a JSON object") }
  }

  /// The next member's key; nil when the object has ended.
  mutating func nextKey() throws(Flaw) -> String? {
    skipBlanks()
    if take(UInt8(ascii: "}")) { return nil }
    if !isFirst {
      guard take(UInt8(ascii: ",")) else { throw Flaw("a comma is missing at byte \(index)") }
      skipBlanks()
    }
    isFirst = false
    let start = index
    try skipString()
    guard let key = string(start..<index) else { throw Flaw("a key is no text at byte \(start)") }
    skipBlanks()
    guard take(UInt8(ascii: ":")) else { throw Flaw("a colon is missing at byte \(index)") }
    return key
  }

  /// Where the value behind the key is.
  mutating func value() throws(Flaw) -> Range<Int> {
    skipBlanks()
    let start = index
    var depth = 0
    repeat {
      guard index < bytes.count else { throw Flaw("it is cut short") }
      switch bytes[index] {
      case UInt8(ascii: "\""): try skipString()
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard depth > 0 else { throw Flaw("a value is missing at byte \(index)") }
        depth -= 1
        index += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
        guard depth > 0 else { throw Flaw("a value is missing at byte \(index)") }
        index += 1
      default: skipWord()
      }
    } while depth > 0
    return start..<index
  }

  /// Nothing but blanks may follow.
  mutating func end() throws(Flaw) {
    skipBlanks()
    guard index == bytes.count else {
      throw Flaw("more follows behind the object at byte \(index)")
    }
  }

  /// The text of the string at `range`; nil when it is none.
  func string(_ range: Range<Int>) -> String? {
    guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
    let inside = bytes[range.lowerBound + 1..<range.upperBound - 1]
    guard inside.contains(UInt8(ascii: "\\")) else {
      return String(validating: inside, as: UTF8.self)
    }
    return try? JSON.decode(String.self, from: bytes[range])
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func skipBlanks() {
    while index < bytes.count,
      bytes[index] == 0x20 || 0x09...0x0A ~= bytes[index] || bytes[index] == 0x0D
    {
      index += 1
    }
  }

  private mutating func skipString() throws(Flaw) {
    guard take(UInt8(ascii: "\"")) else { throw Flaw("a string is missing at byte \(index)") }
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        return
      case UInt8(ascii: "\\"): index += 2
      default: index += 1
      }
    }
    throw Flaw("a string does not end")
  }

  /// A number, or true, false, null.
  private mutating func skipWord() {
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""), UInt8(ascii: "{"),
        UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), 0x20, 0x09, 0x0A, 0x0D:
        return
      default: index += 1
      }
    }
  }
}
