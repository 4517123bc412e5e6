// MessagePackLibrary.swift: `cmsgpack`: values to MessagePack and back.
//
// Big-endian throughout. Tables nested deeper than 16 become nil, as do functions and coroutines.

enum MessagePackLibrary {
  private static let nestingMax = 16

  static func open(_ machine: Machine) {
    let pack = machine.library(
      "cmsgpack",
      ["pack": pack, "unpack": unpack, "unpack_one": unpackOne, "unpack_limit": unpackLimit])
    machine.set(pack, "_NAME", Value(machine.string("cmsgpack")))
    machine.set(pack, "_VERSION", Value(machine.string("lua-cmsgpack 0.4.0")))
    machine.set(
      pack, "_COPYRIGHT", Value(machine.string("Copyright (C) 2012, Redis Ltd.")))
    machine.set(
      pack, "_DESCRIPTION", Value(machine.string("MessagePack C implementation for Lua")))
  }

  // MARK: Packing

  static func pack(_ call: Call) throws(Failure) -> Int {
    guard call.count > 0 else { throw call.argumentFailure(0, "MessagePack pack needs input.") }
    var buffer = Buffer(call.machine)
    for index in 1...call.count { try append(call, call[index], level: 0, to: &buffer) }
    try call.machine.spend(buffer.count >> 4)
    return call.result(buffer.bytes)
  }

  private static func append(
    _ call: Call, _ value: Value, level: Int, to b: inout Buffer
  ) throws(Failure) {
    if value.isString {
      let bytes = value.string.bytes
      if bytes.count < 32 {
        try b.append(0xA0 | UInt8(bytes.count))
      } else if bytes.count <= 0xFF {
        try append(0xD9, UInt8(bytes.count), to: &b)
      } else {
        try appendCount(bytes.count, 0xDA, 0xDB, to: &b)
      }
      try b.append(bytes)
    } else if value.isNumber {
      try append(number: value.number, to: &b)
    } else if value.isBoolean {
      try b.append(value.isTruthy ? 0xC3 : 0xC2)
    } else if value.isTable && level < nestingMax {
      try append(call, value.table, level: level, to: &b)
    } else {
      try b.append(0xC0)
    }
  }

  private static func append<I: FixedWidthInteger>(
    _ type: UInt8, _ integer: I, to b: inout Buffer
  ) throws(Failure) {
    try b.append(type)
    var shift = I.bitWidth - 8
    while shift >= 0 {
      try b.append(UInt8(truncatingIfNeeded: integer >> I(truncatingIfNeeded: shift)))
      shift -= 8
    }
  }

  private static func appendCount(
    _ count: Int, _ short: UInt8, _ long: UInt8, to b: inout Buffer
  ) throws(Failure) {
    if count <= 0xFFFF {
      try append(short, UInt16(count), to: &b)
    } else {
      try append(long, UInt32(truncatingIfNeeded: count), to: &b)
    }
  }

  private static func append(number: Double, to b: inout Buffer) throws(Failure) {
    guard let integer = Int64(exactly: number) else {
      if Double(Float(number)) == number {
        return try append(0xCA, Float(number).bitPattern, to: &b)
      }
      return try append(0xCB, number.bitPattern, to: &b)
    }
    switch integer {
    case 0...127, -32..<0: try b.append(UInt8(truncatingIfNeeded: integer))
    case 128...0xFF: try append(0xCC, UInt8(integer), to: &b)
    case 0x100...0xFFFF: try append(0xCD, UInt16(integer), to: &b)
    case 0x10000...0xFFFF_FFFF: try append(0xCE, UInt32(integer), to: &b)
    case 0x1_0000_0000...: try append(0xCF, UInt64(integer), to: &b)
    case -128 ..< -32: try append(0xD0, Int8(integer), to: &b)
    case -0x8000 ..< -128: try append(0xD1, Int16(integer), to: &b)
    case -0x8000_0000 ..< -0x8000: try append(0xD2, Int32(integer), to: &b)
    default: try append(0xD3, integer, to: &b)
    }
  }

  private static func append(
    _ call: Call, _ table: Table, level: Int, to b: inout Buffer
  ) throws(Failure) {
    let (count, isArray) = try shape(call, table)
    if isArray {
      if count <= 15 {
        try b.append(0x90 | UInt8(count))
      } else {
        try appendCount(count, 0xDC, 0xDD, to: &b)
      }
      for index in 0..<count {
        try call.machine.spend(1)
        try append(call, table.get(index: index + 1), level: level + 1, to: &b)
      }
      return
    }
    if count <= 15 {
      try b.append(0x80 | UInt8(count))
    } else {
      try appendCount(count, 0xDE, 0xDF, to: &b)
    }
    var position = 0
    while let (entry, next) = table.entryAndNext(from: position) {
      position = next
      try call.machine.spend(1)
      try append(call, entry.key, level: level + 1, to: &b)
      try append(call, entry.value, level: level + 1, to: &b)
    }
  }

  /// The count of entries, and whether their keys are exactly 1 ... count.
  private static func shape(
    _ call: Call, _ table: Table
  ) throws(Failure) -> (count: Int, isArray: Bool) {
    var count = 0
    var most = 0
    var isArray = true
    var position = 0
    // Elements and nodes that are empty are looked at as well.
    try call.machine.spend((table.body.arrayCount + table.nodeCount) >> 3)
    while let (entry, next) = table.entryAndNext(from: position) {
      position = next
      count += 1
      if entry.key.isNumber, let index = entry.key.index, index > 0 {
        most = max(most, index)
      } else {
        isArray = false
      }
    }
    return (count, isArray && most == count)
  }

  // MARK: Unpacking

  static func unpack(_ call: Call) throws(Failure) -> Int {
    try unpack(call, limit: 0, offset: 0)
  }

  static func unpackOne(_ call: Call) throws(Failure) -> Int {
    try unpack(call, limit: 1, offset: try call.integer(2, otherwise: 0))
  }

  static func unpackLimit(_ call: Call) throws(Failure) -> Int {
    let limit = try call.integer(2)
    return try unpack(call, limit: limit, offset: try call.integer(3, otherwise: 0))
  }

  /// As messages of the reference have it: a C `int`.
  private static func shown(_ number: Int) -> Double { Double(Int32(truncatingIfNeeded: number)) }

  private static func unpack(_ call: Call, limit: Int, offset: Int) throws(Failure) -> Int {
    let bytes = try call.string(1).bytes
    guard offset >= 0 && limit >= 0 else {
      throw call.failure { b throws(Failure) in
        try b.append("Invalid request to unpack with offset of ")
        try b.append(number: shown(offset))
        try b.append(" and limit of ")
        // The reference gives the size of the input here.
        try b.append(number: shown(bytes.count))
        try b.append(".")
      }
    }
    guard offset <= bytes.count else {
      throw call.failure { b throws(Failure) in
        try b.append("Start offset ")
        try b.append(number: shown(offset))
        try b.append(" greater than input length ")
        try b.append(number: shown(bytes.count))
        try b.append(".")
      }
    }
    let isAll = limit == 0 && offset == 0
    var reader = MessagePackReader(call: call, bytes: bytes, offset: offset)
    let place = call.thread.body.top
    if !isAll { call.push(.nil) }
    var count = 0
    while !reader.isAtEnd && (isAll || count < limit) {
      try call.checkRoom(
        1, "too many return values at once; use unpack_one or unpack_limit instead.")
      call.push(try reader.value(depth: 0))
      count += 1
    }
    guard !isAll else { return count }
    call.thread.body.stack[place] = Value(reader.isAtEnd ? -1 : reader.offset)
    return count + 1
  }
}

private struct MessagePackReader {
  /// Native stack bounds the nesting of what is read.
  private static let depthMax = 2000

  let call: Call
  let bytes: Bytes
  private(set) var offset: Int

  init(call: Call, bytes: Bytes, offset: Int) {
    self.call = call
    self.bytes = bytes
    self.offset = offset
  }

  var isAtEnd: Bool { offset == bytes.count }

  private mutating func take(_ count: Int) throws(Failure) -> Bytes {
    guard count <= bytes.count - offset else { throw call.failure("Missing bytes in input.") }
    offset += count
    return bytes[offset - count..<offset]
  }

  private mutating func integer<I: FixedWidthInteger>(_ type: I.Type) throws(Failure) -> I {
    let taken = try take(I.bitWidth / 8)
    var integer: I = 0
    for index in 0..<taken.count {
      integer = (I.bitWidth > 8 ? integer << 8 : 0) | I(truncatingIfNeeded: taken[index])
    }
    return integer
  }

  mutating func value(depth: Int) throws(Failure) -> Value {
    try call.machine.spend(1)
    let type = try integer(UInt8.self)
    switch type {
    case 0...0x7F: return Value(Int(type))
    case 0xE0...0xFF: return Value(Int(Int8(bitPattern: type)))
    case 0x80...0x8F: return try map(Int(type & 15), depth)
    case 0x90...0x9F: return try array(Int(type & 15), depth)
    case 0xA0...0xBF: return try string(Int(type & 31))
    case 0xC0: return .nil
    case 0xC2: return .false
    case 0xC3: return .true
    case 0xCA: return Value(foreign: Double(Float(bitPattern: try integer(UInt32.self))))
    case 0xCB: return Value(foreign: Double(bitPattern: try integer(UInt64.self)))
    case 0xCC: return Value(Double(try integer(UInt8.self)))
    case 0xCD: return Value(Double(try integer(UInt16.self)))
    case 0xCE: return Value(Double(try integer(UInt32.self)))
    // Above 2^63 the reference has them negative.
    case 0xCF: return Value(Double(try integer(Int64.self)))
    case 0xD0: return Value(Double(try integer(Int8.self)))
    case 0xD1: return Value(Double(try integer(Int16.self)))
    case 0xD2: return Value(Double(try integer(Int32.self)))
    case 0xD3: return Value(Double(try integer(Int64.self)))
    case 0xD9: return try string(Int(try integer(UInt8.self)))
    case 0xDA: return try string(Int(try integer(UInt16.self)))
    case 0xDB: return try string(Int(try integer(UInt32.self)))
    case 0xDC: return try array(Int(try integer(UInt16.self)), depth)
    case 0xDD: return try array(Int(try integer(UInt32.self)), depth)
    case 0xDE: return try map(Int(try integer(UInt16.self)), depth)
    case 0xDF: return try map(Int(try integer(UInt32.self)), depth)
    default: throw call.failure("Bad data format in input.")
    }
  }

  private mutating func string(_ count: Int) throws(Failure) -> Value {
    Value(call.machine.string(try take(count)))
  }

  private func checkDepth(_ depth: Int, _ what: StaticString) throws(Failure) {
    try call.machine.checkRoom(0)
    guard depth < Self.depthMax else {
      throw call.failure { b throws(Failure) in
        try b.append("stack overflow (in function ")
        try b.append(what)
        try b.append(")")
      }
    }
  }

  private mutating func array(_ count: Int, _ depth: Int) throws(Failure) -> Value {
    try checkDepth(depth, "mp_decode_to_lua_array")
    let table = call.machine.table()
    for index in 0..<count {
      try call.machine.rawSet(table, Value(index + 1), try value(depth: depth + 1))
    }
    return Value(table)
  }

  private mutating func map(_ count: Int, _ depth: Int) throws(Failure) -> Value {
    try checkDepth(depth, "mp_decode_to_lua_hash")
    let table = call.machine.table()
    for _ in 0..<count {
      let key = try value(depth: depth + 1)
      try call.machine.rawSet(table, key, try value(depth: depth + 1))
    }
    return Value(table)
  }
}
