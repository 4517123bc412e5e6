// LogThread+Writer.swift: the writer thread: what it does next, and how.
//
// It has the pen but while it sleeps (LogThread.swift). Each job ends with a look at what else is there,
// so commits that were queued meanwhile are written together.

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

  func runWriter() {
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
  func noteWritten(_ writer: borrowing LogWriter, at start: UInt64) {
    notePlace(writer)
    if state.uncoveredSince == nil { state.uncoveredSince = start }
    if state.unsyncedSince == nil {
      state.unsyncedSince = start
      if state.policy == .everySecond { syncWork.signal() }
    }
  }

  /// Takes in that the writer thread, which alone writes, has synced all that it wrote.
  func noteAllSynced(_ writer: borrowing LogWriter, since start: UInt64) {
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
