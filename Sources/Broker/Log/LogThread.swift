// LogThread.swift: the log beside the engine: it writes and syncs while the next turn runs.
//
// The engine submits a commit a turn and goes on; it holds the replies until `released` reaches the
// commit's ordinal. On a quick disk it takes the writer's pen and writes small commits itself; else
// three threads do the rest. The *writer* takes all commits that are queued, writes
// them in one call and, under `always`, syncs: so many turns share a sync when the disk is slow.
// The *syncer* syncs in the background under `everysec`, so that no write waits for it. The *keeper*
// makes the next segment and lists checkpoints: a handful of syncs that no write waits for either.
//
//   submit ──▶ queue ──writer──▶ written ──writer or syncer──▶ synced
//                                   │                            │
//                    everysec, no ──┴────── released ────────────┴── always
//
// Here are what the threads share and the engine's side; the threads have files of their own
// (LogThread+Writer.swift, LogThread+Background.swift).
//
// Under `everysec`, no more is released once the oldest write that is not durable is two seconds
// old: that bounds what a power cut can take. Ordinals count commits from 1 in this run; sequences
// count commands for the whole life of the log.

import RESP
import Synchronization

/// When a commit's replies may leave, in the words of `appendfsync`.
enum SyncPolicy: Sendable {
  /// Once it is durable.
  case always
  /// Once it is written; it is durable within two seconds.
  case everySecond
  /// Once it is written; it is durable when the system thinks fit, or at a stop.
  case never
}

/// What INFO shows of the log.
struct LogStatistics: Sendable {
  /// Bytes and frames written since the start.
  var bytesWritten = 0, framesWritten = 0
  /// Frames that the engine's thread wrote itself.
  var framesWrittenAtOnce = 0
  /// Bytes of the checkpoint and of all segments, and of the checkpoint alone.
  var size = 0, checkpointSize = 0
  var syncs = 0
  var lastSyncNanoseconds: UInt64 = 0
  /// How often writers had to wait since a background sync took too long.
  var delayedSyncs = 0
  var isSyncRunning = false
  /// The next segment has been made, so that a change costs no sync of its own.
  var hasNextSegment = false
  /// Commits that are queued or just being written, and the bytes of the queued ones.
  var pendingCommits = 0, pendingBytes = 0
  /// The last command on disk.
  var durableSequence: UInt64 = 0
}

/// The log while the server runs.
///
/// Thread safety: `submit`, `takeSpare`, `setPolicy`, `beginCheckpoint`, `flush` and `stop` are the
/// engine thread's; all else may be called by any thread. What the threads share is under `lock`, but for three
/// atomics that are written under it and read without.
final class LogThread: @unchecked Sendable {
  struct Timing: Sendable {
    /// Monotonic nanoseconds.
    var now: @Sendable () -> UInt64
    /// How old a write gets under `everysec` before it is synced, and before releases stop.
    var syncAge: UInt64 = 1_000_000_000
    var stallAge: UInt64 = 2_000_000_000
    /// How long nothing must come before the gap of the last frame is closed.
    var idleAge: UInt64 = 100_000_000
    /// How often a full disk is tried again.
    var fullAge: UInt64 = 250_000_000

    init(now: @escaping @Sendable () -> UInt64) { self.now = now }
  }

  /// Buffers that are kept for reuse, and the largest of them.
  private static let sparesMax = 8
  private static let spareSizeMax = 4 << 20
  /// Bytes that the engine's thread writes itself; more take longer than waking the writer does.
  static let atOnceSizeMax = 64 << 10

  let timing: Timing
  let wake: @Sendable () -> Void
  let lock = Lock()
  /// Signalled for the writer, the syncer, the keeper, and those who wait for any of them.
  let work: Condition, syncWork: Condition, keepWork: Condition, progress: Condition

  let releasedOrdinal = Atomic<UInt64>(0)
  let syncedOrdinal = Atomic<UInt64>(0)
  let queuedBytes = Atomic<Int>(0)
  let full = Atomic<Bool>(false)
  let failed = Atomic<Bool>(false)

  /// A queued commit, or an empty buffer for one; linked, so that queues need no memory.
  final class Commit {
    var body = ByteBuffer()
    var count = 0
    var next: Commit?
  }

  struct Queue {
    var head: Commit?, tail: Commit?
    var count = 0

    var isEmpty: Bool { head == nil }

    mutating func push(_ commit: Commit) {
      if let tail { tail.next = commit } else { head = commit }
      tail = commit
      count += 1
    }

    mutating func pop() -> Commit? {
      guard let first = head else { return nil }
      head = first.next
      if head == nil { tail = nil }
      first.next = nil
      count -= 1
      return first
    }

    /// Takes over all that `other` holds.
    mutating func append(_ other: inout Queue) {
      guard let first = other.head else { return }
      if let tail { tail.next = first } else { head = first }
      tail = other.tail
      count += other.count
      other = Queue()
    }
  }

  /// The thread that syncs or changes segments just now.
  enum Syncing { case writer, syncer }

  /// What the keeper is to do, each thing for a writer that goes on meanwhile.
  enum Errand {
    /// Make the next segment, and close the one that was left last.
    case make(SegmentMaking, left: LogWriter.LeftSegment?)
    /// List a finished checkpoint.
    case list(LogWriter.Adoption)
  }

  /// What came of it, for the writer to take in.
  enum Return {
    case made(Result<DiskFile, DiskError>, SegmentMaking)
    case listed(Result<Void, DiskError>, LogWriter.Adoption)
  }

  /// A finished checkpoint that waits to be listed.
  final class Adoption {
    let checkpoint: Manifest.Checkpoint
    let size: Int
    var result: Result<[String], LogError>?

    init(_ checkpoint: Manifest.Checkpoint, size: Int) {
      self.checkpoint = checkpoint
      self.size = size
    }
  }

  /// What the threads share. Only touched with `lock` held.
  struct State {
    var policy: SyncPolicy
    var queue = Queue()
    var submitted: UInt64 = 0
    /// The sequence of the last command submitted.
    var submittedSequence: UInt64
    /// A new segment is wanted, whatever the size of the last.
    var wantsSegment = false
    var adoption: Adoption?
    /// Given to the keeper and not done yet; done and not taken in yet. Never both.
    var errand: Errand?
    var returned: Return?
    /// When a making that found no space or descriptors is tried again.
    var makesNotBefore: UInt64 = 0
    /// The last command that is in the checkpoint, if there is one.
    var checkpointed: UInt64?
    var writerSleeps = false
    /// It does so without a limit: nothing is left for it to tidy up.
    var writerSleepsLong = false
    /// When the engine's thread wrote last.
    var wroteAtOnce: UInt64 = 0
    /// The writer has commits that did not fit on the disk.
    var retries = false
    var pace = DiskPace()
    var isStopping = false, isStopped = false
    /// Everything up to here is to be synced, whatever the policy.
    var flushTarget: UInt64 = 0

    /// What has been written, as ordinal and as sequence, and the segment it is in.
    var written: UInt64 = 0
    var writtenSequence: UInt64
    var file: DiskFile
    var durableSequence: UInt64
    /// When the oldest write happened that no finished sync covers.
    var unsyncedSince: UInt64?
    /// The same for finished syncs and the running one.
    var uncoveredSince: UInt64?
    /// Two syncs at once would not do: the system reports an error to one of them and success to
    /// the other.
    var syncing: Syncing?
    var isStalled = false
    /// Commits up to here were promised to be durable before their replies leave.
    var alwaysUntil: UInt64 = 0

    var spares = Queue(), boxes = Queue()
    var failure: LogError?
    var statistics = LogStatistics()
  }
  var state: State
  var writerThread: Thread?, syncerThread: Thread?, keeperThread: Thread?

  /// Who holds it may write. That is the writer thread; while it sleeps, whoever holds the lock.
  final class Pen {
    var writer: LogWriter

    init(_ writer: consuming LogWriter) { self.writer = writer }
  }
  /// Nil once the log has stopped: the files are closed with it.
  var pen: Pen?

  /// Goes on where recovery ended.
  ///
  /// - Parameter wake: called from the log's threads, at most once for each change of `released`,
  ///   `isDiskFull` or `failure` and for each flush that has ended; must not block, nor call back.
  /// - Throws: when the system has no thread for it; the folder is free and as it was then.
  init(
    _ position: consuming LogPosition, policy: SyncPolicy, timing: Timing,
    startThread: ThreadStarter = Thread.init, wake: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    self.timing = timing
    self.wake = wake
    work = Condition(lock)
    syncWork = Condition(lock)
    keepWork = Condition(lock)
    progress = Condition(lock)
    var writer = LogWriter(position)
    writer.isSupplied = true
    state = State(
      policy: policy, submittedSequence: writer.written, writtenSequence: writer.written,
      file: writer.file, durableSequence: writer.durable)
    state.statistics.size = writer.size
    state.statistics.checkpointSize = writer.checkpointSize
    state.checkpointed = writer.manifest.checkpoint?.sequence
    identity = writer.manifest.identity
    full.store(writer.isFull, ordering: .relaxed)
    folder = writer.folder
    pen = Pen(writer)
    do throws(SystemError) {
      keeperThread = try startThread("log-keeper") { self.runKeeper() }
      syncerThread = try startThread("log-syncer") { self.runSyncer() }
      // Last, for it gives work to the others.
      writerThread = try startThread("log-writer") { self.runWriter() }
    } catch {
      _ = stop()
      throw error
    }
  }
  let folder: Folder
  let identity: LogIdentity

  // MARK: The engine's side

  /// Queues a commit of `count` commands in `body`, or writes it: one frame, all of it or nothing of
  /// it.
  ///
  /// - Parameters:
  ///   - isQuiet: the engine has nothing to do but to wait for this commit.
  ///   - isDiskBusy: others sync large files there just now, for which a small write may have to wait.
  /// - Returns: the commit's ordinal; its replies may leave once `released` has reached it.
  func submit(
    _ body: consuming ByteBuffer, count: Int, isQuiet: Bool = false, isDiskBusy: Bool = false
  ) -> UInt64 {
    precondition(!body.isEmpty && body.count <= FrameHeader.bodySizeMax)
    precondition(count > 0)
    lock.lock()
    precondition(!state.isStopping)
    state.submitted += 1
    state.submittedSequence += UInt64(count)
    let ordinal = state.submitted
    var mustWake = state.writerSleeps
    // After a failure nothing is written any more, and nothing must pile up.
    if state.failure == nil {
      let isAtOnce = !isDiskBusy && mayWriteAtOnce(body.count, isQuiet: isQuiet)
      let commit = state.boxes.pop() ?? Commit()
      queuedBytes.add(body.count, ordering: .relaxed)
      commit.body = body
      commit.count = count
      state.queue.push(commit)
      // The writer need only know that there is something to tidy up again.
      if isAtOnce, writeAtOnce() { mustWake = state.writerSleepsLong }
    }
    if mustWake { state.writerSleeps = false }
    lock.unlock()
    if mustWake { work.signal() }
    return ordinal
  }

  /// An empty buffer, with the memory of an earlier commit where one has come back.
  func takeSpare() -> ByteBuffer {
    lock.lock()
    defer { lock.unlock() }
    guard let spare = state.spares.pop() else { return ByteBuffer() }
    var body = ByteBuffer()
    swap(&body, &spare.body)
    state.boxes.push(spare)
    return body
  }

  /// Changes the policy for all commits submitted from now on. Those before keep what they were
  /// promised.
  func setPolicy(_ policy: SyncPolicy) {
    lock.withLock {
      if state.policy == .always {
        state.alwaysUntil = state.submitted
        state.flushTarget = state.submitted
      }
      // How quick writes are says nothing of syncs.
      if policy != state.policy { state.pace = DiskPace() }
      state.policy = policy
      wakeWriter()
      syncWork.signal()
    }
  }

  /// Begins a new segment soon, for a checkpoint of what has been submitted so far.
  ///
  /// - Returns: the header of that checkpoint; nil when the last one has all of it.
  func beginCheckpoint() -> CheckpointHeader? {
    lock.withLock {
      guard state.checkpointed != state.submittedSequence else { return nil }
      state.wantsSegment = true
      wakeWriter()
      return CheckpointHeader(identity: identity, sequence: state.submittedSequence)
    }
  }

  /// Lets a finished checkpoint stand for the commands up to its last; waits for that. The files
  /// that are not needed any more are the caller's to remove.
  ///
  /// - Returns: their names, or why the checkpoint is not wanted: the log goes on without it, unless
  ///   it has failed.
  func adopt(_ checkpoint: Manifest.Checkpoint, size: Int) -> Result<[String], LogError> {
    lock.withLock {
      let adoption = Adoption(checkpoint, size: size)
      state.adoption = adoption
      wakeWriter()
      while true {
        if let result = adoption.result { return result }
        if let failure = state.failure { return .failure(failure) }
        progress.wait()
      }
    }
  }

  /// Waits until all that was submitted is durable, or the log has failed.
  func flush() {
    lock.withLock {
      let target = state.submitted
      state.flushTarget = target
      wakeWriter()
      while state.failure == nil, syncedOrdinal.load(ordering: .relaxed) < target {
        progress.wait()
      }
    }
  }

  /// Writes and syncs all that was submitted, in every policy, and ends the threads. The folder is
  /// free for another server then.
  ///
  /// - Returns: why that was not possible, if so.
  func stop() -> LogError? {
    lock.withLock {
      state.isStopping = true
      wakeWriter()
    }
    writerThread?.join()
    lock.withLock {
      state.isStopped = true
      syncWork.signal()
      keepWork.signal()
    }
    syncerThread?.join()
    keeperThread?.join()
    if case .made(.success(let file), _)? = state.returned { folder.close(file) }
    writerThread = nil
    syncerThread = nil
    keeperThread = nil
    pen = nil
    return failure
  }

  // MARK: What everyone may know

  /// Replies of commits up to this ordinal may leave.
  var released: UInt64 { releasedOrdinal.load(ordering: .acquiring) }
  /// Commits up to this ordinal are durable.
  var synced: UInt64 { syncedOrdinal.load(ordering: .acquiring) }
  /// Bytes that are queued for the writer: a bound for who submits faster than the disk takes.
  var pendingBytes: Int { queuedBytes.load(ordering: .relaxed) }
  /// The disk lacks space ahead: what grows should be refused, what shrinks goes on from a reserve.
  var isDiskFull: Bool { full.load(ordering: .acquiring) }
  /// Why nothing is written any more, if so. It is final.
  var failure: LogError? {
    guard failed.load(ordering: .acquiring) else { return nil }
    return lock.withLock { state.failure }
  }

  var statistics: LogStatistics {
    lock.withLock {
      var statistics = state.statistics
      statistics.isSyncRunning = state.syncing != nil
      statistics.pendingCommits = Int(state.submitted - state.written)
      statistics.pendingBytes = pendingBytes
      statistics.durableSequence = state.durableSequence
      return statistics
    }
  }

  // MARK: Shared, with the lock held

  func wakeWriter() {
    state.writerSleeps = false
    work.signal()
  }

  /// Moves `released` on as far as the policy has it.
  ///
  /// - Returns: whether it moved; the caller wakes the engine once it has given up the lock.
  func release() -> Bool {
    guard state.failure == nil else { return false }
    let synced = syncedOrdinal.load(ordering: .relaxed)
    var target = synced
    switch state.policy {
    case .always: break
    case .never: target = state.written
    case .everySecond:
      let isStalled = state.unsyncedSince.map { timing.now() >= $0 + timing.stallAge } ?? false
      if isStalled, !state.isStalled { state.statistics.delayedSyncs += 1 }
      state.isStalled = isStalled
      if !isStalled { target = state.written }
    }
    if synced < state.alwaysUntil { target = synced }
    guard target > releasedOrdinal.load(ordering: .relaxed) else { return false }
    releasedOrdinal.store(target, ordering: .releasing)
    return true
  }

  /// Waits until no other thread syncs and keeps them from it.
  ///
  /// - Returns: false when the log has failed; nobody may sync any more then.
  func beginSync(_ thread: Syncing) -> Bool {
    while state.syncing != nil { progress.wait() }
    guard state.failure == nil else { return false }
    state.syncing = thread
    state.uncoveredSince = nil
    return true
  }

  func endSync() {
    state.syncing = nil
    progress.broadcast()
  }

  /// Takes in that a sync which began at `start` made commits up to `ordinal` durable.
  func noteSynced(_ ordinal: UInt64, sequence: UInt64, since start: UInt64) {
    if ordinal > syncedOrdinal.load(ordering: .relaxed) {
      syncedOrdinal.store(ordinal, ordering: .releasing)
    }
    state.durableSequence = max(state.durableSequence, sequence)
    state.unsyncedSince = state.uncoveredSince
    state.statistics.syncs += 1
    state.statistics.lastSyncNanoseconds = timing.now() - start
  }

  func noteFailure(_ error: LogError) {
    guard state.failure == nil else { return }
    state.failure = error
    while let dropped = state.queue.pop() { recycle(dropped) }
    failed.store(true, ordering: .releasing)
    progress.broadcast()
    syncWork.signal()
    wakeWriter()
  }

  /// Keeps a written commit's buffer for the next ones.
  func recycle(_ commit: Commit) {
    queuedBytes.subtract(commit.body.count, ordering: .relaxed)
    if state.spares.count < Self.sparesMax {
      commit.body.reset(keeping: Self.spareSizeMax)
      state.spares.push(commit)
    } else if state.boxes.count < Self.sparesMax {
      commit.body.reset()
      state.boxes.push(commit)
    }
  }
}
