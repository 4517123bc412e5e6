// Words.swift: a line cut into words, with the quotes and escapes that Redis has.
//
// Used for inline commands, files of options and files of users. "double quotes" know \n \r \t \b
// \a \xHH and take any other escaped byte as it is; 'single quotes' know \' alone. A closing quote
// must end its word.

import RESP

enum Words {
  /// The words of `line`, or nil when its quotes are unbalanced. A zero byte ends the line.
  ///
  /// - Complexity: O(n).
  static func split(_ line: ByteView) -> [[UInt8]]? {
    var words: [[UInt8]] = []
    var next = 0
    let end = line.firstIndex(of: 0) ?? line.count
    while true {
      while next < end, isBlank(line[next]) { next += 1 }
      guard next < end else { return words }
      var word: [UInt8] = []
      scan: while next < end {
        switch line[next] {
        case UInt8(ascii: "\""):
          guard let after = quoted(line[0..<end], from: next + 1, into: &word) else { return nil }
          next = after
          break scan
        case UInt8(ascii: "'"):
          guard let after = singleQuoted(line[0..<end], from: next + 1, into: &word) else {
            return nil
          }
          next = after
          break scan
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
          break scan
        case let byte:
          word.append(byte)
          next += 1
        }
      }
      words.append(word)
    }
  }

  static func split(_ line: String) -> [[UInt8]]? {
    var line = line
    return line.withUTF8 { unsafe split(ByteView(UnsafeRawBufferPointer($0))) }
  }

  /// `word` so that `split` reads it back as one word: as it is where that is safe, else quoted.
  static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x22 && $0 != 0x27 && $0 != 0x23 }
    guard !isPlain else { return word }
    var text = "\""
    for character in word.unicodeScalars {
      switch character {
      case "\\", "\"": text += "\\\(character)"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{7}": text += "\\a"
      case "\u{8}": text += "\\b"
      case _ where character.value < 0x20 || character.value == 0x7F:
        let digits = String(character.value, radix: 16)
        text += "\\x" + (digits.count < 2 ? "0" : "") + digits
      default: text.unicodeScalars.append(character)
      }
    }
    return text + "\""
  }

  /// Reads from behind an opening quote; returns the offset behind the closing one.
  private static func quoted(_ line: ByteView, from start: Int, into word: inout [UInt8]) -> Int? {
    var next = start
    while next < line.count {
      let byte = line[next]
      if byte == UInt8(ascii: "\"") { return endOfWord(line, after: next) }
      guard byte == UInt8(ascii: "\\"), next + 1 < line.count else {
        word.append(byte)
        next += 1
        continue
      }
      let escaped = line[next + 1]
      if escaped == UInt8(ascii: "x"), next + 3 < line.count,
        let high = hexDigit(line[next + 2]), let low = hexDigit(line[next + 3])
      {
        word.append(high << 4 | low)
        next += 4
        continue
      }
      switch escaped {
      case UInt8(ascii: "n"): word.append(0x0A)
      case UInt8(ascii: "r"): word.append(0x0D)
      case UInt8(ascii: "t"): word.append(0x09)
      case UInt8(ascii: "b"): word.append(0x08)
      case UInt8(ascii: "a"): word.append(0x07)
      default: word.append(escaped)
      }
      next += 2
    }
    return nil
  }

  private static func singleQuoted(
    _ line: ByteView, from start: Int, into word: inout [UInt8]
  ) -> Int? {
    var next = start
    while next < line.count {
      if line[next] == UInt8(ascii: "\\"), next + 1 < line.count,
        line[next + 1] == UInt8(ascii: "'")
      {
        word.append(UInt8(ascii: "'"))
        next += 2
      } else if line[next] == UInt8(ascii: "'") {
        return endOfWord(line, after: next)
      } else {
        word.append(line[next])
        next += 1
      }
    }
    return nil
  }

  private static func endOfWord(_ line: ByteView, after quote: Int) -> Int? {
    let next = quote + 1
    return next == line.count || isBlank(line[next]) ? next : nil
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 9 < 5 }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
