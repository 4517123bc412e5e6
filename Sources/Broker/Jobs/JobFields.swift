// JobFields.swift: values that may be absent, as bytes: a number for each that is there.
//
//     field  tag u8, size u32 little-endian, bytes
//
// The tags of one kind of values never change their meaning: checkpoints have them.

import RESP

/// Appends fields.
struct FieldWriter: ~Copyable {
  var bytes = ByteBuffer()

  mutating func add(_ tag: UInt8, _ value: [UInt8]?) {
    guard let value else { return }
    begin(tag, value.count)
    bytes.append(value)
  }

  mutating func add(_ tag: UInt8, _ value: Int64?) {
    guard let value else { return }
    begin(tag, 8)
    bytes.append(littleEndian: value)
  }

  private mutating func begin(_ tag: UInt8, _ size: Int) {
    bytes.append(byte: tag)
    bytes.append(littleEndian: UInt32(size))
  }
}

/// Calls `body` with each field of `bytes`.
///
/// - Returns: false when the bytes are not whole fields.
func readFields(_ bytes: ByteView, _ body: (UInt8, ByteView) -> Bool) -> Bool {
  var offset = 0
  while offset < bytes.count {
    guard bytes.count - offset >= 5 else { return false }
    let size = Int(bytes.littleEndian(at: offset + 1, as: UInt32.self))
    guard size <= bytes.count - offset - 5 else { return false }
    guard body(bytes[offset], bytes[offset + 5..<offset + 5 + size]) else { return false }
    offset += 5 + size
  }
  return true
}

extension ByteView {
  /// The integer in a field of 8 bytes.
  var fieldInteger: Int64? { count == 8 ? littleEndian(at: 0, as: Int64.self) : nil }
}
