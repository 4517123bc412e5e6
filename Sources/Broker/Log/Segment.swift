// Segment.swift: one file of the log, by name and by its first bytes.
//
// A segment is a header, frames, and then nothing or zeros: space is zeroed ahead of the write
// position, since a sync of bytes that replace others is cheaper than one of a file that grew.
// Segments are chained: the first frame of one names the last frame of the one before, which was
// synced before that frame was written, whatever the policy. So what was lost of the older is
// damage, never a torn tail. A segment is made, synced and listed before it is needed and before
// anybody knows with which command it will begin; going on in it then costs no sync of its own.

import RESP

/// The first bytes of a segment. Little-endian.
///
///     offset  size  field
///          0     8  magic      "MARTLOG1"; the digit is the version of this layout
///          8     4  checksum   CRC-32C of bytes 12 ..< 32
///         12     4  previous   0; once the checksum of the last frame of the segment before
///         16     8  identity   of the log
///         24     8  first      sequence of the first command here; 0 where its first frame tells
struct SegmentHeader: Equatable {
  static let size = 32
  static let magic: StaticString = "MARTLOG1"

  var previous: UInt32
  var identity: LogIdentity
  var first: UInt64

  func encode(into buffer: inout ByteBuffer) {
    var fields = ByteBuffer()
    fields.append(littleEndian: previous)
    fields.append(littleEndian: identity.number)
    fields.append(littleEndian: first)
    buffer.append(Self.magic)
    buffer.append(littleEndian: CRC32C.checksum(fields.view))
    buffer.append(fields.view)
  }

  /// The header in the first 32 of `bytes`, or nil when they are none.
  init?(decoding bytes: ByteView) {
    guard bytes.count >= Self.size else { return nil }
    guard bytes[0..<8] == ByteView(Self.magic) else { return nil }
    guard bytes.littleEndian(at: 8) == CRC32C.checksum(bytes[12..<Self.size]) else { return nil }
    previous = bytes.littleEndian(at: 12)
    identity = LogIdentity(number: bytes.littleEndian(at: 16))
    first = bytes.littleEndian(at: 24)
  }

  init(previous: UInt32, identity: LogIdentity, first: UInt64) {
    self.previous = previous
    self.identity = identity
    self.first = first
  }
}

/// A segment as the manifest lists it.
struct Segment: Equatable, Sendable {
  /// What it is named by, more than that of the segment before: the sequence that the next command
  /// would have got when it was made.
  let number: UInt64
  /// The sequence of its first command; 0 while that is not known.
  var first: UInt64

  /// `<number, 20 digits>.log`, so that names sort as the segments follow each other.
  var name: String {
    let digits = String(number)
    return String(repeating: "0", count: 20 - digits.utf8.count) + digits + ".log"
  }

  init(number: UInt64, first: UInt64) {
    self.number = number
    self.first = first
  }

  init(first: UInt64) { self.init(number: first, first: first) }

  /// The segment of that name, as one that begins at its number; nil when it is not the name of one.
  init?(name: String) {
    let bytes = name.utf8
    guard bytes.count == 24, name.hasSuffix(".log") else { return nil }
    guard bytes.prefix(20).allSatisfy({ $0 &- 0x30 <= 9 }) else { return nil }
    guard let number = UInt64(name.prefix(20)), number > 0 else { return nil }
    self.init(first: number)
  }
}

/// The making of a segment: all that is slow about it, and may be done beside the writing of the log.
struct SegmentMaking: Sendable {
  let segment: Segment
  /// What lists it.
  let manifest: Manifest
  /// Bytes to set aside for it. No space for them is an error; a file system that cannot set aside is
  /// none.
  let reserve: Int

  /// Makes the file, durable and listed, with nothing in it.
  ///
  /// When it throws, the manifest on disk is the old one, or, if a sync failed, either.
  ///
  /// - Returns: the file, open for writing.
  func carryOut(in folder: Folder) throws(DiskError) -> DiskFile {
    let file = try folder.open(segment.name, for: .replacing)
    do throws(DiskError) {
      var header = ByteBuffer()
      SegmentHeader(previous: 0, identity: manifest.identity, first: 0).encode(into: &header)
      try folder.writeAll(file, header.view, at: 0)
      if reserve > 0 {
        do { try folder.reserve(file, from: 0, size: reserve) } catch {
          guard !error.isFull else { throw error }
        }
      }
      try folder.sync(file)
      // The entry must be durable before the manifest names it: the two may arrive in any order.
      try folder.sync()
      try manifest.save(in: folder)
    } catch {
      folder.close(file)
      // Only where the manifest cannot name it: after a failed sync nobody knows.
      if error.isPassing { try? folder.remove(segment.name) }
      throw error
    }
    return file
  }
}
