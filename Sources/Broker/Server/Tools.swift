// Tools.swift: --check-log, --export, --repair and --import: what is done with a log that nobody
// serves.
//
// What is asked for goes to standard output, what is to be known besides to standard error.

import Glibc
import RESP

extension Martlet {
  static func check(_ directory: String) throws -> Int32 {
    let report = try checkLog(PosixDisk(), directory)
    print(report.text, terminator: "")
    return report.isGood ? 0 : 1
  }

  /// Streams the data as commands.
  static func export(_ directory: String) throws -> Int32 {
    let count = try exportLog(PosixDisk(), directory, CheckpointCommands()) {
      bytes throws(DiskError) in
      guard let error = StandardOutput.write(bytes) else { return }
      throw DiskError(
        code: error.code, call: .write, path: "standard output", reason: error.reason)
    }
    complain("\(count) commands written")
    return 0
  }

  /// Keeps what is good of a damaged log; what is kept is tried on an engine first.
  static func repair(_ directory: String, _ settings: Settings) throws -> Int32 {
    let options = LogOptions(identity: randomSeed(), processID: Int32(ProcessInfo.id))
    let journal = try ServerLog(path: "", level: .warning)
    var engine = Engine(
      seed: randomSeed(), databases: settings.databaseCount,
      host: ServerHost(journal: journal, optionsFile: nil))
    let text = try repairLog(
      PosixDisk(), directory, options: options, CheckpointCommands(keepsJobs: true)
    ) {
      body, count throws(ReplayError) in
      do throws(Engine.ReplayError) { try engine.replay(body, count: count) } catch {
        throw ReplayError(reason: error.reason)
      }
    }
    print(text, terminator: "")
    var keys = 0
    for index in 0..<engine.context.databases.count {
      keys += engine.context.databases[index].count
    }
    if keys > 0 { print("it has \(keys) keys") }
    return 0
  }

  /// Takes the data of `file` into the folder of `settings`, and tells what that was.
  static func importData(
    _ file: String, skipsUnknown: Bool, _ settings: Settings
  ) throws -> Int32 {
    Allocator.tune()
    let begin = SystemClock.monotonic()
    let job = ImportJob(
      source: file, directory: settings.directory, skipsUnknown: skipsUnknown,
      databaseCount: settings.databaseCount, stringSizeMax: settings.bulkSizeMax,
      wall: SystemClock.wall(), seed: randomSeed(),
      log: LogOptions(identity: randomSeed(), processID: Int32(ProcessInfo.id)))
    let summary = try Broker.importData(PosixDisk(), job)
    let time = milliseconds(since: begin)
    print("imported \(file) into \(settings.directory) in \(time) ms\n\(summary)")
    return 0
  }
}

/// The commands for a checkpoint's blocks, as the log asks for them.
struct CheckpointCommands: BlockCommands {
  private var commands: SnapshotCommands

  /// - Parameter keepsJobs: whether jobs are to be read back as they were, by our own log alone.
  init(keepsJobs: Bool = false) { commands = SnapshotCommands(keepsJobs: keepsJobs) }

  mutating func begin(_ block: ByteView) { commands.begin(block) }

  mutating func next(into body: inout ByteBuffer) throws(BlockFlaw) -> Int {
    do throws(SnapshotCommands.Flaw) { return try commands.next(into: &body) } catch {
      throw BlockFlaw(offset: error.offset, reason: error.reason)
    }
  }

  mutating func finish(into body: inout ByteBuffer) -> Int { commands.finish(into: &body) }

  var openKey: OpenKey? { commands.open.map { OpenKey(key: $0.key, missing: $0.missing) } }

  func keys(in block: ByteView) -> [[UInt8]] { SnapshotCommands.keys(in: block) }
}
