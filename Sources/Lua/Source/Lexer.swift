// Lexer.swift: source text into tokens.

struct Lexer: ~Copyable {
  let machine: Machine
  /// The name of the source as messages show it.
  let source: LuaString
  private let text: Bytes
  private var offset = 0
  /// Up to here the text is counted as work.
  private var countedOffset = 0
  /// Bytes that are read between two counts.
  private static let countedSize = 4096

  private(set) var token = Token.endOfSource
  /// The value of a number or string, or the string of a name.
  private(set) var number = 0.0
  private(set) var string: LuaString
  /// The character of `.other`.
  private var character: UInt8 = 0
  private var tokenStart = 0
  /// The line of the current token, from 1, and of the one before it.
  private(set) var line = 1
  private(set) var lastLine = 1

  private var ahead: Token?
  private var aheadNumber = 0.0
  private var aheadString: LuaString
  private var aheadStart = 0

  /// The largest line number.
  private static let lineMax = Int(Int32.max) - 2

  init(_ text: Bytes, source: LuaString, machine: Machine) {
    self.machine = machine
    self.source = source
    self.text = text
    string = source
    aheadString = source
  }

  // MARK: Moving on

  mutating func next() throws(Failure) {
    lastLine = line
    if let ahead {
      token = ahead
      number = aheadNumber
      string = aheadString
      tokenStart = aheadStart
      self.ahead = nil
      return
    }
    token = try scan()
  }

  /// The token behind the current one, which must be a name.
  mutating func peek() throws(Failure) -> Token {
    if let ahead { return ahead }
    let (number, string, start) = (number, string, tokenStart)
    let token = try scan()
    ahead = token
    (aheadNumber, aheadString, aheadStart) = (self.number, self.string, tokenStart)
    (self.number, self.string, tokenStart) = (number, string, start)
    return token
  }

  // MARK: Scanning

  @inline(__always)
  private var current: UInt8? { offset < text.count ? text[offset] : nil }

  @inline(__always)
  private mutating func take(_ byte: StaticString) -> Bool {
    guard offset < text.count, text[offset] == Bytes(byte)[0] else { return false }
    offset += 1
    return true
  }

  /// Counts what was read since it was last counted as work, a step for 16 bytes: blanks and comments
  /// make no tokens.
  @inline(__always)
  private mutating func countWork() throws(Failure) {
    guard offset &- countedOffset >= Self.countedSize else { return }
    try machine.spend((offset - countedOffset) >> 4)
    countedOffset = offset
  }

  private mutating func scan() throws(Failure) -> Token {
    while let byte = current {
      try countWork()
      tokenStart = offset
      if byte.isLetter || byte == UInt8(ascii: "_") { return scanName() }
      if byte.isDigit { return try scanNumber() }
      offset += 1
      switch byte {
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        offset -= 1
        try skipLineEnd()
      case UInt8(ascii: " "), 9, 11, 12: continue
      case UInt8(ascii: "-"):
        guard take("-") else { return .minus }
        try skipComment()
      case UInt8(ascii: "["):
        let level = longBracketLevel()
        if level >= 0 {
          try scanLongString(level: level, isComment: false)
          return .string
        }
        if level == -1 { return .openBracket }
        throw failure("invalid long string delimiter", near: text[tokenStart..<offset])
      case UInt8(ascii: "="): return take("=") ? .equal : .assign
      case UInt8(ascii: "<"): return take("=") ? .lessEqual : .less
      case UInt8(ascii: ">"): return take("=") ? .greaterEqual : .greater
      case UInt8(ascii: "~"):
        if take("=") { return .notEqual }
        character = byte
        return .other
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        try scanString(delimiter: byte)
        return .string
      case UInt8(ascii: "."):
        if take(".") { return take(".") ? .dots : .concatenate }
        if let byte = current, byte.isDigit { return try scanNumber() }
        return .dot
      case UInt8(ascii: "+"): return .plus
      case UInt8(ascii: "*"): return .star
      case UInt8(ascii: "/"): return .slash
      case UInt8(ascii: "%"): return .percent
      case UInt8(ascii: "^"): return .caret
      case UInt8(ascii: "#"): return .hash
      case UInt8(ascii: "("): return .openParenthesis
      case UInt8(ascii: ")"): return .closeParenthesis
      case UInt8(ascii: "{"): return .openBrace
      case UInt8(ascii: "}"): return .closeBrace
      case UInt8(ascii: "]"): return .closeBracket
      case UInt8(ascii: ";"): return .semicolon
      case UInt8(ascii: ":"): return .colon
      case UInt8(ascii: ","): return .comma
      default:
        character = byte
        return .other
      }
    }
    tokenStart = offset
    return .endOfSource
  }

  /// A line ends with \n, \r, \r\n or \n\r.
  private mutating func skipLineEnd() throws(Failure) {
    let first = text[offset]
    offset += 1
    if let second = current, second == 10 || second == 13, second != first { offset += 1 }
    line += 1
    if line >= Self.lineMax { throw failure("chunk has too many lines") }
  }

  private mutating func scanName() -> Token {
    while let byte = current, byte.isAlphanumeric || byte == UInt8(ascii: "_") { offset += 1 }
    string = machine.string(text[tokenStart..<offset])
    let reserved = string.body.header.extra
    return reserved > 0 ? Token(rawValue: reserved - 1) ?? .name : .name
  }

  private mutating func scanNumber() throws(Failure) -> Token {
    while let byte = current, byte.isDigit || byte == UInt8(ascii: ".") { offset += 1 }
    if let byte = current, byte | 32 == UInt8(ascii: "e") {
      offset += 1
      if let sign = current, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
    }
    while let byte = current, byte.isAlphanumeric || byte == UInt8(ascii: "_") { offset += 1 }
    let digits = text[tokenStart..<offset]
    // The text must be followed by a zero, which those of the heap are.
    guard let value = NumberText.parse(machine.string(digits).bytes) else {
      throw failure("malformed number", near: digits)
    }
    number = value
    return .number
  }

  // MARK: Strings and comments

  /// Behind `[`: the count of `=` before the second bracket, which is taken; -1 for a bracket alone, -2 and
  /// less when the second bracket is missing.
  private mutating func longBracketLevel() -> Int {
    var end = offset
    while end < text.count && text[end] == UInt8(ascii: "=") { end += 1 }
    let level = end - offset
    if end < text.count && text[end] == UInt8(ascii: "[") {
      offset = end + 1
      return level
    }
    if level == 0 { return -1 }
    offset = end
    return -1 - level
  }

  private mutating func skipComment() throws(Failure) {
    if take("[") {
      let level = longBracketLevel()
      if level >= 0 { return try scanLongString(level: level, isComment: true) }
    }
    while let byte = current, byte != 10, byte != 13 {
      offset += 1
      try countWork()
    }
  }

  /// Behind its opening bracket.
  private mutating func scanLongString(level: Int, isComment: Bool) throws(Failure) {
    var buffer = Buffer(machine)
    if let byte = current, byte == 10 || byte == 13 { try skipLineEnd() }
    while let byte = current {
      try countWork()
      switch byte {
      case UInt8(ascii: "]"):
        if closesLongBracket(level) {
          offset += level + 2
          if !isComment { string = machine.string(buffer.bytes) }
          return
        }
        fallthrough
      default:
        if byte == 10 || byte == 13 {
          try skipLineEnd()
          if !isComment { try buffer.append(10) }
        } else {
          if byte == UInt8(ascii: "[") && level == 0 && offset + 1 < text.count
            && text[offset + 1] == UInt8(ascii: "[")
          {
            offset += 2
            throw failure("nesting of [[...]] is deprecated", near: Bytes("["))
          }
          if !isComment { try buffer.append(byte) }
          offset += 1
        }
      }
    }
    tokenStart = offset
    let what: StaticString = isComment ? "unfinished long comment" : "unfinished long string"
    throw failure(what, near: Bytes("<eof>"))
  }

  private func closesLongBracket(_ level: Int) -> Bool {
    guard offset + level + 1 < text.count, text[offset + level + 1] == UInt8(ascii: "]") else {
      return false
    }
    for index in 0..<level where text[offset + 1 + index] != UInt8(ascii: "=") { return false }
    return true
  }

  /// Behind its opening quote.
  private mutating func scanString(delimiter: UInt8) throws(Failure) {
    var buffer = Buffer(machine)
    try buffer.append(delimiter)
    while true {
      try countWork()
      guard let byte = current else { throw failure("unfinished string", near: Bytes("<eof>")) }
      if byte == delimiter { break }
      switch byte {
      case 10, 13: throw failure("unfinished string", near: buffer.bytes)
      case UInt8(ascii: "\\"):
        offset += 1
        try scanEscape(into: &buffer)
      default:
        try buffer.append(byte)
        offset += 1
      }
    }
    offset += 1
    string = machine.string(buffer.bytes.from(1))
  }

  private mutating func scanEscape(into buffer: inout Buffer) throws(Failure) {
    guard let byte = current else { return }  // The caller sees the end.
    switch byte {
    case UInt8(ascii: "a"): try buffer.append(7)
    case UInt8(ascii: "b"): try buffer.append(8)
    case UInt8(ascii: "f"): try buffer.append(12)
    case UInt8(ascii: "n"): try buffer.append(10)
    case UInt8(ascii: "r"): try buffer.append(13)
    case UInt8(ascii: "t"): try buffer.append(9)
    case UInt8(ascii: "v"): try buffer.append(11)
    case 10, 13:
      try buffer.append(10)
      return try skipLineEnd()
    case _ where byte.isDigit:
      var code = 0
      var count = 0
      while count < 3, let digit = current, digit.isDigit {
        code = code * 10 + Int(digit - 48)
        offset += 1
        count += 1
      }
      guard code <= 255 else { throw failure("escape sequence too large", near: buffer.bytes) }
      return try buffer.append(UInt8(code))
    default: try buffer.append(byte)
    }
    offset += 1
  }

  // MARK: Failing

  /// `what` near the current token.
  func failure(_ what: StaticString) -> Failure { failure(what, near: tokenText) }

  private var tokenText: Bytes {
    switch token {
    case .string: return stringText
    case .name, .number: return text[tokenStart..<max(tokenStart, endOfToken)]
    case .other: return text[tokenStart..<min(text.count, tokenStart + 1)]
    default: return Bytes(token.text)
    }
  }

  /// A string between its delimiters, its escapes and line ends read already, as messages have it.
  private var stringText: Bytes {
    var opening = 1
    if text[tokenStart] == UInt8(ascii: "[") {
      while text[tokenStart + opening] == UInt8(ascii: "=") { opening += 1 }
      opening += 1
    }
    let closing = text[max(tokenStart, endOfToken - opening)..<endOfToken]
    do throws(Failure) {
      var buffer = Buffer(machine)
      try buffer.append(text[tokenStart..<tokenStart + opening])
      try buffer.append(string.bytes)
      try buffer.append(closing)
      return machine.string(buffer.bytes).bytes
    } catch {
      return closing
    }
  }

  /// Where the current token ends: the next one may have been scanned already.
  private var endOfToken: Int { ahead == nil ? offset : min(offset, aheadStart) }

  func failure(_ what: StaticString, near: Bytes) -> Failure {
    failure(near: near) { b throws(Failure) in try b.append(what) }
  }

  /// As above, with a text that `write` puts together; `near` nil leaves the token out.
  func failure(near: Bytes?, _ write: (inout Buffer) throws(Failure) -> Void) -> Failure {
    SourceName.failure(machine, source, line: line, near: near, write)
  }

  /// `near` the current token.
  func failure(_ write: (inout Buffer) throws(Failure) -> Void) -> Failure {
    failure(near: tokenText, write)
  }
}

/// A chunk's name as messages show it.
enum SourceName {
  private static let sizeMax = 59

  /// The failure "source:line: text near 'token'".
  static func failure(
    _ machine: Machine, _ source: LuaString, line: Int, near: Bytes?,
    _ write: (inout Buffer) throws(Failure) -> Void
  ) -> Failure {
    do throws(Failure) {
      var buffer = Buffer(machine)
      try Self.write(source.bytes, to: &buffer)
      try buffer.append(UInt8(ascii: ":"))
      try buffer.append(number: Double(line))
      try buffer.append(": ")
      try write(&buffer)
      if let near {
        try buffer.append(" near '")
        if near.count == 1 && near[0].isControl {
          try buffer.append("char(")
          try buffer.append(number: Double(near[0]))
          try buffer.append(")")
        } else {
          // As C prints it: up to a zero.
          try buffer.append(near.untilZero)
        }
        try buffer.append("'")
      }
      machine.body.errorValue = Value(machine.string(buffer.bytes))
      return .error
    } catch {
      return error
    }
  }

  /// `=name` and `@name` are shown as they are, text as `[string "its first line..."]`.
  static func write(_ source: Bytes, to buffer: inout Buffer) throws(Failure) {
    guard source.count > 0 else { return try buffer.append("[string \"\"]") }
    if source[0] == UInt8(ascii: "=") {
      return try buffer.append(source[1..<min(source.count, sizeMax + 1)])
    }
    if source[0] == UInt8(ascii: "@") {
      let name = source.from(1)
      if name.count <= sizeMax - 7 { return try buffer.append(name) }
      try buffer.append("...")
      return try buffer.append(name.from(name.count - (sizeMax - 7)))
    }
    let room = sizeMax + 1 - 17
    // No further than what is shown: the source may be long, and its errors many.
    var size = 0
    while size < source.count, size <= room, source[size] != 10, source[size] != 13 { size += 1 }
    let isCut = size < source.count || size > room
    try buffer.append("[string \"")
    try buffer.append(source[0..<min(size, room)])
    if isCut { try buffer.append("...") }
    try buffer.append("\"]")
  }
}
