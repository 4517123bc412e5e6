// Request.swift: one call on its way: its commands, how long it may take and who waits for it.
//
//   NEW ──call──▶ OPEN ──reply, failure, timeout, cancel──▶ DONE
//
// A request that is done may still be among those sent: its replies are read and thrown away.

import RESP

/// One call.
///
/// Thread safety: the caller makes it and hands it over with `Gate.post`; from then on all that can change
/// belongs to the I/O thread.
final class Request: @unchecked Sendable {
  /// The bytes of the replies, one after the other, or why there are none.
  typealias Outcome = Result<[UInt8], MartletError>

  /// Which connection it takes.
  enum Lane {
    /// Any of those that calls share.
    case shared
    /// One alone, until it is answered; one of `blockingConnectionsMax`, or beside these.
    case blocking(isCounted: Bool)
    /// One alone, until the lease ends.
    case leased(Lease)
  }

  enum Phase { case new, open, done }

  let first: Command
  let rest: ArraySlice<Command>
  let lane: Lane
  /// ns from when the I/O thread takes it; nil is without end.
  let timeout: Int64?
  /// Who waits; set by the caller before it is handed over.
  var waiter: CheckedContinuation<Outcome, Never>?

  var phase = Phase.new
  /// Cancelled before it was handed over.
  var isCancelled = false
  /// When it was put into the output of a shared connection; monotonic ns.
  var writtenAt: Int64 = 0
  var deadline = Int64.max
  /// The connection that it was written to; none once it is done.
  var connection: Connection?
  /// Bytes that were written to the connection before it.
  var start = 0
  /// Replies still to come.
  var missing = 0
  var reply: [UInt8] = []

  init(_ first: Command, _ rest: ArraySlice<Command>, lane: Lane, timeout: Int64?) {
    self.first = first
    self.rest = rest
    self.lane = lane
    self.timeout = timeout
  }

  /// Bytes on the wire, at most.
  var size: Int { rest.reduce(first.size) { $0 + $1.size } }

  var isRetryable: Bool { first.isRetryable && rest.allSatisfy { $0.isRetryable } }

  /// Whether its reply has what is nowhere else then.
  var takesElements: Bool { first.takesElements || rest.contains { $0.takesElements } }

  var isBlocking: Bool { if case .blocking = lane { true } else { false } }

  /// Whether its connection is one of `blockingConnectionsMax`.
  var isCounted: Bool { if case .blocking(isCounted: false) = lane { false } else { true } }

  /// Puts its commands at the end of what is to be sent.
  func write(to output: inout RESP.Reply) {
    first.write(to: &output)
    for command in rest { command.write(to: &output) }
    missing = 1 + rest.count
    reply = []
  }

  /// Answers who waits. Only once.
  func finish(_ outcome: Outcome) {
    phase = .done
    connection = nil
    reply = []
    waiter?.resume(returning: outcome)
    waiter = nil
  }
}

/// A caller's right to a connection alone, over several calls.
///
/// Thread safety: all of it belongs to the I/O thread; callers pass it around.
final class Lease: @unchecked Sendable {
  var connection: Connection?
  /// The connection is gone, and with it what the server knew of it.
  var isBroken = false
}
