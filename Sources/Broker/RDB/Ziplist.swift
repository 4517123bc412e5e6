// Ziplist.swift: the packed lists of Redis before 7.
//
//     size u32, last u32, count u16, entries, FF          little-endian; count FFFF: not known
//
//     entry: size of the entry before (1 byte, or FE and u32), then
//       00llllll              string of l bytes
//       01llllll llllllll     string of l bytes
//       10...... u32          string, its size big-endian
//       C0 D0 E0 F0 FE        integer of 2, 4, 8, 3 or 1 bytes, little-endian
//       F1 ... FD             the integers 0 ... 12

import RESP

struct Ziplist: PackedElements {
  private static let headerSize = 10

  private let bytes: ByteView
  /// How many entries the header says there are; nil when it does not.
  private let announced: Int?
  private var found = 0
  private var offset = Self.headerSize
  /// Where the entry before began.
  private var before = Self.headerSize

  init(_ bytes: ByteView) throws(PackedFlaw) {
    guard bytes.count > Self.headerSize, bytes.littleEndian(at: 0, as: UInt32.self) == bytes.count
    else { throw PackedFlaw(reason: "a ziplist has another size than it says") }
    let count = bytes.littleEndian(at: 8, as: UInt16.self)
    announced = count == .max ? nil : Int(count)
    self.bytes = bytes
  }

  mutating func next() throws(PackedFlaw) -> PackedElement? {
    if try byte(at: offset) == 0xFF {
      guard offset == bytes.count - 1, announced ?? found == found else {
        throw PackedFlaw(reason: "a ziplist ends in another place than it says")
      }
      return nil
    }
    let start = offset
    var sizeBefore = Int(try byte(at: offset))
    offset += 1
    if sizeBefore == 0xFE {
      sizeBefore = Int(try bytes.part(offset, 4).littleEndian(at: 0, as: UInt32.self))
      offset += 4
    }
    guard sizeBefore == start - before else {
      throw PackedFlaw(reason: "a ziplist's entries do not follow each other")
    }
    let element = try element()
    before = start
    found += 1
    return element
  }

  private func byte(at offset: Int) throws(PackedFlaw) -> UInt8 { try bytes.part(offset, 1)[0] }

  /// Takes `size` bytes.
  private mutating func take(_ size: Int) throws(PackedFlaw) -> ByteView {
    let part = try bytes.part(offset, size)
    offset += size
    return part
  }

  private mutating func element() throws(PackedFlaw) -> PackedElement {
    let mark = try take(1)[0]
    switch mark {
    case 0x00...0x3F: return .bytes(try take(Int(mark)))
    case 0x40...0x7F:
      let low = Int(try take(1)[0])
      return .bytes(try take(Int(mark & 0x3F) << 8 | low))
    case 0x80...0xBF:
      let size = try take(4).unsignedBigEndian
      return .bytes(try take(Int(size)))
    case 0xC0: return .integer(try take(2).signedLittleEndian)
    case 0xD0: return .integer(try take(4).signedLittleEndian)
    case 0xE0: return .integer(try take(8).signedLittleEndian)
    case 0xF0: return .integer(try take(3).signedLittleEndian)
    case 0xFE: return .integer(try take(1).signedLittleEndian)
    case 0xF1...0xFD: return .integer(Int64(mark & 0x0F) - 1)
    default: throw PackedFlaw(reason: "a ziplist has an entry of no known kind")
    }
  }
}
