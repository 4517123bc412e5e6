// BitBasics.swift: strings as rows of bits: one bit, how many are set, where the first one is.
//
// Bit 0 is the highest of byte 0. What lies behind the end of a string is 0. A bit that is set there
// makes the string longer, up to `proto-max-bulk-len`. BITOP is in BitOperation.swift, BITFIELD in
// BitFields.swift.

import RESP

/// The commands about bits.
enum BitCommands {
  static let basics: [Command] = [
    Command(
      "SETBIT", arity: .exactly(4), flags: [.write, .denyOOM],
      keys: [.one(1, [.read, .update])], group: .bitmap, since: "2.2.0",
      summary: "Sets or clears a bit of a string and tells what it was.",
      complexity: "O(1), and the bytes that the string grows by", body: setbit),
    Command(
      "GETBIT", arity: .exactly(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .bitmap, since: "2.2.0",
      summary: "Shows a bit of a string.",
      complexity: "O(1)", body: getbit),
    Command(
      "BITCOUNT", arity: .atLeast(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .bitmap, since: "2.6.0",
      summary: "Counts the bits of a string that are 1.",
      complexity: "O(N), N bytes", body: bitcount),
    Command(
      "BITPOS", arity: .atLeast(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .bitmap, since: "2.8.7",
      summary: "Finds the first bit of a string that is 1, or 0.",
      complexity: "O(N), N bytes", body: bitpos),
  ]

  // MARK: One bit

  /// `SETBIT key offset 0|1` → integer: the bit before.
  static func setbit(_ c: inout Context) throws(CommandError) {
    let offset = try offset(c, c.arguments[2])
    guard let bit = c.arguments[3].integer, bit == 0 || bit == 1 else {
      throw CommandError("ERR bit is not an integer or out of range")
    }
    let key = c.key(1)
    let entry = try c.stringForWriting(key)
    let count = entry?.stringCount ?? 0
    var field =
      entry.map { $0.withString { Bits.Field($0, at: offset, width: 1) } }
      ?? Bits.Field(ByteView(), at: offset, width: 1)
    let old = field.value
    c.reply.integer(Int(old))
    guard old != UInt64(bit) || field.index >= count else { return }
    field.value = UInt64(bit)
    c.write(field.bytes, at: field.index, key, entry)
    c.modified(key)
    c.notify(.string, "setbit", key)
  }

  /// `GETBIT key offset` → integer: the bit.
  static func getbit(_ c: inout Context) throws(CommandError) {
    let offset = try offset(c, c.arguments[2])
    guard let entry = try c.string(c.key(1)) else { return c.reply.integer(0) }
    c.reply.integer(Int(entry.withString { Bits.Field($0, at: offset, width: 1).value }))
  }

  /// The place of a bit that a word spells; with a width, `#n` is the place of the nth field of it.
  static func offset(
    _ c: borrowing Context, _ word: ByteView, width: Int? = nil
  ) throws(CommandError) -> Int {
    let refusal = CommandError("ERR bit offset is not an integer or out of range")
    let counts = width != nil && word.count > 0 && word[0] == UInt8(ascii: "#")
    guard let number = word[(counts ? 1 : 0)..<word.count].integer, number >= 0 else {
      throw refusal
    }
    let (offset, overflow) = Int(number).multipliedReportingOverflow(by: counts ? width ?? 1 : 1)
    guard !overflow, offset >> 3 < c.settings.bulkSizeMax || c.isLoading else { throw refusal }
    return offset
  }

  // MARK: Many bits

  /// `BITCOUNT key [start end [BYTE|BIT]]` → integer.
  ///
  /// As in Redis 7.0, the words behind an absent key are not looked at.
  static func bitcount(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    guard let entry = try c.string(c.key(1)) else { return c.reply.integer(0) }
    guard words.count == 2 || words.count == 4 || words.count == 5 else { throw .syntax }
    var range: BitRange?
    if words.count > 2 {
      guard let start = words[2].integer, let end = words[3].integer else { throw .notAnInteger }
      guard start >= 0 || end >= 0 || start <= end else { return c.reply.integer(0) }
      let isInBits = words.count == 5 ? try namesBits(words[4]) : false
      range = BitRange(start: start, end: end, isInBits: isInBits)
    }
    c.reply.integer(
      entry.withString { bytes in
        Bits.count(bytes, in: range?.bits(of: bytes.count) ?? 0..<bytes.count * 8)
      })
  }

  /// `BITPOS key 0|1 [start [end [BYTE|BIT]]]` → integer: where the first such bit is, or -1.
  ///
  /// Unless an end is given, zeros follow the string for ever.
  static func bitpos(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    guard let bit = words[2].integer else { throw .notAnInteger }
    guard bit == 0 || bit == 1 else {
      throw CommandError("ERR The bit argument must be 1 or 0.")
    }
    guard let entry = try c.string(c.key(1)) else { return c.reply.integer(bit == 1 ? -1 : 0) }
    var range = BitRange(start: 0, end: -1, isInBits: false)
    guard words.count <= 6 else { throw .syntax }
    if words.count > 3 {
      guard let start = words[3].integer else { throw .notAnInteger }
      let isInBits = words.count == 6 ? try namesBits(words[5]) : false
      guard let end = words.count > 4 ? words[4].integer : -1 else { throw .notAnInteger }
      range = BitRange(start: start, end: end, isInBits: isInBits)
    }
    c.reply.integer(
      entry.withString { bytes in
        let bits = range.bits(of: bytes.count)
        if let found = Bits.first(bit == 1, bytes, in: bits) { return found }
        return bit == 1 || words.count > 4 || bits.isEmpty ? -1 : bytes.count * 8
      })
  }

  private static func namesBits(_ word: ByteView) throws(CommandError) -> Bool {
    guard word.matches("bit") || word.matches("byte") else { throw .syntax }
    return word.matches("bit")
  }
}

/// The bytes or bits start ... end; negative ones count from the end of the string.
private struct BitRange {
  let start: Int64, end: Int64
  let isInBits: Bool

  /// Which bits of a string of `size` bytes that is.
  func bits(of size: Int) -> Range<Int> {
    let total = Int64(isInBits ? size * 8 : size)
    let first = max(0, start < 0 ? start + total : start)
    let last = min(total - 1, max(0, end < 0 ? end + total : end))
    guard first <= last else { return 0..<0 }
    let scale = isInBits ? 1 : 8
    return Int(first) * scale..<(Int(last) + 1) * scale
  }
}
