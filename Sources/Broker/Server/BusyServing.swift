// BusyServing.swift: clients are looked after in the middle of a script that takes long.
//
// A script runs inside one request, in the middle of a turn. When it has taken too long it asks its host
// to look at the sockets, again and again; the host finds the server through the door that was opened
// for the request. Requests are then read and answered as ever, but that the engine refuses nearly all of
// them with BUSY. Nothing of the turn's effects goes to the log meanwhile: a script is in one frame.

import RESP

/// The way from the host back to the server.
///
/// While it is open the server is without its engine, which is with whoever runs the request: two have no
/// access to one thing. For as long as others are served, the engine's context is moved into the server.
@safe
final class ServerDoor {
  @exclusivity(unchecked)
  private var server: UnsafeMutablePointer<Server>?

  init() { unsafe server = nil }

  /// Runs `body` with the engine of `server`, which can be reached through the door meanwhile.
  @inline(__always)
  func open<R>(_ server: inout Server, _ body: (inout Engine) -> R) -> R {
    var box = server.box.take()
    let result = unsafe withUnsafeMutablePointer(to: &server) { pointer in
      let outer = unsafe self.server
      unsafe self.server = pointer
      defer { unsafe self.server = outer }
      return body(&box.engine)
    }
    server.box = box
    return result
  }

  /// Lets the server look after its clients, with `context`, which is that of its engine.
  func serveOthers(_ context: inout Context) {
    guard let server = unsafe server else { return }
    unsafe withUnsafeMutablePointer(to: &context) { place in
      unsafe server.pointee.box = EngineBox(Engine(place.move()))
      unsafe server.pointee.serveOthers()
      unsafe place.initialize(to: server.pointee.box.open().context)
    }
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
      case Self.signalTag: endScriptForSignal()
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

  /// A signal to stop has come, which stays for the next turn. A script that has not written is not waited
  /// for: it may run for ever. (redis-server waits.) One that has written is, so that it is not cut in two.
  private mutating func endScriptForSignal() {
    guard let busy = engine.context.busy, !busy.hasWritten, !busy.isKilled else { return }
    journal.warning("Asked to stop: the script that runs is ended, it has not written")
    engine.context.busy?.isKilled = true
  }
}
