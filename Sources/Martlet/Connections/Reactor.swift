// Reactor.swift: what the I/O thread does: it owns all connections and takes turns.
//
// The turn (run()):
//   1. take the messages that tasks have left,      3. one send for each connection that has output
//      and run the tasks that live on this thread   4. wait; read, and answer who waits
//   2. give waiting calls to connections            5. what time has brought: timeouts, new attempts
// Everything here belongs to this one thread; tasks reach it through the Gate alone.
// Reactor+Calls.swift has the calls, Reactor+Connecting.swift the ways to a connection and back.

import RESP

final class Reactor {
  let gate: Gate
  let server: ServerURL
  let options: MartletClient.Options
  let poller: Poller
  /// The time at the begin of the turn, monotonic ns.
  var now = MonotonicClock.now()
  /// The earliest time at which time may bring something: never too late, often too early.
  var wakeAt = Int64.max

  var connections: [UInt64: Connection] = [:]
  private var connectionsMade: UInt64 = 0
  var backoff: Backoff
  /// Connections with output to be sent at the end of the turn.
  var touched: [Connection] = []

  /// Those that ordinary calls share, and the calls that wait for one.
  var shared: [Connection] = []
  var queue = FIFO<Request>()
  var bytesInFlight = 0
  /// Connections for one call each: those at rest, how many calls have one that counts, and who waits.
  var idle: [Connection] = []
  var countedCount = 0
  var line = FIFO<Request>()

  /// Who wants to be woken when, monotonic ns; and the earliest of it, or earlier.
  private var alarms: [ObjectIdentifier: (sleeper: any Sleeper, instant: Int64)] = [:]
  private var alarmAt = Int64.max

  /// Calls without an outcome.
  var openCount = 0
  var isClosing = false

  init(_ gate: Gate, _ poller: Poller) {
    self.gate = gate
    self.poller = poller
    server = gate.place
    options = gate.options
    backoff = Backoff(delayMax: gate.options.reconnectDelayMax.nanoseconds)
  }

  func run() {
    var messages: [Message] = []
    while true {
      if now >= alarmAt { ring() }
      let isBusy = heedMessages(&messages)
      if now >= wakeAt { sweep() }
      serveQueue()
      flushTouched()
      if isClosing, openCount == 0 { break }
      let next = min(wakeAt, alarmAt)
      let patience = next == .max ? nil : max(0, next - now)
      let count = poller.wait(nanoseconds: isBusy ? 0 : patience)
      now = MonotonicClock.now()
      for index in 0..<count { serve(poller[index]) }
    }
    end()
  }

  /// Does what tasks have left, and what comes of it: what one of our tasks does with an answer may
  /// well be the next call, and leaves in this turn.
  ///
  /// - Returns: whether there may be more.
  private func heedMessages(_ messages: inout [Message]) -> Bool {
    for _ in 0..<8 {
      gate.take(&messages)
      guard !messages.isEmpty else { return false }
      for message in messages { heed(message) }
      messages.removeAll(keepingCapacity: true)
    }
    return true
  }

  private func heed(_ message: Message) {
    switch message {
    case .step(let job): unsafe job.runSynchronously(on: gate.asUnownedTaskExecutor())
    case .alarm(let sleeper, let instant):
      alarms[ObjectIdentifier(sleeper)] = (sleeper, instant)
      alarmAt = min(alarmAt, instant)
    case .call(let request): begin(request)
    case .cancel(let request): cancel(request)
    case .release(let lease, let isClean): release(lease, isClean: isClean)
    case .subscribe(let feed): open(feed)
    case .unsubscribe(let feed): close(feed)
    case .resolved(let id, let result): resolved(id, result)
    case .close: beginClosing()
    }
  }

  private func serve(_ event: Poller.Event) {
    guard event.tag != Poller.wakeTag, let connection = connections[event.tag] else { return }
    if connection.state == .connecting {
      connected(connection)
    } else if connection.isOpen {
      let resets = connection.resets
      if event.canRead { receive(connection) }
      if event.canWrite, connection.resets == resets { flush(connection) }
    }
  }

  /// Wakes who wanted to be woken by now.
  private func ring() {
    alarmAt = .max
    for (id, alarm) in alarms {
      if alarm.instant <= now {
        alarms[id] = nil
        alarm.sleeper.wake()
      } else {
        alarmAt = min(alarmAt, alarm.instant)
      }
    }
  }

  // MARK: Output

  func touch(_ connection: Connection) {
    guard !connection.isTouched else { return }
    connection.isTouched = true
    touched.append(connection)
  }

  private func flushTouched() {
    for connection in touched {
      connection.isTouched = false
      if connection.isOpen, connection.state != .connecting { flush(connection) }
    }
    touched.removeAll(keepingCapacity: true)
  }

  private func flush(_ connection: Connection) {
    guard let socket = connection.socket else { return }
    let waits: Bool
    switch connection.flush() {
    case .bytes: waits = false
    case .wouldBlock: waits = true
    case .ended, .failed:
      // What the server said before it went is still to be read; the end of it comes by itself.
      waits = false
      connection.output.bytes.reset()
      socket.shutdownWriting()
    }
    guard waits != connection.isWatchedForWriting else { return }
    do throws(MartletError) {
      try poller.change(socket, tag: connection.id, forWriting: waits)
      connection.isWatchedForWriting = waits
    } catch {
      lost(connection, MartletError(.connectionLost, error.message))
    }
  }

  // MARK: Input

  private func receive(_ connection: Connection) {
    guard let socket = connection.socket else { return }
    let resets = connection.resets
    // A busy connection leaves the rest for the next turn: level-triggered, it is told again.
    for _ in 0..<16 {
      let size = Connection.readSize
      switch socket.read(into: &connection.input, upTo: size) {
      case .bytes(let count):
        connection.heardAt = now
        parse(connection)
        guard count == size, connection.resets == resets else { return }
      case .wouldBlock: return
      case .ended: return lost(connection, MartletError(.connectionLost, "the server closed it"))
      case .failed(let code):
        return lost(connection, MartletError(.connectionLost, systemText(code)))
      }
    }
  }

  private func parse(_ connection: Connection) {
    let resets = connection.resets
    while true {
      let outcome: ReplyParser.Outcome
      do throws(ReplyFormatError) {
        outcome = try connection.parser.parse(connection.input.view)
      } catch {
        return lost(connection, MartletError(.protocolViolation, error.reason))
      }
      guard case .reply(let size) = outcome else { break }
      guard size <= options.replySizeMax else { return refuseLargeReply(connection) }
      accept(connection, connection.input.view(at: 0, size: size))
      guard connection.resets == resets else { return }
      connection.input.removeFirst(size)
    }
    if connection.input.isEmpty {
      connection.input.reset(keeping: Connection.bufferKept)
    } else if connection.input.count > options.replySizeMax {
      refuseLargeReply(connection)
    }
  }

  /// Takes one whole reply.
  private func accept(_ connection: Connection, _ reply: ByteView) {
    if connection.state == .greeting { return greet(connection, reply) }
    if case .subscription(let feed) = connection.role {
      if let error = feed.take(reply.array) { endFeed(connection, error) }
      return
    }
    // Messages that answer nothing are not asked for on these connections.
    if reply[0] == 0x3E { return }
    guard let request = connection.inFlight.first else {
      return lost(connection, MartletError(.protocolViolation, "a reply that nobody asked for"))
    }
    request.missing -= 1
    if request.phase == .open {
      guard request.reply.count + reply.count <= options.replySizeMax else {
        return refuseLargeReply(connection)
      }
      unsafe reply.withUnsafeBytes { unsafe request.reply.append(contentsOf: $0) }
    }
    guard request.missing == 0 else { return }
    _ = connection.inFlight.popFirst()
    leaveFlight(connection, request)
    finish(request, .success(request.reply))
    if case .exclusive = connection.role { answered(connection) }
  }

  func leaveFlight(_ connection: Connection, _ request: Request) {
    connection.sizeInFlight -= request.size
    if case .shared = connection.role { bytesInFlight -= request.size }
  }

  private func refuseLargeReply(_ connection: Connection) {
    let error = MartletError(
      .replyTooLarge,
      "the reply has more than \(options.replySizeMax) bytes (options.replySizeMax)")
    if let request = connection.inFlight.first { finish(request, .failure(error)) }
    lost(connection, error)
  }

  // MARK: Connections

  func makeConnection(_ role: Connection.Role) -> Connection {
    connectionsMade += 1
    let connection = Connection(id: connectionsMade, role: role)
    connections[connection.id] = connection
    return connection
  }

  /// Has the thread look at the time no later than `time`.
  func wake(at time: Int64) { if time < wakeAt { wakeAt = time } }

  // MARK: The end

  private func beginClosing() {
    guard !isClosing else { return }
    isClosing = true
    for connection in Array(connections.values) {
      switch connection.role {
      case .subscription: endFeed(connection, .closed)
      case .exclusive:
        let waiting = connection.waiting, inFlight = connection.inFlight
        waiting.forEach { finish($0, .failure(.closed)) }
        inFlight.forEach { if $0.isBlocking { abandon($0, .closed) } }
      case .shared: break
      }
    }
    queue.forEach { finish($0, .failure(.closed)) }
    line.forEach { finish($0, .failure(.closed)) }
  }

  private func end() {
    for connection in connections.values { connection.reset() }
    connections = [:]
    let left = gate.end()
    // Nobody keeps the time for them any more: they see for themselves.
    for alarm in alarms.values { alarm.sleeper.wake() }
    for message in left.messages {
      switch message {
      case .call(let request): request.finish(.failure(.closed))
      case .subscribe(let feed): feed.end(.closed)
      case .step(let job): gate.runElsewhere(job)
      case .alarm(let sleeper, _): sleeper.wake()
      default: break
      }
    }
    for closer in left.closers { closer() }
  }
}
