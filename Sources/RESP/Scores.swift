// Scores.swift: the scores of sorted sets, in and out, as Redis 7 reads and prints them.
//
// Most scores are integers or have few decimals: these are read without the C library, and integers
// are printed without it. All others take its way, so that no digit differs.

#if canImport(Glibc)
  import Glibc
#endif

extension ByteView {
  /// The score these bytes spell, as strtod reads it in the C locale: all of them, without blanks in
  /// front; not a NaN, nor a number too big or too small to be held.
  public var score: Double? {
    if let simple = simpleDecimal { return simple }
    guard count > 0, !isBlank(self[0]) else { return nil }
    var isOutOfRange = false
    guard let (value, size) = prefixDouble(&isOutOfRange), size == count, !isOutOfRange else {
      return nil
    }
    return value
  }

  /// The limit of a range of scores these bytes spell: as `score`, but blanks may stand in front, no
  /// bytes are 0, a zero byte ends them, and what is too big is infinite.
  public var scoreLimit: Double? {
    if let simple = simpleDecimal { return simple }
    let text = self[0..<(firstIndex(of: 0) ?? count)]
    if text.isEmpty { return 0 }
    var isOutOfRange = false
    guard let (value, size) = text.prefixDouble(&isOutOfRange), size == text.count else {
      return nil
    }
    return value
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

  /// A number of at most 15 digits, which may have a sign before it and a point among them.
  ///
  /// It is exact: digits and power of ten are both held exactly, so their quotient is rounded once.
  private var simpleDecimal: Double? {
    guard count > 0, count <= 17 else { return nil }
    var index = 0, digits = 0, magnitude: Int64 = 0, scale = 0
    let isNegative = self[0] == 0x2D
    if isNegative { index = 1 }
    var hasPoint = false
    while index < count {
      let byte = self[index]
      if byte &- 0x30 <= 9 {
        magnitude = magnitude * 10 + Int64(byte &- 0x30)
        digits += 1
        if hasPoint { scale += 1 }
      } else if byte == 0x2E, !hasPoint {
        hasPoint = true
      } else {
        return nil
      }
      index += 1
    }
    guard digits > 0, digits <= 15 else { return nil }
    let value = scale == 0 ? Double(magnitude) : Double(magnitude) / Self.powersOfTen(scale)
    return isNegative ? -value : value
  }

  private static func powersOfTen(_ exponent: Int) -> Double {
    var power = 1.0
    for _ in 0..<exponent { power *= 10 }
    return power
  }

  /// The number that the first bytes spell, and how many these are; nil for a NaN.
  private func prefixDouble(_ isOutOfRange: inout Bool) -> (Double, Int)? {
    var text = array
    text.append(0)
    return unsafe text.withUnsafeBufferPointer { bytes -> (Double, Int)? in
      unsafe bytes.withMemoryRebound(to: CChar.self) { characters -> (Double, Int)? in
        guard let start = characters.baseAddress else { return nil }
        var end: UnsafeMutablePointer<CChar>?
        errno = 0
        let value = unsafe strtod(start, &end)
        isOutOfRange = errno == ERANGE && (value.isInfinite || value.isZero)
        guard let end = unsafe end, !value.isNaN else { return nil }
        return unsafe (value, end - UnsafeMutablePointer(mutating: start))
      }
    }
  }
}

extension Double {
  /// Calls `body` with the number as replies have it: 17 significant digits, or fewer where the rest
  /// is zeros; an exponent where it is large or small; `inf`, `-inf`, `-0`.
  public func withScoreText<R>(_ body: (ByteView) -> R) -> R {
    if isInfinite { return body(self < 0 ? ByteView("-inf") : ByteView("inf")) }
    if magnitude < 1e17, rounded(.towardZero) == self {
      if self == 0, sign == .minus { return body(ByteView("-0")) }
      var digits = DecimalDigits(Int64(self))
      return digits.withView(body)
    }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { room in
      let size = unsafe withVaList([self]) { arguments in
        unsafe Int(
          vsnprintf(
            room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, "%.17g", arguments))
      }
      precondition(size > 0 && size < room.count)
      return unsafe body(ByteView(UnsafeRawBufferPointer(rebasing: room[0..<size])))
    }
  }
}

extension Reply {
  /// A score: a double, or a bulk string for RESP2.
  public mutating func score(_ score: Double) {
    if version >= 3 {
      bytes.append(byte: 0x2C)
      score.withScoreText { bytes.append($0) }
      bytes.append("\r\n")
    } else {
      bulk(score: score)
    }
  }

  /// A score as a bulk string in any version.
  public mutating func bulk(score: Double) {
    score.withScoreText { bulk($0) }
  }
}
