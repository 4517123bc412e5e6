// Turn.swift: one pass of the event loop.

import RESP

extension Server {
  /// Takes turns until the process is to stop.
  ///
  /// - Returns: the exit code.
  mutating func run() -> Int32 {
    SystemClock.makeTimersExact()
    while exitCode == nil { turn() }
    return finish()
  }

  /// One pass: waits for something to do, and does it.
  mutating func turn() {
    if coalescing.interval > 0 { leaveTimeToSend() }
    let count = poller.wait(nanoseconds: patience())
    let begin = beginOfTurn()
    coalescing.beginTurn(at: begin.monotonic, events: count)
    // All is quiet: nothing will join the frame soon.
    if count == 0, hasFrame { commitFrame(isQuiet: true) }
    engine.context.monotonic = (clock?.monotonic ?? begin.monotonic) / 1_000_000
    let now = clock?.wallMicroseconds ?? SystemClock.wallMicroseconds()
    engine.context.wall = now / 1000
    engine.context.wallMicroseconds = now % 1000
    if let log { engine.context.durableCommit = log.released }
    host.update()
    engine.runDurable()
    if host.checkpoint != nil { endCheckpoint() }

    var index = 0
    // A script that takes long looks at the sockets itself; events that this leaves out come again.
    while index < min(count, poller.readyCount) {
      let event = poller[index]
      index += 1
      switch event.tag {
      case Self.wakeTag: wakeUp.clear()
      case Self.signalTag: heedSignal()
      case Self.listenerTag...: accept(Int(event.tag - Self.listenerTag))
      default: serve(event)
      }
    }
    if !waitingForLog.isEmpty { resumeWriters() }
    if !pending.isEmpty { runPending() }
    let moreExpired = host.door.open(&self) { engine in engine.runTimers() }
    if !engine.context.unblocked.isEmpty { resumeUnblocked() }
    if engine.context.requests.sleep > 0 { standStill() }
    closeTurn()
    sendTouched()
    if !held.isEmpty, heldUntil != engine.context.durableCommit { sendHeld() }
    if !engine.context.requests.isEmpty { carryOutRequests() }
    if !engine.context.graveyard.isEmpty { engine.context.graveyard.freeSome() }
    if ChunkRegions.hasSurplus { ChunkRegions.giveBackOne() }
    if engine.context.monotonic >= nextHousekeeping { keepHouse() }
    if moreExpired { nextHousekeeping = min(nextHousekeeping, engine.context.monotonic + 1) }
    if let log, log.failure != nil { stopForFailure() }
    noteTurn(since: begin)
  }

  /// Lets a few more requests come together, unless something is due or waits for the log.
  private mutating func leaveTimeToSend() {
    let rest = coalescing.rest(at: SystemClock.monotonic())
    guard rest > 0, held.isEmpty, patience() > rest else { return }
    SystemClock.sleep(nanoseconds: rest)
    engine.context.statistics.turns.coalesced += 1
  }

  /// When a turn began.
  private struct TurnBegin {
    /// Monotonic nanoseconds.
    let monotonic: Int64
    /// The thread's processor time in nanoseconds, or 0 when it is not measured.
    let processorTime: Int64
  }

  private func beginOfTurn() -> TurnBegin {
    // The one clock costs some 20 ns, the other a system call, which only who looks for delays pays.
    TurnBegin(
      monotonic: SystemClock.monotonic(),
      processorTime: settings.latencyThreshold > 0 ? SystemClock.threadProcessorTime() : 0)
  }

  private mutating func noteTurn(since begin: TurnBegin) {
    let duration = SystemClock.monotonic() - begin.monotonic
    let isMeasured = begin.processorTime > 0
    engine.context.statistics.turns.add(
      duration,
      processorTime: isMeasured ? SystemClock.threadProcessorTime() - begin.processorTime : 0)
    engine.context.noteEvent("event-loop", nanoseconds: duration)
  }

  /// A signal to stop came: this turn is the last.
  private mutating func heedSignal() {
    guard let signal = signals.next() else { return }
    let name = signal == .interrupt ? "SIGINT" : "SIGTERM"
    journal.warning("Received \(name), finishing what was begun...")
    exitCode = exitCode ?? 0
  }

  /// How long the next wait may be, in nanoseconds.
  func patience() -> Int64 {
    if !pending.isEmpty || !engine.context.unblocked.isEmpty || !engine.context.graveyard.isEmpty
      || hasFrame || engine.context.isStarting || ChunkRegions.hasSurplus || hasReleased
    {
      return 0
    }
    var until = nextHousekeeping
    if let deadline = engine.nextDeadline {
      guard deadline > engine.context.monotonic else { return 0 }  // However long ago it was.
      until = min(until, deadline)
    }
    let now = clock?.monotonic ?? SystemClock.monotonic()
    return max(0, min(1_000_000_000, until * 1_000_000 - now))
  }

  /// Whether replies are held that need not wait any more: a commit was made after they were looked at.
  private var hasReleased: Bool { !held.isEmpty && heldUntil != engine.context.durableCommit }

  /// Whether effects wait to become a frame, which they do as soon as no request is at hand that
  /// could join them.
  ///
  /// A sync costs the processor as much as dozens of small requests, so turns that follow each other
  /// without a pause share a frame. (50 clients that push one element at a time: 10 % less
  /// processor time than a frame a turn.)
  private var hasFrame: Bool { log != nil && engine.context.effects.count > 0 }

  /// Ends the turn for the log: a frame that is old or large goes now, another with the next ones.
  private mutating func closeTurn() {
    guard hasFrame else { return engine.withdrawHolds() }
    // SHUTDOWN has ended a script: whether that goes to the log is decided behind the turn.
    guard engine.context.busy == nil else { return }
    let now = SystemClock.monotonic()
    if frameSince == 0 { frameSince = now }
    let isLarge = engine.context.effects.bytes.count > TurnBudget.frameWanted
    // Where turns keep a distance, and it costs no sync, replies need not wait for the next one.
    let isWhole = coalescing.interval > 0 && settings.sync != .always
    if isLarge || isWhole || now - frameSince > TurnBudget.frameAge { commitFrame() }
  }

  /// Hands the effects so far to the log as one frame.
  ///
  /// - Parameter isQuiet: there is nothing to do but to wait for it.
  mutating func commitFrame(isQuiet: Bool = false) {
    let count = engine.context.effects.count
    guard count > 0, let log else { return }
    guard engine.context.effects.bytes.count <= FrameHeader.bodySizeMax else {
      // Requests are bounded far below; were it not so, stopping is what loses nothing acknowledged.
      host.journal.warning("The effects of one turn do not fit a frame of the log; stopping")
      exitCode = 1
      return
    }
    let body = engine.context.effects.take(spare: log.takeSpare())
    let ordinal = log.submit(
      body, count: count, isQuiet: isQuiet, isDiskBusy: host.checkpoint != nil)
    precondition(ordinal == engine.context.commit)
    engine.context.durableCommit = log.released
    frameSince = 0
    engine.context.commit += 1
  }

  /// Sends what this turn's requests gave rise to.
  mutating func sendTouched() {
    var index = 0, kept: [Int] = []
    while index < engine.context.touched.count {
      let slot = engine.context.touched[index]
      index += 1
      // Its output is in use by its own request, a script that takes long.
      guard !engine.context.sessions[slot].flags.contains(.served) else {
        kept.append(slot)
        continue
      }
      engine.context.sessions[slot].flags.remove(.touched)
      guard connections[slot].isOpen else { continue }
      send(slot)
    }
    engine.context.touched.removeAll(keepingCapacity: true)
    engine.context.touched += kept
  }

  /// Sends what has waited for the log and need not any more.
  private mutating func sendHeld() {
    heldUntil = engine.context.durableCommit
    let waiting = held
    held.removeAll(keepingCapacity: true)
    for slot in waiting {
      guard connections[slot].isOpen, connections[slot].isHeld else { continue }
      connections[slot].isHeld = false
      send(slot)
    }
  }

  /// Stops because the log has failed: nothing more may be acknowledged.
  private mutating func stopForFailure() {
    guard exitCode == nil, let failure = log?.failure else { return }
    journal.warning("The log has failed: \(failure)")
    journal.warning("Nothing more can be acknowledged; stopping")
    exitCode = 1
  }

  /// What is to be done now and then: ten times a second while clients are connected.
  private mutating func keepHouse() {
    let now = engine.context.monotonic
    nextHousekeeping = now + (openCount > 0 ? 100 : 1000)
    noteStatistics()
    ChunkRegions.review(at: now)
    if acceptAgainAt > 0, now >= acceptAgainAt { watchListeners() }
    sweepConnections()
    host.update()
    if log != nil { keepLogShort() }
    engine.context.writesRefused =
      log?.isDiskFull == true
      ? CommandError(
        "MISCONF No space left on the disk of the log: only what frees memory is taken")
      : nil
  }

  /// Looks at what changes from moment to moment, for INFO.
  private mutating func noteStatistics() {
    let statistics = engine.context.statistics
    engine.context.statistics.peakMemory = max(statistics.peakMemory, MemoryAccount.used)
    engine.context.statistics.rates.sample(
      at: engine.context.monotonic, operations: statistics.commands, input: statistics.bytesRead,
      output: statistics.bytesWritten)
  }

  /// Has the jobs in replies that clients have not read by now go back to their queues: nobody will have
  /// them. A log that has no room left is not waited for.
  private mutating func giveBackUnread() {
    guard let log, log.failure == nil, !log.isDiskFull else { return }
    let slots = (0..<connections.count).filter {
      connections[$0].isOpen && !engine.context.sessions[$0].deliveries.isEmpty
    }
    guard !slots.isEmpty else { return }
    log.flush()
    engine.context.durableCommit = log.released
    for slot in slots {
      send(slot)
      guard connections[slot].isOpen, !engine.context.sessions[slot].deliveries.isEmpty else {
        continue
      }
      disconnect(slot)
    }
    commitFrame()
  }

  /// Ends all that is open, syncs the log, and gives the exit code.
  private mutating func finish() -> Int32 {
    host.listeners.end()
    commitFrame()
    giveBackUnread()
    var code = exitCode ?? 0
    stopCheckpoints()
    if let log {
      let failure = log.stop()
      engine.context.durableCommit = log.released
      if let failure {
        journal.warning("The log could not be finished: \(failure)")
        code = stopsInSpiteOfLoss ? code : 1
      }
    }
    for slot in 0..<connections.count where connections[slot].isOpen {
      if code != 0 { engine.refuseHeld(slot) }
      send(slot)
      if connections[slot].isOpen { disconnect(slot) }
    }
    return code
  }
}
