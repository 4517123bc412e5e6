// Requests.swift: what commands have asked of the process, done at the end of the turn.

extension Server {
  mutating func carryOutRequests() {
    let requests = engine.context.requests
    engine.context.requests = HostRequests()
    // A slot whose client went by itself may belong to another one by now, who is not marked.
    for slot in requests.kill where engine.context.sessions[slot].flags.contains(.dropped) {
      disconnect(slot)
    }
    if requests.settingsChanged { takeOverSettings() }
    if let shutdown = requests.shutdown { heed(shutdown) }
    // What a script did that was ended for a shutdown must not be in a checkpoint.
    if requests.checkpoint, exitCode == nil { beginCheckpoint(atOnce: requests.checkpointAtOnce) }
  }

  /// DEBUG SLEEP: nothing more is done or sent before the time is over.
  mutating func standStill() {
    let pause = engine.context.requests.sleep
    engine.context.requests.sleep = 0
    SystemClock.sleep(nanoseconds: pause)
  }

  /// Takes over what CONFIG SET has changed; what could fail, the host has done.
  private mutating func takeOverSettings() {
    takeOverLimits()
    networks = NetworkList(settings.allow) ?? networks
    watchListeners()
  }

  // MARK: Stopping

  /// SHUTDOWN: this turn is the last, unless something would be lost by it.
  private mutating func heed(_ shutdown: HostRequests.Shutdown) {
    if engine.context.busy == nil { commitFrame() }
    if let reason = reasonNotToStop(shutdown) {
      guard shutdown.force else {
        journal.warning("SHUTDOWN is refused: \(reason)")
        engine.context.shutdownFailed()
        nextHousekeeping = engine.context.monotonic  // The reply is sent in the next turn, at once.
        return
      }
      journal.warning("SHUTDOWN FORCE in spite of this: \(reason)")
      stopsInSpiteOfLoss = true
    }
    engine.context.forgetEndedScript()
    commitFrame()
    if shutdown.save == false { stopsWithoutCheckpoint = true }
    journal.warning("SHUTDOWN requested by a client, finishing what was begun...")
    exitCode = exitCode ?? 0
  }

  private mutating func reasonNotToStop(_ shutdown: HostRequests.Shutdown) -> String? {
    // What is still being read is on disk as it is.
    guard !engine.context.isStarting else { return nil }
    guard let log else {
      return shutdown.save == true ? "SAVE was asked for, and appendonly is no" : nil
    }
    if let failure = log.failure { return "the log has failed: \(failure)" }
    if shutdown.save == true, !finishCheckpoint() {
      return "SAVE was asked for, and the checkpoint failed"
    }
    guard log.isDiskFull, log.statistics.pendingCommits > 0 else { return nil }
    return "there is no space left on the disk for what clients still wait for"
  }
}
