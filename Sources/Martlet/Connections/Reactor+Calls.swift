// Reactor+Calls.swift: from a call to a connection, and from its end to who waits.

extension Reactor {
  /// Calls that one shared connection has before the next one is used, and bytes of them. A full
  /// connection is no slower; but behind a long reply others should not have to wait.
  private static let callsBeforeNext = 512
  private static let bytesBeforeNext = 1 << 20

  func begin(_ request: Request) {
    request.phase = .open
    openCount += 1
    if request.isCancelled { return finish(request, .failure(.cancelled)) }
    if isClosing { return finish(request, .failure(.closed)) }
    if let timeout = request.timeout {
      request.deadline = now + timeout
      wake(at: request.deadline)
    }
    switch request.lane {
    case .shared:
      if let refusal = backoff.refusal(now: now), !shared.contains(where: { $0.state == .ready }) {
        return finish(request, .failure(refusal))
      }
      queue.append(request)
    case .blocking: acquire(for: request)
    case .leased(let lease):
      if lease.isBroken {
        finish(request, .failure(MartletError(.connectionLost, "the connection was lost")))
      } else if let connection = lease.connection {
        give(connection, request)
      } else {
        acquire(for: request)
      }
    }
  }

  /// Answers who waits; a request that is done already stays as it was.
  func finish(_ request: Request, _ outcome: Request.Outcome) {
    guard request.phase == .open else { return }
    openCount -= 1
    request.finish(outcome)
  }

  // MARK: Shared connections

  /// Gives the calls that wait to connections, and opens some where that is needed.
  func serveQueue() {
    var wantsMore = false
    while let request = queue.first {
      if request.phase == .open {
        guard let connection = roomiest(&wantsMore) else { break }
        guard bytesInFlight == 0 || bytesInFlight + request.size <= options.bytesInFlightMax else {
          return
        }
        bytesInFlight += request.size
        request.writtenAt = now
        connection.write(request)
        touch(connection)
      }
      _ = queue.popFirst()
    }
    if wantsMore || !queue.isEmpty { openShared(isForMore: wantsMore) }
  }

  /// The first ready connection with little to do, else the one with the least.
  private func roomiest(_ wantsMore: inout Bool) -> Connection? {
    var best: Connection?
    for connection in shared where connection.state == .ready {
      if connection.inFlight.count < Self.callsBeforeNext,
        connection.sizeInFlight < Self.bytesBeforeNext
      {
        return connection
      }
      if best == nil || connection.sizeInFlight < best!.sizeInFlight { best = connection }
    }
    if best != nil { wantsMore = true }
    return best
  }

  /// Connects one more of the shared connections, unless one is on its way or all are there.
  private func openShared(isForMore: Bool) {
    var closed: Connection?
    for connection in shared {
      switch connection.state {
      case .lookup, .connecting, .greeting: return
      case .closed: closed = closed ?? connection
      case .ready, .draining: break
      }
    }
    if let closed { return connect(closed) }
    guard shared.isEmpty || isForMore, shared.count < max(1, options.connectionsMax) else { return }
    let connection = makeConnection(.shared)
    shared.append(connection)
    connect(connection)
  }

  // MARK: Connections for one

  /// Finds a connection that the request has for itself, or has it wait in line for one.
  private func acquire(for request: Request) {
    if request.isCounted, !hasRoom {
      line.append(request)
    } else if let connection = idle.popLast() {
      assign(connection, request)
    } else if let refusal = backoff.refusal(now: now) {
      finish(request, .failure(refusal))
    } else {
      let connection = makeConnection(.exclusive)
      assign(connection, request)
      connect(connection)
    }
  }

  /// Whether one more call may have a connection for itself.
  private var hasRoom: Bool { countedCount < max(1, options.blockingConnectionsMax) }

  private func assign(_ connection: Connection, _ request: Request) {
    if request.isCounted {
      connection.isCounted = true
      countedCount += 1
    }
    if case .leased(let lease) = request.lane {
      lease.connection = connection
      connection.lease = lease
    }
    give(connection, request)
  }

  private func give(_ connection: Connection, _ request: Request) {
    if connection.state == .ready {
      connection.write(request)
      touch(connection)
    } else {
      connection.waiting.append(request)
    }
  }

  /// A request on a connection for one has its reply.
  func answered(_ connection: Connection) {
    if connection.state == .draining {
      discard(connection)
    } else if connection.isFree {
      rest(connection)
    }
  }

  /// Gives a connection that is free to the next in line, or keeps it for later.
  func rest(_ connection: Connection) {
    uncount(connection)
    while hasRoom, let request = line.popFirst() {
      if request.phase == .open { return assign(connection, request) }
    }
    if idle.count < Self.idleMax { idle.append(connection) } else { discard(connection) }
  }

  private func uncount(_ connection: Connection) {
    guard connection.isCounted else { return }
    connection.isCounted = false
    countedCount -= 1
  }

  /// Connections for one that are kept although nobody needs them.
  private static let idleMax = 8

  func release(_ lease: Lease, isClean: Bool) {
    lease.isBroken = true
    guard let connection = lease.connection else { return }
    lease.connection = nil
    connection.lease = nil
    if isClean, connection.state == .ready, connection.isFree {
      rest(connection)
    } else {
      connection.waiting.forEach { finish($0, .failure(.cancelled)) }
      connection.inFlight.forEach { finish($0, .failure(.cancelled)) }
      discard(connection)
    }
  }

  /// Closes a connection for one, which nobody waits for any more.
  func discard(_ connection: Connection) {
    connection.reset()
    connections[connection.id] = nil
    idle.removeAll { $0 === connection }
    uncount(connection)
    connection.lease?.isBroken = true
    connection.lease?.connection = nil
    connection.lease = nil
    // Who is refused a connection leaves its place to the next.
    while hasRoom, let request = line.popFirst() {
      if request.phase == .open { acquire(for: request) }
    }
  }

  // MARK: Calls that end early

  func cancel(_ request: Request) {
    request.isCancelled = true
    guard request.phase == .open else { return }
    // What it takes may be on its way to us: its caller gets the reply, within the call's time.
    if request.connection != nil, !request.isBlocking, request.takesElements { return }
    abandon(request, .cancelled)
  }

  /// Ends a call whose reply nobody waits for any more.
  func abandon(_ request: Request, _ reason: MartletError) {
    guard request.isBlocking, let connection = request.connection else {
      return finish(request, .failure(reason))
    }
    guard connection.state != .draining else { return }
    guard connection.hasSent(request) else {
      finish(request, .failure(reason))
      return discard(connection)  // The server has seen nothing of it.
    }
    // The server may be answering just now. So we say that no more will come, and it closes the
    // connection, be it with an answer before that or without.
    connection.state = .draining
    connection.drainReason = reason
    connection.deadline = now + Self.drainTime
    wake(at: connection.deadline)
    connection.socket?.shutdownWriting()
  }

  /// ns for a server to close a connection that we have ended.
  private static let drainTime: Int64 = 1_000_000_000

  // MARK: Time

  /// Ends what has waited too long, and makes attempts whose time has come.
  func sweep() {
    wakeAt = .max
    // Copies are walked: what is overdue may end a connection, and that changes the lines.
    let queued = queue, lined = line
    queued.forEach(heedDeadline)
    lined.forEach(heedDeadline)
    queue.filter { $0.phase == .open }
    line.filter { $0.phase == .open }
    for connection in Array(connections.values) {
      let waiting = connection.waiting, inFlight = connection.inFlight
      waiting.forEach(heedDeadline)
      if connection.state != .draining { inFlight.forEach(heedDeadline) }
      guard connections[connection.id] != nil else { continue }
      connection.waiting.filter { $0.phase == .open }
      if connection.state == .closed { reconnect(connection) }
      if connection.deadline <= now {
        overdue(connection)
      } else {
        wake(at: connection.deadline)
      }
    }
    // Many that end one after the other are ended together.
    if wakeAt < now + Self.sweepPause { wakeAt = now + Self.sweepPause }
  }

  private static let sweepPause: Int64 = 1_000_000

  private func heedDeadline(_ request: Request) {
    guard request.phase == .open else { return }
    guard request.deadline <= now else { return wake(at: request.deadline) }
    let connection = request.connection
    let wasSent = connection?.hasSent(request) == true
    abandon(request, timeoutError(request, wasSent: wasSent))
    // A server that has said nothing at all since the oldest of our calls is not there any more. That one
    // counts, since others may have had little time.
    if case .shared = request.lane, wasSent, let connection, connection.state == .ready,
      let oldest = connection.inFlight.first, connection.heardAt <= oldest.writtenAt,
      oldest.writtenAt + options.timeout.nanoseconds / 2 <= now
    {
      lost(connection, MartletError(.connectionLost, "nothing came for \(options.timeout)"))
    }
  }

  private func timeoutError(_ request: Request, wasSent: Bool) -> MartletError {
    if wasSent { return MartletError(.timedOut, "no reply came from \(server.text) in time") }
    let reason = backoff.reason.map { ": \($0.message)" } ?? ""
    return MartletError(.timedOut, "it could not be sent to \(server.text) in time\(reason)")
  }
}
