// JSONText.swift: JSON in the making: objects and arrays as they are opened and closed.

import Glibc

/// Text of one JSON value. Whoever writes it opens and closes in order.
struct JSONText {
  private(set) var text = ""
  private var needsComma = false
  private var depth = 0

  private mutating func begin(_ key: String?) {
    if needsComma { text += "," }
    if depth > 0 { text += "\n" + String(repeating: "  ", count: depth) }
    if let key { text += Self.quoted(key) + ": " }
    needsComma = true
  }

  mutating func object(_ key: String? = nil, _ body: (inout JSONText) -> Void) {
    nested(key, "{", "}", body)
  }

  mutating func array(_ key: String? = nil, _ body: (inout JSONText) -> Void) {
    nested(key, "[", "]", body)
  }

  private mutating func nested(
    _ key: String?, _ open: String, _ close: String, _ body: (inout JSONText) -> Void
  ) {
    begin(key)
    text += open
    needsComma = false
    depth += 1
    body(&self)
    depth -= 1
    if needsComma { text += "\n" + String(repeating: "  ", count: depth) }
    text += close
    needsComma = true
  }

  mutating func string(_ key: String? = nil, _ value: String?) {
    begin(key)
    text += value.map { Self.quoted($0) } ?? "null"
  }

  mutating func integer(_ key: String? = nil, _ value: Int?) {
    begin(key)
    text += value.map { "\($0)" } ?? "null"
  }

  /// Three digits behind the point; null for what is no number.
  mutating func number(_ key: String? = nil, _ value: Double?) {
    begin(key)
    text += value.flatMap { $0.isFinite ? Format.fixed($0, 3) : nil } ?? "null"
  }

  mutating func boolean(_ key: String? = nil, _ value: Bool) {
    begin(key)
    text += value ? "true" : "false"
  }

  /// Numbers on one line.
  mutating func numbers(_ key: String, _ values: [Double]) {
    begin(key)
    text += "[" + values.map { Format.fixed($0, 1) }.joined(separator: ", ") + "]"
  }

  static func quoted(_ value: String) -> String {
    var quoted = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
