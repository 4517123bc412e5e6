// Checkpoints.swift: when a checkpoint is made, and what comes of it.
//
// It is due when the log has grown by `auto-aof-rewrite-percentage` of the last checkpoint, and to
// `auto-aof-rewrite-min-size` at least: so the log stays within about twice the live data and a
// constant, whichever keys it is that change. CheckpointTask.swift does the writing.

/// What the turn remembers of checkpoints.
struct Checkpoints {
  /// Not before this, monotonic ms: the last one has failed; unless far less than the memory that
  /// was in use then is now.
  var notBefore: Int64 = 0, memoryAtFailure = 0
  /// How many changes the one under way has, and whether its rate is bounded.
  var changes = 0, isBounded = false
  /// Bytes in the log when its growth was last looked at, and when, monotonic ms.
  var bytesSeen = 0
  var seenAt: Int64 = 0
  var startThread: ThreadStarter = Thread.init
}

/// What INFO tells of checkpoints.
struct CheckpointsEnded {
  var count = 0
  /// How long the last one took; -1 before the first.
  var seconds: Int64 = -1
  /// How many have failed since the last good one.
  var failures = 0

  var lines: [(name: String, value: String)] {
    let status = failures == 0 ? "ok" : "err"
    return [
      ("rdb_last_bgsave_status", status), ("rdb_last_bgsave_time_sec", "\(seconds)"),
      ("rdb_saves", "\(count)"),
      ("aof_last_bgrewrite_status", status), ("aof_last_rewrite_time_sec", "\(seconds)"),
      ("aof_rewrites", "\(count)"), ("aof_rewrites_consecutive_failures", "\(failures)"),
    ]
  }
}

extension Server {
  /// Bytes a second that a checkpoint writes at least: slow enough that neither the log's syncs nor
  /// the engine notice it.
  private static let rateMin = 64 << 20
  /// After a failure the next one waits 10 s, then twice as long each time, up to 10 minutes.
  private static let retryMin: Int64 = 10_000, retryMax: Int64 = 600_000
  /// At a clean stop a checkpoint is made where the log is this long at least, twice as long as the
  /// data, and the data is quickly written.
  private static let stopLogMin = 16 << 20, stopDataMax = 64 << 20
  /// How long a stop waits for that, in nanoseconds.
  private static let stopPatience: UInt64 = 600_000_000

  /// Begins a checkpoint when the log has grown enough; sees to it that one under way keeps up.
  mutating func keepLogShort() {
    guard let log, log.failure == nil else { return }
    let statistics = log.statistics
    if let task = host.checkpoint, checkpoints.isBounded {
      let elapsed = max(1, engine.context.monotonic - checkpoints.seenAt)
      let grown = statistics.bytesWritten - checkpoints.bytesSeen
      task.setRate(max(Self.rateMin, grown * 1000 / Int(elapsed) * 2))
    }
    checkpoints.bytesSeen = statistics.bytesWritten
    checkpoints.seenAt = engine.context.monotonic
    // Where a full disk made it fail, what was deleted since must not have to wait.
    let isWorthIt = MemoryAccount.used < checkpoints.memoryAtFailure / 2
    guard host.checkpoint == nil, isWorthIt || engine.context.monotonic >= checkpoints.notBefore
    else { return }
    let percentage = settings.logRewritePercentage
    guard percentage > 0, statistics.size >= settings.logRewriteSizeMin else { return }
    let base = statistics.checkpointSize
    let (wanted, overflow) = max(base, 1).multipliedReportingOverflow(by: percentage)
    guard !overflow, statistics.size - base >= wanted / 100 else { return }
    journal.notice(
      "The log has grown from \(base) to \(statistics.size) bytes: writing a checkpoint")
    beginCheckpoint(atOnce: false)
  }

  /// Begins a checkpoint unless one is under way; one that somebody waits for at no bounded rate.
  mutating func beginCheckpoint(atOnce: Bool) {
    guard let log, host.checkpoint == nil else { return }
    commitFrame()
    checkpoints.changes = engine.context.changes
    guard let header = log.beginCheckpoint() else {
      journal.notice("The last checkpoint has everything: there is none to be written")
      return noteCheckpoint(milliseconds: 0)
    }
    let wakeUp = wakeUp
    do throws(SystemError) {
      let task = try CheckpointTask(
        engine.snapshot(), header, to: log, startThread: checkpoints.startThread
      ) { wakeUp.signal() }
      if !atOnce { task.setRate(Self.rateMin) }
      checkpoints.isBounded = !atOnce
      host.checkpoint = task
      engine.context.saveBegan()
    } catch {
      engine.snapshotEnded()
      noteFailure(error)
    }
  }

  /// Takes in the end of a checkpoint, if it has come.
  mutating func endCheckpoint() {
    guard let task = host.checkpoint, task.outcome != nil else { return }
    takeIn(task.join(), of: task)
  }

  private mutating func takeIn(_ outcome: CheckpointTask.Outcome, of task: CheckpointTask) {
    host.checkpoint = nil
    engine.snapshotEnded()
    let milliseconds = (SystemClock.monotonic() - task.begin) / 1_000_000
    switch outcome {
    case .finished(let size):
      journal.notice(
        "Checkpoint finished: \(task.keyCount) keys, \(size) bytes, in \(milliseconds) ms")
      return noteCheckpoint(milliseconds: milliseconds)
    case .failed(let error): noteFailure(error)
    case .cancelled: endSave(isGood: false, changes: 0)
    }
  }

  /// Takes in that there is no checkpoint, and puts the next one that nobody asks for off.
  private mutating func noteFailure(_ error: some Error) {
    let failures = host.checkpointsEnded.failures
    let delay = Self.retryMin << Int64(min(failures, 10))
    host.checkpointsEnded.failures = failures + 1
    checkpoints.memoryAtFailure = MemoryAccount.used
    checkpoints.notBefore = engine.context.monotonic + min(delay, Self.retryMax)
    journal.warning("The checkpoint failed, and the log goes on without it: \(error)")
    endSave(isGood: false, changes: 0)
  }

  /// Takes in that a checkpoint is on disk.
  private mutating func noteCheckpoint(milliseconds: Int64) {
    host.checkpointsEnded = CheckpointsEnded(
      count: host.checkpointsEnded.count + 1, seconds: milliseconds / 1000)
    endSave(isGood: true, changes: checkpoints.changes)
  }

  private mutating func endSave(isGood: Bool, changes: Int) {
    engine.context.saveEnded(isGood: isGood, changes: changes)
    nextHousekeeping = engine.context.monotonic  // Replies are sent in the next turn, at once.
  }

  /// Writes a checkpoint of all there is and waits for it, however long that takes.
  ///
  /// - Returns: whether it is on disk.
  mutating func finishCheckpoint() -> Bool {
    if let task = host.checkpoint {
      task.cancel()
      takeIn(task.join(), of: task)
    }
    beginCheckpoint(atOnce: true)
    if let task = host.checkpoint { takeIn(task.join(), of: task) }
    stopsWithoutCheckpoint = host.checkpointsEnded.failures == 0
    return stopsWithoutCheckpoint
  }

  /// For the stop: ends the checkpoint under way, and makes one where it is quick and makes the next
  /// start fast.
  mutating func stopCheckpoints() {
    if let task = host.checkpoint {
      task.cancel()
      takeIn(task.join(), of: task)
    }
    guard let log, log.failure == nil, !stopsWithoutCheckpoint else { return }
    let statistics = log.statistics, data = MemoryAccount.used - MemoryAccount.base
    let replayed = statistics.size - statistics.checkpointSize
    guard replayed >= Self.stopLogMin, data <= Self.stopDataMax, replayed / 2 >= data else {
      return
    }
    beginCheckpoint(atOnce: true)
    guard let task = host.checkpoint else { return }
    takeIn(task.join(within: Self.stopPatience), of: task)
  }
}
