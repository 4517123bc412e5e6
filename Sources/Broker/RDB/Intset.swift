// Intset.swift: sets of integers as Redis keeps and writes them.
//
//     size of each u32 (2, 4 or 8), count u32, integers         little-endian

import RESP

struct Intset: PackedElements {
  private static let headerSize = 8

  private let numbers: ByteView
  private let size: Int
  private var offset = 0

  init(_ bytes: ByteView) throws(PackedFlaw) {
    guard bytes.count >= Self.headerSize else {
      throw PackedFlaw(reason: "an intset has no head")
    }
    let size = Int(bytes.littleEndian(at: 0, as: UInt32.self))
    let count = Int(bytes.littleEndian(at: 4, as: UInt32.self))
    guard size == 2 || size == 4 || size == 8, bytes.count == Self.headerSize + count * size else {
      throw PackedFlaw(reason: "an intset has another size than it says")
    }
    self.size = size
    numbers = bytes[Self.headerSize..<bytes.count]
  }

  mutating func next() throws(PackedFlaw) -> PackedElement? {
    guard offset < numbers.count else { return nil }
    defer { offset += size }
    return .integer(numbers[offset..<offset + size].signedLittleEndian)
  }
}
