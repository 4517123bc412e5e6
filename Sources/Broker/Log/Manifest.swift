// Manifest.swift: which files are the log.
//
// `MANIFEST` is a small text that people can read, replaced as a whole: written beside, synced,
// renamed over the old one, and the folder synced. So it is always one of the two. A listed file
// exists and is durable before the list is.
//
//     martlet-log 1
//     identity 9f86d081884c7d65
//     checkpoint 00000000000000004710.checkpoint 4710
//     segment 00000000000000004711.log 4711
//     next 00000000000000004712.log
//     crc32c 89abcdef
//
// The next segment has been made ahead. Frames may have been written to it since then; whoever reads
// the manifest looks (`settle`).

import RESP

struct Manifest: Equatable, Sendable {
  static let name = "MANIFEST"
  static let nameNew = "MANIFEST.new"
  static let sizeMax = 64 << 20

  /// A whole state in a file, after which the segments go on.
  struct Checkpoint: Equatable, Sendable {
    let name: String
    /// The last command that is in it.
    let sequence: UInt64
  }

  var identity: LogIdentity
  var checkpoint: Checkpoint?
  /// In the order in which they follow each other.
  var segments: [Segment] = []
  /// The segment that is to follow the last one, with nothing in it; there is one before it.
  var next: Segment?

  /// The checkpoint and the segments by name.
  var files: [String] {
    (checkpoint.map { [$0.name] } ?? []) + segments.map(\.name) + (next.map { [$0.name] } ?? [])
  }

  /// Whether a frame has commands that are not in the checkpoint.
  func goesOn(with header: FrameHeader) throws(ReplayError) -> Bool {
    let loaded = checkpoint?.sequence ?? 0
    guard header.count > 0, header.last > loaded else { return false }
    guard header.first > loaded else {
      throw ReplayError(reason: "the checkpoint ends at command \(loaded), inside a frame")
    }
    return true
  }

  var text: String {
    var text = "martlet-log 1\nidentity \(Self.hex(identity.number, digits: 16))\n"
    if let checkpoint { text += "checkpoint \(checkpoint.name) \(checkpoint.sequence)\n" }
    for segment in segments { text += "segment \(segment.name) \(segment.first)\n" }
    if let next { text += "next \(next.name)\n" }
    var bytes = ByteBuffer()
    bytes.append(text)
    return text + "crc32c \(Self.hex(UInt64(CRC32C.checksum(bytes.view)), digits: 8))\n"
  }

  init(identity: LogIdentity) { self.identity = identity }

  // MARK: Reading

  /// What is wrong with a manifest's text.
  struct Flaw: Error { let reason: String }

  /// Reads what `text` writes, and nothing else.
  init(parsing bytes: ByteView) throws(Flaw) {
    let tail = "crc32c 00000000\n".utf8.count
    guard bytes.count >= tail else { throw Flaw(reason: "is empty or cut short") }
    let body = bytes[0..<bytes.count - tail]
    let checksum = Self.hex(UInt64(CRC32C.checksum(body)), digits: 8)
    guard bytes[body.count..<bytes.count].text == "crc32c \(checksum)\n" else {
      throw Flaw(reason: "does not match its checksum")
    }
    var lines = body.text.split(separator: "\n")[...]
    guard let version = lines.popFirst(), version == "martlet-log 1" else {
      throw Flaw(reason: "is of a version that this server does not know")
    }
    guard let line = lines.popFirst(), line.hasPrefix("identity "),
      let number = UInt64(line.dropFirst(9), radix: 16)
    else { throw Flaw(reason: "names no identity") }
    identity = LogIdentity(number: number)
    for line in lines {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      if words.count == 2, words[0] == "next", next == nil, let last = segments.last,
        let segment = Segment(name: String(words[1])), segment.number > last.number
      {
        next = segment
        continue
      }
      guard words.count == 3, next == nil, let sequence = UInt64(words[2]) else {
        throw Flaw(reason: "has a line that cannot be read: \(line)")
      }
      switch words[0] {
      case "checkpoint" where checkpoint == nil && segments.isEmpty:
        checkpoint = Checkpoint(name: String(words[1]), sequence: sequence)
      case "segment":
        guard let named = Segment(name: String(words[1])), sequence > 0 else {
          throw Flaw(reason: "has a line that cannot be read: \(line)")
        }
        let segment = Segment(number: named.number, first: sequence)
        guard segments.last.map({ $0.first < sequence && $0.number < segment.number }) ?? true
        else { throw Flaw(reason: "lists segments out of order") }
        segments.append(segment)
      default:
        throw Flaw(reason: "has a line that cannot be read: \(line)")
      }
    }
    if let start = segments.first {
      // What is before the first segment must be in a checkpoint, or it is lost.
      guard start.first - 1 <= checkpoint?.sequence ?? 0 else {
        throw Flaw(reason: "lists nothing for the commands before \(start.first)")
      }
    } else if checkpoint != nil {
      throw Flaw(reason: "lists a checkpoint and no segment")
    }
  }

  /// Lists the next segment as the last one if frames have been written to it.
  ///
  /// Where it begins is what its first frame says, or, if that is torn or damaged, not known before
  /// the walk.
  mutating func settle(in folder: Folder) throws(LogError) {
    guard var segment = next else { return }
    let path = folder.path(of: segment.name)
    var bytes = ByteBuffer(), hasData = false
    do throws(DiskError) {
      let file = try folder.open(segment.name, for: .reading)
      defer { folder.close(file) }
      try folder.readAll(file, SegmentHeader.size + FrameHeader.size, at: 0, into: &bytes)
      let header = SegmentHeader(previous: 0, identity: identity, first: segment.first)
      let size = try folder.size(file)
      let reader = SegmentReader(folder: folder, file: file, header: header, size: size)
      let frame = bytes.view[min(SegmentHeader.size, bytes.count)..<bytes.count]
      if let frame = FrameHeader(decoding: frame, salt: identity.salt) {
        segment.first = frame.first
        hasData = true
      } else {
        segment.first = 0
        hasData = try reader.tail().dataEnd > SegmentHeader.size
      }
    } catch { throw error.isMissing ? .missingFile(path: path) : .disk(error) }
    guard !hasData else {
      segments.append(segment)
      next = nil
      return
    }
    guard SegmentHeader(decoding: bytes.view)?.identity == identity else {
      throw .foreignFile(path: path, reason: "is not the empty segment that is listed")
    }
  }

  // MARK: Writing

  /// Puts this manifest in the place of the one on disk.
  ///
  /// - Throws: when it was not a sync that failed, the old manifest stands.
  func save(in folder: Folder) throws(DiskError) {
    let file = try folder.open(Self.nameNew, for: .replacing)
    do {
      var bytes = ByteBuffer()
      bytes.append(text)
      try folder.writeAll(file, bytes.view, at: 0)
      try folder.sync(file)
    } catch {
      folder.close(file)
      throw error
    }
    folder.close(file)
    try folder.rename(Self.nameNew, to: Self.name)
    do { try folder.sync() } catch {
      // Even if only a descriptor was lacking: the new manifest is there, durable or not, and
      // whoever took this for a passing error would remove the files that it lists.
      throw DiskError(
        code: error.code, call: .syncFolder, path: error.path, reason: error.reason)
    }
  }

  private static func hex(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: digits - text.utf8.count) + text
  }
}
