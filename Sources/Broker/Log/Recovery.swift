// Recovery.swift: from a data folder to a log that can go on.
//
// In this order: the folder is made if need be, locked, its manifest read, its files held against
// the manifest, and then the segments are read and their commands handed over. Nothing on disk is
// changed before all of it has been read, but for the lock file and a new, empty manifest. A torn
// tail (LogWalk.swift tells it from damage) is then kept in a file aside and cut off.

import RESP

struct LogOptions: Sendable {
  /// A segment that has grown to this many bytes is the last but one.
  var segmentSize = 64 << 20
  /// Space is set aside in such steps, at least half a step ahead of what is written; 0 for never.
  var reserveStep = 8 << 20
  /// Under `always`, zeros are written ahead in such steps; 0 for never.
  var zeroStep = 1 << 20
  /// The identity of the log, should it have to be made: a random number.
  var identity: UInt64
  /// For people who look into the lock file.
  var processID: Int32

  init(identity: UInt64, processID: Int32) {
    self.identity = identity
    self.processID = processID
  }
}

/// The sole right to a data folder; it ends with this value.
struct FolderLock: ~Copyable {
  static let name = "LOCK"

  let folder: Folder
  private let file: DiskFile

  init(_ folder: Folder, processID: Int32) throws(LogError) {
    let file = try onDisk { () throws(DiskError) in try folder.open(Self.name, for: .locking) }
    do throws(LogError) {
      let isOurs = try onDisk { () throws(DiskError) in try folder.lock(file) }
      guard isOurs else {
        throw .locked(folder: folder.path, owner: Self.owner(file, in: folder))
      }
    } catch {
      folder.close(file)
      throw error
    }
    self.folder = folder
    self.file = file
    // The text is only for people: a full disk must not keep the server from its data.
    var text = ByteBuffer()
    text.append("\(processID)\n")
    try? folder.truncate(file, to: 0)
    try? folder.writeAll(file, text.view, at: 0)
  }

  deinit { folder.close(file) }

  /// What the owner of the lock wrote into it.
  static func owner(_ file: DiskFile, in folder: Folder) -> String {
    var text = ByteBuffer()
    _ = try? folder.read(file, at: 0, upTo: 32, into: &text)
    return String(text.view.text.prefix { $0.isNumber })
  }
}

/// A data folder that is locked and whose files are all there, not read yet.
struct Recovery: ~Copyable {
  let folder: Folder
  let options: LogOptions
  private let lock: FolderLock
  private(set) var manifest: Manifest
  /// What the person who starts the server should know, a line each.
  private(set) var notes: [String] = []
  /// Files of starts and segments that were cut short, with nothing in them.
  private var leftovers: [String] = []

  var identity: LogIdentity { manifest.identity }
  var hasCheckpoint: Bool { manifest.checkpoint != nil }

  /// The checkpoint to load before the replay, if there is one.
  func openCheckpoint() throws(LogError) -> CheckpointReader? {
    guard let checkpoint = manifest.checkpoint else { return nil }
    return try CheckpointReader.open(checkpoint, manifest.identity, in: folder)
  }

  /// Bytes of all files that are to be read, the zeros and reserves of the last among them.
  func size() throws(LogError) -> Int {
    let names = manifest.files
    return try onDisk { () throws(DiskError) in
      var size = 0
      for name in names {
        let file = try folder.open(name, for: .reading)
        defer { folder.close(file) }
        size += try folder.size(file)
      }
      return size
    }
  }

  /// Locks the folder and finds out what is in it; makes an empty log where there is nothing.
  init(disk: any Disk, directory: String, options: LogOptions) throws(LogError) {
    let folder = Folder(disk: disk, path: directory)
    do { try folder.make() } catch { throw .disk(error) }
    let lock = try FolderLock(folder, processID: options.processID)
    let names = try onDisk { () throws(DiskError) in try folder.list().sorted() }
    var manifest: Manifest
    if let found = try Self.readManifest(folder, names) {
      manifest = found
      try Self.checkFiles(found, folder, names)
      try manifest.settle(in: folder)
      // Whoever wrote it may have been killed before the folder was synced.
      do { try folder.sync() } catch { throw .disk(error) }
    } else {
      manifest = Manifest(identity: LogIdentity(number: options.identity))
      do { try manifest.save(in: folder) } catch { throw .disk(error) }
    }
    leftovers = try Self.leftovers(folder, names, manifest)
    self.folder = folder
    self.options = options
    self.lock = lock
    self.manifest = manifest
  }

  /// The manifest of the folder, or nil when it holds nothing of a log.
  static func readManifest(_ folder: Folder, _ names: [String]) throws(LogError) -> Manifest? {
    guard !names.contains(UnfinishedImport.name) else {
      throw .unfinishedImport(folder: folder.path)
    }
    // Files of two logs may lie there, whatever the manifest says.
    guard !names.contains(where: { RepairFolder.number(ofReady: $0) != nil }) else {
      throw .unfinishedRepair(folder: folder.path)
    }
    guard names.contains(Manifest.name) else {
      let ours = names.first {
        Segment(name: $0) != nil || $0.hasSuffix(CheckpointHeader.suffix)
          || $0 == RepairFolder.building
      }
      if let ours { throw .noManifest(folder: folder.path, file: ours) }
      return nil
    }
    var bytes = ByteBuffer()
    do throws(DiskError) {
      let file = try folder.open(Manifest.name, for: .reading)
      defer { folder.close(file) }
      try folder.readAll(file, Manifest.sizeMax + 1, at: 0, into: &bytes)
    } catch { throw .disk(error) }
    let path = folder.path(of: Manifest.name)
    guard bytes.count <= Manifest.sizeMax else {
      throw .badManifest(path: path, reason: "is too large")
    }
    let manifest: Manifest
    do { manifest = try Manifest(parsing: bytes.view) } catch {
      throw .badManifest(path: path, reason: error.reason)
    }
    return manifest
  }

  /// Checks that the files of `manifest` are all there.
  private static func checkFiles(
    _ manifest: Manifest, _ folder: Folder, _ names: [String]
  ) throws(LogError) {
    guard let missing = manifest.files.first(where: { !names.contains($0) }) else { return }
    throw .missingFile(path: folder.path(of: missing))
  }

  /// The files that only a start or a segment cut short can have left, all without commands.
  ///
  /// - Throws: `.foreignFile` for a segment that the manifest should list but does not.
  static func leftovers(
    _ folder: Folder, _ names: [String], _ manifest: Manifest
  ) throws(LogError) -> [String] {
    // A checkpoint counts from the moment the manifest names it.
    var leftovers = names.filter {
      $0 == Manifest.nameNew
        || ($0.hasSuffix(CheckpointHeader.suffix) && $0 != manifest.checkpoint?.name)
    }
    for name in names {
      guard let segment = Segment(name: name), !manifest.files.contains(name) else { continue }
      if manifest.checkpoint != nil, segment.number < manifest.segments[0].number {
        // Its commands are in the checkpoint.
        leftovers.append(name)
        continue
      }
      do throws(DiskError) {
        let file = try folder.open(name, for: .reading)
        defer { folder.close(file) }
        let size = try folder.size(file)
        let header = SegmentHeader(previous: 0, identity: manifest.identity, first: segment.first)
        let reader = SegmentReader(folder: folder, file: file, header: header, size: size)
        // Frames are written once the manifest lists their segment, and not before.
        if try reader.tail().dataEnd == SegmentHeader.size || size < SegmentHeader.size {
          leftovers.append(name)
          continue
        }
      } catch { throw .disk(error) }
      throw .foreignFile(
        path: folder.path(of: name), reason: "holds data, but the \(Manifest.name) does not list it"
      )
    }
    return leftovers
  }

  // MARK: Replay

  /// Reads all segments and hands the commands of each frame to `apply`, in order.
  ///
  /// - Throws: `.damage` when something is lost that was durable once, or cannot be applied;
  ///   nothing
  ///   on disk has been changed then.
  /// - Returns: where the log goes on. All of it is durable.
  consuming func replay(
    _ apply: (_ commands: ByteView, _ count: Int) throws(ReplayError) -> Void
  ) throws(LogError) -> LogPosition {
    var walk = LogWalk(manifest, in: folder), sizesBefore: [Int] = [], frames = 0
    var commands = 0
    var last: (outcome: LogWalk.Outcome, file: DiskFile)?
    for index in manifest.segments.indices {
      let isLast = index == manifest.segments.count - 1
      let file = try walk.open(index, for: isLast ? .writing : .reading)
      do throws(LogError) {
        let outcome = try walk.read(index, file) { header, body throws(ReplayError) in
          frames += 1
          guard try manifest.goesOn(with: header) else { return }
          commands += Int(header.count)
          try apply(body, Int(header.count))
        }
        if isLast {
          let kept = try keepTail(outcome, file)
          if let kept { notes.append(kept) }
          manifest.segments[index].first = outcome.first
          last = (outcome, file)
        } else {
          sizesBefore.append(outcome.end)
        }
      } catch {
        folder.close(file)
        throw error
      }
      if !isLast { folder.close(file) }
    }
    guard let last else { return try firstPosition() }
    return try position(last.outcome, last.file, sizesBefore, frames: frames, commands: commands)
  }

  /// Keeps the torn tail in a file of its own and cuts it off; the note to show for it.
  private func keepTail(_ outcome: LogWalk.Outcome, _ file: DiskFile) throws(LogError) -> String? {
    guard outcome.tornSize > 0 else { return nil }
    do throws(DiskError) {
      // Behind it is what was set aside: given back, it leaves room for the copy on a full disk.
      try folder.truncate(file, to: outcome.end + outcome.tornSize)
      let names = try folder.list()
      var number = 1
      while names.contains("torn-\(outcome.sequence)-\(number).bytes") { number += 1 }
      let name = "torn-\(outcome.sequence)-\(number).bytes"
      do throws(DiskError) {
        try copyTail(outcome, file, to: name)
      } catch {
        try? folder.remove(name)
        throw error
      }
      try folder.sync()
      try folder.truncate(file, to: outcome.end)
      return "cut a torn tail of \(outcome.tornSize) bytes, never known to be on disk, off "
        + "\(file.path) at offset \(outcome.end), before command \(outcome.sequence): "
        + "\(outcome.reason ?? "no frame"); the bytes are kept in \(folder.path(of: name))"
    } catch { throw .disk(error) }
  }

  private func copyTail(
    _ outcome: LogWalk.Outcome, _ file: DiskFile, to name: String
  ) throws(DiskError) {
    let copy = try folder.open(name, for: .replacing)
    defer { folder.close(copy) }
    var bytes = ByteBuffer(), done = 0
    while done < outcome.tornSize {
      bytes.reset(keeping: .max)
      let step = min(outcome.tornSize - done, SegmentReader.stepSize)
      let size = try folder.read(file, at: outcome.end + done, upTo: step, into: &bytes)
      guard size > 0 else { break }
      try folder.writeAll(copy, bytes.view, at: done)
      done += size
    }
    try folder.sync(copy)
  }

  private func removeLeftovers() throws(LogError) {
    for name in leftovers {
      do { try folder.remove(name) } catch {
        // Making the first manifest has used it up.
        guard error.isMissing else { throw .disk(error) }
      }
    }
  }

  private consuming func position(
    _ outcome: LogWalk.Outcome, _ file: DiskFile, _ sizesBefore: [Int], frames: Int, commands: Int
  ) throws(LogError) -> LogPosition {
    var checkpointSize = 0
    var next: DiskFile?
    do {
      if let checkpoint = manifest.checkpoint {
        let file = try folder.open(checkpoint.name, for: .reading)
        defer { folder.close(file) }
        checkpointSize = try folder.size(file)
      }
      // What was read may only be in the system's cache, left there by a server that was killed.
      try folder.sync(file)
      if let segment = manifest.next { next = try folder.open(segment.name, for: .writing) }
    } catch { throw .disk(error) }
    try removeLeftovers()
    return LogPosition(
      lock: lock, manifest: manifest, options: options, notes: notes, file: file, next: next,
      end: outcome.end, size: outcome.tornSize > 0 ? outcome.end : outcome.size,
      sequence: outcome.sequence, checksum: outcome.checksum, sizesBefore: sizesBefore,
      checkpointSize: checkpointSize,
      endsWithEmptyFrame: outcome.endsWithEmptyFrame, frames: frames, commands: commands)
  }

  /// The position of a log without segments: the first one is made.
  private consuming func firstPosition() throws(LogError) -> LogPosition {
    try removeLeftovers()
    manifest.segments = [Segment(first: 1)]
    let making = SegmentMaking(
      segment: manifest.segments[0], manifest: manifest, reserve: options.reserveStep)
    let file: DiskFile
    do { file = try making.carryOut(in: folder) } catch { throw .disk(error) }
    return LogPosition(
      lock: lock, manifest: manifest, options: options, notes: notes, file: file, next: nil,
      end: SegmentHeader.size, size: SegmentHeader.size, sequence: 1, checksum: 0, sizesBefore: [],
      checkpointSize: 0,
      endsWithEmptyFrame: true, frames: 0, commands: 0)
  }
}

/// Where a log goes on: what a writer needs, and what a person wants to know.
struct LogPosition: ~Copyable {
  let lock: FolderLock
  let manifest: Manifest
  let options: LogOptions
  /// What the person who starts the server should know, a line each.
  let notes: [String]
  /// The last segment, open for writing; its last frame ends at `end`, zeros fill it up to `size`.
  let file: DiskFile
  /// The file of the manifest's next segment.
  let next: DiskFile?
  let end: Int, size: Int
  /// The sequence that the next command gets; all before are durable.
  let sequence: UInt64
  /// The checksum of the last frame.
  let checksum: UInt32
  /// Bytes of each segment before the last, and of the checkpoint.
  let sizesBefore: [Int], checkpointSize: Int
  let endsWithEmptyFrame: Bool
  /// What was replayed.
  let frames: Int, commands: Int
}
