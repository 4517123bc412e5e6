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
  private static let atOnceSizeMax = 64 << 10

  private let timing: Timing
  private let wake: @Sendable () -> Void
  private let lock = Lock()
  /// Signalled for the writer, the syncer, the keeper, and those who wait for any of them.
  private let work: Condition, syncWork: Condition, keepWork: Condition, progress: Condition

  private let releasedOrdinal = Atomic<UInt64>(0)
  private let syncedOrdinal = Atomic<UInt64>(0)
  private let queuedBytes = Atomic<Int>(0)
  private let full = Atomic<Bool>(false)
  private let failed = Atomic<Bool>(false)

  /// A queued commit, or an empty buffer for one; linked, so that queues need no memory.
  private final class Commit {
    var body = ByteBuffer()
    var count = 0
    var next: Commit?
  }

  private struct Queue {
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
  private enum Syncing { case writer, syncer }

  /// What the keeper is to do, each thing for a writer that goes on meanwhile.
  private enum Errand {
    /// Make the next segment, and close the one that was left last.
    case make(SegmentMaking, left: LogWriter.LeftSegment?)
    /// List a finished checkpoint.
    case list(LogWriter.Adoption)
  }

  /// What came of it, for the writer to take in.
  private enum Return {
    case made(Result<DiskFile, DiskError>, SegmentMaking)
    case listed(Result<Void, DiskError>, LogWriter.Adoption)
  }

  /// A finished checkpoint that waits to be listed.
  private final class Adoption {
    let checkpoint: Manifest.Checkpoint
    let size: Int
    var result: Result<[String], LogError>?

    init(_ checkpoint: Manifest.Checkpoint, size: Int) {
      self.checkpoint = checkpoint
      self.size = size
    }
  }

  /// What the threads share. Only touched with `lock` held.
  private struct State {
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
  private var state: State
  private var writerThread: Thread?, syncerThread: Thread?, keeperThread: Thread?

  /// Who holds it may write. That is the writer thread; while it sleeps, whoever holds the lock.
  private final class Pen {
    var writer: LogWriter

    init(_ writer: consuming LogWriter) { self.writer = writer }
  }
  /// Nil once the log has stopped: the files are closed with it.
  private var pen: Pen?

  /// Goes on where recovery ended.
  ///
  /// - Parameter wake: called from the log's threads, at most once for each change of `released`,
  ///   `isDiskFull` or `failure` and for each flush that has ended; must not block, nor call back.
  init(
    _ position: consuming LogPosition, policy: SyncPolicy, timing: Timing,
    wake: @escaping @Sendable () -> Void
  ) {
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
    writerThread = Thread(name: "log-writer") { self.runWriter() }
    syncerThread = Thread(name: "log-syncer") { self.runSyncer() }
    keeperThread = Thread(name: "log-keeper") { self.runKeeper() }
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

  /// Whether the engine's thread is to write a commit of `size` bytes itself, and sync it under
  /// `always`: the writer has nothing to do, the disk is quick, and nothing else that may take long
  /// is due. Under `always` there must be nothing better to do than to wait.
  private func mayWriteAtOnce(_ size: Int, isQuiet: Bool) -> Bool {
    let mustSync = state.policy == .always
    guard isQuiet || !mustSync, state.writerSleeps, state.queue.isEmpty, !state.retries,
      state.syncing == nil, state.errand == nil, !state.wantsSegment, size <= Self.atOnceSizeMax
    else { return false }
    return pen!.writer.isReady(for: size, withZeros: mustSync)
      && state.pace.isQuick(at: timing.now())
  }

  /// Writes the only commit of the queue, with the writer's pen, and syncs it under `always`.
  ///
  /// - Returns: false when the disk is full: the commit is still queued.
  private func writeAtOnce() -> Bool {
    let commit = state.queue.head!, pen = pen!, started = timing.now()
    let mustSync = state.policy == .always
    pen.writer.noteDurable(state.durableSequence)
    pen.writer.zeroesAhead = mustSync
    pen.writer.stage(commit.body.view, count: commit.count)
    do throws(LogError) {
      guard try pen.writer.write() == 1 else { return false }
      if mustSync { try pen.writer.sync() }
    } catch {
      noteFailure(error)
      return true
    }
    recycle(state.queue.pop()!)
    state.written += 1
    state.statistics.framesWrittenAtOnce += 1
    noteWritten(pen.writer, at: started)
    if mustSync { noteAllSynced(pen.writer, since: started) }
    state.wroteAtOnce = timing.now()
    state.pace.note(from: started, to: state.wroteAtOnce, byEngine: true)
    _ = release()
    return true
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

  private func wakeWriter() {
    state.writerSleeps = false
    work.signal()
  }

  /// Moves `released` on as far as the policy has it.
  ///
  /// - Returns: whether it moved; the caller wakes the engine once it has given up the lock.
  private func release() -> Bool {
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
  private func beginSync(_ thread: Syncing) -> Bool {
    while state.syncing != nil { progress.wait() }
    guard state.failure == nil else { return false }
    state.syncing = thread
    state.uncoveredSince = nil
    return true
  }

  private func endSync() {
    state.syncing = nil
    progress.broadcast()
  }

  /// Takes in that a sync which began at `start` made commits up to `ordinal` durable.
  private func noteSynced(_ ordinal: UInt64, sequence: UInt64, since start: UInt64) {
    if ordinal > syncedOrdinal.load(ordering: .relaxed) {
      syncedOrdinal.store(ordinal, ordering: .releasing)
    }
    state.durableSequence = max(state.durableSequence, sequence)
    state.unsyncedSince = state.uncoveredSince
    state.statistics.syncs += 1
    state.statistics.lastSyncNanoseconds = timing.now() - start
  }

  private func noteFailure(_ error: LogError) {
    guard state.failure == nil else { return }
    state.failure = error
    while let dropped = state.queue.pop() { recycle(dropped) }
    failed.store(true, ordering: .releasing)
    progress.broadcast()
    syncWork.signal()
    wakeWriter()
  }

  /// Keeps a written commit's buffer for the next ones.
  private func recycle(_ commit: Commit) {
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

// MARK: - The writer thread

extension LogThread {
  private enum Job {
    /// Write the batch if there is one; sync if the policy or somebody who waits wants it.
    case write(mustSync: Bool)
    case beginSegment
    /// The checkpoint that waits to be listed.
    case adopt(Adoption)
    case takeIn(Return)
    /// Nothing has come for a while.
    case idle
  }

  private func runWriter() {
    let pen = self.pen!
    // Taken from the queue and not written yet; it outlives a write that found the disk full.
    var batch = Queue()
    var retryAt: UInt64 = 0
    while let job = nextJob(pen, &batch, retryAt) {
      do throws(LogError) {
        switch job {
        case .write(let mustSync):
          try write(&batch, with: &pen.writer, mustSync: mustSync)
          guard !batch.isEmpty else { break }
          if lock.withLock({ state.isStopping }) { throw .full(path: pen.writer.file.path) }
          retryAt = timing.now() + timing.fullAge
        case .beginSegment: try beginSegment(&pen.writer)
        case .adopt(let adoption): try adopt(adoption, with: &pen.writer)
        case .takeIn(let returned): try takeIn(returned, with: &pen.writer)
        case .idle: try fallIdle(&pen.writer)
        }
      } catch { fail(error) }
    }
    do throws(LogError) { try finish(&pen.writer) } catch { fail(error) }
  }

  /// Sleeps until there is something to do; nil once the log stops and nothing is left to write.
  private func nextJob(
    _ pen: Pen, _ batch: inout Queue, _ retryAt: UInt64
  ) -> Job? {
    lock.lock()
    defer { lock.unlock() }
    while true {
      guard state.failure == nil else {
        while let dropped = batch.pop() { recycle(dropped) }
        if state.isStopping, state.errand == nil { return nil }
        _ = sleepWriter()
        continue
      }
      let isRetry = !batch.isEmpty
      state.retries = isRetry
      pen.writer.noteDurable(state.durableSequence)
      pen.writer.zeroesAhead = state.policy == .always
      // These come before the queue, which never is empty under a steady load. All that is queued
      // behind the checkpoint's last command then goes to the new segment.
      if let returned = state.returned {
        state.returned = nil
        return .takeIn(returned)
      }
      if state.errand == nil, let errand = makingErrand(&pen.writer) { give(errand) }
      if state.wantsSegment, !isRetry, !state.isStopping {
        // Very seldom: the last change of segments was just now.
        if state.errand != nil, pen.writer.lacksNext {
          _ = sleepWriter()
          continue
        }
        return .beginSegment
      }
      if let adoption = state.adoption, adoption.checkpoint.sequence <= pen.writer.written,
        state.errand == nil
      {
        return .adopt(adoption)
      }
      batch.append(&state.queue)
      let synced = syncedOrdinal.load(ordering: .relaxed)
      let mustSync = state.policy == .always || synced < state.flushTarget
      if isRetry, !isListing, let adoption = state.adoption {
        // What the checkpoint has cannot be written: it takes the space that is lacking.
        answer(adoption, .failure(.full(path: pen.writer.file.path)))
      }
      if isRetry, !state.isStopping {
        let now = timing.now()
        guard now >= retryAt else {
          _ = sleepWriter(retryAt - now)
          continue
        }
      }
      if !batch.isEmpty || (mustSync && synced < state.written) {
        return .write(mustSync: mustSync)
      }
      if state.isStopping {
        guard state.errand != nil else { return nil }
        _ = sleepWriter()
        continue
      }
      if pen.writer.isFull {
        if !sleepWriter(timing.fullAge) { return .idle }
      } else if !state.spares.isEmpty || mayCloseGap(pen.writer) {
        let isOver = !sleepWriter(timing.idleAge)
        if isOver, timing.now() >= state.wroteAtOnce + timing.idleAge { return .idle }
      } else {
        _ = sleepWriter()
      }
    }
  }

  /// - Returns: false when the time was over before anybody had something for the writer.
  private func sleepWriter(_ nanoseconds: UInt64? = nil) -> Bool {
    state.writerSleeps = true
    state.writerSleepsLong = nanoseconds == nil
    defer { state.writerSleeps = false }
    guard let nanoseconds else {
      work.wait()
      return true
    }
    return work.wait(nanoseconds: nanoseconds) || !state.writerSleeps
  }

  private func mayCloseGap(_ writer: borrowing LogWriter) -> Bool {
    writer.needsClosing && writer.durable == writer.written && !writer.isFull
  }

  /// Writes what can be written of `batch`, which keeps the rest, and syncs if asked to.
  private func write(
    _ batch: inout Queue, with writer: inout LogWriter, mustSync: Bool
  ) throws(LogError) {
    let before = writer.written, durableBefore = writer.durable, started = timing.now()
    let holdsSync = mustSync || writer.needsRotation
    if holdsSync { guard lock.withLock({ beginSync(.writer) }) else { return } }
    var next = batch.head
    while let commit = next {
      writer.stage(commit.body.view, count: commit.count)
      next = commit.next
    }
    let writeStarted = timing.now()
    let written = try writer.write()
    // By a change of segments, which syncs what was written before it.
    let hasSyncedBefore = writer.durable > durableBefore
    var syncStarted = started
    if mustSync {
      syncStarted = timing.now()
      try writer.sync()
    }
    let ended = timing.now()
    let mustWake = lock.withLock {
      guard state.failure == nil else { return false }
      state.pace.note(from: writeStarted, to: ended, byEngine: false)
      if hasSyncedBefore {
        noteSynced(state.written, sequence: before, since: started)
      }
      for _ in 0..<written { recycle(batch.pop()!) }
      state.written += UInt64(written)
      noteWritten(writer, at: started)
      if mustSync { noteAllSynced(writer, since: syncStarted) }
      if holdsSync { endSync() }
      let hasReleased = release()
      // Under the other policies it is a flush that syncs here, and somebody waits for it.
      let hasFlushed = mustSync && state.policy != .always
      return noteFull(writer) || hasReleased || hasFlushed
    }
    if mustWake { wake() }
  }

  /// Goes on in a new segment, which syncs the last one.
  private func beginSegment(_ writer: inout LogWriter) throws(LogError) {
    guard lock.withLock({ beginSync(.writer) }) else { return }
    let syncs = writer.syncs, started = timing.now()
    try writer.beginSegment()
    let mustWake = lock.withLock {
      state.wantsSegment = false
      notePlace(writer)
      if writer.syncs > syncs { noteAllSynced(writer, since: started) }
      endSync()
      let hasReleased = release()
      return noteFull(writer) || hasReleased
    }
    if mustWake { wake() }
  }

  /// Has the keeper list the checkpoint, once its commands are durable.
  private func adopt(_ adoption: Adoption, with writer: inout LogWriter) throws(LogError) {
    if writer.durable < adoption.checkpoint.sequence {
      guard lock.withLock({ beginSync(.writer) }) else { return }
      let started = timing.now()
      try writer.sync()
      let mustWake = lock.withLock {
        noteAllSynced(writer, since: started)
        endSync()
        return release()
      }
      if mustWake { wake() }
    }
    let listing = writer.adoption(of: adoption.checkpoint, size: adoption.size)
    lock.withLock { give(.list(listing)) }
  }

  /// What the keeper may do for the segments just now.
  private func makingErrand(_ writer: inout LogWriter) -> Errand? {
    guard !state.isStopping, timing.now() >= state.makesNotBefore,
      let making = writer.makingOfNext()
    else { return nil }
    return .make(making, left: writer.takeLeft())
  }

  /// Whether the manifest may come to name the checkpoint that waits to be listed at any moment.
  private var isListing: Bool {
    if case .list? = state.errand { true } else { false }
  }

  private func give(_ errand: Errand) {
    state.errand = errand
    keepWork.signal()
  }

  private func takeIn(_ returned: Return, with writer: inout LogWriter) throws(LogError) {
    var answered: Result<[String], LogError>?
    switch returned {
    case .made(.success(let file), let making): writer.take(file, of: making)
    case .listed(.success, let adoption): answered = .success(writer.adopted(adoption))
    case .made(.failure(let error), _):
      guard error.isPassing else { throw writer.noteFailure(error) }
      // The segment that is there is gone on with.
      lock.withLock {
        state.makesNotBefore = timing.now() + timing.fullAge
        state.wantsSegment = false
      }
    case .listed(.failure(let error), _):
      guard error.isPassing else { throw writer.noteFailure(error) }
      answered = .failure(.disk(error))
    }
    lock.withLock {
      notePlace(writer)
      state.checkpointed = writer.manifest.checkpoint?.sequence
      if let answered, let adoption = state.adoption { answer(adoption, answered) }
    }
  }

  private func answer(_ adoption: Adoption, _ result: Result<[String], LogError>) {
    adoption.result = result
    state.adoption = nil
    progress.broadcast()
  }

  /// Takes in how far the writer has come, and where.
  private func notePlace(_ writer: borrowing LogWriter) {
    state.writtenSequence = writer.written
    state.file = writer.file
    state.statistics.bytesWritten = writer.bytesWritten
    state.statistics.framesWritten = writer.framesWritten
    state.statistics.size = writer.size
    state.statistics.hasNextSegment = !writer.lacksNext
    state.statistics.checkpointSize = writer.checkpointSize
  }

  /// Takes in what the writer wrote since `start`.
  private func noteWritten(_ writer: borrowing LogWriter, at start: UInt64) {
    notePlace(writer)
    if state.uncoveredSince == nil { state.uncoveredSince = start }
    if state.unsyncedSince == nil {
      state.unsyncedSince = start
      if state.policy == .everySecond { syncWork.signal() }
    }
  }

  /// Takes in that the writer thread, which alone writes, has synced all that it wrote.
  private func noteAllSynced(_ writer: borrowing LogWriter, since start: UInt64) {
    state.uncoveredSince = nil
    noteSynced(state.written, sequence: writer.written, since: start)
  }

  /// - Returns: whether the disk has become full or has space again.
  private func noteFull(_ writer: borrowing LogWriter) -> Bool {
    full.exchange(writer.isFull, ordering: .acquiringAndReleasing) != writer.isFull
  }

  /// Closes the gap of the last frame, gives memory back, and looks for space.
  private func fallIdle(_ writer: inout LogWriter) throws(LogError) {
    if writer.isFull { writer.reserveAhead() }
    let isClosing = mayCloseGap(writer)
    let mustSync = lock.withLock {
      state.spares = Queue()
      return isClosing && state.policy == .always
    }
    if mustSync { guard lock.withLock({ beginSync(.writer) }) else { return } }
    let started = timing.now()
    if isClosing { try writer.closeGap() }
    if mustSync { try writer.sync() }
    let mustWake = lock.withLock {
      guard state.failure == nil else { return false }
      if isClosing { noteWritten(writer, at: started) }
      if mustSync {
        noteAllSynced(writer, since: started)
        endSync()
      }
      return noteFull(writer)
    }
    if mustWake { wake() }
  }

  private func finish(_ writer: inout LogWriter) throws(LogError) {
    guard lock.withLock({ beginSync(.writer) }) else { return }
    let started = timing.now()
    try writer.finish()
    let hasReleased = lock.withLock {
      noteWritten(writer, at: started)
      noteAllSynced(writer, since: started)
      endSync()
      return release()
    }
    if hasReleased { wake() }
  }

  private func fail(_ error: LogError) {
    lock.withLock {
      if state.syncing == .writer { endSync() }
      noteFailure(error)
    }
    wake()
  }
}

// MARK: - The keeper thread

extension LogThread {
  private func runKeeper() {
    lock.lock()
    defer { lock.unlock() }
    while true {
      guard let errand = state.errand else {
        guard !state.isStopped else { return }
        keepWork.wait()
        continue
      }
      lock.unlock()
      let returned = carryOut(errand)
      lock.lock()
      state.errand = nil
      state.returned = returned
      wakeWriter()
    }
  }

  private func carryOut(_ errand: Errand) -> Return {
    switch errand {
    case .make(let making, let left):
      left?.close(in: folder)
      do throws(DiskError) { return .made(.success(try making.carryOut(in: folder)), making) } catch
      {
        return .made(.failure(error), making)
      }
    case .list(let adoption):
      do throws(DiskError) { try adoption.manifest.save(in: folder) } catch {
        return .listed(.failure(error), adoption)
      }
      return .listed(.success(()), adoption)
    }
  }
}

// MARK: - The syncer thread

extension LogThread {
  private func runSyncer() {
    lock.lock()
    defer { lock.unlock() }
    while !state.isStopped {
      guard state.policy == .everySecond, state.failure == nil, let since = state.unsyncedSince
      else {
        syncWork.wait()
        continue
      }
      let now = timing.now(), due = since + timing.syncAge
      guard now >= due else {
        _ = syncWork.wait(nanoseconds: due - now)
        continue
      }
      // Whoever had it may have synced just what was due.
      guard state.syncing == nil else {
        progress.wait()
        continue
      }
      guard beginSync(.syncer) else { continue }
      let file = state.file, ordinal = state.written, sequence = state.writtenSequence
      lock.unlock()
      var failure: DiskError?
      do { try folder.sync(file) } catch { failure = error }
      lock.lock()
      endSync()
      guard state.failure == nil else { continue }
      if let failure {
        noteFailure(.disk(failure))
      } else {
        noteSynced(ordinal, sequence: sequence, since: now)
        // Once all is durable, the writer closes the gap.
        if state.writerSleeps, sequence == state.writtenSequence { wakeWriter() }
        _ = release()
      }
      // Also when nothing was released: somebody may wait for what is on disk (WAITAOF).
      lock.unlock()
      wake()
      lock.lock()
    }
  }
}
