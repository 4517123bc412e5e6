// Reactor+Connecting.swift: ways to a connection, and what becomes of its calls when it is lost.

import RESP

#if canImport(Glibc)
  import Glibc
#endif

extension Reactor {
  /// Begins an attempt to connect, or sees to it that one is made as soon as it may.
  func connect(_ connection: Connection) {
    guard connection.state == .closed else { return }
    guard now >= backoff.until else { return wake(at: backoff.until) }
    connection.deadline = now + options.connectTimeout.nanoseconds
    wake(at: connection.deadline)
    switch server.place {
    case .unix(let path):
      connection.addresses = [.unix(path: path)]
      tryNextAddress(connection)
    case .internet(let host, let port):
      if let found = try? SocketAddress.lookUp(host, port: port, isNumeric: true) {
        connection.addresses = found[...]
        tryNextAddress(connection)
      } else {
        lookUp(host, port, for: connection)
      }
    }
  }

  /// Asks for the addresses of a name in a thread of its own, for the C library waits for them.
  private func lookUp(_ host: String, _ port: Int, for connection: Connection) {
    connection.state = .lookup
    let id = connection.id, gate = gate
    do throws(MartletError) {
      try IOThread.start(name: "martlet-lookup") {
        let result: Result<[SocketAddress], MartletError>
        do throws(MartletError) {
          result = .success(try SocketAddress.lookUp(host, port: port, isNumeric: false))
        } catch { result = .failure(error) }
        try? gate.post(.resolved(connection: id, result))
      }
    } catch { attemptFailed(connection, error) }
  }

  func resolved(_ id: UInt64, _ result: Result<[SocketAddress], MartletError>) {
    guard let connection = connections[id], connection.state == .lookup else { return }
    switch result {
    case .success(let addresses):
      connection.addresses = addresses[...]
      tryNextAddress(connection)
    case .failure(let error): attemptFailed(connection, error)
    }
  }

  private func tryNextAddress(_ connection: Connection, _ last: Int32 = EADDRNOTAVAIL) {
    var code = last
    while let address = connection.addresses.popFirst() {
      switch Socket.connect(to: address) {
      case .begun(let socket):
        do throws(MartletError) {
          try poller.add(socket, tag: connection.id, forWriting: true)
        } catch {
          socket.close()
          return attemptFailed(connection, failedToConnect(error.message))
        }
        connection.socket = socket
        connection.state = .connecting
        connection.isWatchedForWriting = true
        return
      case .failed(let failure): code = failure
      }
    }
    attemptFailed(connection, failedToConnect(systemText(code)))
  }

  private func failedToConnect(_ reason: String) -> MartletError {
    MartletError(.connectionFailed, "no connection to \(server.text): \(reason)")
  }

  /// The attempt to reach an address has ended.
  func connected(_ connection: Connection) {
    guard let socket = connection.socket else { return }
    let code = socket.connectFailure
    guard code == 0 else {
      socket.close()
      connection.socket = nil
      return tryNextAddress(connection, code)
    }
    connection.state = .greeting
    connection.write(connection.greeting.begin(server, name: options.name))
    touch(connection)
  }

  /// Takes the server's answer to a greeting.
  func greet(_ connection: Connection, _ reply: ByteView) {
    let value: Value
    do throws(MartletError) { value = try Value(reply: reply.array) } catch {
      return attemptFailed(connection, error, isFinal: true)
    }
    switch connection.greeting.advance(value, server, name: options.name) {
    case .next(let command):
      connection.write(command)
      touch(connection)
    case .done: begin(connection)
    case .refused(let error, let isFinal): attemptFailed(connection, error, isFinal: isFinal)
    }
  }

  /// A connection is ready for what it was made for.
  private func begin(_ connection: Connection) {
    connection.state = .ready
    connection.deadline = .max
    backoff.succeed()
    switch connection.role {
    case .shared: break  // The queue is served in this turn.
    case .exclusive:
      while let request = connection.waiting.popFirst() {
        if request.phase == .open { connection.write(request) }
      }
      if connection.isFree { rest(connection) } else { touch(connection) }
    case .subscription(let feed):
      for command in feed.begin() { connection.write(command) }
      touch(connection)
    }
  }

  // MARK: Failures

  /// An attempt to connect has failed.
  ///
  /// - Parameter isFinal: others would fail as well, so those who wait are told.
  func attemptFailed(_ connection: Connection, _ reason: MartletError, isFinal: Bool = false) {
    connection.reset()
    backoff.fail(reason, isFinal: isFinal, now: now)
    switch connection.role {
    case .shared:
      guard isFinal else { break }
      while let request = queue.popFirst() { finish(request, .failure(reason)) }
    case .exclusive:
      if isFinal {
        while let request = connection.waiting.popFirst() { finish(request, .failure(reason)) }
      }
    case .subscription:
      if isFinal { return endFeed(connection, reason) }
    }
    reconnect(connection)
  }

  /// Connects again if anybody needs it. Shared connections are opened by the queue.
  func reconnect(_ connection: Connection) {
    switch connection.role {
    case .shared: break
    case .exclusive:
      connection.waiting.filter { $0.phase == .open }
      if connection.isFree { discard(connection) } else { connect(connection) }
    case .subscription: connect(connection)
    }
  }

  /// A connection has ended that we did not end.
  func lost(_ connection: Connection, _ reason: MartletError) {
    guard connection.state == .ready || connection.state == .draining else {
      return attemptFailed(connection, failedToConnect(reason.message))
    }
    let isDraining = connection.state == .draining
    let mayRepeat = reason.code != .protocolViolation && !isDraining
    let failure = MartletError(
      mayRepeat ? .connectionLost : reason.code,
      "the connection to \(server.text) was lost before the reply came: \(reason.message)")
    var kept: [Request] = []
    while let request = connection.inFlight.popFirst() {
      leaveFlight(connection, request)
      guard request.phase == .open else { continue }
      if isDraining {
        finish(request, .failure(connection.drainReason))
      } else if request.isCancelled, !connection.hasSent(request) {
        finish(request, .failure(.cancelled))
      } else if !connection.hasSent(request) || request.isRetryable && mayRepeat {
        request.connection = nil
        kept.append(request)
      } else {
        finish(request, .failure(failure))
      }
    }
    connection.reset()
    if !isDraining { backoff.lose(now: now) }
    switch connection.role {
    case .shared: for request in kept.reversed() { queue.prepend(request) }
    case .exclusive:
      if connection.lease != nil {
        for request in kept { finish(request, .failure(failure)) }
        return discard(connection)
      }
      for request in kept { connection.waiting.append(request) }
      reconnect(connection)
    case .subscription: connect(connection)
    }
  }

  /// The time for connecting or draining is over.
  func overdue(_ connection: Connection) {
    switch connection.state {
    case .lookup, .connecting, .greeting:
      attemptFailed(connection, failedToConnect("it took more than \(options.connectTimeout)"))
    case .draining:
      while let request = connection.inFlight.popFirst() {
        finish(request, .failure(connection.drainReason))
      }
      discard(connection)
    case .closed, .ready: connection.deadline = .max
    }
  }

  // MARK: Subscriptions

  func open(_ feed: SubscriptionFeed) {
    guard !isClosing else { return feed.end(.closed) }
    if let refusal = backoff.refusal(now: now) { return feed.end(refusal) }
    let connection = makeConnection(.subscription(feed))
    feed.connection = connection.id
    connect(connection)
  }

  func close(_ feed: SubscriptionFeed) {
    guard let connection = connections[feed.connection] else { return }
    endFeed(connection, .cancelled)
  }

  func endFeed(_ connection: Connection, _ error: MartletError) {
    if case .subscription(let feed) = connection.role { feed.end(error) }
    connection.reset()
    connections[connection.id] = nil
  }
}
