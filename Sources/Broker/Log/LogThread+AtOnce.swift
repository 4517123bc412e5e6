// LogThread+AtOnce.swift: commits that the engine's thread writes itself, while the writer sleeps.

extension LogThread {
  /// Whether the engine's thread is to write a commit of `size` bytes itself, and sync it under
  /// `always`: the writer has nothing to do, the disk is quick, and nothing else that may take long
  /// is due. Under `always` there must be nothing better to do than to wait.
  func mayWriteAtOnce(_ size: Int, isQuiet: Bool) -> Bool {
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
  func writeAtOnce() -> Bool {
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
}
