// EntryCheck.swift: whether bytes that may be anything are names and entries of a stream, as EntryChunk.swift
// has them.

import RESP

/// Reads what may be names and entries, and nothing behind the end of the bytes.
struct EntryCheck {
  private let bytes: ByteView
  private var offset = 0
  private(set) var nameCount: UInt64 = 0

  init(_ bytes: ByteView) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  private mutating func number() -> UInt64? {
    var value: UInt64 = 0, shift: UInt64 = 0
    while offset < bytes.count, shift < 64 {
      let byte = UInt64(bytes[offset])
      offset += 1
      guard shift < 63 || byte <= 1 else { return nil }
      value |= (byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  private mutating func skip(_ size: UInt64) -> Bool {
    guard size <= UInt64(bytes.count - offset) else { return false }
    offset += Int(size)
    return true
  }

  private mutating func name() -> Bool { number().map { skip($0) } ?? false }

  private mutating func value() -> Bool {
    guard let head = number() else { return false }
    if head & 1 == 1 { guard (1...8).contains(head >> 1) else { return false } }
    return skip(head >> 1)
  }

  /// The names of a chunk.
  mutating func names() -> Bool {
    guard let count = number(), count <= UInt64(bytes.count) else { return false }
    nameCount = count
    for _ in 0..<count { guard name() else { return false } }
    return true
  }

  /// An entry of a chunk with so many names.
  ///
  /// - Returns: its id.
  mutating func entry(_ nameCount: UInt64, _ base: StreamID) -> StreamID? {
    guard let head = number(), head >> 1 <= UInt64(bytes.count - offset) else { return nil }
    let end = offset + Int(head >> 1)
    guard let above = number(), let sequence = number() else { return nil }
    let (milliseconds, isTooLate) = base.milliseconds.addingReportingOverflow(above)
    let (sum, isTooHigh) = base.sequence.addingReportingOverflow(sequence)
    guard !isTooLate, above > 0 || !isTooHigh else { return nil }
    let hasNames = head & 1 == 1
    let count = hasNames ? number() : nameCount
    guard let count, count <= UInt64(bytes.count) else { return nil }
    for _ in 0..<count {
      if hasNames { guard name() else { return nil } }
      guard value() else { return nil }
    }
    guard offset == end else { return nil }
    return StreamID(milliseconds, above == 0 ? sum : sequence)
  }
}
