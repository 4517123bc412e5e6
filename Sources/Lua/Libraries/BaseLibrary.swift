// BaseLibrary.swift: the functions without a table, those that Redis allows.

enum BaseLibrary {
  static func open(_ machine: Machine) {
    let globals = unsafe machine.body.globals.unsafelyUnwrapped
    let nextIndex = machine.register(next)
    precondition(nextIndex == NativeIndex.next)
    let nextElementIndex = machine.register(nextElement)
    precondition(nextElementIndex == NativeIndex.nextElement)
    let nextMatchIndex = machine.register(PatternFunctions.nextMatch)
    precondition(nextMatchIndex == NativeIndex.nextMatch)
    let resumeIndex = machine.register(CoroutineLibrary.resumeWrapped)
    precondition(resumeIndex == NativeIndex.resumeWrapped)

    let nextFunction = Value(machine.native(NativeIndex.next))
    machine.set(globals, "next", nextFunction)
    machine.set(
      globals, "pairs", Value(machine.native(machine.register(pairs), [nextFunction])))
    machine.set(
      globals, "ipairs",
      Value(
        machine.native(
          machine.register(ipairs), [Value(machine.native(NativeIndex.nextElement))])))
    let functions: KeyValuePairs<StaticString, NativeFunction> = [
      "assert": assert, "collectgarbage": collectGarbage, "error": error, "gcinfo": gcInfo,
      "getmetatable": getMetatable, "load": load, "loadstring": loadString, "pcall": pcall,
      "rawequal": rawEqual, "rawget": rawGet, "rawset": rawSet, "select": select,
      "setmetatable": setMetatable, "tonumber": toNumber, "tostring": toString, "type": type,
      "unpack": unpack, "xpcall": xpcall,
    ]
    for (name, function) in functions { machine.set(globals, name, function) }
    machine.set(globals, "_G", Value(globals))
    machine.set(globals, "_VERSION", Value(machine.string("Lua 5.1")))
  }

  // MARK: Going through tables

  static func next(_ call: Call) throws(Failure) -> Int {
    let (isKnown, entry) = try call.table(1).next(after: call[2], machine: call.machine)
    guard isKnown else { throw call.machine.failure("invalid key to 'next'") }
    guard let entry else { return call.result(.nil) }
    call.push(entry.key)
    call.push(entry.value)
    return 2
  }

  static func pairs(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    call.push(call.native.values[0])
    call.push(Value(table))
    call.push(.nil)
    return 3
  }

  static func ipairs(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    call.push(call.native.values[0])
    call.push(Value(table))
    call.push(Value(0))
    return 3
  }

  static func nextElement(_ call: Call) throws(Failure) -> Int {
    let index = try call.smallInteger(2) &+ 1
    let value = try call.table(1).get(Value(index))
    guard !value.isNil else { return call.result(.nil) }
    call.push(Value(index))
    call.push(value)
    return 2
  }

  static func rawEqual(_ call: Call) throws(Failure) -> Int {
    call.result(Value(Value.rawEqual(try call.any(1), try call.any(2))))
  }

  static func rawGet(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    return call.result(table.get(try call.any(2)))
  }

  static func rawSet(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    try call.machine.rawSet(table, try call.any(2), try call.any(3))
    return call.result(call[1])
  }

  static func getMetatable(_ call: Call) throws(Failure) -> Int {
    guard let metatable = call.machine.metatable(of: try call.any(1)) else {
      return call.result(.nil)
    }
    return call.result(
      metatable.metamethod(.metatable, machine: call.machine) ?? Value(metatable))
  }

  static func setMetatable(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    guard call.count >= 2 && (call[2].isNil || call[2].isTable) else {
      throw call.argumentFailure(2, "nil or table expected")
    }
    if table.body.metatable?.metamethod(.metatable, machine: call.machine) != nil {
      throw call.failure("cannot change a protected metatable")
    }
    try call.machine.checkWritable(table)
    table.body.metatable = call[2].isNil ? nil : call[2].table
    return call.result(call[1])
  }

  static func unpack(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    let first = try call.smallInteger(2, otherwise: 1)
    let last = try call.smallInteger(3, otherwise: table.length(call.machine))
    guard first <= last else { return 0 }
    let (distance, isTooFar) = last.subtractingReportingOverflow(first)
    guard !isTooFar, distance < Limits.nativeValuesMax - call.count else {
      throw call.failure("too many results to unpack")
    }
    try call.machine.spend(distance >> 3)
    try call.reserve(distance + 1)
    for index in first...last { call.push(table.get(Value(index))) }
    return distance + 1
  }

  // MARK: Values

  static func type(_ call: Call) throws(Failure) -> Int {
    call.result(Bytes(try call.any(1).typeName))
  }

  static func toString(_ call: Call) throws(Failure) -> Int {
    let value = try call.any(1)
    if let handler = call.machine.metamethod(.toString, of: value) {
      return call.result(try call.machine.callMetamethod(handler, value, .nil))
    }
    if value.isString { return call.result(value) }
    var buffer = Buffer(call.machine)
    try write(value, to: &buffer)
    return call.result(buffer.bytes)
  }

  /// What `tostring` makes of a value without metamethods.
  static func write(_ value: Value, to buffer: inout Buffer) throws(Failure) {
    if value.isNumber { return try buffer.append(number: value.number) }
    if value.isString { return try buffer.append(value.string.bytes) }
    if value.isNil { return try buffer.append("nil") }
    if value.isBoolean { return try buffer.append(value.isTruthy ? "true" : "false") }
    try buffer.append(value.typeName)
    if value.bits == Value.null.bits { return try buffer.append(": (nil)") }
    try buffer.append(": 0x")
    unsafe try buffer.append(size: 32) { room in
      unsafe NumberText.format(
        "%llx", value.bits & Value.Tag.payload, to: room.baseAddress.unsafelyUnwrapped, size: 32)
    }
  }

  static func toNumber(_ call: Call) throws(Failure) -> Int {
    let base = try call.smallInteger(2, otherwise: 10)
    if base == 10 {
      let number = call.machine.number(try call.any(1))
      return call.result(number.map { Value($0) } ?? .nil)
    }
    let text = try call.string(1)
    guard (2...36).contains(base) else { throw call.argumentFailure(2, "base out of range") }
    try call.machine.spend(text.count >> 3)
    return call.result(NumberText.parse(text.bytes, base: base).map { Value($0) } ?? .nil)
  }

  static func select(_ call: Call) throws(Failure) -> Int {
    if call[1].isString && call[1].string.bytes == "#" { return call.result(Value(call.count - 1)) }
    var index = try call.smallInteger(1)
    if index < 0 { index += call.count } else if index > call.count { index = call.count }
    guard index >= 1 else { throw call.argumentFailure(1, "index out of range") }
    // The results are the last arguments.
    return call.count - index
  }

  // MARK: Errors

  static func assert(_ call: Call) throws(Failure) -> Int {
    if try call.any(1).isTruthy { return call.count }
    guard !call[2].isNil else { throw call.failure("assertion failed!") }
    let text = try call.string(2)
    throw call.failure { b throws(Failure) in try b.append(text.bytes) }
  }

  static func error(_ call: Call) throws(Failure) -> Int {
    let level = try call.smallInteger(2, otherwise: 1)
    let value = call[1]
    guard value.isString || value.isNumber, level > 0 else { throw call.machine.failure(value) }
    var buffer = Buffer(call.machine)
    try call.machine.writePosition(level: level, to: &buffer)
    try buffer.append(try call.string(1).bytes)
    throw call.machine.failure(Value(call.machine.string(buffer.bytes)))
  }

  static func pcall(_ call: Call) throws(Failure) -> Int {
    _ = try call.any(1)
    // The function lies at the first argument; its results come to lie there as well.
    guard try call.machine.protectedCall(call.base, wanted: -1) else {
      // As in Redis: of an error that is a table with a text `err`, the text.
      let error = call.machine.body.errorValue
      if error.isTable, case let text = error.table.get(call.machine.string("err")),
        text.isString || text.isNumber
      {
        call.machine.body.errorValue = text
      }
      return failed(call)
    }
    return try succeeded(call)
  }

  static func xpcall(_ call: Call) throws(Failure) -> Int {
    _ = try call.any(2)
    // No handler at all is a handler that fails.
    let handler = call[2].isNil ? .false : call[2]
    // The handler stays where it is, and so alive; the function is called behind it.
    let function = call.base + 2
    call.thread.body.stack[function] = call[1]
    call.thread.body.top = function + 1
    guard try call.machine.protectedCall(function, wanted: -1, handler: handler) else {
      return failed(call)
    }
    let results = call.thread.body.top - function
    try call.reserve(1)
    call.thread.body.stack[function - 1] = .true
    return results + 1
  }

  private static func failed(_ call: Call) -> Int {
    call.push(.false)
    call.push(call.machine.body.errorValue)
    return 2
  }

  private static func succeeded(_ call: Call) throws(Failure) -> Int {
    let results = call.thread.body.top - call.base
    try call.reserve(1)
    let stack = call.thread.body.stack
    var index = call.base + results
    while index > call.base {
      stack[index] = stack[index - 1]
      index -= 1
    }
    stack[call.base] = .true
    call.thread.body.top += 1
    return results + 1
  }

  // MARK: Compiling

  static func loadString(_ call: Call) throws(Failure) -> Int {
    let text = try call.string(1)
    let name = call[2].isNil ? text : try call.string(2)
    return try compile(call, text.bytes, name)
  }

  static func load(_ call: Call) throws(Failure) -> Int {
    // The order is that of the reference's complaints.
    let name = call[2].isNil ? call.machine.string("=(load)") : try call.string(2)
    let reader = try call.function(1)
    call.push(Value(name))
    var text = Buffer(call.machine)
    var pieces = 0
    while true {
      pieces += 1
      let function = call.thread.body.top
      try call.reserve(2)
      call.push(reader)
      guard try call.machine.protectedCall(function, wanted: 1) else {
        call.push(.nil)
        call.push(call.machine.body.errorValue)
        return 2
      }
      let piece = call.thread.body.stack[function]
      call.thread.body.top = function
      if piece.isNil || (piece.isString && piece.string.count == 0) {
        // Lua looks at the first piece twice: once for the kind of code, once to begin.
        if pieces > 1 { break } else { continue }
      }
      if piece.isNumber {
        try text.append(number: piece.number)
        continue
      }
      guard piece.isString else {
        _ = call.failure("reader function must return a string")
        call.push(.nil)
        call.push(call.machine.body.errorValue)
        return 2
      }
      try text.append(piece.string.bytes)
    }
    return try compile(call, text.bytes, name)
  }

  private static func compile(
    _ call: Call, _ text: Bytes, _ name: LuaString
  ) throws(Failure) -> Int {
    do throws(Failure) {
      let prototype = try Parser.compile(text, source: name, machine: call.machine)
      let globals = unsafe call.machine.body.globals.unsafelyUnwrapped
      return call.result(Value(call.machine.closure(prototype, environment: globals)))
    } catch .killed {
      throw .killed
    } catch {
      call.push(.nil)
      call.push(call.machine.body.errorValue)
      return 2
    }
  }

  // MARK: Memory

  static func gcInfo(_ call: Call) throws(Failure) -> Int {
    call.result(Value(Double(call.machine.body.used >> 10)))
  }

  static func collectGarbage(_ call: Call) throws(Failure) -> Int {
    let option = call[1].isNil ? call.machine.string("collect") : try call.string(1)
    _ = try call.smallInteger(2, otherwise: 0)
    let bytes = option.bytes.untilZero
    let machine = call.machine
    if bytes == "count" { return call.result(Value(Double(machine.body.used) / 1024)) }
    if bytes == "setpause" || bytes == "setstepmul" { return call.result(Value(200)) }
    if bytes == "collect" || bytes == "step" {
      try machine.spend(machine.body.used >> 7)
      Collector.run(machine)
      return call.result(bytes == "step" ? .true : Value(0))
    }
    guard bytes == "stop" || bytes == "restart" else {
      throw call.argumentFailure(1) { b throws(Failure) in
        try b.append("invalid option '")
        try b.append(bytes)
        try b.append("'")
      }
    }
    machine.body.isCollectorStopped = bytes == "stop"
    return call.result(Value(0))
  }
}
