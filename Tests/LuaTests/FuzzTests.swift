// FuzzTests.swift: whatever bytes are compiled, matched or decoded, the interpreter answers and lives on.

import Testing

@testable import Lua

struct FuzzTests {
  /// What words of the language, of patterns and of the encodings begin with.
  private static let pieces: [String] = [
    "local ", "function ", "return ", "end ", "if ", "then ", "else ", "elseif ", "while ", "do ",
    "repeat ", "until ", "for ", "in ",
    "break ", "nil ", "true ", "not ", "and ", "or ", "a", "b", "f", "=", "==", "~=", "<=", "..",
    "...", "(", ")", "{", "}", "[", "]", ",",
    ";", ":", ".", "+", "-", "*", "/", "%", "^", "#", "1", "0x", "1e", "'", "\"", "[[", "]]", "[=[",
    "--", "--[[", "\\", "\n", "\u{1}",
    "%b()", "%f[", "(.-)", "%1", "[^", "\"a\":", "null", "\\u00e9", "1.5e9", "%5.2f", "%q", "%s",
    "!4", "i8", "c0", ">", "s",
  ]

  private static func bytes(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 1...30, using: &random) {
      if Int.random(in: 0..<4, using: &random) == 0 {
        bytes.append(UInt8.random(in: 0...255, using: &random))
      } else {
        bytes += (pieces.randomElement(using: &random) ?? "").utf8
      }
    }
    return bytes
  }

  private static let program = """
    local a, b = ...
    local run = loadstring(a)
    if run then pcall(run) end
    loadstring('return ' .. a) loadstring('local t = {' .. a .. '}')
    pcall(string.find, b, a) pcall(string.gsub, b, a, b) pcall(string.match, a .. b, a) pcall(string.format, a, 1, b, 2.5)
    for _, decode in ipairs({cjson.decode, cmsgpack.unpack}) do pcall(decode, a) pcall(decode, '[' .. a .. ']') pcall(decode, '\\146' .. a) end
    pcall(struct.unpack, a, b) pcall(struct.unpack, a, b, #a) pcall(struct.pack, a, 1, b, 2.5, a) pcall(struct.size, a)
    pcall(cmsgpack.pack, a, b) pcall(cjson.encode, {a, [b] = a}) pcall(tonumber, a) pcall(tonumber, b, 16)
    return 'alive'
    """

  /// Method: random pieces and bytes, in an interpreter that for one seed collects all the time; programs among them run with a
  /// hook that ends them.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func anyBytesAreAnswered(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let lua = Interpreter(memoryMax: 16 << 20)
    lua.protectGlobals()
    lua.collectsAlways = seed == 1
    let source = Array(Self.program.utf8)
    guard case .success(let program) = unsafe lua.compile(source.span.bytes, name: "@fuzz") else {
      Issue.record("the program does not compile")
      return
    }
    lua.pin(program)
    for step in 0..<(seed == 1 ? 20 : 200) {
      var looks = 0
      lua.hook = {
        looks += 1
        return looks < 3
      }
      let (a, b) = (Self.bytes(&random), Self.bytes(&random))
      let first = unsafe lua.string(a.span.bytes)
      let second = unsafe lua.string(b.span.bytes)
      switch lua.run(program, [first, second]) {
      case .success(let answer): #expect(text(of: answer, in: lua) == "alive")
      case .failure(let message):
        #expect(
          text(of: message, in: lua) == "not enough memory", "seed \(seed), step \(step): \(a)")
      case .killed: break
      }
    }
  }
}

/// A generator that gives the same numbers for the same seed.
private struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
