// Connection.swift: one connection: its socket, what is to be sent, and what was sent without an answer.
//
//            connect()          connected         logged in
//   CLOSED ────────────▶ CONNECTING ──▶ GREETING ──▶ READY ──cancel, timeout──▶ DRAINING
//     ▲  (LOOKUP first for a name)          │          │                           │
//     └─────────────────────────────── lost, closed ───┴────────── end of file ────┘
//
// Replies come in the order of the requests, so a line is all it takes to match them. The reactor moves
// connections from state to state; here is what concerns one alone.

import RESP

/// Belongs to the I/O thread.
final class Connection {
  enum State { case closed, lookup, connecting, greeting, ready, draining }

  /// What it is for.
  enum Role {
    /// Ordinary calls of all tasks, one after the other without waiting.
    case shared
    /// One call or lease at a time.
    case exclusive
    case subscription(SubscriptionFeed)
  }

  let id: UInt64
  let role: Role
  var state = State.closed
  var socket: Socket?
  /// Sockets that it had before: what was begun with one of these is over.
  private(set) var resets = 0
  /// Addresses still to be tried in this attempt.
  var addresses: ArraySlice<SocketAddress> = []
  var greeting = Greeting()
  /// When the attempt to connect, or the draining, is given up; monotonic ns.
  var deadline = Int64.max

  var output = Reply()
  var isWatchedForWriting = false
  /// It has output and is to be flushed at the end of the turn.
  var isTouched = false
  /// Bytes that were ever put into the output, and that were handed to the system.
  var written = 0
  var sent = 0
  var input = ByteBuffer()
  var parser = ReplyParser()
  /// When bytes last came.
  var heardAt: Int64 = 0

  /// Written and not answered.
  var inFlight = FIFO<Request>()
  /// Bytes of these.
  var sizeInFlight = 0
  /// Of an exclusive one: what waits for it to be ready.
  var waiting = FIFO<Request>()
  var lease: Lease?
  /// Of an exclusive one: it is one of those that calls have of `blockingConnectionsMax`.
  var isCounted = false
  /// Why it drains.
  var drainReason = MartletError.cancelled

  /// Bytes read in one go.
  static let readSize = 64 << 10
  /// Bytes of buffers that a connection keeps between requests.
  static let bufferKept = 16 << 10

  init(id: UInt64, role: Role) {
    self.id = id
    self.role = role
  }

  var isOpen: Bool { socket != nil }

  /// Whether nothing is asked of it.
  var isFree: Bool { inFlight.isEmpty && waiting.isEmpty && lease == nil }

  /// Puts a request into the output.
  func write(_ request: Request) {
    request.connection = self
    request.start = written
    let before = output.count
    request.write(to: &output)
    written += output.count - before
    sizeInFlight += request.size
    inFlight.append(request)
  }

  /// Puts a command into the output whose reply is no request's.
  func write(_ command: Command) {
    let before = output.count
    command.write(to: &output)
    written += output.count - before
  }

  /// Whether the server may have begun to do a request.
  func hasSent(_ request: Request) -> Bool { sent > request.start }

  /// Hands as much output to the system as it takes.
  ///
  /// - Returns: what came of it: `.bytes(0)` when all is sent.
  func flush() -> Transfer {
    guard let socket else { return .bytes(0) }
    while output.count > 0 {
      switch socket.write(output.bytes.view) {
      case .bytes(let count):
        output.bytes.removeFirst(count)
        sent += count
      case let other: return other
      }
    }
    output.bytes.reset(keeping: Self.bufferKept)
    return .bytes(0)
  }

  /// Forgets all that belonged to the socket, and closes it.
  func reset() {
    socket?.close()
    socket = nil
    resets += 1
    state = .closed
    deadline = .max
    isWatchedForWriting = false
    output.bytes.reset()
    input.reset()
    parser = ReplyParser()
    written = 0
    sent = 0
    sizeInFlight = 0
  }
}
