// JSONLibrary.swift: `cjson`: values to JSON and back, with lua-cjson's options and texts.
// Its settings are in JSONSettings.swift, reading is in JSONDecoder.swift.

enum JSONLibrary {
  /// The functions of a library; the places of all others among the native ones follow that of `new`.
  private static var functions: KeyValuePairs<StaticString, NativeFunction> {
    [
      "new": new, "encode": encode, "decode": JSONDecoder.decode,
      "encode_sparse_array": sparseArray, "encode_max_depth": encodeMaxDepth,
      "decode_max_depth": decodeMaxDepth, "encode_number_precision": numberPrecision,
      "encode_keep_buffer": keepBuffer, "encode_invalid_numbers": encodeInvalid,
      "decode_invalid_numbers": decodeInvalid,
    ]
  }

  static func open(_ machine: Machine) {
    let first = machine.body.natives.count
    for (_, function) in functions { _ = machine.register(function) }
    machine.set(machine.body.globals, "cjson", Value(make(machine, first: first, [])))
  }

  /// A library of the functions registered from `first` on, each with `values` of its own.
  private static func make(_ machine: Machine, first: Int, _ values: [Value]) -> Table {
    let json = machine.table(nodeCount: functions.count + 3)
    for (offset, function) in functions.enumerated() {
      machine.set(json, function.key, Value(machine.native(first + offset, values)))
    }
    machine.set(json, "null", .null)
    machine.set(json, "_NAME", Value(machine.string("cjson")))
    machine.set(json, "_VERSION", Value(machine.string("2.1.0")))
    return json
  }

  /// The library once more, with settings of its own.
  static func new(_ call: Call) throws(Failure) -> Int {
    let settings = call.machine.table(arrayCount: JSONSettings.count)
    JSONSettings().write(to: settings, call.machine)
    return call.result(
      Value(make(call.machine, first: call.native.body.function, [Value(settings)])))
  }

  static func encode(_ call: Call) throws(Failure) -> Int {
    guard call.count == 1 else { throw call.argumentFailure(1, "expected 1 argument") }
    var encoder = JSONEncoder(call: call)
    try encoder.append(call[1], depth: 0)
    return call.result(encoder.buffer.bytes)
  }

  // MARK: Settings

  private static func checkCount(_ call: Call, _ max: Int) throws(Failure) {
    guard call.count <= max else {
      throw call.argumentFailure(max + 1, "found too many arguments")
    }
  }

  private static func integer(
    _ call: Call, _ index: Int, _ setting: inout Int, from min: Int, to max: Int = Int(Int32.max)
  ) throws(Failure) {
    if !call[index].isNil {
      let value = try call.smallInteger(index)
      guard min <= value && value <= max else {
        throw call.argumentFailure(1) { b throws(Failure) in
          try b.append("expected integer between ")
          try b.append(number: Double(min))
          try b.append(" and ")
          try b.append(number: Double(max))
        }
      }
      setting = value
    }
    call.push(Value(setting))
  }

  /// A boolean, or the name of one of `names`; the setting is the index of the name.
  private static func option(
    _ call: Call, _ index: Int, _ setting: inout Int, _ names: [StaticString]
  ) throws(Failure) {
    let value = call[index]
    if value.isBoolean {
      setting = value.isTruthy ? 1 : 0
    } else if !value.isNil {
      let text = try call.string(index).bytes.untilZero
      guard let found = names.firstIndex(where: { text == $0 }) else {
        throw call.argumentFailure(index) { b throws(Failure) in
          try b.append("invalid option '")
          try b.append(text)
          try b.append("'")
        }
      }
      setting = found
    }
    call.push(setting < 2 ? Value(setting == 1) : Value(call.machine.string(names[setting])))
  }

  static func sparseArray(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 3)
    var convert = call.jsonSettings.sparseConvert ? 1 : 0
    try option(call, 1, &convert, ["off", "on"])
    call.jsonSettings.sparseConvert = convert == 1
    try integer(call, 2, &call.jsonSettings.sparseRatio, from: 0)
    try integer(call, 3, &call.jsonSettings.sparseSafe, from: 0)
    return 3
  }

  static func encodeMaxDepth(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 1)
    try integer(call, 1, &call.jsonSettings.encodeDepthMax, from: 1)
    return 1
  }

  static func decodeMaxDepth(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 1)
    try integer(call, 1, &call.jsonSettings.decodeDepthMax, from: 1)
    return 1
  }

  static func numberPrecision(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 1)
    try integer(call, 1, &call.jsonSettings.precision, from: 1, to: 14)
    return 1
  }

  /// Buffers are the machine's here; the setting is kept for whoever asks.
  static func keepBuffer(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 1)
    var setting = call.jsonSettings.keepBuffer ? 1 : 0
    try option(call, 1, &setting, ["off", "on"])
    call.jsonSettings.keepBuffer = setting == 1
    return 1
  }

  static func encodeInvalid(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 1)
    var setting = call.jsonSettings.encodeInvalid.rawValue
    try option(call, 1, &setting, ["off", "on", "null"])
    call.jsonSettings.encodeInvalid = JSONSettings.InvalidNumbers(rawValue: setting) ?? .off
    return 1
  }

  static func decodeInvalid(_ call: Call) throws(Failure) -> Int {
    try checkCount(call, 1)
    var setting = call.jsonSettings.decodeInvalid ? 1 : 0
    try option(call, 1, &setting, ["off", "on"])
    call.jsonSettings.decodeInvalid = setting == 1
    return 1
  }
}

/// Writes values as JSON.
struct JSONEncoder: ~Copyable {
  private let call: Call
  private let settings: JSONSettings
  private(set) var buffer: Buffer

  init(call: Call) {
    self.call = call
    settings = call.jsonSettings
    buffer = Buffer(call.machine)
  }

  mutating func append(_ value: Value, depth: Int) throws(Failure) {
    if value.isString {
      try append(value.string.bytes)
    } else if value.isNumber {
      try append(number: value)
    } else if value.isBoolean {
      try buffer.append(value.isTruthy ? "true" : "false")
    } else if value.isNil || value.isLight {
      try buffer.append("null")
    } else if value.isTable {
      try append(value.table, depth: depth + 1)
    } else {
      throw failure(value, "type not supported")
    }
  }

  private func failure(_ value: Value, _ reason: StaticString) -> Failure {
    call.failure { b throws(Failure) in
      try b.append("Cannot serialise ")
      try b.append(value.typeName)
      try b.append(": ")
      try b.append(reason)
    }
  }

  private mutating func append(_ table: Table, depth: Int) throws(Failure) {
    guard depth <= min(settings.encodeDepthMax, JSONSettings.depthLimit) else {
      throw call.failure { b throws(Failure) in
        try b.append("Cannot serialise, excessive nesting (")
        try b.append(number: Double(depth))
        try b.append(")")
      }
    }
    if let count = try arrayCount(table) {
      try buffer.append("[")
      for index in 0..<count {
        try call.machine.spend(1)
        if index > 0 { try buffer.append(",") }
        try append(table.get(index: index + 1), depth: depth)
      }
      return try buffer.append("]")
    }
    try buffer.append("{")
    var isFirst = true
    var position = 0
    while let (entry, next) = table.entryAndNext(from: position) {
      position = next
      try call.machine.spend(1)
      if !isFirst { try buffer.append(",") }
      isFirst = false
      if entry.key.isNumber {
        try buffer.append("\"")
        try append(number: entry.key)
        try buffer.append("\":")
      } else if entry.key.isString {
        try append(entry.key.string.bytes)
        try buffer.append(":")
      } else {
        throw failure(entry.key, "table key must be a number or string")
      }
      try append(entry.value, depth: depth)
    }
    try buffer.append("}")
  }

  /// The highest index of a table whose keys are all positive integers; nil when it is an object.
  private func arrayCount(_ table: Table) throws(Failure) -> Int? {
    var most = 0.0
    var count = 0
    var position = 0
    while let (entry, next) = table.entryAndNext(from: position) {
      try call.machine.spend((next - position) >> 2)
      position = next
      guard entry.key.isNumber, entry.key.number >= 1, entry.key.number <= Double(Int32.max),
        entry.key.number.rounded(.down) == entry.key.number
      else { return nil }
      most = max(most, entry.key.number)
      count += 1
    }
    guard count > 0 else { return nil }
    if settings.sparseRatio > 0 && most > Double(count) * Double(settings.sparseRatio)
      && most > Double(settings.sparseSafe)
    {
      guard settings.sparseConvert else {
        throw failure(Value(table), "excessively sparse array")
      }
      return nil
    }
    return Int(most)
  }

  private mutating func append(number value: Value) throws(Failure) {
    let number = value.number
    if !number.isFinite {
      switch settings.encodeInvalid {
      case .off: throw failure(value, "must not be NaN or Inf")
      case .null: return try buffer.append("null")
      case .on where number.isNaN: return try buffer.append("nan")
      case .on: break
      }
    }
    guard settings.precision != 14 else { return try buffer.append(number: number) }
    let precision = settings.precision
    unsafe try buffer.append(size: 64) { room in
      var format: [CChar] = [37, 46]  // "%."
      if precision >= 10 { format.append(49) }
      format += [CChar(48 + precision % 10), 103, 0]
      return unsafe NumberText.format(
        format, number, to: room.baseAddress.unsafelyUnwrapped, size: 64)
    }
  }

  private mutating func append(_ text: Bytes) throws(Failure) {
    try call.machine.spend(text.count >> 3)
    try buffer.reserve(text.count + 2)
    try buffer.append("\"")
    for offset in 0..<text.count {
      let byte = text[offset]
      switch byte {
      case UInt8(ascii: "\""): try buffer.append("\\\"")
      case UInt8(ascii: "\\"): try buffer.append("\\\\")
      case UInt8(ascii: "/"): try buffer.append("\\/")
      case 8: try buffer.append("\\b")
      case 9: try buffer.append("\\t")
      case 10: try buffer.append("\\n")
      case 12: try buffer.append("\\f")
      case 13: try buffer.append("\\r")
      case 0..<32, 127:
        try buffer.append("\\u00")
        for digit in [byte >> 4, byte & 15] { try buffer.append(digit + (digit < 10 ? 48 : 87)) }
      default: try buffer.append(byte)
      }
    }
    try buffer.append("\"")
  }
}
