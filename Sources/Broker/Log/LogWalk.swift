// LogWalk.swift: all segments of a log, one after the other, held against each other.
//
// Recovery, check and export walk the same way, so what one of them believes, all of them believe.
//
// Torn tail or damage? Reading stops at the first frame that cannot be believed. Had its commands
// been durable, then a later frame would say so in its `durable`, since after every sync another
// frame follows, an empty one if need be. So: a header behind the stop that says durable at or
// beyond it proves damage. Without one, what follows the stop was never known to be on disk,
// whatever order its sectors arrived in: a torn tail. Only the last segment can have one, as each
// segment is synced before the next is made.

import RESP

struct LogWalk {
  let folder: Folder
  let manifest: Manifest
  /// Takes the manifest's word for a segment whose first bytes are damaged.
  var believesManifest = false
  /// What the next segment must go on from; nil when that is unknown and its header is to be
  /// believed.
  private var chain: Chain?
  private struct Chain {
    var sequence: UInt64
    var checksum: UInt32
    /// Where the segment before it ended; nil before the first.
    var end: (path: String, offset: Int)?
  }

  init(_ manifest: Manifest, in folder: Folder) {
    self.folder = folder
    self.manifest = manifest
    // Behind a checkpoint, segments are gone and the first one that is left begins anywhere.
    if manifest.checkpoint == nil { chain = Chain(sequence: 1, checksum: 0) }
  }

  /// A segment that has been read to its end.
  struct Outcome {
    let segment: Segment
    /// The sequence of its first command, or of the command to come.
    var first: UInt64 = 0
    /// The file's size, and where its last frame ends.
    var size = 0, end = 0
    var frames = 0
    /// The sequence that follows the last command, and the last frame's checksum.
    var sequence: UInt64 = 0, checksum: UInt32 = 0
    /// The last command that a frame says is durable.
    var durable: UInt64 = 0
    var endsWithEmptyFrame = false
    /// Bytes of a torn tail, up to the last that is not zero.
    var tornSize = 0
    /// Why reading stopped before the end of the file, where that was not at zeros.
    var reason: String?
  }

  /// Opens the segment at `index` of the manifest.
  func open(_ index: Int, for use: DiskUse) throws(LogError) -> DiskFile {
    let name = manifest.segments[index].name
    do { return try folder.open(name, for: use) } catch {
      throw error.isMissing ? .missingFile(path: folder.path(of: name)) : .disk(error)
    }
  }

  /// Reads the segment at `index` and hands each of its frames to `visit`.
  ///
  /// - Throws: when the file is not that segment, is damaged, or `visit` refuses; the walk may go
  ///   on
  ///   with the next segment then, whose own word is taken for where it begins.
  mutating func read(
    _ index: Int, _ file: DiskFile,
    _ visit: (FrameHeader, _ body: ByteView) throws(ReplayError) -> Void
  ) throws(LogError) -> Outcome {
    let before = chain
    chain = nil
    let segment = manifest.segments[index]
    let size = try onDisk { () throws(DiskError) in try folder.size(file) }
    let header = try header(of: segment, file, after: before)
    if let before { try check(header, follows: before) }
    folder.startReading(file)
    var reader = SegmentReader(folder: folder, file: file, header: header, size: size)
    let stop = try frames(&reader, visit)
    let tail = try onDisk { () throws(DiskError) in try reader.tail() }
    let isLast = index == manifest.segments.count - 1
    let hasData = tail.dataEnd > reader.offset
    guard !hasData || (isLast && tail.durable < reader.sequence) else {
      throw .damage(damage(reader, stop ?? "bytes follow the last frame"))
    }
    if isLast, let checkpoint = manifest.checkpoint, reader.sequence <= checkpoint.sequence {
      throw .damage(damage(reader, "the checkpoint has commands up to \(checkpoint.sequence)"))
    }
    chain = Chain(
      sequence: reader.sequence, checksum: reader.checksum, end: (file.path, reader.offset))
    return Outcome(
      segment: segment, first: header.first, size: size, end: reader.offset, frames: reader.frames,
      sequence: reader.sequence, checksum: reader.checksum, durable: reader.durable,
      endsWithEmptyFrame: reader.endsWithEmptyFrame, tornSize: tail.dataEnd - reader.offset,
      reason: hasData ? stop : nil)
  }

  /// - Returns: why reading stopped, or nil at the end of the file.
  private func frames(
    _ reader: inout SegmentReader,
    _ visit: (FrameHeader, _ body: ByteView) throws(ReplayError) -> Void
  ) throws(LogError) -> String? {
    while true {
      let offset = reader.offset
      let step: SegmentReader.Step
      do { step = try reader.next() } catch { throw .disk(error) }
      switch step {
      case .stop(let reason): return reason
      case .frame(let header, let body):
        do { try visit(header, body) } catch {
          throw .damage(
            LogDamage(
              path: reader.file.path, offset: offset, sequence: header.first, reason: error.reason))
        }
      }
    }
  }

  private func damage(_ reader: borrowing SegmentReader, _ reason: String) -> LogDamage {
    LogDamage(
      path: reader.file.path, offset: reader.offset, sequence: reader.sequence, reason: reason)
  }

  /// The header of the segment with its place in the log, which goes on from `chain` if that is
  /// known.
  private func header(
    of segment: Segment, _ file: DiskFile, after chain: Chain?
  ) throws(LogError) -> SegmentHeader {
    var bytes = ByteBuffer()
    try onDisk { () throws(DiskError) in
      try folder.readAll(file, SegmentHeader.size + FrameHeader.size, at: 0, into: &bytes)
    }
    guard !bytes.isEmpty else { throw .foreignFile(path: file.path, reason: "has been emptied") }
    let frame = FrameHeader(
      decoding: bytes.view[min(SegmentHeader.size, bytes.count)..<bytes.count],
      salt: manifest.identity.salt)
    guard var header = SegmentHeader(decoding: bytes.view) else {
      if believesManifest, bytes.count > SegmentHeader.size {
        return SegmentHeader(
          previous: chain?.checksum ?? frame?.previous ?? 0, identity: manifest.identity,
          first: segment.first)
      }
      throw .foreignFile(
        path: file.path, reason: "does not begin as a segment does, or its first bytes are damaged")
    }
    guard header.identity == manifest.identity else {
      throw .foreignFile(path: file.path, reason: "belongs to the log of another data folder")
    }
    if header.first == 0 {
      // It was made ahead: its first frame says where it begins.
      guard let frame else {
        if let chain, segment.first != 0, segment.first != chain.sequence {
          let end = chain.end ?? (file.path, SegmentHeader.size)
          throw .damage(
            LogDamage(
              path: end.path, offset: end.offset, sequence: chain.sequence,
              reason: "it ends before command \(segment.first), with which \(segment.name) begins"))
        }
        return SegmentHeader(
          previous: chain?.checksum ?? 0, identity: manifest.identity,
          first: chain?.sequence ?? segment.first)
      }
      header.first = frame.first
      header.previous = frame.previous
    }
    guard header.first == segment.first || segment.first == 0 else {
      throw .foreignFile(path: file.path, reason: "begins with command \(header.first)")
    }
    return header
  }

  private func check(_ header: SegmentHeader, follows chain: Chain) throws(LogError) {
    guard header.first != chain.sequence || header.previous != chain.checksum else { return }
    let segment = Segment(first: header.first)
    guard let end = chain.end else {
      throw .foreignFile(path: folder.path(of: segment.name), reason: "is not the first of its log")
    }
    throw .damage(
      LogDamage(
        path: end.path, offset: end.offset, sequence: chain.sequence,
        reason: "it ends before the frame that \(segment.name) goes on from"))
  }
}
