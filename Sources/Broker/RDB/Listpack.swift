// Listpack.swift: the packed lists of Redis 7 and Valkey.
//
//     size u32, count u16, entries, FF                     little-endian; count FFFF: not known
//
//     entry: one of these, then its size again, 7 bits a byte, readable from behind
//       0iiiiiii                 the integers 0 ... 127
//       10llllll                 string of l bytes
//       110iiiii iiiiiiii        integer of 13 bits
//       1110llll llllllll        string of l bytes
//       F0 u32                   string, its size little-endian
//       F1 F2 F3 F4              integer of 2, 3, 4 or 8 bytes, little-endian

import RESP

struct Listpack: PackedElements {
  private static let headerSize = 6

  private let bytes: ByteView
  /// How many entries the header says there are; nil when it does not.
  private let announced: Int?
  private var found = 0
  private var offset = Self.headerSize

  init(_ bytes: ByteView) throws(PackedFlaw) {
    guard bytes.count > Self.headerSize, bytes.littleEndian(at: 0, as: UInt32.self) == bytes.count
    else { throw PackedFlaw(reason: "a listpack has another size than it says") }
    let count = bytes.littleEndian(at: 4, as: UInt16.self)
    announced = count == .max ? nil : Int(count)
    self.bytes = bytes
  }

  mutating func next() throws(PackedFlaw) -> PackedElement? {
    if try bytes.part(offset, 1)[0] == 0xFF {
      guard offset == bytes.count - 1, announced ?? found == found else {
        throw PackedFlaw(reason: "a listpack ends in another place than it says")
      }
      return nil
    }
    let start = offset
    let element = try element()
    try takeSize(offset - start)
    found += 1
    return element
  }

  /// Takes `size` bytes.
  private mutating func take(_ size: Int) throws(PackedFlaw) -> ByteView {
    let part = try bytes.part(offset, size)
    offset += size
    return part
  }

  private mutating func element() throws(PackedFlaw) -> PackedElement {
    let mark = try take(1)[0]
    switch mark {
    case 0x00...0x7F: return .integer(Int64(mark))
    case 0x80...0xBF: return .bytes(try take(Int(mark & 0x3F)))
    case 0xC0...0xDF:
      let number = Int64(mark & 0x1F) << 8 | Int64(try take(1)[0])
      return .integer(number < 1 << 12 ? number : number - 1 << 13)
    case 0xE0...0xEF:
      let low = Int(try take(1)[0])
      return .bytes(try take(Int(mark & 0x0F) << 8 | low))
    case 0xF0: return .bytes(try take(Int(try take(4).littleEndian(at: 0, as: UInt32.self))))
    case 0xF1: return .integer(try take(2).signedLittleEndian)
    case 0xF2: return .integer(try take(3).signedLittleEndian)
    case 0xF3: return .integer(try take(4).signedLittleEndian)
    case 0xF4: return .integer(try take(8).signedLittleEndian)
    default: throw PackedFlaw(reason: "a listpack has an entry of no known kind")
    }
  }

  /// Takes the size of an entry of `size` bytes that stands behind it: the highest bits first, each
  /// byte but the first with its top bit set.
  private mutating func takeSize(_ size: Int) throws(PackedFlaw) {
    let count = Self.sizeBehind(size)
    let behind = try take(count)
    for place in 0..<count {
      let bits = UInt8(truncatingIfNeeded: size >> (7 * (count - 1 - place))) & 0x7F
      guard behind[place] == (place == 0 ? bits : bits | 0x80) else {
        throw PackedFlaw(reason: "a listpack's entries do not follow each other")
      }
    }
  }

  /// How many bytes the size of an entry of `size` bytes takes behind it. Redis' bounds: a size of
  /// k · 7 one-bits already takes a byte more, but for k = 1.
  static func sizeBehind(_ size: Int) -> Int {
    switch size {
    case ...127: 1
    case ..<16_383: 2
    case ..<2_097_151: 3
    case ..<268_435_455: 4
    default: 5
    }
  }
}
