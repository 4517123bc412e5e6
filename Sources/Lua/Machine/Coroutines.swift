// Coroutines.swift: threads of Lua that take turns.
//
//   create ──▶ FRESH ──resume──▶ RUNNING ──return, error──▶ DEAD
//                                 │   ▲ │ ▲
//                       yield ────┘   │ │ └── its resume returns
//                         ▼           │ ▼
//                     SUSPENDED ──resume NORMAL: it has resumed another one
//
// `resume` runs a loop of its own, in the thread that is resumed, and `yield` leaves that loop with the thread's
// frames as they are. So a thread can yield from Lua functions only, not from within native ones.

extension Ref where Body == MachineBody {
  func makeCoroutine(_ function: Value) -> Thread {
    let thread = makeThread()
    body.hasCoroutines = true
    thread.body.stack[1] = function
    thread.body.top = 2
    return thread
  }

  /// Resumes `thread` with the current thread's values from `first` to the top, and takes them away.
  ///
  /// - Returns: true when it yielded or returned: its results are on its own stack, from `firstResult` to its
  ///   top. False when it failed; the error is in `errorValue`.
  /// - Throws: `.killed` only.
  func resume(_ thread: Thread, first: Int) throws(Failure) -> Bool {
    let resumer = self.thread
    let count = resumer.body.top - first
    guard thread.body.status == .fresh || thread.body.status == .suspended else {
      return resumeFailure(thread)
    }
    guard body.nativeDepth < Limits.nativeDepthMax else {
      body.errorValue = Value(string("C stack overflow"))
      return false
    }
    let isFresh = thread.body.status == .fresh
    let handler = body.errorHandler
    body.nativeDepth += 1
    body.errorHandler = .nil
    body.thread = thread
    resumer.body.status = .normal
    thread.body.status = .running
    thread.body.nativeDepth = body.nativeDepth
    defer {
      body.nativeDepth = thread.body.nativeDepth - 1
      body.errorHandler = handler
      body.thread = resumer
      resumer.body.status = .running
    }
    do throws(Failure) {
      let position = isFresh ? 2 : thread.pushPosition
      try thread.ensure(count, above: position, machine: self)
      (thread.body.stack + position).copy(resumer.body.stack + first, count: count)
      thread.body.top = position + count
      resumer.body.top = first
      let outcome = isFresh ? try start(thread) : try goOn(thread, position, count)
      thread.body.status = outcome == .yielded ? .suspended : .dead
      return true
    } catch .killed {
      throw .killed
    } catch {
      thread.body.status = .dead
      thread.closeUpvalues(from: 0)
      thread.body.frame = 0
      thread.body.top = 1
      return false
    }
  }

  private func resumeFailure(_ thread: Thread) -> Bool {
    do throws(Failure) {
      var buffer = Buffer(self)
      try buffer.append("cannot resume ")
      try buffer.append(statusName(thread))
      try buffer.append(" coroutine")
      body.errorValue = Value(string(buffer.bytes))
    } catch {}  // The error's value is set.
    return false
  }

  private func start(_ thread: Thread) throws(Failure) -> Outcome {
    thread.body.firstResult = 1
    let value = thread.body.stack[1]
    if value.isFunction && !value.isClosure {
      return try callNative(value.native, function: 1, wanted: -1) < 0 ? .yielded : .returned
    }
    guard try enter(1, wanted: -1) else { return .returned }
    thread.body.frames[thread.body.frame].isEntry = true
    return try runOn(thread)
  }

  /// The values that `resume` brought, at `position`, become the results of the call that yielded.
  private func goOn(_ thread: Thread, _ position: Int, _ count: Int) throws(Failure) -> Outcome {
    let frame = thread.body.frames[thread.body.frame]
    guard frame.isLua else {
      // The coroutine is `yield` itself.
      thread.body.firstResult = position
      return .returned
    }
    let i = (frame.next + -1)[0]
    let wanted = i.operation == .tailCall ? -1 : i.c - 1
    let target = frame.base + i.a
    let stack = thread.body.stack
    let copied = wanted < 0 ? count : min(count, wanted)
    for index in 0..<copied { stack[target + index] = stack[position + index] }
    if wanted > copied { stack.fill(target + copied..<target + wanted, with: .nil) }
    if wanted < 0 { thread.body.top = target + count }
    return try runOn(thread)
  }

  private func runOn(_ thread: Thread) throws(Failure) -> Outcome {
    let outcome = try execute(thread)
    if outcome == .returned { thread.body.firstResult = 1 }
    return outcome
  }

  func statusName(_ thread: Thread) -> StaticString {
    switch thread.body.status {
    case .fresh, .suspended: "suspended"
    case .running: "running"
    case .normal: "normal"
    case .dead: "dead"
    }
  }
}

extension Call {
  /// Yields the arguments from the first on to whoever resumed the current thread.
  func yield() throws(Failure) -> Int {
    guard machine.body.nativeDepth <= thread.body.nativeDepth else {
      throw machine.failure("attempt to yield across metamethod/C-call boundary")
    }
    thread.body.firstResult = base
    return -1
  }
}
