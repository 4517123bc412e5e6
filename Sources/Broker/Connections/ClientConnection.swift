// Connection.swift: one client's socket, with what has come in and is not yet run.
//
//   accept ─▶ OPEN ──QUIT, protocol error──▶ CLOSING ──output sent──▶ gone
//               └───── other side closed, limit passed, killed ───────▶ gone
//
// The session in the engine has the same slot and holds the output.

import RESP

/// The socket side of a client.
struct ClientConnection: ~Copyable {
  /// Descriptor -1 when the slot is free.
  var socket = Socket(descriptor: -1)
  /// Tells events of this connection from those of one that had the slot before.
  var generation: UInt32 = 0
  var parser = RequestParser()
  /// Bytes received but not run: an unfinished request, or what came while the client was blocked.
  var input = ByteBuffer()
  /// The window of `Coalescing` in which it sent last.
  var lastWindow: UInt32 = 0
  /// What the poller watches for.
  var interest: Poller.Interest = []
  /// Not read from until the log has caught up.
  var waitsForLog = false
  /// The client has closed its side: nothing more is read.
  var hasEnded = false
  /// In the server's list of those with complete requests left over from their budget.
  var isPending = false
  /// Its input waits, and is not added to, until the client has read enough of its output.
  var isStalled = false
  /// In the server's list of those whose output waits for the log.
  var isHeld = false
  /// Since when the output is above the soft limit, monotonic ms; 0 when it is not.
  var overSoftSince: Int64 = 0
  /// Since when it has taken nothing of an output above the hard limit, monotonic ms; 0 when it does.
  var overHardSince: Int64 = 0

  var isOpen: Bool { socket.descriptor >= 0 }

  func tag(slot: Int) -> UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// How much is done for one connection before the next has its turn.
enum TurnBudget {
  /// Bytes of input run in one turn.
  static let bytes = 64 << 10
  /// Bytes of the frame in the making after which it goes to the log in mid-turn.
  static let frame = 8 << 20
  /// Bytes, and age in nanoseconds, after which a frame waits for no more requests.
  static let frameWanted = 128 << 10
  static let frameAge: Int64 = 500_000
  /// Bytes queued for the log above which clients that write must wait until half of them are written.
  static let logQueueMax = 64 << 20
  /// Bytes that a client may leave unread before it has logged in.
  static let outputBeforeLogin = 64 << 10
  /// Milliseconds that a client above its output limit may read nothing.
  static let neglectAge: Int64 = 2000
  /// Connections accepted.
  static let accepts = 256
  /// Capacity of an output or input buffer that an active connection keeps.
  static let bufferKept = 16 << 10
}
