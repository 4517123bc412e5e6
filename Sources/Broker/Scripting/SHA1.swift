// SHA1.swift: the hash by which scripts are known, as FIPS 180-4 describes it.
//
// It names scripts and protects nothing. EVAL hashes its script each time, so blocks are mixed where
// they lie, without a copy.

import RESP

/// A SHA-1 hash: 20 bytes.
struct SHA1: Hashable, Sendable {
  private let high: UInt64, middle: UInt64
  private let low: UInt32

  /// The hash of `bytes`.
  init(_ bytes: ByteView) {
    var state = Mixer()
    let whole = bytes.count & ~63
    for offset in stride(from: 0, to: whole, by: 64) { state.mix(bytes, at: offset) }
    // The rest, a one bit, zeros up to 8 bytes short of a block, the size in bits.
    var rest = bytes[whole..<bytes.count].array
    rest.append(0x80)
    rest += repeatElement(0, count: (120 - rest.count % 64) % 64)
    let bits = UInt64(bytes.count) * 8
    rest += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - $0 * 8)) }
    unsafe rest.withUnsafeBytes {
      let view = unsafe ByteView($0)
      for offset in stride(from: 0, to: view.count, by: 64) { state.mix(view, at: offset) }
    }
    high = UInt64(state.a) << 32 | UInt64(state.b)
    middle = UInt64(state.c) << 32 | UInt64(state.d)
    low = state.e
  }

  /// The hash that 40 hexadecimal digits spell, in any case; nil when these are none.
  init?(hex: ByteView) {
    guard hex.count == 40 else { return nil }
    var words = (high: UInt64(0), middle: UInt64(0), low: UInt64(0))
    for index in 0..<40 {
      guard let digit = Self.value(of: hex[index]) else { return nil }
      switch index {
      case ..<16: words.high = words.high << 4 | digit
      case ..<32: words.middle = words.middle << 4 | digit
      default: words.low = words.low << 4 | digit
      }
    }
    high = words.high
    middle = words.middle
    low = UInt32(truncatingIfNeeded: words.low)
  }

  private static func value(of digit: UInt8) -> UInt64? {
    switch digit {
    case 0x30...0x39: UInt64(digit - 0x30)
    case 0x41...0x46: UInt64(digit - 0x41 + 10)
    case 0x61...0x66: UInt64(digit - 0x61 + 10)
    default: nil
    }
  }

  /// 40 hexadecimal digits in lower case.
  var hex: [UInt8] {
    let digits = ByteView("0123456789abcdef")
    return (0..<40).map { index in
      let word =
        index < 16
        ? high >> UInt64(60 - index * 4)
        : index < 32 ? middle >> UInt64(124 - index * 4) : UInt64(low) >> UInt64(156 - index * 4)
      return digits[Int(word & 15)]
    }
  }
}

/// The state between two blocks.
private struct Mixer {
  var a: UInt32 = 0x6745_2301, b: UInt32 = 0xEFCD_AB89, c: UInt32 = 0x98BA_DCFE
  var d: UInt32 = 0x1032_5476, e: UInt32 = 0xC3D2_E1F0

  /// Mixes in the 64 bytes at `offset`.
  mutating func mix(_ bytes: ByteView, at offset: Int) {
    // Of the 80 words only the last 16 are needed at any time.
    var words = InlineArray<16, UInt32>(repeating: 0)
    for index in 0..<16 {
      words[index] = bytes.littleEndian(at: offset + index * 4, as: UInt32.self).byteSwapped
    }
    var (a, b, c, d, e) = (self.a, self.b, self.c, self.d, self.e)
    for step in 0..<80 {
      if step >= 16 {
        let mixed =
          words[(step &+ 13) & 15] ^ words[(step &+ 8) & 15] ^ words[(step &+ 2) & 15]
          ^ words[step & 15]
        words[step & 15] = Self.turned(mixed, 1)
      }
      let (choice, constant): (UInt32, UInt32) =
        switch step {
        case ..<20: (b & c | ~b & d, 0x5A82_7999)
        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
      let sum = Self.turned(a, 5) &+ choice &+ e &+ constant &+ words[step & 15]
      (e, d, c, b, a) = (d, c, Self.turned(b, 30), a, sum)
    }
    self.a &+= a
    self.b &+= b
    self.c &+= c
    self.d &+= d
    self.e &+= e
  }

  private static func turned(_ word: UInt32, _ bits: UInt32) -> UInt32 {
    word << bits | word >> (32 - bits)
  }
}
