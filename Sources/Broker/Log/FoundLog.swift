// FoundLog.swift: which files of a damaged folder are the log.
//
// The manifest says so where it can be read and fits the files. Where not, they speak for
// themselves: each begins with the log's identity and with its place in it.

import RESP

/// The log that a folder holds, as far as that can be found out.
struct FoundLog {
  var manifest: Manifest
  /// What is wrong with the manifest on disk; `manifest` is made from the files then.
  var flaw: LogError?
  /// Files that are not of this log, a line each.
  var oddities = ""

  /// Whether a file of that name belongs to a log.
  static func isOfLog(_ name: String) -> Bool {
    name == Manifest.name || name == Manifest.nameNew || Segment(name: name) != nil
      || name.hasSuffix(CheckpointHeader.suffix)
  }

  /// - Returns: nil when the folder holds nothing of a log.
  /// - Throws: what keeps files from being read; damage is none of that.
  init?(_ folder: Folder) throws(LogError) {
    let names = try onDisk { () throws(DiskError) in try folder.list().sorted() }
    do throws(LogError) {
      guard var found = try Recovery.readManifest(folder, names) else { return nil }
      try found.settle(in: folder)
      _ = try Recovery.leftovers(folder, names, found)
      let files = try LogFiles(folder, found.files.filter(names.contains))
      // Files of another log, all of them: it is the manifest that is in the wrong place.
      let isOurs = files.all.isEmpty || files.all.contains { $0.identity == found.identity }
      guard isOurs else {
        throw .badManifest(
          path: folder.path(of: Manifest.name), reason: "belongs to the log of another data folder")
      }
      manifest = found
    } catch {
      switch error {
      case .disk, .unfinishedImport: throw error
      default: break
      }
      var files = try LogFiles(folder, names)
      manifest = try files.manifest()
      flaw = error
      for (name, reason) in files.odd { oddities += "\(folder.path(of: name)) \(reason)\n" }
    }
  }
}

/// The segments and checkpoints of a folder, by what their first bytes say.
private struct LogFiles {
  struct File {
    let name: String
    let identity: LogIdentity
    /// The first command of a segment, or 0 where no frame says it; the last one of a checkpoint.
    let sequence: UInt64
    let isCheckpoint: Bool
  }

  let folder: Folder
  private(set) var all: [File] = []
  private(set) var odd: [(name: String, reason: String)] = []

  init(_ folder: Folder, _ names: [String]) throws(LogError) {
    self.folder = folder
    for name in names {
      let segment = Segment(name: name)
      guard segment != nil || name.hasSuffix(CheckpointHeader.suffix) else { continue }
      var bytes = ByteBuffer()
      do throws(DiskError) {
        let file = try folder.open(name, for: .reading)
        defer { folder.close(file) }
        try folder.readAll(file, SegmentHeader.size + FrameHeader.size, at: 0, into: &bytes)
      } catch { throw .disk(error) }
      if let segment, let header = SegmentHeader(decoding: bytes.view),
        let first = Self.first(of: header, segment, bytes.view)
      {
        all.append(
          File(name: name, identity: header.identity, sequence: first, isCheckpoint: false))
      } else if segment == nil, let header = CheckpointHeader(decoding: bytes.view) {
        all.append(
          File(name: name, identity: header.identity, sequence: header.sequence, isCheckpoint: true)
        )
      } else {
        odd.append((name, "does not begin as its name says"))
      }
    }
  }

  /// The first command of a segment, or nil where its header is not that of its name.
  private static func first(
    of header: SegmentHeader, _ segment: Segment, _ bytes: ByteView
  ) -> UInt64? {
    guard header.first == 0 else { return header.first == segment.first ? header.first : nil }
    let frame = bytes[SegmentHeader.size..<bytes.count]
    return FrameHeader(decoding: frame, salt: header.identity.salt)?.first ?? 0
  }

  /// A manifest for these files: those of one log, and of them what goes on from the newest
  /// checkpoint that is whole, or else from the first command.
  mutating func manifest() throws(LogError) -> Manifest {
    let identity = chooseIdentity()
    let segments = all.filter { !$0.isCheckpoint }.compactMap { file in
      Segment(name: file.name).map { Segment(number: $0.number, first: file.sequence) }
    }
    let checkpoints = all.filter { $0.isCheckpoint }.sorted { $0.sequence > $1.sequence }
      .map { Manifest.Checkpoint(name: $0.name, sequence: $0.sequence) }
    var manifest = Manifest(identity: identity), whole: [Manifest.Checkpoint] = []
    for checkpoint in checkpoints where try isWhole(checkpoint, identity) {
      whole.append(checkpoint)
    }
    // A segment without a frame may be the last one or the next; it begins the log only where there is
    // no other.
    func start(behind sequence: UInt64) -> Int? {
      segments.lastIndex { $0.first != 0 && $0.first <= sequence + 1 }
        ?? segments.firstIndex { $0.first == 0 && $0.number <= sequence + 1 }
    }
    manifest.checkpoint = whole.first { start(behind: $0.sequence) != nil }
    if manifest.checkpoint == nil, segments.first?.first != 1 {
      manifest.checkpoint = whole.first ?? checkpoints.first
    }
    manifest.segments = Array(segments[(start(behind: manifest.checkpoint?.sequence ?? 0) ?? 0)...])
    return manifest
  }

  /// The identity that most files have; the others are odd.
  private mutating func chooseIdentity() -> LogIdentity {
    var counts: [UInt64: Int] = [:]
    for file in all { counts[file.identity.number, default: 0] += 1 }
    let most = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }
    let identity = LogIdentity(number: most?.key ?? 0)
    for file in all where file.identity != identity {
      odd.append((file.name, "belongs to the log of another data folder"))
    }
    all.removeAll { $0.identity != identity }
    return identity
  }

  private func isWhole(
    _ checkpoint: Manifest.Checkpoint, _ identity: LogIdentity
  ) throws(LogError) -> Bool {
    do throws(LogError) {
      var reader = try CheckpointReader.open(checkpoint, identity, in: folder), bytes = ByteBuffer()
      while let block = try reader.next() {
        bytes.reset(keeping: SegmentReader.stepSize)
        try block.read(into: &bytes)
      }
      return true
    } catch {
      if case .disk = error { throw error }
      return false
    }
  }
}
