// RDBBuilder.swift: RDB files made by hand, byte by byte, for tests of the import.

import RESP

@testable import Broker

/// An RDB file in the making.
struct RDBBuilder {
  var bytes: [UInt8]

  init(version: String = "0011") { bytes = Array("REDIS\(version)".utf8) }

  /// A length in its shortest form.
  static func length(_ number: Int) -> [UInt8] {
    switch number {
    case ..<64: [UInt8(number)]
    case ..<16384: [0x40 | UInt8(number >> 8), UInt8(number & 0xFF)]
    default: [0x80] + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }
  }

  static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
  static func string(_ bytes: [UInt8]) -> [UInt8] { length(bytes.count) + bytes }

  /// A compressed string that makes `size` bytes.
  static func packed(_ bytes: [UInt8], size: Int) -> [UInt8] {
    [0xC3] + length(bytes.count) + length(size) + bytes
  }

  mutating func key(_ type: UInt8, _ name: String, _ value: [UInt8]) {
    bytes += [type] + Self.string(name) + value
  }

  mutating func select(_ database: Int) { bytes += [0xFE] + Self.length(database) }

  mutating func deadline(_ milliseconds: Int64) {
    bytes += [0xFC] + Self.littleEndian(UInt64(bitPattern: milliseconds))
  }

  /// The whole file.
  func end(isSummed: Bool = true) -> [UInt8] {
    let all = bytes + [0xFF]
    return all + Self.littleEndian(isSummed ? checksum(all) : 0)
  }

  static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  // MARK: Packed lists

  /// A listpack of entries that are given as their mark and bytes.
  static func listpack(_ entries: [[UInt8]], count: UInt16? = nil) -> [UInt8] {
    var body: [UInt8] = []
    for entry in entries { body += entry + sizeBehind(entry.count) }
    let size = UInt32(6 + body.count + 1)
    return littleEndian(size) + littleEndian(count ?? UInt16(entries.count)) + body + [0xFF]
  }

  /// The size of an entry as it stands behind it; k · 7 one-bits take a byte more, but for k = 1.
  private static func sizeBehind(_ size: Int) -> [UInt8] {
    let count = [128, 16_383, 2_097_151].count { size >= $0 } + 1
    return (0..<count).map { place in
      let bits = UInt8(truncatingIfNeeded: size >> (7 * (count - 1 - place))) & 0x7F
      return place == 0 ? bits : bits | 0x80
    }
  }

  /// A ziplist of entries that are given as their mark and bytes.
  static func ziplist(_ entries: [[UInt8]], count: UInt16? = nil) -> [UInt8] {
    var body: [UInt8] = [], before = 0, last = 0
    for entry in entries {
      let sizeBefore = before < 254 ? [UInt8(before)] : [0xFE] + littleEndian(UInt32(before))
      last = body.count
      before = sizeBefore.count + entry.count
      body += sizeBefore + entry
    }
    let size = UInt32(10 + body.count + 1)
    return littleEndian(size) + littleEndian(UInt32(10 + last))
      + littleEndian(count ?? UInt16(entries.count)) + body + [0xFF]
  }
}

private func checksum(_ bytes: [UInt8]) -> UInt64 {
  var buffer = ByteBuffer()
  buffer.append(bytes)
  return CRC64.checksum(buffer.view)
}
