import RESP
import Testing

@testable import Broker

private func matches(_ pattern: String, _ text: String, ignoringCase: Bool = false) -> Bool {
  var pattern = pattern, text = text
  return pattern.withView { pattern in
    text.withView { Glob.matches(pattern, $0, ignoringCase: ignoringCase) }
  }
}

@Test(arguments: [
  ("", "", true), ("*", "", false), ("**", "", false), ("", "a", false),
  ("a*", "a", true), ("*", "abc", true), ("a?c", "abc", true), ("a?c", "ac", false),
  ("h[ae]llo", "hallo", true), ("h[ae]llo", "hillo", false), ("h[^e]llo", "hallo", true),
  ("h[^e]llo", "hello", false), ("h[a-b]llo", "hbllo", true), ("h[b-a]llo", "hallo", true),
  ("h\\*llo", "h*llo", true), ("h\\*llo", "hxllo", false), ("a\\", "a\\", true),
  ("[\\]]", "]", true), ("[abc", "b", true), ("[abc", "bx", false), ("[^", "b", true),
  ("a[]b", "ab", false), ("*b*d", "abcd", true), ("*b*d", "abcde", false),
  ("a**b***", "aXb", true), ("*aab", "aaab", true), ("*?", "a", true), ("?*?", "a", false),
])
func aPatternMatchesWhatRedisMatches(pattern: String, text: String, expected: Bool) {
  #expect(matches(pattern, text) == expected, "\(pattern) on \(text)")
}

@Test func caseIsIgnoredWhereAskedFor() {
  #expect(matches("MaxMem*", "maxmemory", ignoringCase: true))
  #expect(matches("[A-C]x", "bX", ignoringCase: true))
  #expect(!matches("MaxMem*", "maxmemory"))
}

/// Goal: a pattern made to hang the matcher does not. Method: it must end within the test's time.
@Test func aHostilePatternEnds() {
  let pattern = String(repeating: "a*", count: 2000) + "b"
  #expect(!matches(pattern, String(repeating: "a", count: 5000)))
}

/// Goal: the matcher agrees with a plain recursive one. Method: random short patterns and texts.
@Test(arguments: [1, 2, 3] as [UInt64])
func theMatcherAgreesWithItsModel(seed: UInt64) {
  func model(_ p: ArraySlice<Character>, _ t: ArraySlice<Character>) -> Bool {
    guard let first = p.first else { return t.isEmpty }
    if first == "*" {
      return model(p.dropFirst(), t) || (!t.isEmpty && model(p, t.dropFirst()))
    }
    guard let byte = t.first, first == "?" || first == byte else { return false }
    return model(p.dropFirst(), t.dropFirst())
  }
  var random = SplitMix64(seed: seed)
  for _ in 0..<5000 {
    let pattern = (0..<Int.random(in: 0..<8, using: &random)).map { _ in
      "ab*?".randomElement(using: &random)!
    }
    let text = (0..<Int.random(in: 1..<8, using: &random)).map { _ in
      "ab".randomElement(using: &random)!
    }
    #expect(
      matches(String(pattern), String(text)) == model(pattern[...], text[...]),
      "seed \(seed): \(String(pattern)) on \(String(text))")
  }
}
