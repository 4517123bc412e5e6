// Connection.swift: one client of the load, and where it is in its role.

import RESP

/// A connection of one driver, which alone touches it.
struct Connection: ~Copyable {
  let socket: Socket
  let role: Int
  var step = 0
  var parser = ReplyParser()
  /// The front part of a reply whose rest has not come.
  var input = ByteBuffer()
  /// Requests made; those not yet sent remain.
  var output = ByteBuffer()
  var isWaitingToWrite = false

  /// Replies still to come, and requests that the batch in flight has.
  var expected = 0
  var batchSize = 0
  /// Replies of the batch so far, and those among them that were empty.
  var received = 0
  var emptyCount = 0
  /// When the batch and the cycle were sent, or were due; with a rate each of the cycle's requests is
  /// due at its own time, and this is the number of the first.
  var sentAt: Int64 = 0
  var cycleAt: Int64 = 0
  var arrival = 0
  /// Since when it has been waiting for its next cycle to be due.
  var idleSince: Int64 = 0
  /// Requests of the cycle that are still alive: each step is made for as many.
  var alive = 0

  /// What a step captured, one after another.
  var captured = ByteBuffer()
  var capturedRanges: [Range<Int>] = []

  init(socket: Socket, role: Int) {
    self.socket = socket
    self.role = role
  }

  mutating func capture(_ bytes: ByteView) {
    capturedRanges.append(captured.count..<captured.count + bytes.count)
    captured.append(bytes)
  }

  mutating func forgetCaptured() {
    captured.truncate(to: 0)
    capturedRanges.removeAll(keepingCapacity: true)
  }
}

/// Connections side by side, changed in place.
@safe
struct Connections: ~Copyable {
  private let base: UnsafeMutablePointer<Connection>
  let count: Int

  init(_ sockets: [(Socket, role: Int)]) {
    count = sockets.count
    unsafe base = .allocate(capacity: max(1, sockets.count))
    for (index, each) in sockets.enumerated() {
      unsafe (base + index).initialize(to: Connection(socket: each.0, role: each.role))
    }
  }

  deinit {
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  @inline(__always)
  subscript(index: Int) -> Connection {
    _read {
      precondition(index >= 0 && index < count)
      yield unsafe base[index]
    }
    _modify {
      precondition(index >= 0 && index < count)
      yield unsafe &base[index]
    }
  }
}
