// JSONDecoder.swift: JSON to values. Errors name what was expected, what was found, and where.

import Glibc

struct JSONDecoder {
  private enum Token {
    case objectBegin, objectEnd, arrayBegin, arrayEnd, string, number, boolean, null, colon, comma
    case end
    case error(StaticString)

    var name: StaticString {
      switch self {
      case .objectBegin: "T_OBJ_BEGIN"
      case .objectEnd: "T_OBJ_END"
      case .arrayBegin: "T_ARR_BEGIN"
      case .arrayEnd: "T_ARR_END"
      case .string: "T_STRING"
      case .number: "T_NUMBER"
      case .boolean: "T_BOOLEAN"
      case .null: "T_NULL"
      case .colon: "T_COLON"
      case .comma: "T_COMMA"
      case .end: "T_END"
      case .error(let what): what
      }
    }
  }

  private let call: Call
  private let text: Bytes
  private let settings: JSONSettings
  private var offset = 0
  private var token = Token.end
  private var tokenOffset = 0
  /// Of a string, a number or a boolean.
  private var value = Value.nil
  private var depth = 0

  static func decode(_ call: Call) throws(Failure) -> Int {
    guard call.count == 1 else { throw call.argumentFailure(1, "expected 1 argument") }
    let text = try call.string(1).bytes
    if text.count >= 2 && (text[0] == 0 || text[1] == 0) {
      throw call.failure("JSON parser does not support UTF-16 or UTF-32")
    }
    var decoder = JSONDecoder(call: call, text: text, settings: call.jsonSettings)
    try decoder.next()
    let value = try decoder.element()
    try decoder.next()
    guard case .end = decoder.token else { throw decoder.expected("the end") }
    return call.result(value)
  }

  private init(call: Call, text: Bytes, settings: JSONSettings) {
    self.call = call
    self.text = text
    self.settings = settings
  }

  // MARK: Values

  /// The value that the current token begins.
  private mutating func element() throws(Failure) -> Value {
    switch token {
    case .string, .number, .boolean: return value
    case .null: return .null
    case .objectBegin: return try object()
    case .arrayBegin: return try array()
    default: throw expected("value")
    }
  }

  private mutating func descend() throws(Failure) {
    depth += 1
    // What is decoded is garbage of nobody yet: only the limit itself bounds it.
    try call.machine.checkRoom(0)
    guard depth <= min(settings.decodeDepthMax, JSONSettings.depthLimit) else {
      throw call.failure { b throws(Failure) in
        try b.append("Found too many nested data structures (")
        try b.append(number: Double(depth))
        try b.append(") at character ")
        try b.append(number: Double(offset))
      }
    }
  }

  private mutating func object() throws(Failure) -> Value {
    try descend()
    let table = call.machine.table()
    try next()
    if case .objectEnd = token {
      depth -= 1
      return Value(table)
    }
    while true {
      guard case .string = token else { throw expected("object key string") }
      let key = value
      try next()
      guard case .colon = token else { throw expected("colon") }
      try next()
      try call.machine.rawSet(table, key, try element())
      try next()
      if case .objectEnd = token { break }
      guard case .comma = token else { throw expected("comma or object end") }
      try next()
    }
    depth -= 1
    return Value(table)
  }

  private mutating func array() throws(Failure) -> Value {
    try descend()
    let table = call.machine.table()
    try next()
    if case .arrayEnd = token {
      depth -= 1
      return Value(table)
    }
    var index = 1
    while true {
      try call.machine.rawSet(table, Value(index), try element())
      try next()
      if case .arrayEnd = token { break }
      guard case .comma = token else { throw expected("comma or array end") }
      try next()
      index += 1
    }
    depth -= 1
    return Value(table)
  }

  private func expected(_ what: StaticString) -> Failure {
    call.failure { b throws(Failure) in
      try b.append("Expected ")
      try b.append(what)
      try b.append(" but found ")
      try b.append(token.name)
      try b.append(" at character ")
      try b.append(number: Double(tokenOffset + 1))
    }
  }

  // MARK: Tokens

  /// The byte at an offset; behind the end, and there alone or where the text has one, zero.
  private func byte(_ offset: Int) -> UInt8 { offset < text.count ? text[offset] : 0 }

  private mutating func next() throws(Failure) {
    let start = offset
    while byte(offset).isJSONBlank { offset += 1 }
    try call.machine.spend(1 + (offset - start) >> 3)
    tokenOffset = offset
    let first = byte(offset)
    switch first {
    case UInt8(ascii: "{"): token = .objectBegin
    case UInt8(ascii: "}"): token = .objectEnd
    case UInt8(ascii: "["): token = .arrayBegin
    case UInt8(ascii: "]"): token = .arrayEnd
    case UInt8(ascii: ","): token = .comma
    case UInt8(ascii: ":"): token = .colon
    case 0:
      token = .end
      return
    case UInt8(ascii: "\""): return try scanString()
    default:
      scanWord(first)
      return try call.machine.spend((offset - tokenOffset) >> 3)
    }
    offset += 1
  }

  private mutating func fail(_ what: StaticString) {
    token = .error(what)
    tokenOffset = offset
  }

  private mutating func scanWord(_ first: UInt8) {
    if first == UInt8(ascii: "-") || first.isDigit {
      if !settings.decodeInvalid && isInvalidNumber { return fail("invalid number") }
      return scanNumber()
    }
    if takes("true") {
      (token, value) = (.boolean, .true)
    } else if takes("false") {
      (token, value) = (.boolean, .false)
    } else if takes("null") {
      token = .null
    } else if settings.decodeInvalid,
      first == UInt8(ascii: "+")
        || [UInt8(ascii: "i"), UInt8(ascii: "n")].contains(first | 32) && isInvalidNumber
    {
      scanNumber()
    } else {
      fail("invalid token")
    }
  }

  private mutating func takes(_ word: StaticString) -> Bool {
    let word = Bytes(word)
    guard text.count - offset >= word.count, text[offset..<offset + word.count] == word else {
      return false
    }
    offset += word.count
    return true
  }

  /// It is a number for C, but not for JSON.
  private var isInvalidNumber: Bool {
    let start = byte(offset) == UInt8(ascii: "-") ? offset + 1 : offset
    if byte(start) == UInt8(ascii: "0") {
      return byte(start + 1) | 32 == UInt8(ascii: "x") || byte(start + 1).isDigit
    }
    let word = (0..<3).map { byte(start + $0) | 32 }
    return word == Array("inf".utf8) || word == Array("nan".utf8)
  }

  private mutating func scanNumber() {
    let start = unsafe text.from(offset).start.assumingMemoryBound(to: CChar.self)
    var end: UnsafeMutablePointer<CChar>?
    let number = unsafe strtod(start, &end)
    let size = unsafe end.map { unsafe UnsafeRawPointer($0) - UnsafeRawPointer(start) } ?? 0
    guard size > 0 else { return fail("invalid number") }
    offset += size
    token = .number
    value = Value(foreign: number)
  }

  private mutating func scanString() throws(Failure) {
    var buffer = Buffer(call.machine)
    offset += 1
    while true {
      let current = byte(offset)
      if current == UInt8(ascii: "\"") { break }
      if current == 0 { return fail("unexpected end of string") }
      guard current == UInt8(ascii: "\\") else {
        try buffer.append(current)
        offset += 1
        continue
      }
      switch byte(offset + 1) {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
        try buffer.append(byte(offset + 1))
      case UInt8(ascii: "b"): try buffer.append(8)
      case UInt8(ascii: "f"): try buffer.append(12)
      case UInt8(ascii: "n"): try buffer.append(10)
      case UInt8(ascii: "r"): try buffer.append(13)
      case UInt8(ascii: "t"): try buffer.append(9)
      case UInt8(ascii: "u"):
        guard let (scalar, size) = unicodeEscape() else {
          return fail("invalid unicode escape code")
        }
        try append(scalar, to: &buffer)
        offset += size
        continue
      default: return fail("invalid escape code")
      }
      offset += 2
    }
    offset += 1
    try call.machine.spend((offset - tokenOffset) >> 3)
    token = .string
    value = Value(call.machine.string(buffer.bytes))
  }

  /// The scalar of `\uXXXX` at the offset, or of two of them that are surrogates, and their size.
  private func unicodeEscape() -> (scalar: UInt32, size: Int)? {
    guard let first = hexNumber(offset + 2) else { return nil }
    guard first & 0xF800 == 0xD800 else { return (first, 6) }
    guard first & 0x400 == 0, byte(offset + 6) == UInt8(ascii: "\\"),
      byte(offset + 7) == UInt8(ascii: "u"), let second = hexNumber(offset + 8),
      second & 0xFC00 == 0xDC00
    else { return nil }
    return ((first & 0x3FF) << 10 + (second & 0x3FF) + 0x10000, 12)
  }

  private func hexNumber(_ offset: Int) -> UInt32? {
    var number: UInt32 = 0
    for index in 0..<4 {
      guard byte(offset + index).isHexDigit else { return nil }
      number = number << 4 | UInt32(byte(offset + index).hexValue)
    }
    return number
  }

  private func append(_ scalar: UInt32, to buffer: inout Buffer) throws(Failure) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(scalar >> shift & 0x3F | 0x80) }
    switch scalar {
    case ..<0x80: try buffer.append(UInt8(scalar))
    case ..<0x800:
      try buffer.append(UInt8(scalar >> 6 | 0xC0))
      try buffer.append(tail(0))
    case ..<0x10000:
      try buffer.append(UInt8(scalar >> 12 | 0xE0))
      try buffer.append(tail(6))
      try buffer.append(tail(0))
    default:
      try buffer.append(UInt8(scalar >> 18 | 0xF0))
      try buffer.append(tail(12))
      try buffer.append(tail(6))
      try buffer.append(tail(0))
    }
  }
}

extension UInt8 {
  fileprivate var isJSONBlank: Bool { self == 32 || self == 9 || self == 10 || self == 13 }
}
