// PackedElements.swift: elements that lie in one string, as ziplists and listpacks have them.
//
// Both walk from the front, check each length before they use it, and give integers as numbers.

import RESP

/// One element of a packed string. Bytes are valid as long as the string.
enum PackedElement {
  case bytes(ByteView)
  case integer(Int64)
}

extension PackedElement {
  func withView<R>(_ body: (ByteView) -> R) -> R {
    switch self {
    case .bytes(let bytes): return body(bytes)
    case .integer(let number):
      var digits = DecimalDigits(number)
      return digits.withView(body)
    }
  }
}

/// What is wrong with a packed string.
struct PackedFlaw: Error { let reason: String }

/// Gives the elements of a packed string in order.
protocol PackedElements {
  init(_ bytes: ByteView) throws(PackedFlaw)
  /// The next element; nil once the end, and all that must be true of it, has been found.
  mutating func next() throws(PackedFlaw) -> PackedElement?
}

extension ByteView {
  /// Bytes `offset ..< offset + size`.
  func part(_ offset: Int, _ size: Int) throws(PackedFlaw) -> ByteView {
    guard offset <= count, size >= 0, size <= count - offset else {
      throw PackedFlaw(reason: "an element reaches beyond its end")
    }
    return self[offset..<offset + size]
  }

  /// The signed number that these 1 to 8 bytes are, the lowest first.
  var signedLittleEndian: Int64 {
    precondition(count >= 1 && count <= 8)
    var number: UInt64 = 0
    for index in 0..<count { number |= UInt64(self[index]) &<< UInt64(8 * index) }
    let unused = UInt64(64 - 8 * count)
    return Int64(bitPattern: number &<< unused) &>> Int64(unused)
  }

  /// The unsigned number that these up to 8 bytes are, the highest first.
  var unsignedBigEndian: UInt64 {
    precondition(count <= 8)
    var number: UInt64 = 0
    for index in 0..<count { number = number &<< 8 | UInt64(self[index]) }
    return number
  }
}
