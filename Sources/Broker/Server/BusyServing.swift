// BusyServing.swift: clients are looked after in the middle of a script that takes long.
//
// A script runs inside one request, in the middle of a turn. When it has taken too long it asks its host
// to look at the sockets, again and again; the host finds the server through the door that was opened
// for the request. Requests are then read and answered as ever, but that the engine refuses nearly all of
// them with BUSY. Nothing of the turn's effects goes to the log meanwhile: a script is in one frame.

import RESP

/// The way from the host back to the server.
///
/// While it is open, whoever opened it waits for the engine and holds on to nothing of the server: all
/// that it has is handed in whole, and is looked at anew afterwards.
@safe
final class ServerDoor {
  @exclusivity(unchecked)
  private var server: UnsafeMutablePointer<Server>?

  init() { unsafe server = nil }

  /// Runs `body` with the engine of `server`, which can be reached through the door meanwhile.
  @inline(__always)
  func open<R>(_ server: inout Server, _ body: (inout Engine) -> R) -> R {
    unsafe withUnsafeMutablePointer(to: &server) { pointer in
      let outer = unsafe self.server
      unsafe self.server = pointer
      defer { unsafe self.server = outer }
      return unsafe body(&pointer.pointee.engine)
    }
  }

  func serveOthers() {
    guard let server = unsafe server else { return }
    unsafe server.pointee.serveOthers()
  }
}

extension Server {
  /// Reads and answers what clients ask, but for the one that is being served.
  fileprivate mutating func serveOthers() {
    var outer = ByteBuffer(capacity: 2 * TurnBudget.bytes)
    swap(&scratch, &outer)
    defer { swap(&scratch, &outer) }
    let touched = engine.context.touched
    let count = poller.wait(nanoseconds: 0)
    for index in 0..<count {
      let event = poller[index]
      switch event.tag {
      case Self.wakeTag: wakeUp.clear()
      case Self.signalTag: break  // It stays for the next turn.
      case Self.listenerTag...: accept(Int(event.tag - Self.listenerTag))
      default:
        let slot = Int(truncatingIfNeeded: event.tag & 0xFFFF_FFFF)
        if !engine.context.sessions[slot].flags.contains(.served) { serve(event) }
      }
    }
    // What the log has made durable meanwhile may leave when the turn ends.
    if let log { engine.context.durableCommit = log.released }
    sendTouched()
    for slot in touched where connections[slot].isOpen { engine.context.touchSession(slot) }
  }
}
