// EngineBox.swift: the engine in memory of its own.
//
// The server gives its engine away for each request (BusyServing.swift); the engine is large, so that what
// changes hands is its address. One box has that address, and nobody else.

@safe
struct EngineBox: ~Copyable {
  /// nil while another box has it.
  private var pointer: UnsafeMutablePointer<Engine>?

  init(_ engine: consuming Engine) {
    let pointer = UnsafeMutablePointer<Engine>.allocate(capacity: 1)
    unsafe pointer.initialize(to: engine)
    unsafe self.pointer = pointer
  }

  private init(_ pointer: UnsafeMutablePointer<Engine>?) { unsafe self.pointer = pointer }

  deinit {
    guard let pointer = unsafe pointer else { return }
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }

  /// The engine, which must be in this box.
  var engine: Engine {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer!) }
    @inline(__always) unsafeMutableAddress { unsafe pointer! }
  }

  /// Moves the engine to another box.
  @inline(__always)
  mutating func take() -> EngineBox {
    let taken = unsafe pointer
    unsafe pointer = nil
    return unsafe EngineBox(taken)
  }

  /// The engine itself, out of any box.
  mutating func open() -> Engine {
    guard let pointer = unsafe pointer else { preconditionFailure("the box is empty") }
    unsafe self.pointer = nil
    defer { unsafe pointer.deallocate() }
    return unsafe pointer.move()
  }
}
