// CRC64.swift: the checksum at the end of an RDB file, and of what DUMP gives.
//
// CRC-64 with the polynomial of D. T. Jones, reflected, begun with 0 and not inverted at the end.

import RESP

enum CRC64 {
  /// The checksum of what `seed` is the checksum of, followed by `bytes`; eight bytes a step.
  static func checksum(_ bytes: ByteView, after seed: UInt64 = 0) -> UInt64 {
    let tables = tables
    var crc = seed
    var index = 0
    while bytes.count - index >= 8 {
      let word = crc ^ bytes.littleEndian(at: index, as: UInt64.self)
      crc = 0
      for place in 0..<8 {
        let byte = Int(truncatingIfNeeded: word &>> UInt64(8 * place)) & 0xFF
        crc ^= tables[(7 - place) * 256 + byte]
      }
      index += 8
    }
    while index < bytes.count {
      crc = (crc &>> 8) ^ tables[Int(truncatingIfNeeded: crc ^ UInt64(bytes[index])) & 0xFF]
      index += 1
    }
    return crc
  }

  /// Eight tables of 256: number k tells what a byte does to a checksum k bytes further on.
  private static let tables: [UInt64] = {
    var tables = [UInt64](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt64(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc &>> 1) ^ 0x95AC_9329_AC4B_C9B5 : crc &>> 1 }
      tables[byte] = crc
    }
    for entry in 256..<tables.count {
      let before = tables[entry - 256]
      tables[entry] = (before &>> 8) ^ tables[Int(truncatingIfNeeded: before) & 0xFF]
    }
    return tables
  }()
}
