// Format.swift: `string.format`, with C's conversions.

enum Format {
  /// The room for what one item writes: %f of the largest number with 99 digits.
  private static let roomSize = 512

  static func format(_ call: Call) throws(Failure) -> Int {
    let format = try call.string(1).bytes
    var buffer = Buffer(call.machine)
    var argument = 1
    var offset = 0
    while offset < format.count {
      let percent = format.firstOffset(of: UInt8(ascii: "%"), from: offset) ?? format.count
      try call.machine.spend(1 + (percent - offset) >> 6)
      try buffer.append(format[offset..<percent])
      offset = percent + 1
      guard percent < format.count else { break }
      if offset < format.count && format[offset] == UInt8(ascii: "%") {
        try buffer.append(UInt8(ascii: "%"))
        offset += 1
        continue
      }
      argument += 1
      guard argument <= call.count else { throw call.argumentFailure(argument, "no value") }
      let end = try itemEnd(call, format, from: offset)
      try append(call, argument, format[offset..<end + 1], to: &buffer)
      offset = end + 1
    }
    return call.result(buffer.bytes)
  }

  /// The offset of the conversion's letter, behind flags, width and precision.
  private static func itemEnd(_ call: Call, _ format: Bytes, from start: Int) throws(Failure) -> Int
  {
    func byte(_ offset: Int) -> UInt8 { offset < format.count ? format[offset] : 0 }
    var end = start
    while Bytes("-+ #0").firstOffset(of: byte(end)) != nil, end < format.count { end += 1 }
    guard end - start < 6 else { throw call.failure("invalid format (repeated flags)") }
    for _ in 0..<2 where byte(end).isDigit { end += 1 }
    if byte(end) == UInt8(ascii: ".") {
      end += 1
      for _ in 0..<2 where byte(end).isDigit { end += 1 }
    }
    guard !byte(end).isDigit else {
      throw call.failure("invalid format (width or precision too long)")
    }
    return end
  }

  /// `item` is what is behind the `%`, its letter included; at the format's end that is missing.
  private static func append(
    _ call: Call, _ argument: Int, _ item: Bytes, to buffer: inout Buffer
  ) throws(Failure) {
    let letter = item[item.count - 1]
    switch letter {
    case UInt8(ascii: "c"):
      let byte = UInt8(truncatingIfNeeded: try call.integer(argument))
      // C's printf writes a zero, but Lua takes its text up to it.
      let start = buffer.count
      try appendByC(item, "c", Int32(byte), to: &buffer)
      if byte == 0 { buffer.truncate(to: start + buffer.bytes.from(start).untilZero.count) }
    case UInt8(ascii: "d"), UInt8(ascii: "i"):
      let integer = Int64(try call.integer(argument))
      if item.count == 1 { return try buffer.append(integer: integer) }
      try appendByC(item, "lld", integer, to: &buffer)
    case UInt8(ascii: "o"):
      try appendByC(item, "llo", unsigned(try call.number(argument)), to: &buffer)
    case UInt8(ascii: "u"):
      try appendByC(item, "llu", unsigned(try call.number(argument)), to: &buffer)
    case UInt8(ascii: "x"):
      try appendByC(item, "llx", unsigned(try call.number(argument)), to: &buffer)
    case UInt8(ascii: "X"):
      try appendByC(item, "llX", unsigned(try call.number(argument)), to: &buffer)
    case UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "f"), UInt8(ascii: "g"),
      UInt8(ascii: "G"):
      try appendByC(item, nil, try call.number(argument), to: &buffer)
    case UInt8(ascii: "q"):
      let text = try call.string(argument).bytes
      try call.machine.spend(text.count >> 3)
      try appendQuoted(text, to: &buffer)
    case UInt8(ascii: "s"):
      let text = try call.string(argument).bytes
      try call.machine.spend(text.count >> 6)
      try appendText(item, text, to: &buffer)
    default:
      throw call.failure { b throws(Failure) in
        try b.append("invalid option '%")
        if letter != 0 { try b.append(letter) }
        try b.append("' to 'format'")
      }
    }
  }

  /// A number as C casts it to an unsigned one: what is negative counts from the end.
  private static func unsigned(_ number: Double) -> UInt64 {
    if number >= 0 { return number < 1.8446744073709552e19 ? UInt64(number) : 0 }
    return UInt64(bitPattern: Int64(Call.integer(number)))
  }

  /// Lets C write `value`: `%`, the item without its letter, and `letters` (nil: its own).
  private static func appendByC(
    _ item: Bytes, _ letters: StaticString?, _ value: some CVarArg, to buffer: inout Buffer
  ) throws(Failure) {
    var format = InlineArray<24, CChar>(repeating: 0)
    var count = 0
    func put(_ bytes: Bytes) {
      for offset in 0..<bytes.count {
        format[count] = CChar(bitPattern: bytes[offset])
        count += 1
      }
    }
    put(Bytes("%"))
    put(item[0..<item.count - 1])
    if let letters { put(Bytes(letters)) } else { put(item.from(item.count - 1)) }
    // The last one stays 0.
    precondition(count < format.count)
    unsafe try buffer.append(size: roomSize) { room in
      unsafe format.span.withUnsafeBufferPointer { format in
        unsafe NumberText.format(
          format.baseAddress.unsafelyUnwrapped, value,
          to: room.baseAddress.unsafelyUnwrapped, size: roomSize)
      }
    }
  }

  private static func appendText(
    _ item: Bytes, _ text: Bytes, to buffer: inout Buffer
  ) throws(Failure) {
    // Flags, width and precision: at most "-+ #099.99".
    var isLeft = false
    var width = 0
    var precision: Int?
    for offset in 0..<item.count - 1 {
      let byte = item[offset]
      if byte == UInt8(ascii: "-") {
        isLeft = true
      } else if byte == UInt8(ascii: ".") {
        precision = 0
      } else if byte.isDigit {
        if let digits = precision {
          precision = digits * 10 + Int(byte - 48)
        } else {
          width = width * 10 + Int(byte - 48)
        }
      }
    }
    // A long text without a precision is taken as it is; else C takes it up to a zero.
    var text = text
    if precision == nil && text.count >= 100 { return try buffer.append(text) }
    text = text.untilZero
    if let precision { text = text[0..<min(precision, text.count)] }
    let padding = max(0, width - text.count)
    if !isLeft { for _ in 0..<padding { try buffer.append(32) } }
    try buffer.append(text)
    if isLeft { for _ in 0..<padding { try buffer.append(32) } }
  }

  /// A string that Lua reads as the same one.
  private static func appendQuoted(_ text: Bytes, to buffer: inout Buffer) throws(Failure) {
    try buffer.append("\"")
    for offset in 0..<text.count {
      switch text[offset] {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), 10:
        try buffer.append("\\")
        try buffer.append(text[offset])
      case 13: try buffer.append("\\r")
      case 0: try buffer.append("\\000")
      default: try buffer.append(text[offset])
      }
    }
    try buffer.append("\"")
  }
}
