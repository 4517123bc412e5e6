// Calls.swift: functions are entered and left.
//
// A call of Lua by Lua only pushes a `Frame`: the loop in Execute.swift goes on in it. Native functions, and
// the machine on behalf of metamethods, call through `call`, which runs a loop of its own; those are what
// `nativeDepthMax` bounds, since they take native stack.

/// A native function's view of its call.
public struct Call {
  let machine: Machine
  let thread: Thread
  /// Of the arguments on the stack.
  let base: Int
  /// How many arguments there are.
  public let count: Int
  /// The function itself, for the values it keeps.
  let native: Native
}

/// What came of running.
enum Outcome {
  case returned
  /// The coroutine yielded what is at the end of its stack.
  case yielded
}

extension Ref where Body == ThreadBody {
  /// Where values may be pushed: behind the registers of a Lua function, or at the top.
  var pushPosition: Int {
    let frame = body.frames[body.frame]
    return frame.isLua ? frame.top : body.top
  }

  /// Makes room for `count` values from `position` on.
  @inline(__always)
  func ensure(_ count: Int, above position: Int, machine: Machine) throws(Failure) {
    if position &+ count > body.stackCount { try growStack(to: position + count, machine: machine) }
  }

  @inline(never)
  private func growStack(to wanted: Int, machine: Machine) throws(Failure) {
    let oldCount = body.stackCount
    let count = max(oldCount * 2, wanted + 16)
    try machine.checkRoom(count * MemoryLayout<Value>.stride)
    let old = body.stack
    body.stack = .allocate(count)
    body.stack.copy(old, count: oldCount)
    body.stack.fill(oldCount..<count, with: .nil)
    body.stackCount = count
    machine.body.used += (count - oldCount) * MemoryLayout<Value>.stride
    var open = body.openUpvalues
    while let upvalue = open {
      upvalue.body.location = body.stack + (upvalue.body.location - old)
      open = upvalue.body.nextOpen
    }
    old.free()
  }

  /// Room for one more frame.
  @inline(never)
  func growFrames(machine: Machine) throws(Failure) {
    let depthMax = Limits.callDepthMax
    if body.frameCapacity >= depthMax + Limits.callDepthSpare {
      // Even the handler of the overflow went too deep.
      machine.body.errorValue = Value(machine.string("error in error handling"))
      throw .error
    }
    let capacity =
      body.frame + 1 >= depthMax
      ? depthMax + Limits.callDepthSpare : min(body.frameCapacity * 2, depthMax)
    try machine.checkRoom(capacity * MemoryLayout<Frame>.stride)
    body.frames = body.frames.resized(from: body.frameCapacity, to: capacity)
    machine.body.used += (capacity - body.frameCapacity) * MemoryLayout<Frame>.stride
    body.frameCapacity = capacity
    if capacity > depthMax { throw machine.failure("stack overflow") }
  }

  /// Frames that an overflow needed are given back.
  func shrinkFrames(machine: Machine) {
    let depthMax = Limits.callDepthMax
    guard body.frameCapacity > depthMax && body.frame + 1 < depthMax else { return }
    body.frames = body.frames.resized(from: body.frameCapacity, to: depthMax)
    machine.body.used -= (body.frameCapacity - depthMax) * MemoryLayout<Frame>.stride
    body.frameCapacity = depthMax
  }

  // MARK: Upvalues

  /// The open upvalue of the register at `location`.
  func upvalue(at location: Memory<Value>, machine: Machine) -> Upvalue {
    var above: Upvalue?
    var next = body.openUpvalues
    while let upvalue = next, upvalue.body.location - location >= 0 {
      if upvalue.body.location == location { return upvalue }
      above = upvalue
      next = upvalue.body.nextOpen
    }
    let upvalue = machine.upvalue()
    upvalue.body.location = location
    upvalue.body.nextOpen = next
    if let above { above.body.nextOpen = upvalue } else { body.openUpvalues = upvalue }
    return upvalue
  }

  /// Variables in registers from `position` on become those of the closures that caught them.
  func closeUpvalues(from position: Int) {
    let limit = body.stack + position
    while let upvalue = body.openUpvalues, upvalue.body.location - limit >= 0 {
      body.openUpvalues = upvalue.body.nextOpen
      upvalue.body.closed = upvalue.body.location[0]
      upvalue.body.location = upvalue.ownLocation
      upvalue.body.nextOpen = nil
    }
  }
}

extension Ref where Body == MachineBody {
  /// Calls the function at `function` with the arguments behind it, up to the top. The results take their
  /// place: `wanted` of them, or all, up to the top.
  ///
  /// - Parameter spare: it is an error handler, which may go deeper than what failed.
  func call(_ function: Int, wanted: Int, spare: Bool = false) throws(Failure) {
    try spend(1)
    body.nativeDepth += 1
    defer { body.nativeDepth -= 1 }
    if body.nativeDepth >= Limits.nativeDepthMax { try checkNativeDepth(spare) }
    let thread = self.thread
    if try enter(function, wanted: wanted) {
      thread.body.frames[thread.body.frame].isEntry = true
      _ = try execute(thread)
    }
  }

  private func checkNativeDepth(_ spare: Bool) throws(Failure) {
    if body.nativeDepth == Limits.nativeDepthMax && !spare { throw failure("C stack overflow") }
    if body.nativeDepth >= Limits.nativeDepthMax + Limits.nativeDepthMax >> 3 {
      body.errorValue = Value(string("error in error handling"))
      throw .error
    }
  }

  /// Begins a call: pushes the frame of a Lua function (true), or runs a native one (false).
  @inline(never)
  func enter(_ function: Int, wanted: Int) throws(Failure) -> Bool {
    let value = thread.body.stack[function]
    guard value.isFunction else {
      try insertCallMetamethod(function)
      return try enter(function, wanted: wanted)
    }
    if value.isClosure {
      try push(value.closure, function: function, wanted: wanted)
      return true
    }
    if try callNative(value.native, function: function, wanted: wanted) < 0 {
      throw failure("attempt to yield across metamethod/C-call boundary")
    }
    return false
  }

  /// What is called is no function: its `__call` is, with it as first argument.
  func insertCallMetamethod(_ function: Int) throws(Failure) {
    let thread = self.thread
    let value = thread.body.stack[function]
    guard let handler = metamethod(.call, of: value), handler.isFunction else {
      throw typeFailure("call", value)
    }
    try thread.ensure(1, above: thread.body.top, machine: self)
    let stack = thread.body.stack
    var index = thread.body.top
    while index > function {
      stack[index] = stack[index - 1]
      index -= 1
    }
    thread.body.top += 1
    stack[function] = handler
  }

  /// Pushes the frame of a Lua function whose arguments lie behind `function`, up to the top.
  @inline(__always)
  func push(_ closure: Closure, function: Int, wanted: Int) throws(Failure) {
    let thread = self.thread
    let prototype = closure.body.prototype
    if thread.body.frame &+ 1 >= thread.body.frameCapacity { try thread.growFrames(machine: self) }
    var base = function &+ 1
    let top = thread.body.top
    if prototype.body.isVariadic {
      base = try makeRoomForArguments(prototype, function: function)
    } else {
      try thread.ensure(prototype.body.registerCount, above: base, machine: self)
      let end = base &+ prototype.body.parameterCount
      if top < end { thread.body.stack.fill(top..<end, with: .nil) }
    }
    thread.body.frame &+= 1
    let frame = thread.body.frames + thread.body.frame
    frame[0] = Frame(
      function: function, base: base, top: base &+ prototype.body.registerCount,
      next: prototype.body.code, wanted: wanted, tailCalls: 0, isLua: true, isEntry: false)
  }

  /// Of a function with `...`: its parameters move behind all arguments. Answers where they are.
  @inline(never)
  private func makeRoomForArguments(
    _ prototype: Prototype, function: Int
  ) throws(Failure) -> Int {
    let thread = self.thread
    let count = thread.body.top - function - 1
    let parameters = prototype.body.parameterCount
    // Values missing are nil.
    let base = function + 1 + max(count, parameters)
    try thread.ensure(prototype.body.registerCount + 1, above: base, machine: self)
    // Many arguments are work that the host must see.
    try spend(count >> 3)
    let stack = thread.body.stack
    if count < parameters { stack.fill(thread.body.top..<base, with: .nil) }
    for index in 0..<parameters {
      stack[base + index] = stack[function + 1 + index]
      stack[function + 1 + index] = .nil
    }
    if prototype.body.needsArgumentTable {
      let extra = max(0, count - parameters)
      let table = self.table(arrayCount: extra, nodeCount: 1)
      for index in 0..<extra {
        table.set(index: index + 1, stack[function + 1 + parameters + index], machine: self)
      }
      table.set(string("n"), Value(extra), machine: self)
      stack[base + parameters] = Value(table)
    } else if prototype.body.registerCount > parameters {
      stack[base + parameters] = .nil
    }
    return base
  }

  /// Runs a native function and puts its results in place. Answers how many there were, or -1 when it yielded.
  @inline(__always)
  func callNative(_ native: Native, function: Int, wanted: Int) throws(Failure) -> Int {
    let thread = self.thread
    if thread.body.frame &+ 1 >= thread.body.frameCapacity { try thread.growFrames(machine: self) }
    let top = thread.body.top
    try thread.ensure(Call.valuesReady, above: top, machine: self)
    thread.body.frame &+= 1
    let code = thread.body.frames[thread.body.frame &- 1].next
    (thread.body.frames + thread.body.frame)[0] = Frame(
      function: function, base: function &+ 1, top: top, next: code, wanted: wanted, tailCalls: 0,
      isLua: false, isEntry: false)
    let count = try body.natives[native.body.function](
      Call(
        machine: self, thread: thread, base: function &+ 1, count: top &- function &- 1,
        native: native))
    thread.body.frame &-= 1
    guard count >= 0 else { return count }
    let stack = thread.body.stack
    let first = thread.body.top &- count
    if wanted == 1 {
      stack[function] = count > 0 ? stack[first] : .nil
      thread.body.top = function &+ 1
      return count
    }
    let copied = wanted < 0 ? count : min(count, wanted)
    var index = 0
    while index < copied {
      stack[function &+ index] = stack[first &+ index]
      index &+= 1
    }
    if wanted < 0 {
      thread.body.top = function &+ count
    } else {
      while index < wanted {
        stack[function &+ index] = .nil
        index &+= 1
      }
      thread.body.top = function &+ wanted
    }
    return count
  }

  // MARK: Protected calls

  /// Calls as `call` does, and when that fails, goes back to where it was: the stack is cut at `function`,
  /// and the error's value is in `errorValue`. Answers whether it went well.
  ///
  /// - Throws: `.killed` only.
  func protectedCall(_ function: Int, wanted: Int, handler: Value = .nil) throws(Failure) -> Bool {
    let thread = self.thread
    let frame = thread.body.frame
    let depth = body.nativeDepth
    let outer = body.errorHandler
    body.errorHandler = handler
    defer { body.errorHandler = outer }
    do throws(Failure) {
      try call(function, wanted: wanted)
      return true
    } catch .killed {
      throw .killed
    } catch {
      body.thread = thread
      body.nativeDepth = depth
      thread.closeUpvalues(from: function)
      thread.body.frame = frame
      thread.body.top = function
      thread.shrinkFrames(machine: self)
      return false
    }
  }
}
