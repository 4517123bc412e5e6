// Numbers.swift: numbers as text and text as numbers, as C's printf and strtod have them.

import Glibc

/// A number as `%.14g` writes it, which is what `tostring` and `..` make of it.
enum NumberText {
  /// No number takes more bytes than this.
  static let sizeMax = 32

  /// Writes the text of `number` and answers its size. `memory` has room for `sizeMax` bytes.
  static func write(_ number: Double, to memory: UnsafeMutableRawPointer) -> Int {
    // Whole numbers of up to 14 digits are what scripts have most.
    if let integer = Int64(exactly: number), integer.magnitude < 100_000_000_000_000,
      integer != 0 || number.sign == .plus
    {
      return unsafe write(integer, to: memory)
    }
    return unsafe format("%.14g", number, to: memory, size: sizeMax)
  }

  private static func write(_ integer: Int64, to memory: UnsafeMutableRawPointer) -> Int {
    var rest = integer.magnitude
    var size = integer < 0 ? 1 : 0
    if integer < 0 { unsafe memory.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
    var digits = 1
    var power: UInt64 = 10
    while rest >= power {
      digits += 1
      power *= 10
    }
    size += digits
    var offset = size
    repeat {
      offset -= 1
      let digit = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
      unsafe memory.storeBytes(of: digit, toByteOffset: offset, as: UInt8.self)
      rest /= 10
    } while rest > 0
    return size
  }

  /// Writes `number` by a format of C, at most `size` - 1 bytes, and answers how many.
  static func format(
    _ format: UnsafePointer<CChar>, _ value: any CVarArg, to memory: UnsafeMutableRawPointer,
    size: Int
  ) -> Int {
    let count = unsafe withVaList([value]) { list in
      unsafe vsnprintf(memory.assumingMemoryBound(to: CChar.self), size, format, list)
    }
    return min(Int(count), size - 1)
  }

  /// The number that `text` is, white space around it aside, or nil: decimal, or hexadecimal after 0x.
  /// `text` is followed by a zero, as the bytes of a string are; one within it ends the number, as in C.
  static func parse(_ text: Bytes) -> Double? {
    guard text.count > 0 else { return nil }
    if text.count <= 15 {
      // Plain digits need no strtod.
      var integer = 0
      var offset = 0
      while offset < text.count {
        let digit = text[offset] &- UInt8(ascii: "0")
        guard digit <= 9 else { break }
        integer = integer &* 10 &+ Int(digit)
        offset += 1
      }
      if offset == text.count { return Double(integer) }
    }
    let start = unsafe text.start.assumingMemoryBound(to: CChar.self)
    var end: UnsafeMutablePointer<CChar>?
    var number = unsafe strtod(start, &end)
    guard var rest = unsafe end, unsafe rest != start else { return nil }
    if unsafe rest.pointee == CChar(UInt8(ascii: "x")) || rest.pointee == CChar(UInt8(ascii: "X")) {
      number = unsafe Double(strtoul(start, &end, 16))
      guard let after = unsafe end else { return nil }
      unsafe rest = after
    }
    var offset = unsafe UnsafeRawPointer(rest) - text.start
    while text[offset].isSpace { offset += 1 }
    guard text[offset] == 0 else { return nil }
    return Value(foreign: number).number
  }

  /// The number that `text` is in `base`, 2 ... 36, or nil.
  static func parse(_ text: Bytes, base: Int) -> Double? {
    let start = unsafe text.start.assumingMemoryBound(to: CChar.self)
    var end: UnsafeMutablePointer<CChar>?
    let number = unsafe strtoul(start, &end, Int32(base))
    guard let rest = unsafe end, unsafe rest != start else { return nil }
    var offset = unsafe UnsafeRawPointer(rest) - text.start
    while text[offset].isSpace { offset += 1 }
    guard text[offset] == 0 else { return nil }
    return Double(number)
  }
}

/// The classes of characters of C's locale "C".
extension UInt8 {
  var isSpace: Bool { self == 32 || (self >= 9 && self <= 13) }
  var isDigit: Bool { self >= 48 && self <= 57 }
  var isLetter: Bool { (self | 32) >= 97 && (self | 32) <= 122 }
  var isAlphanumeric: Bool { isDigit || isLetter }
  var isHexDigit: Bool { isDigit || ((self | 32) >= 97 && (self | 32) <= 102) }
  var isControl: Bool { self < 32 || self == 127 }
  var isPunctuation: Bool { self > 32 && self < 127 && !isAlphanumeric }
  var isUpper: Bool { self >= 65 && self <= 90 }
  var isLower: Bool { self >= 97 && self <= 122 }
  var lowered: UInt8 { isUpper ? self | 32 : self }
  var uppered: UInt8 { isLower ? self & ~32 : self }
  /// The value of a hexadecimal digit.
  var hexValue: UInt8 { isDigit ? self - 48 : (self | 32) - 87 }
}
