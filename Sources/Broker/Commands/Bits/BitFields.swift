// BitFields.swift: BITFIELD: integers of any width at any bit of a string.
//
// All operations of a request are read before the first one runs. What overflows wraps around,
// stops at the bound or is not done, as the last OVERFLOW before it says.

import RESP

extension BitCommands {
  static let fields: [Command] = [
    Command(
      "BITFIELD", arity: .atLeast(2), flags: [.write, .denyOOM],
      keys: [bitfieldKey], group: .bitmap, since: "3.2.0",
      summary: "Reads, sets and counts integers of any width in a string.",
      complexity: "O(N), N operations", body: bitfield),
    Command(
      "BITFIELD_RO", arity: .atLeast(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .bitmap, since: "6.0.0",
      summary: "Reads integers of any width in a string.",
      complexity: "O(N), N operations", body: bitfieldReadOnly),
  ]

  private static let bitfieldKey = KeySpec(
    place: .range(first: 1, last: 1, step: 1), access: [.read, .update],
    variation: .onlyReads([("get", 2), ("overflow", 1)]))

  /// `BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type
  /// offset increment ...]` → array: for GET the value, for SET the one before, for INCRBY the one
  /// afterwards; null for what was not done.
  static func bitfield(_ c: inout Context) throws(CommandError) {
    try run(&c, FieldOperation.all(of: c))
  }

  /// `BITFIELD_RO key [GET type offset ...]` → array of values.
  static func bitfieldReadOnly(_ c: inout Context) throws(CommandError) {
    let operations = try FieldOperation.all(of: c)
    guard operations.allSatisfy({ $0.kind == .get }) else {
      throw CommandError("ERR BITFIELD_RO only supports the GET subcommand")
    }
    try run(&c, operations)
  }

  private static func run(_ c: inout Context, _ operations: [FieldOperation]) throws(CommandError) {
    let key = c.key(1)
    let end = operations.filter { $0.kind != .get }.map { $0.offset + $0.type.width }.max()
    guard let end else {
      let entry = try c.string(key)
      c.reply.array(operations.count)
      for operation in operations {
        c.reply.integer(operation.type.integer(operation.field(entry)))
      }
      return
    }
    var entry = try c.stringForWriting(key)
    let size = (end + 7) >> 3
    let grows = size > entry?.stringCount ?? 0
    if grows { entry = c.write([0], at: size - 1, key, entry) }
    var isChanged = false
    c.reply.array(operations.count)
    for operation in operations {
      var field = operation.field(entry)
      let (reply, value) = operation.result(of: field)
      if let reply { c.reply.integer(reply) } else { c.reply.null() }
      guard let value, grows || value != field.value else { continue }
      field.value = value
      entry = c.write(field.bytes, at: field.index, key, entry)
      isChanged = true
    }
    // As in Redis a string that only grew is no event, but it is a change.
    if isChanged || grows { c.modified(key) }
    if isChanged { c.notify(.string, "setbit", key) }
  }
}

/// `i8`, `u16` and the like.
private struct FieldType {
  let isSigned: Bool
  /// Bits, 1 ... 64; 63 at most when unsigned.
  let width: Int

  init(_ word: ByteView) throws(CommandError) {
    guard word.count > 1, word[0] == UInt8(ascii: "i") || word[0] == UInt8(ascii: "u"),
      let width = word[1..<word.count].integer, width >= 1,
      width <= (word[0] == UInt8(ascii: "i") ? 64 : 63)
    else {
      throw CommandError(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
          + "i64 is.")
    }
    isSigned = word[0] == UInt8(ascii: "i")
    self.width = Int(width)
  }

  var bounds: ClosedRange<Int128> {
    isSigned
      ? -(Int128(1) << Int128(width - 1))...(Int128(1) << Int128(width - 1)) - 1
      : 0...(Int128(1) << Int128(width)) - 1
  }

  /// The number that the bits of `field` mean.
  func integer(_ field: Bits.Field) -> Int64 { integer(field.value) }

  /// The number that the lowest bits of `bits` mean.
  func integer(_ bits: UInt64) -> Int64 {
    let unused = UInt64(64 - width)
    return isSigned
      ? Int64(bitPattern: bits &<< unused) &>> Int64(unused)
      : Int64(bitPattern: (bits &<< unused) &>> unused)
  }
}

private struct FieldOperation {
  enum Kind { case get, set, add }
  enum Overflow { case wrap, saturate, fail }
  let kind: Kind
  let type: FieldType
  let offset: Int
  /// The value to set or to add.
  let number: Int64
  let overflow: Overflow

  func field(_ entry: Entry?) -> Bits.Field {
    entry?.withString { Bits.Field($0, at: offset, width: type.width) }
      ?? Bits.Field(ByteView(), at: offset, width: type.width)
  }

  /// What is replied, and what the bits become; neither when it would overflow and must not.
  func result(of field: Bits.Field) -> (reply: Int64?, bits: UInt64?) {
    let old = type.integer(field)
    if kind == .get { return (old, nil) }
    // A negative number that is set as unsigned stands for one of 64 bits.
    let wanted: Int128 =
      kind == .add
      ? Int128(old) + Int128(number)
      : type.isSigned ? Int128(number) : Int128(UInt64(bitPattern: number))
    let bounds = type.bounds
    var bits = UInt64(truncatingIfNeeded: wanted)
    if !bounds.contains(wanted) {
      switch overflow {
      case .fail: return (nil, nil)
      case .wrap: break
      case .saturate:
        bits = UInt64(
          truncatingIfNeeded: wanted < bounds.lowerBound ? bounds.lowerBound : bounds.upperBound)
      }
    }
    let value = type.integer(bits)
    let mask = UInt64.max &>> UInt64(64 - type.width)
    return (kind == .set ? old : value, bits & mask)
  }

  /// The operations of a request.
  static func all(of c: borrowing Context) throws(CommandError) -> [FieldOperation] {
    let words = c.arguments
    var operations: [FieldOperation] = []
    var overflow = Overflow.wrap
    var index = 2
    while index < words.count {
      let name = words[index], following = words.count - index - 1
      let kind: Kind
      if name.matches("get"), following >= 2 {
        kind = .get
      } else if name.matches("set"), following >= 3 {
        kind = .set
      } else if name.matches("incrby"), following >= 3 {
        kind = .add
      } else if name.matches("overflow"), following >= 1 {
        overflow = try self.overflow(words[index + 1])
        index += 2
        continue
      } else {
        throw .syntax
      }
      let type = try FieldType(words[index + 1])
      let offset = try BitCommands.offset(c, words[index + 2], width: type.width)
      var number: Int64 = 0
      if kind != .get {
        guard let given = words[index + 3].integer else { throw .notAnInteger }
        number = given
      }
      operations.append(
        FieldOperation(kind: kind, type: type, offset: offset, number: number, overflow: overflow))
      index += kind == .get ? 3 : 4
    }
    return operations
  }

  private static func overflow(_ word: ByteView) throws(CommandError) -> Overflow {
    if word.matches("wrap") { return .wrap }
    if word.matches("sat") { return .saturate }
    if word.matches("fail") { return .fail }
    throw CommandError("ERR Invalid OVERFLOW type specified")
  }
}
