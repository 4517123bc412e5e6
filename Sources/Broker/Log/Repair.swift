// Repair.swift: keeps what is good of a damaged log and sets the rest aside.
//
// A log of the good prefix is made in a folder of its own, read back, and put in the place of the
// damaged one, whose files are only moved. Each step may be the last one:
//
//   build       repair.new/    a whole log, synced; killed before, a repair begins anew
//   ready       repair.new/ ──▶ repair-N/    one step: from here on the repair is only gone on with
//   set aside   MANIFEST, segments, checkpoints of the folder ──▶ damaged-N/
//   put in      the files of repair-N/ ──▶ the folder, MANIFEST last
//   end         repair-N/ is removed
//
// While there is a repair-N, no server starts (Recovery.readManifest). A file of the new log is in
// exactly one of two places, so going on can tell the files of the two logs apart: one that repair-N
// lists and does not have is in the folder already, and all others there are the old ones.

import RESP

/// The names of the folders that repairs make.
enum RepairFolder {
  static let building = "repair.new"
  static let ready = "repair-", damaged = "damaged-"

  /// The N of `repair-N`.
  static func number(ofReady name: String) -> Int? {
    name.hasPrefix(ready) ? Int(name.dropFirst(ready.utf8.count)) : nil
  }
}

/// Repairs the log in `directory`, unless it is good: nothing is changed then.
///
/// - Parameter apply: is handed all commands that are kept, as they are read back from the new log.
/// - Returns: what was done, what was kept and what was lost, for people; ends with a line break.
/// - Throws: when it cannot be repaired now. Running it again begins anew, or goes on once the new
///   log was ready. `.locked` while a server has the folder.
func repairLog(
  _ disk: any Disk, _ directory: String, options: LogOptions, _ blocks: some BlockCommands,
  apply: (_ commands: ByteView, _ count: Int) throws(ReplayError) -> Void
) throws(LogError) -> String {
  let folder = Folder(disk: disk, path: directory)
  // Where there is no folder, none is to be made.
  _ = try onDisk { () throws(DiskError) in try folder.list() }
  var repair = Repair(
    lock: try FolderLock(folder, processID: options.processID), options: options, blocks: blocks)
  return try repair.run(apply)
}

private struct Repair<Blocks: BlockCommands>: ~Copyable {
  let lock: FolderLock
  let options: LogOptions
  let blocks: Blocks
  var folder: Folder { lock.folder }

  init(lock: consuming FolderLock, options: LogOptions, blocks: Blocks) {
    self.lock = lock
    self.options = options
    self.blocks = blocks
  }

  mutating func run(
    _ apply: (ByteView, Int) throws(ReplayError) -> Void
  ) throws(LogError) -> String {
    var text = ""
    do {
      if let number = try folder.list().compactMap(RepairFolder.number).first {
        try putInPlace(number)
        text =
          "a repair that was cut short has been ended; the damaged files are in "
          + "\(folder.path(of: RepairFolder.damaged))\(number)\n"
      }
      try removeBuilding()
    } catch { throw .disk(error) }
    guard let found = try FoundLog(folder) else { return text + "\(folder.path) holds no log\n" }
    var old = LogCommands(found.manifest, in: folder, blocks), flaw = found.flaw
    old.believesManifest = true
    if flaw == nil {
      // A torn tail is none: the next start cuts it off.
      var strict = LogCommands(found.manifest, in: folder, blocks)
      do throws(LogError) { try strict.read { _, _ in } } catch { flaw = error }
      guard flaw != nil else {
        return text + "the log is good: \(strict.sequence) commands, nothing to repair\n"
      }
    }
    if case .disk(let error)? = flaw { throw .disk(error) }
    let number: Int, end: LogError?
    do throws(LogError) {
      end = try build(&old, apply)
      number = try makeReady()
    } catch {
      try? removeBuilding()
      throw error
    }
    let losses = LogLosses(behind: old)
    try onDisk { () throws(DiskError) in try putInPlace(number) }
    var flaws = [flaw!.summary]
    if let end, end.summary != flaws[0] { flaws.append(end.summary) }
    for flaw in flaws { text += flaw + "\n" }
    return text + found.oddities + losses.text
      + "the damaged files are in \(folder.path(of: RepairFolder.damaged))\(number), as they were\n"
  }

  // MARK: The new log

  private func removeBuilding() throws(DiskError) {
    guard try folder.list().contains(RepairFolder.building) else { return }
    let building = folder.folder(RepairFolder.building)
    for name in try building.list() { try building.remove(name) }
    try folder.remove(RepairFolder.building)
    try folder.sync()
  }

  /// Makes a log of what is good of `old`, and reads it back.
  ///
  /// - Returns: what ended the reading of `old`, if that was not its end.
  private func build(
    _ old: inout LogCommands<Blocks>, _ apply: (ByteView, Int) throws(ReplayError) -> Void
  ) throws(LogError) -> LogError? {
    let path = folder.path(of: RepairFolder.building)
    // Under an identity of its own: no file of the old log passes for one of the new.
    let recovery = try Recovery(disk: folder.disk, directory: path, options: options)
    var writer = LogWriter(try recovery.replay { _, _ in }), failure: LogError?, end: LogError?
    do throws(LogError) {
      try old.read { body, count throws(LogError) in
        writer.stage(body, count: count)
        do throws(LogError) {
          guard try writer.write() == 1 else { throw .full(path: path) }
        } catch {
          failure = error
          throw error
        }
      }
    } catch {
      if let failure { throw failure }
      if case .disk = error { throw error }
      end = error
    }
    try writer.finish()
    let new = LogCommands(writer.manifest, in: writer.folder, blocks)
    try readBack(new, old.count, apply)
    return end
  }

  private func readBack(
    _ log: LogCommands<Blocks>, _ count: Int, _ apply: (ByteView, Int) throws(ReplayError) -> Void
  ) throws(LogError) {
    let path = folder.path
    var log = log
    try log.read { body, count throws(LogError) in
      do throws(ReplayError) { try apply(body, count) } catch {
        throw .unusable(folder: path, reason: error.reason)
      }
    }
    guard log.count == count else {
      throw .unusable(folder: path, reason: "only \(log.count) of \(count) commands came back")
    }
  }

  /// Declares the new log ready to take the place of the old one.
  private func makeReady() throws(LogError) -> Int {
    do {
      let names = try folder.list(), building = folder.folder(RepairFolder.building)
      var number = 1
      while names.contains("\(RepairFolder.damaged)\(number)") { number += 1 }
      try building.remove(FolderLock.name)
      try building.sync()
      try folder.rename(RepairFolder.building, to: "\(RepairFolder.ready)\(number)")
      try folder.sync()
      return number
    } catch { throw .disk(error) }
  }

  // MARK: The change of places

  /// Sets the old files aside and puts the new ones in their places, or goes on with that.
  private func putInPlace(_ number: Int) throws(DiskError) {
    let ready = "\(RepairFolder.ready)\(number)", aside = "\(RepairFolder.damaged)\(number)"
    let new = folder.folder(ready), fresh = try new.list()
    // Without its manifest the new log is in place.
    if fresh.contains(Manifest.name) {
      try setAside(in: aside, sparing: placed(new, fresh))
      for name in fresh where name != Manifest.name {
        try folder.rename("\(ready)/\(name)", to: name)
      }
      try folder.sync()
      try new.sync()
      try folder.rename("\(ready)/\(Manifest.name)", to: Manifest.name)
    }
    try folder.sync()
    try new.sync()
    try folder.remove(ready)
    try folder.sync()
  }

  /// The files of the new log that are in their places already.
  private func placed(_ new: Folder, _ fresh: [String]) throws(DiskError) -> [String] {
    let names: [String]
    do throws(LogError) { names = try Recovery.readManifest(new, fresh)?.files ?? [] } catch {
      if case .disk(let error) = error { throw error }
      throw DiskError(
        code: DiskError.inputOutput, call: .read, path: new.path, reason: error.summary)
    }
    return names.filter { !fresh.contains($0) }
  }

  private func setAside(in aside: String, sparing placed: [String]) throws(DiskError) {
    let names = try folder.list()
    if !names.contains(aside) {
      try folder.disk.makeFolder(folder.path(of: aside))
      try folder.sync()
    }
    for name in names.sorted() where FoundLog.isOfLog(name) && !placed.contains(name) {
      try folder.rename(name, to: "\(aside)/\(name)")
    }
    try folder.folder(aside).sync()
    try folder.sync()
  }
}
