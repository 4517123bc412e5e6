// RDBStrings.swift: the lengths and strings that all of an RDB file is made of.
//
//     length: 00llllll                 6 bits
//             01llllll llllllll        14 bits
//             80 u32, 81 u64           big-endian
//     string: length, bytes
//             C0 C1 C2                 an integer of 1, 2 or 4 bytes, little-endian, as its digits
//             C3 length length bytes   compressed (LZF): its size, the size of what it makes

import RESP

/// What is read where a length may stand.
private enum RDBLength {
  case plain(UInt64)
  /// What stands in the place of a string, by its number.
  case special(UInt8)
}

extension RDBInput where Self: ~Copyable {
  private mutating func anyLength() throws(Failure) -> RDBLength {
    let mark = try byte()
    switch mark {
    case 0x00...0x3F: return .plain(UInt64(mark))
    case 0x40...0x7F: return .plain(UInt64(mark & 0x3F) << 8 | UInt64(try byte()))
    case 0x80: return .plain(try take(4).unsignedBigEndian)
    case 0x81: return .plain(try take(8).unsignedBigEndian)
    case 0xC0...0xFF: return .special(mark & 0x3F)
    default: throw flaw("a length of no known form", at: offset - 1)
    }
  }

  /// Takes a length, or another number written as one.
  mutating func length() throws(Failure) -> UInt64 {
    let start = offset
    guard case .plain(let length) = try anyLength() else {
      throw flaw("a length of no known form", at: start)
    }
    return length
  }

  /// Takes the size of bytes that follow; so many are left in the file.
  private mutating func sizeBefore() throws(Failure) -> Int {
    let start = offset
    return try checked(try length(), at: start)
  }

  private func checked(_ length: UInt64, at start: Int) throws(Failure) -> Int {
    guard length <= left else {
      throw flaw("\(length) bytes should follow, the file has \(left) more", at: start)
    }
    return Int(length)
  }

  /// Takes a string, which `text` holds afterwards.
  ///
  /// - Parameter sizeMax: a longer one is refused.
  mutating func string(into text: inout ByteBuffer, sizeMax: Int) throws(Failure) {
    text.reset(keeping: 64 << 10)
    let start = offset
    switch try anyLength() {
    case .plain(let length):
      let size = try checked(length, at: start)
      guard size <= sizeMax else { throw tooLong(size, sizeMax, at: start) }
      text.append(try take(size))
    case .special(let form) where form <= 2:
      var digits = DecimalDigits(try take(1 << Int(form)).signedLittleEndian)
      digits.withView { text.append($0) }
    case .special(3):
      let packed = try sizeBefore(), length = try length()
      guard packed <= left else {
        throw flaw("the file is cut short, it ends at \(offset + left)", at: nil)
      }
      guard length <= sizeMax else { throw tooLong(length, sizeMax, at: start) }
      let bytes = try take(packed)
      do throws(LZF.Flaw) {
        try LZF.decompress(bytes, size: Int(length), into: &text)
      } catch { throw flaw(error.reason, at: start) }
    case .special: throw flaw("a string of no known form", at: start)
    }
  }

  private func tooLong(_ size: some BinaryInteger, _ sizeMax: Int, at start: Int) -> Failure {
    flaw("a string of \(size) bytes, above proto-max-bulk-len (\(sizeMax))", at: start)
  }

  /// Takes a string and forgets it.
  mutating func skipString() throws(Failure) {
    let start = offset
    switch try anyLength() {
    case .plain(let length): try skip(try checked(length, at: start))
    case .special(let form) where form <= 2: try skip(1 << Int(form))
    case .special(3):
      let packed = try sizeBefore()
      _ = try length()
      try skip(packed)
    case .special: throw flaw("a string of no known form", at: start)
    }
  }

  mutating func skipStrings(_ count: UInt64) throws(Failure) {
    for _ in 0..<count { try skipString() }
  }
}
