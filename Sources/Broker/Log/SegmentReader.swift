// SegmentReader.swift: the frames of one segment, in order, as far as they can be believed.
//
// A frame is believed when its header is one of this log, follows the frame before by sequence and
// checksum, and its body matches. The reader stops at the first that is not; whoever reads decides
// what that means. Memory grows with the bytes that are there, never with what a header claims.

import RESP

struct SegmentReader: ~Copyable {
  /// Large enough that calls cost little, small enough to stay in a core's cache.
  static let stepSize = 512 << 10

  let folder: Folder
  let file: DiskFile
  let salt: UInt32
  /// The file's size when reading began.
  let size: Int

  /// Where the next frame begins, once the current one is done with.
  private(set) var offset: Int
  /// The sequence that the next frame must begin with.
  private(set) var sequence: UInt64
  /// The checksum that the next frame must name as its previous.
  private(set) var checksum: UInt32
  /// The last command that a frame says is durable.
  private(set) var durable: UInt64 = 0
  private(set) var frames = 0
  private(set) var endsWithEmptyFrame = false

  /// Bytes of the file from `offset - frameSize` on.
  private var buffer = ByteBuffer()
  private var frameSize = 0

  /// Begins behind the segment's header, which has been read.
  init(
    folder: Folder, file: DiskFile, header: SegmentHeader, size: Int
  ) {
    self.folder = folder
    self.file = file
    self.size = size
    salt = header.identity.salt
    offset = SegmentHeader.size
    sequence = header.first
    checksum = header.previous
  }

  enum Step {
    /// A frame with its body, which is valid until the next step.
    case frame(FrameHeader, body: ByteView)
    /// No frame can be believed at `offset`; nil when the file ends there.
    case stop(reason: String?)
  }

  mutating func next() throws(DiskError) -> Step {
    buffer.removeFirst(frameSize)
    frameSize = 0
    guard size > offset else { return .stop(reason: nil) }
    guard try fill(FrameHeader.size) else { return .stop(reason: "a frame's header is cut short") }
    guard let header = FrameHeader(decoding: buffer.view, salt: salt) else {
      return .stop(reason: "no frame begins here, or its header does not match its checksum")
    }
    guard header.first == sequence else {
      return .stop(reason: "a frame begins with command \(header.first) instead of \(sequence)")
    }
    guard header.previous == checksum else {
      return .stop(reason: "a frame does not follow the one before it")
    }
    let whole = FrameHeader.size + Int(header.bodySize)
    guard try fill(whole) else { return .stop(reason: "a frame's body is cut short") }
    let body = buffer.view(at: FrameHeader.size, size: Int(header.bodySize))
    guard CRC32C.checksum(body) == header.bodyChecksum else {
      return .stop(reason: "a frame's body does not match its checksum")
    }
    checksum = buffer.view.littleEndian(at: 4)
    sequence += UInt64(header.count)
    durable = max(durable, header.durable)
    frames += 1
    endsWithEmptyFrame = header.count == 0
    offset += whole
    frameSize = whole
    return .frame(header, body: body)
  }

  /// Reads on until `needed` bytes from `offset` on are in the buffer; false when the file has
  /// fewer.
  private mutating func fill(_ needed: Int) throws(DiskError) -> Bool {
    guard needed <= size - offset else { return false }
    while buffer.count < needed {
      let place = offset + buffer.count
      let step = min(max(Self.stepSize, needed - buffer.count), size - place)
      let filled = try folder.read(file, at: place, upTo: step, into: &buffer)
      guard filled > 0 else { return false }
    }
    return true
  }

  // MARK: What follows the last frame

  /// What lies between the last frame that can be believed and the end of the file.
  struct Tail: Equatable {
    /// Behind the last byte that is not zero; `offset` when there is none.
    var dataEnd: Int
    /// The highest `durable` of any header of this log in there; 0 without one.
    var durable: UInt64 = 0
  }

  /// Searches the rest of the file. O(size of the rest).
  func tail() throws(DiskError) -> Tail {
    var tail = Tail(dataEnd: offset)
    var held = ByteBuffer(), start = offset
    while start + held.count < size {
      let place = start + held.count
      let step = min(Self.stepSize, size - place)
      let filled = try folder.read(file, at: place, upTo: step, into: &held)
      guard filled > 0 else { break }
      let bytes = held.view
      if let last = bytes.lastIndexOfData { tail.dataEnd = max(tail.dataEnd, start + last + 1) }
      var index = 0
      while let found = bytes.firstIndex(of: UInt8(ascii: "M"), from: index) {
        if let header = FrameHeader(decoding: bytes[found..<bytes.count], salt: salt) {
          tail.durable = max(tail.durable, header.durable)
        }
        index = found + 1
      }
      // A header may lie across two steps.
      let done = max(0, bytes.count - (FrameHeader.size - 1))
      held.removeFirst(done)
      start += done
    }
    return tail
  }
}

extension ByteView {
  /// Where the last byte stands that is not zero.
  fileprivate var lastIndexOfData: Int? {
    var end = count
    while end >= 8, littleEndian(at: end - 8, as: UInt64.self) == 0 { end -= 8 }
    while end > 0, self[end - 1] == 0 { end -= 1 }
    return end > 0 ? end - 1 : nil
  }
}
