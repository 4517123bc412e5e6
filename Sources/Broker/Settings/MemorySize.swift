// MemorySize.swift: amounts of memory as people write and read them: `64mb`, `1gb`, `1.50M`.
//
// As in Redis, `k` is a thousand and `kb` is 1024, case does not matter, and there are no fractions.

import RESP

enum MemorySize {
  /// The bytes that `text` spells, or nil when it is no amount or does not fit.
  ///
  /// Redis takes digits alone, then at most one unit; no digits at all are zero. It wraps around on
  /// overflow, which would turn a huge limit into a small one, so that is refused here.
  static func parse(_ text: ByteView) -> Int? {
    var digits = 0
    var amount = 0
    while digits < text.count, text[digits] &- 0x30 <= 9 {
      let (product, tooBig) = amount.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(Int(text[digits] &- 0x30))
      guard !tooBig, !overflow else { return nil }
      amount = sum
      digits += 1
    }
    guard let unit = unit(text[digits..<text.count]) else { return nil }
    let (size, overflow) = amount.multipliedReportingOverflow(by: unit)
    return overflow ? nil : size
  }

  private static func unit(_ name: ByteView) -> Int? {
    if name.isEmpty || name.matches("b") { return 1 }
    if name.matches("k") { return 1000 }
    if name.matches("kb") { return 1 << 10 }
    if name.matches("m") { return 1_000_000 }
    if name.matches("mb") { return 1 << 20 }
    if name.matches("g") { return 1_000_000_000 }
    if name.matches("gb") { return 1 << 30 }
    return nil
  }

  /// `size` for a file of options: in the largest unit that divides it, as CONFIG REWRITE prints it.
  static func exact(_ size: Int) -> String {
    guard size != 0 else { return "0" }
    for (unit, name) in [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")]
    where size % unit == 0 {
      return "\(size / unit)\(name)"
    }
    return "\(size)"
  }

  /// `size` rounded to two digits, as the `_human` fields of INFO print it: `1023B`, `1.50M`.
  static func rounded(_ size: Int) -> String {
    guard size >= 1024 else { return "\(max(size, 0))B" }
    var unit = 1 << 10
    var names = ["K", "M", "G", "T", "P", "E"][...]
    while names.count > 1, size / unit >= 1024 {
      unit <<= 10
      names = names.dropFirst()
    }
    let whole = size / unit
    var hundredths = Int((Double(size % unit) / Double(unit) * 100).rounded(.toNearestOrEven))
    let carried = whole + hundredths / 100
    hundredths %= 100
    return "\(carried).\(hundredths < 10 ? "0" : "")\(hundredths)\(names.first ?? "E")"
  }
}
