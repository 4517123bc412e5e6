// Import.swift: takes the data of a Redis or Valkey into a data folder that has none.
//
// The folder is locked and marked (UnfinishedImport) before anything of the import is written, and the
// mark goes when all of it is durable: whatever happens in between, no server starts from a part.

import RESP

/// What to import, and what the import may not find out for itself.
struct ImportJob {
  /// An RDB or append-only file, a manifest, or the folder that has one.
  let source: String
  let directory: String
  /// Leave out what we do not have, and count it, rather than refuse the file.
  var skipsUnknown = false
  var databaseCount = 16
  /// The longest string that is taken.
  var stringSizeMax = 512 << 20
  /// The time, in ms since 1970: what is out of time then is left out.
  let wall: Int64
  let seed: UInt64
  let log: LogOptions
}

/// What an import took and what it left.
struct ImportSummary: Equatable, CustomStringConvertible {
  /// Keys in the end, by type, and the databases that have some.
  var keys: [ValueKind: Int] = [:], databases = 0
  /// Keys that were out of time in the end.
  var expired = 0
  /// Commands of append-only files that were run.
  var commands = 0
  /// What was left out since we do not have it, by kind.
  var skipped: [String: Int] = [:]
  /// Commands that were answered with an error, by name; only where something may be left out.
  var refused: [String: Int] = [:]
  /// Bytes read, and bytes at the end of the last file that make no whole command.
  var size = 0, sizeLeftOut = 0

  /// How many keys of which type, those types that there always are first.
  private var keysText: String {
    let strings = "\(keys[.string] ?? 0) strings", lists = "\(keys[.list] ?? 0) lists"
    let others = ValueKind.allCases.dropFirst(2).compactMap { kind in
      keys[kind].map { "\($0) \(kind.plural)" }
    }
    let all = [strings, lists] + others
    return all.dropLast().joined(separator: ", ") + " and " + all.last!
  }

  /// Some lines for people, without a line break at the end.
  var description: String {
    var lines = [
      "\(keysText) in \(databases) databases, from \(size) bytes"
    ]
    if commands > 0 { lines[0] += " and \(commands) commands of a log" }
    if expired > 0 { lines.append("left out: \(expired) keys whose time was up") }
    for (kind, count) in skipped.sorted(by: { $0.key < $1.key }) {
      lines.append("left out: \(count) × \(kind)")
    }
    for (name, count) in refused.sorted(by: { $0.key < $1.key }) {
      lines.append("answered with an error: \(count) × \(name)")
    }
    if sizeLeftOut > 0 {
      lines.append(
        "left out: the last \(sizeLeftOut) bytes, a command or transaction that was cut short")
    }
    return lines.joined(separator: "\n")
  }
}

/// Imports into the folder of `job`.
///
/// - Throws: why not; the folder then has no data, as before.
func importData(_ disk: any Disk, _ job: ImportJob) throws(ImportError) -> ImportSummary {
  let source = try ImportSource(disk, job.source)
  // What can't even be opened leaves the folder alone.
  for path in source.paths { _ = try ImportInput(disk, path) }
  let folder = Folder(disk: disk, path: job.directory)
  do {
    try UnfinishedImport.remove(from: folder, processID: job.log.processID)
  } catch { throw .log(error) }
  var importer = Importer(try emptyLog(disk, job), job)
  do throws(ImportError) {
    do throws(DiskError) { try UnfinishedImport.begin(in: folder) } catch { throw .disk(error) }
    let summary = try importFiles(source, disk, job, into: &importer)
    do throws(DiskError) { try UnfinishedImport.end(in: folder) } catch { throw .disk(error) }
    return summary
  } catch {
    _ = consume importer  // It has the folder's lock.
    // Should that fail, the mark is there and the next import does it.
    try? UnfinishedImport.remove(from: folder, processID: job.log.processID)
    throw error
  }
}

/// The end of a log without commands in the folder of `job`, which is locked.
private func emptyLog(_ disk: any Disk, _ job: ImportJob) throws(ImportError) -> LogPosition {
  var hasData = false
  do throws(LogError) {
    let recovery = try Recovery(disk: disk, directory: job.directory, options: job.log)
    hasData = recovery.hasCheckpoint
    return try recovery.replay { _, _ throws(ReplayError) in
      hasData = true
      throw ReplayError(reason: "there is data")
    }
  } catch { throw hasData ? .hasData(folder: job.directory) : .log(error) }
}

private func importFiles(
  _ source: ImportSource, _ disk: any Disk, _ job: ImportJob, into importer: inout Importer
) throws(ImportError) -> ImportSummary {
  var size = 0, sizeLeftOut = 0
  for path in source.paths {
    try importer.beginFile(path)
    var input = try ImportInput(disk, path)
    guard input.size > 0 || source.paths.count > 1 else {
      throw .source(path: path, reason: "is empty")
    }
    if try RDBReader.isNext(in: &input) {
      var reader = RDBReader(sizeMax: job.stringSizeMax)
      try reader.read(&input, into: &importer)
    }
    var reader = AOFReader(sizeMax: job.stringSizeMax)
    sizeLeftOut = try reader.read(&input, into: &importer)
    guard sizeLeftOut == 0 || path == source.paths.last else {
      throw input.flaw("the file is cut short, and others follow it", at: input.size - sizeLeftOut)
    }
    size += input.size
  }
  var summary = try importer.finish()
  summary.size = size
  summary.sizeLeftOut = sizeLeftOut
  return summary
}
