// CoroutineLibrary.swift: `coroutine`.

enum CoroutineLibrary {
  static func open(_ machine: Machine) {
    _ = machine.library(
      "coroutine",
      [
        "create": create, "resume": resume, "running": running, "status": status, "wrap": wrap,
        "yield": { call throws(Failure) in try call.yield() },
      ])
  }

  static func create(_ call: Call) throws(Failure) -> Int {
    guard call[1].isClosure else { throw call.argumentFailure(1, "Lua function expected") }
    return call.result(Value(call.machine.makeCoroutine(call[1])))
  }

  private static func thread(_ call: Call) throws(Failure) -> Thread {
    guard call[1].isThread else { throw call.argumentFailure(1, "coroutine expected") }
    return call[1].thread
  }

  static func resume(_ call: Call) throws(Failure) -> Int {
    let thread = try thread(call)
    guard try call.machine.resume(thread, first: call.base + 1) else {
      call.push(.false)
      call.push(call.machine.body.errorValue)
      return 2
    }
    call.push(.true)
    return try 1 + pushResults(call, of: thread)
  }

  /// Moves what `thread` yielded or returned to the current thread.
  private static func pushResults(_ call: Call, of thread: Thread) throws(Failure) -> Int {
    let count = thread.body.top - thread.body.firstResult
    try call.reserve(count)
    for index in 0..<count { call.push(thread.body.stack[thread.body.firstResult + index]) }
    thread.body.top = max(1, thread.body.firstResult)
    return count
  }

  static func wrap(_ call: Call) throws(Failure) -> Int {
    guard call[1].isClosure else { throw call.argumentFailure(1, "Lua function expected") }
    let thread = call.machine.makeCoroutine(call[1])
    return call.result(
      Value(call.machine.native(NativeIndex.resumeWrapped, [Value(thread)])))
  }

  static func resumeWrapped(_ call: Call) throws(Failure) -> Int {
    let thread = call.native.values[0].thread
    if try call.machine.resume(thread, first: call.base) {
      return try pushResults(call, of: thread)
    }
    let value = call.machine.body.errorValue
    guard value.isString || value.isNumber else { throw call.machine.failure(value) }
    // The position of the resume comes before the message.
    throw call.failure { b throws(Failure) in try BaseLibrary.write(value, to: &b) }
  }

  static func status(_ call: Call) throws(Failure) -> Int {
    let name = call.machine.statusName(try thread(call))
    return call.result(Bytes(name))
  }

  static func running(_ call: Call) throws(Failure) -> Int {
    let main = unsafe call.machine.body.mainThread.unsafelyUnwrapped
    return call.result(call.thread == main ? .nil : Value(call.thread))
  }
}
