// Clients.swift: what the turn does with sockets: accept, read and run, send, drop.

import RESP

extension Server {
  // MARK: Accepting

  mutating func accept(_ index: Int) {
    guard index < listeners.count else { return }
    for _ in 0..<TurnBudget.accepts {
      switch listeners[index].socket.accept(path: listeners[index].path) {
      case .wouldBlock: return
      case .failed(let code):
        // Level-triggered readiness would spin: look again in a while.
        for listener in listeners { poller.remove(listener.socket.descriptor) }
        acceptAgainAt = engine.context.monotonic + 100
        warnOfRefusal(SystemError(call: "accept", code: code))
        return
      case .socket(let socket, let peer): greet(socket, peer)
      }
    }
  }

  /// Says that clients wait outside; for as long as they do, once a minute.
  private mutating func warnOfRefusal(_ reason: SystemError) {
    let now = engine.context.monotonic
    guard acceptWarningAt == 0 || now - acceptWarningAt > 60_000 else { return }
    acceptWarningAt = now
    journal.warning("Not accepting connections for now: \(reason)")
  }

  /// Watches all listeners, each by its place.
  mutating func watchListeners() {
    acceptAgainAt = 0
    for (index, listener) in listeners.enumerated() {
      poller.remove(listener.socket.descriptor)
      try? poller.add(
        listener.socket.descriptor, tag: Self.listenerTag + UInt64(index), for: .reading)
    }
  }

  /// Takes in a new connection, or turns it away with a word.
  private mutating func greet(_ socket: Socket, _ address: SocketAddress) {
    if case .internet(let ip, _) = address, !networks.admits(ip) {
      engine.context.statistics.rejectedConnections += 1
      return socket.close()
    }
    if openCount >= settings.clientCountMax {
      engine.context.statistics.rejectedConnections += 1
      return turnAway(socket, "-ERR max number of clients reached\r\n")
    }
    if settings.isProtected, !address.isLocal, engine.context.isOpenToAll {
      engine.context.statistics.rejectedConnections += 1
      return turnAway(socket, Self.protectedModeText)
    }
    var isUnix = false
    if case .unix = address { isUnix = true }
    if !isUnix {
      socket.setNoDelay()
      if settings.tcpKeepalive > 0 { socket.setKeepalive(seconds: settings.tcpKeepalive) }
    }
    let slot = engine.open()
    while connections.count <= slot { connections.append(ClientConnection()) }
    connections[slot] = ClientConnection()
    connections[slot].socket = socket
    connections[slot].generation = nextGeneration
    nextGeneration = nextGeneration & 0x7FFF_FFFF + 1
    connections[slot].interest = .reading
    do {
      try poller.add(socket.descriptor, tag: connections[slot].tag(slot: slot), for: .reading)
    } catch {
      socket.close()
      connections[slot] = ClientConnection()
      engine.close(slot)
      return
    }
    openCount += 1
    engine.context.sessions[slot].fileDescriptor = Int(socket.descriptor)
    engine.context.sessions[slot].address = address.text
    engine.context.sessions[slot].localAddress =
      isUnix ? address.text : socket.ownAddress?.text ?? "?:0"
    if isUnix { engine.context.sessions[slot].flags.insert(.unixSocket) }
    nextHousekeeping = min(nextHousekeeping, engine.context.monotonic + 100)
  }

  private func turnAway(_ socket: Socket, _ text: StaticString) {
    _ = socket.write(ByteView(text))
    socket.close()
  }

  private static let protectedModeText: StaticString =
    "-DENIED Martlet is running in protected mode because no password is set for the default user. In this mode connections are only accepted from the loopback interface. To connect from other computers either set a password with --requirepass, or turn protected mode off with --protected-mode no where the network itself is safe.\r\n"

  // MARK: Reading and running

  /// Does what an event of a connection calls for.
  @inline(__always)
  mutating func serve(_ event: Poller.Event) {
    let slot = Int(truncatingIfNeeded: event.tag & 0xFFFF_FFFF)
    guard slot < connections.count, connections[slot].isOpen,
      connections[slot].generation == UInt32(truncatingIfNeeded: event.tag >> 32)
    else { return }
    if event.canWrite {
      send(slot)
      guard connections[slot].isOpen else { return }
    }
    if connections[slot].hasEnded {
      // Both sides are closed now: nobody will read an answer.
      if event.hasHungUp { disconnect(slot) }
    } else if event.canRead {
      receive(slot)
    }
  }

  /// Reads once and runs what is complete.
  private mutating func receive(_ slot: Int) {
    let socket = connections[slot].socket
    let ownsInput = !connections[slot].input.isEmpty
    if ownsInput { swap(&scratch, &connections[slot].input) }
    // A long argument is read in ever larger pieces, never larger than what has come already.
    let missing = connections[slot].parser.missing(held: scratch.count)
    let size = max(TurnBudget.bytes, min(missing, min(scratch.count, 4 << 20)))
    switch socket.read(into: &scratch, upTo: size) {
    case .bytes(let count):
      engine.context.statistics.bytesRead += count
      engine.context.statistics.reads += 1
      engine.context.sessions[slot].totalRead += count
      engine.context.sessions[slot].lastActive = engine.context.monotonic
      coalescing.note(&connections[slot].lastWindow)
      runScratch(slot)
    case .wouldBlock: break
    case .ended:
      giveBackScratch(slot, ownsInput: ownsInput)
      return endReading(slot)
    case .failed:
      giveBackScratch(slot, ownsInput: ownsInput)
      return disconnect(slot)
    }
    giveBackScratch(slot, ownsInput: ownsInput)
  }

  /// The client sends no more: what it asked is answered, then the connection ends.
  private mutating func endReading(_ slot: Int) {
    connections[slot].hasEnded = true
    let isWaiting = engine.context.sessions[slot].flags.contains(.blocked)
    let isOwed = connections[slot].isPending || engine.context.sessions[slot].outputSize > 0
    guard isOwed, !isWaiting else { return disconnect(slot) }
    watch(slot, connections[slot].interest.subtracting(.reading))
  }

  /// Leaves what was not run with the connection, and the scratch buffer empty.
  private mutating func giveBackScratch(_ slot: Int, ownsInput: Bool) {
    if ownsInput {
      swap(&scratch, &connections[slot].input)
      if connections[slot].input.isEmpty { connections[slot].input.reset() }
    } else if !scratch.isEmpty {
      connections[slot].input.append(scratch.view)
      scratch.reset(keeping: 2 * TurnBudget.bytes)
    }
    let size = connections[slot].input.count
    engine.context.sessions[slot].queryBufferSize = size
    engine.context.sessions[slot].queryBufferFree = connections[slot].input.capacity - size
    if size > settings.queryBufferSizeMax {
      journal.warning("Closing a client that reached its query buffer limit")
      disconnect(slot)
    }
  }

  /// Runs the complete requests in the scratch buffer, within the budget.
  private mutating func runScratch(_ slot: Int) {
    guard mayRun(slot) else {
      if isFull(slot) { stallForOutput(slot) }
      return
    }
    engine.beginBatch(slot)
    let isLogBehind = log.map { $0.pendingBytes > TurnBudget.logQueueMax } ?? false
    let isKnown = engine.context.sessions[slot].flags.contains(.authenticated)
    let outputMax = isKnown ? settings.outputLimits.normal.hard : TurnBudget.outputBeforeLogin
    var position = 0
    var isWatching = isKnown
    var unseen = 0
    let whole = scratch.count
    engine.context.sessions[slot].queryBufferSize = whole
    let door = host.door
    running: while position < whole {
      if position >= 4 * TurnBudget.bytes {
        setPending(slot)
        break
      }
      let input = scratch.view(at: position, size: whole - position)
      if unseen == 0 {
        engine.lookAhead(in: input)
        unseen = Lookahead.depth
      }
      unseen -= 1
      do throws(ProtocolError) {
        let outcome =
          isWatching
          ? try connections[slot].parser.parse(input, limits: limits)
          : try connections[slot].parser.parse(input, limits: limitsBeforeLogin)
        guard case .request(let size) = outcome else { break running }
        let isInline = connections[slot].parser.isInline
        let words =
          isInline
          ? unsafe Arguments(
            connections[slot].parser.inlineText.view, connections[slot].parser.arguments)
          : unsafe Arguments(input, connections[slot].parser.arguments)
        let request = isInline ? nil : scratch.view(at: position, size: size)
        door.open(&self) { engine in engine.run(words, request: request) }
        position += size
      } catch {
        engine.context.statistics.errorReplies += 1
        unsafe error.bytes.withUnsafeBytes { unsafe engine.context.reply.error(ByteView($0)) }
        engine.context.sessions[slot].flags.insert(.closing)
        position = whole
        break
      }
      let flags = engine.context.sessions[slot].flags
      if !flags.isDisjoint(with: [.blocked, .closing, .dropped]) { break }
      if !isWatching { isWatching = flags.contains(.authenticated) }
      if outputMax > 0, engine.context.reply.count > outputMax {
        if position < whole { setPending(slot) }
        break
      }
      // Whoever changed something waits while the log is far behind; readers go on.
      if isLogBehind, engine.context.hold == engine.context.commit {
        stallForLog(slot)
        break
      }
      if engine.context.effects.bytes.count > TurnBudget.frame, engine.context.busy == nil {
        commitFrame()
      }
    }
    connections[slot].parser.shrink()
    door.open(&self) { engine in engine.endBatch() }
    if engine.context.hasWebRequest { warnOfWebRequest(slot) }
    scratch.removeFirst(position)
  }

  /// Reads and runs nothing more of a client until the log has caught up.
  private mutating func stallForLog(_ slot: Int) {
    guard !connections[slot].waitsForLog else { return }
    connections[slot].waitsForLog = true
    waitingForLog.append(slot)
    watch(slot, connections[slot].interest.subtracting(.reading))
  }

  /// Lets those go on who waited for the log, once it is no longer far behind.
  mutating func resumeWriters() {
    guard let log, log.pendingBytes <= TurnBudget.logQueueMax / 2 else { return }
    let slots = waitingForLog
    waitingForLog = []
    for slot in slots where connections[slot].isOpen && connections[slot].waitsForLog {
      connections[slot].waitsForLog = false
      watchForRequests(slot)
      setPending(slot)
    }
  }

  /// Reads and runs nothing more of a client until it has read some of its replies.
  private mutating func stallForOutput(_ slot: Int) {
    guard !connections[slot].isStalled else { return }
    connections[slot].isStalled = true
    watch(slot, connections[slot].interest.subtracting(.reading))
  }

  /// Reads from the client again, unless something else speaks against it.
  private mutating func watchForRequests(_ slot: Int) {
    guard !connections[slot].hasEnded, !connections[slot].waitsForLog, !connections[slot].isStalled
    else { return }
    watch(slot, connections[slot].interest.union(.reading))
  }

  private mutating func warnOfWebRequest(_ slot: Int) {
    engine.context.hasWebRequest = false
    let now = engine.context.monotonic
    guard webWarningAt == 0 || now - webWarningAt > 60_000 else { return }
    webWarningAt = now
    journal.warning(
      "Possible attack: \(engine.context.sessions[slot].address) sent POST or Host:, as a browser "
        + "does that a web page turns against servers of its own network. Connection dropped.")
  }

  /// Whether the next request of this client may run now.
  private func mayRun(_ slot: Int) -> Bool {
    engine.context.sessions[slot].flags.isDisjoint(with: [.blocked, .closing, .dropped])
      && !isFull(slot) && !connections[slot].waitsForLog
  }

  /// Whether the client has as much output unread as it may have.
  private func isFull(_ slot: Int) -> Bool {
    let limit = settings.outputLimits.normal.hard
    return limit > 0 && engine.context.sessions[slot].outputSize > limit
  }

  private mutating func setPending(_ slot: Int) {
    guard !connections[slot].isPending else { return }
    connections[slot].isPending = true
    pending.append(slot)
  }

  /// Goes on with the input that a connection holds already.
  mutating func run(_ slot: Int) {
    guard connections[slot].isOpen, !connections[slot].input.isEmpty else { return }
    swap(&scratch, &connections[slot].input)
    runScratch(slot)
    giveBackScratch(slot, ownsInput: true)
  }

  mutating func runPending() {
    let slots = pending
    pending.removeAll(keepingCapacity: true)
    for slot in slots {
      guard connections[slot].isOpen, connections[slot].isPending else { continue }
      connections[slot].isPending = false
      run(slot)
      if connections[slot].isOpen, connections[slot].hasEnded { send(slot) }
    }
  }

  /// Lets those whose wait is over go on with what they sent meanwhile.
  ///
  /// Those whom that unblocks in turn follow in the next turn: two pipelines could wake each other
  /// for ever.
  mutating func resumeUnblocked() {
    let slots = engine.context.unblocked
    engine.context.unblocked.removeAll(keepingCapacity: true)
    for slot in slots { run(slot) }
  }

  // MARK: Sending

  /// Sends what may leave of a client's output, and closes it when it was to be closed after that.
  mutating func send(_ slot: Int) {
    if engine.context.sessions[slot].flags.contains(.overfull) {
      return dropForOutput(slot, "more than \(settings.outputLimits.pubsub.hard)")
    }
    if engine.context.sessions[slot].flags.contains(.dropped) { return disconnect(slot) }
    let sendable = engine.sendable(slot)
    if sendable > 0 {
      let bytes = engine.context.sessions[slot].reply.bytes.view(at: 0, size: sendable)
      switch connections[slot].socket.write(bytes) {
      case .bytes(let sent):
        engine.context.statistics.bytesWritten += sent
        engine.context.statistics.writes += 1
        engine.context.sessions[slot].totalWritten += sent
        engine.didSend(slot, sent)
        connections[slot].overHardSince = 0
        if connections[slot].isStalled, !isFull(slot) {
          connections[slot].isStalled = false
          watchForRequests(slot)
          setPending(slot)
        }
        if sent < sendable { return waitToSend(slot) }
      case .wouldBlock: return waitToSend(slot)
      case .ended, .failed: return disconnect(slot)
      }
    }
    if connections[slot].interest.contains(.writing) {
      watch(slot, connections[slot].interest.subtracting(.writing))
    }
    connections[slot].overSoftSince = 0
    connections[slot].overHardSince = 0
    if engine.context.sessions[slot].outputSize > 0 {
      let size = engine.context.sessions[slot].outputSize
      let limit = settings.outputLimits.normal.hard
      // Others fill a monitor's output, however long the log takes.
      if engine.context.sessions[slot].flags.contains(.monitor), limit > 0, size > limit {
        return dropForOutput(slot, "\(size)")
      }
      guard !connections[slot].isHeld else { return }
      connections[slot].isHeld = true
      held.append(slot)
    } else {
      engine.context.sessions[slot].reply.bytes.reset(keeping: TurnBudget.bufferKept)
      let isOver =
        engine.context.sessions[slot].flags.contains(.closing)
        || connections[slot].hasEnded && !connections[slot].isPending
          && !connections[slot].waitsForLog
      if isOver { disconnect(slot) }
    }
  }

  /// Goes on sending when the socket takes more; drops the client that leaves too much unread.
  private mutating func waitToSend(_ slot: Int) {
    if !connections[slot].interest.contains(.writing) {
      watch(slot, connections[slot].interest.union(.writing))
    }
    let flags = engine.context.sessions[slot].flags, unread = engine.sendable(slot)
    if !flags.contains(.authenticated), unread > TurnBudget.outputBeforeLogin {
      return dropForOutput(slot, "\(unread)")
    }
    let limit =
      flags.contains(.pubsub) ? settings.outputLimits.pubsub : settings.outputLimits.normal
    if limit.hard > 0, unread > limit.hard, isNeglected(slot) {
      return dropForOutput(slot, "\(unread)")
    }
    guard limit.soft > 0, unread > limit.soft else {
      connections[slot].overSoftSince = 0
      return
    }
    let now = engine.context.monotonic
    if connections[slot].overSoftSince == 0 { connections[slot].overSoftSince = now }
    if now - connections[slot].overSoftSince >= Int64(limit.softSeconds) * 1000 {
      dropForOutput(slot, "\(unread)")
    }
  }

  /// Whether a client above its hard limit is to be dropped: at once if others fill its output. One
  /// that fills it itself is read from no more and may take its time, as long as it reads at all; and
  /// one reply may be larger than any limit, so it is more requests after it that show neglect.
  private mutating func isNeglected(_ slot: Int) -> Bool {
    if !engine.context.sessions[slot].flags.isDisjoint(with: [.monitor, .pubsub]) { return true }
    guard !connections[slot].input.isEmpty else { return false }
    let now = engine.context.monotonic
    if connections[slot].overHardSince == 0 { connections[slot].overHardSince = now }
    return now - connections[slot].overHardSince >= TurnBudget.neglectAge
  }

  private mutating func dropForOutput(_ slot: Int, _ unread: String) {
    journal.warning(
      "Client id=\(engine.context.sessions[slot].id) addr=\(engine.context.sessions[slot].address) closed for overcoming of output buffer limits: \(unread) bytes unread"
    )
    disconnect(slot)
  }

  private mutating func watch(_ slot: Int, _ interest: Poller.Interest) {
    connections[slot].interest = interest
    try? poller.modify(
      connections[slot].socket.descriptor, tag: connections[slot].tag(slot: slot), for: interest)
  }

  // MARK: Ending

  mutating func disconnect(_ slot: Int) {
    guard connections[slot].isOpen else { return }
    guard !engine.context.sessions[slot].flags.contains(.served) else {
      // In the middle of its own request, which reads its bytes: it goes when that has ended.
      engine.context.sessions[slot].flags.insert(.dropped)
      return engine.context.touchSession(slot)
    }
    connections[slot].socket.close()
    connections[slot] = ClientConnection()
    engine.close(slot)
    openCount -= 1
  }

  /// Looks at some connections: idle ones are dropped or give back their buffers.
  mutating func sweepConnections() {
    guard connections.count > 0 else { return }
    let now = engine.context.monotonic
    let timeout = Int64(settings.idleTimeout) * 1000
    for _ in 0..<min(connections.count, max(16, connections.count / 10)) {
      sweepSlot = sweepSlot + 1 < connections.count ? sweepSlot + 1 : 0
      let slot = sweepSlot
      guard connections[slot].isOpen else { continue }
      let idle = now - engine.context.sessions[slot].lastActive
      let flags = engine.context.sessions[slot].flags
      if timeout > 0, idle > timeout, flags.isDisjoint(with: [.blocked, .monitor, .pubsub]) {
        journal.verbose("Closing idle client")
        disconnect(slot)
        continue
      }
      if idle > 2000, engine.context.sessions[slot].outputSize == 0 {
        engine.context.sessions[slot].reply.bytes.reset()
      }
      if connections[slot].interest.contains(.writing) { waitToSend(slot) }
    }
  }
}
