// Machine.swift: the state of one interpreter, and what may go wrong in it.
//
// All of it lies in one piece of memory that a trivial handle names, so that native functions can
// carry it along at no cost. `Interpreter` (Interpreter.swift) owns it and gives it back.

/// Why a function did not return. The error's value is in `MachineBody.errorValue`.
public enum Failure: Error {
  /// An error of Lua, with any value: `pcall` catches it.
  case error
  /// The host's hook ended the run: nothing catches it.
  case killed
}

/// Bounds of what a script may do.
public enum Limits {
  /// Native calls within native calls: metamethods, iterators, pcall, coroutines, syntax levels.
  static let nativeDepthMax = 200
  /// Calls of Lua functions within each other.
  static let callDepthMax = 20_000
  /// Calls that an error handler may add when those are used up.
  static let callDepthSpare = 225
  /// Values that a native function may have on the stack.
  static let nativeValuesMax = 8000
  /// Registers of one function.
  static let registersMax = 250
  /// Local variables of one function.
  static let localsMax = 200
  static let upvaluesMax = 60
  /// A string's size, bytes.
  static let stringSizeMax = 1 << 30
  /// Instructions that a machine runs between two looks at its hook, roughly.
  public static let stepsBetweenHooks = 100_000
}

/// A function of the host: takes its arguments from `call`, pushes results and answers their count.
public typealias NativeFunction = (_ call: Call) throws(Failure) -> Int

typealias Machine = Ref<MachineBody>

@safe
struct MachineBody {
  // The heap (Heap.swift).
  var objects: Object?
  /// Bytes of all objects.
  var used = 0
  /// Bytes at which the next collection is due.
  var threshold = Collector.thresholdMin
  /// Bytes that a script may use; reaching it is "not enough memory".
  var limit: Int
  var isCollectorStopped = false
  /// A collection is due at each safe point whose number this divides, whatever is used: what is not rooted
  /// there shows soon. 0: only when it is due. For tests.
  var collectionInterval = 0
  var safePointsPassed = 0
  var hasCoroutines = false
  var stringBuckets: Memory<Object?>
  var bucketCount: Int
  var stringCount = 0
  var emptyNode: Memory<Node>
  var spareBuffer: UnsafeMutableRawPointer?
  var spareCapacity = 0

  // Roots.
  var mainThread: Thread! = nil
  var thread: Thread! = nil
  var globals: Table! = nil
  /// What the host has pinned (Interpreter.swift).
  var registry: Table! = nil
  var stringMetatable: Table?
  /// The names of metamethods, by event.
  var eventNames: Memory<LuaString>
  var errorValue = Value.nil
  /// The handler of the innermost xpcall, or nil.
  var errorHandler = Value.nil

  // The run.
  /// Steps left until the hook is asked.
  var steps = Limits.stepsBetweenHooks
  var nativeDepth = 0
  var hook: (() -> Bool)?
  var natives: [NativeFunction] = []
  var clock: () -> Double = { 0 }
  var random = Random48()
  var json = JSONSettings()
}

extension Ref where Body == MachineBody {
  @inline(__always)
  var thread: Thread { unsafe body.thread.unsafelyUnwrapped }

  // MARK: Failing

  /// The failure with `value`, after the handler of an xpcall has seen it where it happened.
  func failure(_ value: Value) -> Failure {
    body.errorValue = value
    guard !body.errorHandler.isNil else { return .error }
    return handleError()
  }

  private func handleError() -> Failure {
    let handler = body.errorHandler
    body.errorHandler = .nil
    defer { body.errorHandler = handler }
    let thread = self.thread
    do throws(Failure) {
      guard handler.isFunction else { throw Failure.error }
      let function = thread.pushPosition
      try thread.ensure(8, above: function, machine: self)
      thread.body.stack[function] = handler
      thread.body.stack[function + 1] = body.errorValue
      thread.body.top = function + 2
      try call(function, wanted: 1, spare: true)
      thread.body.top -= 1
      body.errorValue = thread.body.stack[thread.body.top]
    } catch .killed {
      return .killed
    } catch {
      body.errorValue = Value(string("error in error handling"))
    }
    return .error
  }

  /// The failure with a text after the position of the Lua function that runs.
  func failure(_ text: StaticString) -> Failure {
    failure { b throws(Failure) in try b.append(text) }
  }

  /// As above, with what `write` puts together.
  func failure(_ write: (inout Buffer) throws(Failure) -> Void) -> Failure {
    do throws(Failure) {
      var buffer = Buffer(self)
      try writePosition(level: 0, to: &buffer)
      try write(&buffer)
      return failure(Value(string(buffer.bytes)))
    } catch {
      return error
    }
  }

  /// The failure of a machine whose memory is used up. No handler sees it: it could not run.
  func outOfMemory() -> Failure {
    body.errorValue = Value(string("not enough memory"))
    return .error
  }

  /// Whether the last failure was that.
  var isOutOfMemory: Bool {
    body.errorValue.isString && body.errorValue.string == string("not enough memory")
  }

  // MARK: The budget

  /// Notes that a native function did the work of about `steps` instructions.
  @inline(__always)
  func spend(_ steps: Int) throws(Failure) {
    body.steps &-= steps
    if body.steps < 0 { try askHook() }
  }

  /// As `spend`, where nothing may fail: whoever spends next asks the host.
  @inline(__always)
  func charge(_ steps: Int) { body.steps &-= steps }

  /// Asks the host whether to go on.
  @inline(never)
  func askHook() throws(Failure) {
    body.steps = Limits.stepsBetweenHooks
    if let hook = body.hook, !hook() {
      body.errorValue = Value(string("script killed"))
      throw .killed
    }
  }
}
