// CRC32C.swift: the checksum of everything the log writes.
//
// CRC-32C (Castagnoli) finds every burst of up to 32 bits, and processors have an instruction for
// it. Both forms below give the same numbers; tests hold them against each other.

import CLinux
import RESP

enum CRC32C {
  private static let hasInstruction = martlet_crc32c_available() != 0

  /// The checksum of `bytes`, or of what `seed` is the checksum of followed by `bytes`.
  static func checksum(_ bytes: ByteView, after seed: UInt32 = 0) -> UInt32 {
    guard hasInstruction else { return table(bytes, after: seed) }
    return unsafe ~martlet_crc32c(~seed, bytes.start, bytes.count)
  }

  /// The same by tables, eight bytes a step (Kounavis and Berry, "slicing by 8").
  static func table(_ bytes: ByteView, after seed: UInt32 = 0) -> UInt32 {
    let tables = tables
    var crc = ~seed
    var index = 0
    while bytes.count - index >= 8 {
      let word: UInt64 = bytes.littleEndian(at: index) ^ UInt64(crc)
      crc = 0
      for place in 0..<8 {
        let byte = Int(truncatingIfNeeded: word &>> UInt64(8 * place)) & 0xFF
        crc ^= tables[(7 - place) * 256 + byte]
      }
      index += 8
    }
    while index < bytes.count {
      crc = (crc &>> 8) ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
      index += 1
    }
    return ~crc
  }

  /// Eight tables of 256: number k tells what a byte does to a checksum k bytes further on.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc &>> 1) ^ 0x82F6_3B78 : crc &>> 1 }
      tables[byte] = crc
    }
    for entry in 256..<tables.count {
      let before = tables[entry - 256]
      tables[entry] = (before &>> 8) ^ tables[Int(before & 0xFF)]
    }
    return tables
  }()
}

// MARK: Numbers in the byte order of our files

extension ByteView {
  /// The little-endian number at `offset`, whatever its alignment.
  func littleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as: Number.Type = Number.self
  ) -> Number {
    precondition(offset >= 0)
    precondition(offset + MemoryLayout<Number>.size <= count)
    return unsafe Number(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: Number.self))
  }
}

extension ByteBuffer {
  mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(littleEndian number: Number) {
    let free = unsafe grow(MemoryLayout<Number>.size)
    unsafe free.storeBytes(of: number.littleEndian, as: Number.self)
  }
}
