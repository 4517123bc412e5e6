// Token.swift: the words of the language.

enum Token: UInt8 {
  // Reserved words, in the order of `reserved`.
  case and, `break`, `do`, `else`, elseif, end, `false`, `for`, function, `if`, `in`, local, `nil`,
    not, or
  case `repeat`, `return`, then, `true`, until, `while`
  // Symbols
  case plus, minus, star, slash, percent, caret, hash
  case equal, notEqual, lessEqual, greaterEqual, less, greater, assign
  case openParenthesis, closeParenthesis, openBrace, closeBrace, openBracket, closeBracket
  case semicolon, colon, comma, dot, concatenate, dots
  /// Any other character; the lexer has it in `character`.
  case other
  // Words with a value
  case number, name, string
  case endOfSource

  static let reserved: [StaticString] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local",
    "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
  ]

  private static let symbols: [StaticString] = [
    "+", "-", "*", "/", "%", "^", "#", "==", "~=", "<=", ">=", "<", ">", "=", "(", ")", "{", "}",
    "[", "]",
    ";", ":", ",", ".", "..", "...",
  ]

  /// As messages have it.
  var text: StaticString {
    let index = Int(rawValue)
    if index < Self.reserved.count { return Self.reserved[index] }
    if index < Int(Token.other.rawValue) { return Self.symbols[index - Self.reserved.count] }
    switch self {
    case .number: return "<number>"
    case .name: return "<name>"
    case .string: return "<string>"
    default: return "<eof>"
    }
  }
}
