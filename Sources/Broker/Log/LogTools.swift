// LogTools.swift: what people do with a log without starting it: look at it, and take it elsewhere.
//
// Both read only, walk as recovery does, and believe what it would believe. Repair.swift changes it.

import RESP

/// A data folder looked at from outside.
private struct FolderView: ~Copyable {
  let folder: Folder
  let names: [String]
  let manifest: Manifest?
  /// A server has the folder: its last segment may end in a frame that is just being written.
  let isServed: Bool
  private let lockFile: DiskFile?

  init(_ disk: any Disk, _ directory: String) throws(LogError) {
    let folder = Folder(disk: disk, path: directory)
    let names = try onDisk { () throws(DiskError) in try folder.list().sorted() }
    var lockFile: DiskFile?, isServed = false
    if names.contains(FolderLock.name) {
      // Held while we look, so that no server starts and writes meanwhile.
      lockFile = try onDisk { () throws(DiskError) in
        try folder.open(FolderLock.name, for: .reading)
      }
      isServed = (try? folder.lock(lockFile!)) != true
    }
    do throws(LogError) {
      var manifest = try Recovery.readManifest(folder, names)
      // Where it is missing or damaged, the walk says so, file by file.
      try? manifest?.settle(in: folder)
      self.manifest = manifest
    } catch {
      if let lockFile { folder.close(lockFile) }
      throw error
    }
    self.folder = folder
    self.names = names
    self.isServed = isServed
    self.lockFile = lockFile
  }

  deinit { if let lockFile { folder.close(lockFile) } }
}

// MARK: Check

/// What a look at a log found.
struct LogReport {
  /// A table of the files and a verdict, for people; ends with a line break.
  var text: String
  /// A server would start from it and have all that was durable.
  var isGood: Bool
}

/// Reads all of the log in `directory` and tells what a server would find there. Changes nothing.
///
/// - Throws: when not even the manifest can be read.
func checkLog(_ disk: any Disk, _ directory: String) throws(LogError) -> LogReport {
  var view = try FolderView(disk, directory), report = check(view)
  // While we read, the server may have taken a checkpoint and removed what we were to read.
  for _ in 0..<3 where view.isServed && !report.isGood {
    view = try FolderView(disk, directory)
    report = check(view)
  }
  return report
}

private func check(_ view: borrowing FolderView) -> LogReport {
  guard let manifest = view.manifest else {
    return LogReport(text: "\(view.folder.path) holds no log\n", isGood: true)
  }
  var rows = [["file", "frames", "commands", "size", "verdict"]]
  var walk = LogWalk(manifest, in: view.folder)
  var errors: [LogError] = [], frames = 0, last = manifest.checkpoint?.sequence ?? 0, torn = 0
  if let checkpoint = manifest.checkpoint {
    let look = LookedAt(checkpoint, manifest.identity, in: view.folder)
    if let error = look.error { errors.append(error) }
    rows.append([
      checkpoint.name, "\(look.blocks) blocks", "1...\(checkpoint.sequence)", look.size,
      look.verdict,
    ])
  }
  for (index, segment) in manifest.segments.enumerated() {
    let before = walk
    var look = LookedAt(&walk, index, view.isServed)
    // While we read, the server may have written what we had passed and what says it is durable.
    for _ in 0..<3 where view.isServed && index == manifest.segments.count - 1 {
      guard case .damage? = look.error else { break }
      walk = before
      look = LookedAt(&walk, index, view.isServed)
    }
    if let error = look.error { errors.append(error) }
    frames += look.frames
    last = max(last, look.last)
    torn = look.tornSize
    let first = max(1, segment.first)
    let commands = look.last < first ? "none" : "\(first)...\(look.last)"
    rows.append([segment.name, String(look.frames), commands, look.size, look.verdict])
  }
  if let next = manifest.next {
    var verdict = "empty, the next segment"
    var settled = manifest
    do { try settled.settle(in: view.folder) } catch {
      errors.append(error)
      verdict = "refused"
    }
    rows.append([next.name, "", "", "", verdict])
  }
  do {
    for name in try Recovery.leftovers(view.folder, view.names, manifest) {
      rows.append([name, "", "", "", "left over, goes at the next start"])
    }
  } catch { errors.append(error) }
  for name in view.names where name.hasPrefix("torn-") && name.hasSuffix(".bytes") {
    rows.append([name, "", "", "", "kept from a torn tail, may be removed"])
  }
  for name in view.names where name.hasPrefix(RepairFolder.damaged) {
    rows.append([name, "", "", "", "set aside by a repair, may be removed"])
  }
  if view.names.contains(RepairFolder.building) {
    rows.append([RepairFolder.building, "", "", "", "left over, goes at the next repair"])
  }
  var text = table(rows)
  if view.isServed { text += "a server has this folder open: this is how it was a moment ago\n" }
  for error in errors { text += "\(error)\n" }
  if errors.isEmpty {
    text += "the log is good: \(last) commands, \(frames) frames read"
    text += torn > 0 && !view.isServed ? "; the torn tail goes at the next start\n" : "\n"
  }
  return LogReport(text: text, isGood: errors.isEmpty)
}

/// A file as a check shows it.
private struct LookedAt {
  var frames = 0, blocks = 0, last: UInt64
  var size = "", tornSize = 0
  var verdict = "good"
  var error: LogError?

  /// The checkpoint.
  init(_ checkpoint: Manifest.Checkpoint, _ identity: LogIdentity, in folder: Folder) {
    last = checkpoint.sequence
    do throws(LogError) {
      var reader = try CheckpointReader.open(checkpoint, identity, in: folder)
      size = String(reader.size)
      var bytes = ByteBuffer()
      while let block = try reader.next() {
        bytes.reset(keeping: SegmentReader.stepSize)
        try block.read(into: &bytes)
        blocks += 1
      }
    } catch { refuse(error, folder.path(of: checkpoint.name)) }
  }

  private mutating func refuse(_ error: LogError, _ path: String) {
    self.error = error
    switch error {
    case .damage(let damage) where damage.path == path:
      verdict = "damaged at offset \(damage.offset)"
    case .missingFile: verdict = "missing"
    default: verdict = "refused"
    }
  }

  /// The segment at `index`.
  init(_ walk: inout LogWalk, _ index: Int, _ isServed: Bool) {
    let folder = walk.folder, segment = walk.manifest.segments[index]
    var frames = 0, last = max(1, segment.first) - 1
    do throws(LogError) {
      let file = try walk.open(index, for: .reading)
      defer { folder.close(file) }
      if let bytes = try? folder.size(file) { size = String(bytes) }
      let outcome = try walk.read(index, file) { header, _ throws(ReplayError) in
        frames += 1
        last = header.last
      }
      tornSize = outcome.tornSize
      if tornSize > 0 {
        verdict = "good up to offset \(outcome.end), then \(tornSize) bytes of "
        verdict += isServed ? "a frame that is being written" : "a torn tail"
      }
      self.frames = frames
      self.last = last
    } catch {
      self.frames = frames
      self.last = last
      refuse(error, folder.path(of: segment.name))
      if case .damage(let damage) = error, damage.path == folder.path(of: segment.name) {
        verdict += ", from command \(damage.sequence) on"
      }
    }
  }
}

/// The rows with their columns aligned; the last column as wide as it likes.
private func table(_ rows: [[String]]) -> String {
  var widths = [Int](repeating: 0, count: rows[0].count)
  for row in rows {
    for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
  }
  var text = ""
  for row in rows {
    for (column, cell) in row.dropLast().enumerated() {
      text += cell + String(repeating: " ", count: widths[column] - cell.count + 2)
    }
    text += row.last! + "\n"
  }
  return text
}

// MARK: Export

/// Streams the commands of the log in `directory` to `output`, for `redis-cli --pipe`: commands and
/// nothing else, up to the end or to what is damaged.
///
/// - Returns: how many commands were streamed.
/// - Throws: the damage, once all before it has been streamed; or what `output` threw. `.locked`
///   while a server has the folder, for the end of its log would be anybody's guess.
func exportLog(
  _ disk: any Disk, _ directory: String, _ blocks: some BlockCommands,
  to output: (ByteView) throws(DiskError) -> Void
) throws(LogError) -> Int {
  let view = try FolderView(disk, directory)
  guard !view.isServed else { throw .locked(folder: directory, owner: "") }
  guard let manifest = view.manifest else { return 0 }
  var commands = LogCommands(manifest, in: view.folder, blocks), isElsewhere = false
  try commands.read { body, _ throws(LogError) in
    try onDisk { () throws(DiskError) in
      // Each batch begins at database 0.
      if isElsewhere { try output(ByteView("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n")) }
      try output(body)
    }
    isElsewhere = leavesAnotherDatabase(body)
  }
  // Had the next segment been begun, it would be listed as the last one by now; or it is missing.
  var settled = manifest
  try settled.settle(in: view.folder)
  return commands.count
}

/// Whether the last SELECT among `commands` is for another database than 0.
private func leavesAnotherDatabase(_ commands: ByteView) -> Bool {
  var isElsewhere = false
  // What is no RESP leaves nobody anywhere, and whoever reads it will say so.
  try? forEachCommand(in: commands) { name, second in
    if let second, name.matches("select") { isElsewhere = second != ByteView("0") }
  }
  return isElsewhere
}
