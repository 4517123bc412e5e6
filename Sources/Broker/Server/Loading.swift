// Loading.swift: from the files to the first turn: the checkpoint, then the log behind it.
//
// Clients are let in meanwhile and hear LOADING, as from redis-server, but for the commands that tell
// about the server: INFO says how far it is.

import Glibc
import RESP

/// How far reading the data has come.
struct LoadProgress {
  /// Monotonic nanoseconds, and seconds since 1970.
  let begin: Int64, beginWall: Int64
  /// Bytes of the files, and those read so far.
  let total: Int
  var done = 0
  /// When clients are next served, and the next line is due; monotonic nanoseconds.
  var nextTurn: Int64
  var nextLine: Int64

  /// How long clients wait, and a person for the next line.
  static let turnEvery: Int64 = 10_000_000, lineEvery: Int64 = 5_000_000_000

  init(total: Int, at monotonic: Int64, wall: Int64) {
    begin = monotonic
    beginWall = wall / 1000
    self.total = total
    nextTurn = monotonic + Self.turnEvery
    nextLine = monotonic + Self.lineEvery
  }

  var percent: String { decimal(100 * Double(done) / Double(max(total, 1)), places: 2) }

  var lines: [(name: String, value: String)] {
    let elapsed = Double(SystemClock.monotonic() - begin) / 1e9
    let left = done > 0 ? elapsed / Double(done) * Double(max(0, total - done)) : 1
    return [
      ("loading_start_time", "\(beginWall)"), ("loading_total_bytes", "\(total)"),
      ("loading_rdb_used_mem", "0"), ("loading_loaded_bytes", "\(done)"),
      ("loading_loaded_perc", percent), ("loading_eta_seconds", "\(Int(left))"),
    ]
  }
}

extension Server {
  /// Reads all data and begins to log.
  ///
  /// - Throws: what is wrong with the data; nothing on disk has been changed then.
  mutating func load(_ recovery: consuming Recovery) throws {
    engine.context.isStarting = true
    defer { engine.context.isStarting = false }
    let begin = SystemClock.monotonic()
    host.loading = LoadProgress(
      total: try recovery.size(), at: begin, wall: SystemClock.wall())
    if let reader = try recovery.openCheckpoint() { try load(reader) }
    let inCheckpoint = host.keysLoaded
    let position = try recovery.replay { body, count throws(ReplayError) in
      do throws(Engine.ReplayError) {
        try engine.replay(body, count: count)
      } catch {
        throw ReplayError(reason: "offset \(error.offset) of the frame: \(error.reason)")
      }
      noteLoaded(body.count + FrameHeader.size)
    }
    host.loading = nil
    for note in position.notes { journal.warning(note) }
    var keys = 0
    for index in 0..<engine.context.databases.count {
      keys += engine.context.databases[index].count
    }
    host.keysLoaded = keys
    let time = decimal(Double(SystemClock.monotonic() - begin) / 1e6, places: 1)
    let source =
      inCheckpoint > 0 ? "a checkpoint of \(inCheckpoint) and " : ""
    journal.notice(
      "Data in \(settings.directory): \(keys) keys recovered from \(source)\(position.commands) commands in \(time) ms"
    )
    let wakeUp = wakeUp
    let log = try LogThread(
      position, policy: settings.sync.policy,
      timing: LogThread.Timing(now: { UInt64(SystemClock.monotonic()) }),
      wake: { wakeUp.signal() })
    self.log = log
    host.log = log
  }

  private mutating func load(_ reader: consuming CheckpointReader) throws {
    let path = reader.file.path, sequence = reader.sequence
    let loader = try CheckpointLoader(
      reader, hash: engine.context.keyHash, threadCount: min(4, ProcessInfo.processorCount))
    defer { loader.stop() }
    var load = SnapshotLoad(), end = 0
    let damage = { (flaw: SnapshotLoad.Flaw, offset: Int) in
      LogError.damage(
        LogDamage(path: path, offset: offset, sequence: sequence, reason: flaw.reason))
    }
    reading: while true {
      switch try loader.next(within: UInt64(LoadProgress.turnEvery)) {
      case .parts(let parts, let blockEnd):
        do throws(SnapshotLoad.Flaw) { try load.add(parts, to: &engine) } catch {
          throw damage(error, end)
        }
        noteLoaded(blockEnd - end)
        end = blockEnd
      case .waiting: noteLoaded(0)
      case .end: break reading
      }
    }
    host.keysLoaded = load.keys
    do throws(SnapshotLoad.Flaw) { try load.finish(&engine) } catch { throw damage(error, end) }
  }

  /// Takes in that `size` more bytes have been read; looks after clients and signals now and then.
  private mutating func noteLoaded(_ size: Int) {
    var progress = host.loading!
    progress.done += size
    // Each time, and not once in so many bytes: few may take long, as those of LINSERT do.
    let now = SystemClock.monotonic()
    if now >= progress.nextLine {
      progress.nextLine = now + LoadProgress.lineEvery
      journal.notice(
        "Reading the data: \(progress.done) of \(progress.total) bytes, \(progress.percent) %")
    }
    let isTurn = now >= progress.nextTurn
    if isTurn { progress.nextTurn = now + LoadProgress.turnEvery }
    host.loading = progress
    guard isTurn else { return }
    turn()
    guard exitCode == nil else {
      journal.warning("Asked to stop while the data was read: nothing was changed")
      exit(0)
    }
  }
}
