// Format.swift: numbers as people read them.

import Glibc

enum Format {
  /// `digits` digits behind the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "-" }
    let scale = pow(10.0, Double(digits))
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let number = Int(scaled), unit = Int(scale)
    let sign = value < 0 && number > 0 ? "-" : ""
    guard digits > 0 else { return sign + "\(number)" }
    let fraction = String("\(unit + number % unit)".dropFirst())
    return sign + "\(number / unit).\(fraction)"
  }

  /// Three digits that count.
  static func short(_ value: Double) -> String {
    fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
  }

  /// `1,234,567`
  static func grouped(_ value: Double) -> String {
    let digits = fixed(value, 0)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0, digits.first != "-" || index > 1 {
        text += ","
      }
      text.append(digit)
    }
    return text
  }

  /// Nanoseconds: `850 ns`, `85.3 us`, `1.24 ms`, `2.10 s`.
  static func time(_ nanoseconds: Double) -> String {
    switch abs(nanoseconds) {
    case ..<1000: fixed(nanoseconds, 0) + " ns"
    case ..<999_500: short(nanoseconds / 1e3) + " us"
    case ..<999_500_000: short(nanoseconds / 1e6) + " ms"
    default: short(nanoseconds / 1e9) + " s"
    }
  }

  static func time(_ nanoseconds: Int64) -> String { time(Double(nanoseconds)) }

  /// Bytes: `12.3 MB`.
  static func size(_ bytes: Double) -> String {
    bytes < 1e3
      ? fixed(bytes, 0) + " B"
      : bytes < 1e6
        ? short(bytes / 1e3) + " kB"
        : bytes < 1e9 ? short(bytes / 1e6) + " MB" : short(bytes / 1e9) + " GB"
  }

  static func seconds(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value)) s" : short(value) + " s"
  }
}

extension String {
  /// With blanks before it, up to `width` characters.
  func right(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
  /// With blanks behind it.
  func left(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

extension Double {
  var logarithm: Double { log(self) }
  static func exponential(_ value: Double) -> Double { exp(value) }
}

extension Format {
  /// Milliseconds since 1970 as `2026-11-21T15:04:05Z`.
  static func date(_ milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000), parts = unsafe tm()
    _ = unsafe gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { String("\(100 + value)".dropFirst()) }
    let date = unsafe "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return unsafe date + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }
}

extension Format {
  /// Nanoseconds of a tick, which is a round number: `50 us`.
  static func tick(_ nanoseconds: Double) -> String {
    let (value, unit) =
      nanoseconds < 1e3
      ? (nanoseconds, "ns")
      : nanoseconds < 1e6
        ? (nanoseconds / 1e3, "us")
        : nanoseconds < 1e9 ? (nanoseconds / 1e6, "ms") : (nanoseconds / 1e9, "s")
    return plain(value) + " " + unit
  }

  /// A count in thousands or millions: `250 k`, `1.2 M`.
  static func tally(_ value: Double) -> String {
    value < 1e3
      ? plain(value) : value < 1e6 ? plain(value / 1e3) + " k" : plain(value / 1e6) + " M"
  }

  /// Three digits that count, without zeros at the end of a fraction.
  private static func plain(_ value: Double) -> String {
    var text = short(value)
    if text.contains(".") {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return text
  }
}
