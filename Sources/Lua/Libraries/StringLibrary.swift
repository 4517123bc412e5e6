// StringLibrary.swift: `string`, but for what searches (PatternFunctions.swift) and formats (Format.swift).

enum StringLibrary {
  static func open(_ machine: Machine) {
    let string = machine.library(
      "string",
      [
        "byte": byte, "char": char, "dump": dump, "find": PatternFunctions.find,
        "format": Format.format, "gfind": PatternFunctions.gmatch,
        "gmatch": PatternFunctions.gmatch, "gsub": PatternFunctions.gsub, "len": len,
        "lower": lower, "match": PatternFunctions.match, "rep": rep, "reverse": reverse,
        "sub": sub, "upper": upper,
      ])
    let metatable = machine.table(nodeCount: 1)
    machine.set(metatable, "__index", Value(string))
    machine.body.stringMetatable = metatable
  }

  /// A position counted from the end, when it is negative, as one from the begin; 0 when it is before that.
  @inline(__always)
  static func position(_ position: Int, _ count: Int) -> Int {
    position >= 0 ? position : max(0, count &+ position &+ 1)
  }

  static func len(_ call: Call) throws(Failure) -> Int {
    call.result(Value(try call.string(1).count))
  }

  static func sub(_ call: Call) throws(Failure) -> Int {
    let string = try call.string(1)
    let first = max(1, position(try call.integer(2), string.count))
    let last = min(string.count, position(try call.integer(3, otherwise: -1), string.count))
    guard first <= last else { return call.result(Bytes("")) }
    return call.result(string.bytes[first - 1..<last])
  }

  static func lower(_ call: Call) throws(Failure) -> Int { try map(call) { $0.lowered } }

  static func upper(_ call: Call) throws(Failure) -> Int { try map(call) { $0.uppered } }

  @inline(__always)
  private static func map(_ call: Call, _ change: (UInt8) -> UInt8) throws(Failure) -> Int {
    let bytes = try call.string(1).bytes
    try call.machine.spend(bytes.count >> 3)
    var buffer = Buffer(call.machine)
    try buffer.reserve(bytes.count)
    for offset in 0..<bytes.count { try buffer.append(change(bytes[offset])) }
    return call.result(buffer.bytes)
  }

  static func reverse(_ call: Call) throws(Failure) -> Int {
    let bytes = try call.string(1).bytes
    try call.machine.spend(bytes.count >> 3)
    var buffer = Buffer(call.machine)
    try buffer.reserve(bytes.count)
    var offset = bytes.count
    while offset > 0 {
      offset -= 1
      try buffer.append(bytes[offset])
    }
    return call.result(buffer.bytes)
  }

  static func rep(_ call: Call) throws(Failure) -> Int {
    let bytes = try call.string(1).bytes
    let count = try call.smallInteger(2)
    guard count > 0 && bytes.count > 0 else { return call.result(Bytes("")) }
    guard count <= Limits.stringSizeMax / bytes.count else {
      throw call.failure("resulting string too large")
    }
    try call.machine.spend(bytes.count * count >> 5)
    var buffer = Buffer(call.machine)
    try buffer.reserve(bytes.count * count)
    try buffer.append(bytes, count: count)
    return call.result(buffer.bytes)
  }

  static func byte(_ call: Call) throws(Failure) -> Int {
    let bytes = try call.string(1).bytes
    let start = position(try call.integer(2, otherwise: 1), bytes.count)
    let end = position(try call.integer(3, otherwise: start), bytes.count)
    let first = max(1, start)
    let last = min(bytes.count, end)
    guard first <= last else { return 0 }
    try call.checkRoom(last - first + 1, "string slice too long")
    for offset in first - 1..<last { call.push(Value(Int(bytes[offset]))) }
    return last - first + 1
  }

  static func char(_ call: Call) throws(Failure) -> Int {
    var buffer = Buffer(call.machine)
    for index in 0..<call.count {
      guard let byte = UInt8(exactly: try call.smallInteger(index + 1)) else {
        throw call.argumentFailure(index + 1, "invalid value")
      }
      try buffer.append(byte)
    }
    return call.result(buffer.bytes)
  }

  /// There is no binary form of functions here: of one that Lua's would begin with this, `loadstring`
  /// makes nothing, as in Redis.
  static func dump(_ call: Call) throws(Failure) -> Int {
    guard try call.function(1).isClosure else {
      throw call.failure("unable to dump given function")
    }
    return call.result(Bytes("\u{1B}Lua"))
  }
}
