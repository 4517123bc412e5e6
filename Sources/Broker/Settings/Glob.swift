// Glob.swift: patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and access rules, over bytes.
//
// Redis' rules: `*` any run, `?` any byte, `[abc]` `[^a-z]` one of a set, `\x` the byte x itself.
// Every part but `*` takes exactly one byte, so it is enough to remember the last `*` and retry
// from there: no recursion, at most pattern × text steps whatever a hostile pattern says.

import RESP

enum Glob {
  /// Whether `pattern` matches the whole of `text`.
  ///
  /// As in Redis, an empty text is matched by the empty pattern alone, not by `*`; an unclosed `[`
  /// ends the pattern; inside a set an escaped byte is compared with its case.
  /// - Complexity: O(pattern × text) at worst, O(pattern + text) with at most one `*`.
  static func matches(_ pattern: ByteView, _ text: ByteView, ignoringCase: Bool = false) -> Bool {
    guard !text.isEmpty else { return pattern.isEmpty }
    var patternOffset = 0, textOffset = 0
    var retry: (pattern: Int, text: Int)?  // After the last `*`, and what it has not swallowed yet.

    while textOffset < text.count {
      if patternOffset < pattern.count, pattern[patternOffset] == UInt8(ascii: "*") {
        patternOffset += 1
        if patternOffset == pattern.count { return true }
        retry = (patternOffset, textOffset)
        continue
      }
      if patternOffset < pattern.count {
        let (size, found) = part(
          of: pattern, at: patternOffset, takes: text[textOffset], ignoringCase: ignoringCase)
        if found {
          patternOffset += size
          textOffset += 1
          continue
        }
      }
      guard let last = retry else { return false }
      retry = (last.pattern, last.text + 1)
      patternOffset = last.pattern
      textOffset = last.text + 1
    }
    while patternOffset < pattern.count, pattern[patternOffset] == UInt8(ascii: "*") {
      patternOffset += 1
    }
    return patternOffset == pattern.count
  }

  /// Whether `pattern` has a byte that means more than itself, for those who look names up directly.
  static func isPattern(_ pattern: ByteView) -> Bool {
    for index in 0..<pattern.count {
      switch pattern[index] {
      case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["): return true
      default: break
      }
    }
    return false
  }

  /// The size of the part at `offset`, which is no `*`, and whether it takes `byte`.
  private static func part(
    of pattern: ByteView, at offset: Int, takes byte: UInt8, ignoringCase: Bool
  ) -> (size: Int, found: Bool) {
    switch pattern[offset] {
    case UInt8(ascii: "?"):
      return (1, true)
    case UInt8(ascii: "["):
      return set(of: pattern, at: offset, takes: byte, ignoringCase: ignoringCase)
    case UInt8(ascii: "\\") where offset + 1 < pattern.count:
      return (2, same(pattern[offset + 1], byte, ignoringCase))
    case let plain:
      return (1, same(plain, byte, ignoringCase))
    }
  }

  private static func set(
    of pattern: ByteView, at offset: Int, takes byte: UInt8, ignoringCase: Bool
  ) -> (size: Int, found: Bool) {
    var next = offset + 1
    let isNegated = next < pattern.count && pattern[next] == UInt8(ascii: "^")
    if isNegated { next += 1 }
    var found = false
    while next < pattern.count, pattern[next] != UInt8(ascii: "]") {
      if pattern[next] == UInt8(ascii: "\\"), next + 1 < pattern.count {
        if pattern[next + 1] == byte { found = true }
        next += 2
      } else if next + 2 < pattern.count, pattern[next + 1] == UInt8(ascii: "-") {
        let a = folded(pattern[next], ignoringCase), b = folded(pattern[next + 2], ignoringCase)
        if (min(a, b)...max(a, b)).contains(folded(byte, ignoringCase)) { found = true }
        next += 3
      } else {
        if same(pattern[next], byte, ignoringCase) { found = true }
        next += 1
      }
    }
    if next < pattern.count { next += 1 }  // The closing bracket.
    return (next - offset, found != isNegated)
  }

  private static func same(_ a: UInt8, _ b: UInt8, _ ignoringCase: Bool) -> Bool {
    a == b || folded(a, ignoringCase) == folded(b, ignoringCase)
  }

  private static func folded(_ byte: UInt8, _ ignoringCase: Bool) -> UInt8 {
    ignoringCase && byte &- 0x41 < 26 ? byte | 0x20 : byte
  }
}
