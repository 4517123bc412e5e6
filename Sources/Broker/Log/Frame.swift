// Frame.swift: how one commit lies in the log.
//
// A frame is a header and a body: the commands of one commit as plain RESP arrays. Every command
// has a sequence number, from 1, without gaps; a frame covers first ..< first + count. An empty
// frame (count 0) takes no number: it only carries a newer `durable` (see Recovery.swift for its
// use). The header has its own checksum, so that its sizes and `durable` can be believed when the
// body is torn, and so that a search for headers costs no more than reading the bytes.

import RESP

/// The header before each body. Little-endian.
///
///     offset  size  field
///          0     4  magic         "MLF1"; the digit is the version of this layout
///          4     4  checksum      CRC-32C of bytes 8 ..< 40, going on from the log's salt
///          8     4  bodyChecksum  CRC-32C of the body
///         12     4  bodySize      bytes, 0 ... bodySizeMax; 0 only with count 0
///         16     4  count         commands in the body
///         20     4  previous      `checksum` of the frame before, across segments; 0 for none
///         24     8  first         sequence of the first command
///         32     8  durable       last sequence known synced when the frame was built, < first
struct FrameHeader: Equatable {
  static let size = 40
  /// Four bulk strings of the largest size fit into one commit.
  static let bodySizeMax = 2 << 30 + 1 << 20
  /// "MLF1" as its bytes read in little-endian order.
  static let magic: UInt32 = 0x3146_4C4D

  var bodyChecksum: UInt32
  var bodySize: UInt32
  var count: UInt32
  var previous: UInt32
  var first: UInt64
  var durable: UInt64

  /// The sequence of the last command; of the last before the frame when it is empty.
  var last: UInt64 { first &+ UInt64(count) &- 1 }

  /// Appends the 40 bytes.
  ///
  /// - Returns: the checksum, which the next frame names as its previous.
  @discardableResult
  func encode(into buffer: inout ByteBuffer, salt: UInt32) -> UInt32 {
    precondition(Int(bodySize) <= Self.bodySizeMax)  // Checked again by init(decoding:).
    precondition((bodySize == 0) == (count == 0))
    precondition(first > durable)
    let start = buffer.count
    buffer.append(littleEndian: Self.magic)
    buffer.append(littleEndian: UInt32(0))
    buffer.append(littleEndian: bodyChecksum)
    buffer.append(littleEndian: bodySize)
    buffer.append(littleEndian: count)
    buffer.append(littleEndian: previous)
    buffer.append(littleEndian: first)
    buffer.append(littleEndian: durable)
    let checksum = CRC32C.checksum(buffer.view(at: start + 8, size: Self.size - 8), after: salt)
    var place = ByteBuffer()
    place.append(littleEndian: checksum)
    buffer.overwrite(at: start + 4, with: place.view)
    return checksum
  }

  /// The header in the first 40 of `bytes`, or nil when they are no header of this log.
  init?(decoding bytes: ByteView, salt: UInt32) {
    guard bytes.count >= Self.size else { return nil }
    guard bytes.littleEndian(at: 0) == Self.magic else { return nil }
    let checksum = CRC32C.checksum(bytes[8..<Self.size], after: salt)
    guard bytes.littleEndian(at: 4) == checksum else { return nil }
    bodyChecksum = bytes.littleEndian(at: 8)
    bodySize = bytes.littleEndian(at: 12)
    count = bytes.littleEndian(at: 16)
    previous = bytes.littleEndian(at: 20)
    first = bytes.littleEndian(at: 24)
    durable = bytes.littleEndian(at: 32)
    guard Int(bodySize) <= Self.bodySizeMax else { return nil }
    guard (bodySize == 0) == (count == 0) else { return nil }
    guard first > durable else { return nil }
    guard !first.addingReportingOverflow(UInt64(count)).overflow else { return nil }
  }

  init(
    bodyChecksum: UInt32, bodySize: UInt32, count: UInt32, previous: UInt32, first: UInt64,
    durable: UInt64
  ) {
    self.bodyChecksum = bodyChecksum
    self.bodySize = bodySize
    self.count = count
    self.previous = previous
    self.first = first
    self.durable = durable
  }
}

/// Which log a file belongs to: drawn at random when the log is made, and found in every file of
/// it.
///
/// It makes a file from another folder known as foreign. Checksums of headers go on from its salt,
/// so that no client can have bytes stored that pass for a header of this log.
struct LogIdentity: Equatable, Sendable {
  let number: UInt64

  var salt: UInt32 {
    var bytes = ByteBuffer()
    bytes.append(littleEndian: number)
    return CRC32C.checksum(bytes.view)
  }
}
