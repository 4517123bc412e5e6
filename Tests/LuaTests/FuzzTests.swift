// FuzzTests.swift: whatever bytes are compiled, matched or decoded, the interpreter answers and lives on.
//
// A normal run takes a moment. To look for longer, where each access to memory is checked:
//
//     LUA_FUZZ_SECONDS=300 swift test --sanitize=address --scratch-path /tmp/lua-fuzz --filter LuaTests.FuzzTests

import Glibc
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

  /// Values made at random, packed by each library, their bytes changed, and what is left read again; `...`
  /// is a seed.
  private static let packing = """
    math.randomseed(...)
    local function value(depth)
      local kind = math.random(depth > 3 and 6 or 9)
      if kind == 1 then return math.random(-2 ^ 31, 2 ^ 31 - 1) elseif kind == 2 then return math.random() * 2 ^ math.random(-80, 80)
      elseif kind == 3 then return math.random() < 0.5 elseif kind == 4 then return ('a\\0\\n\\"\\200'):sub(1, math.random(0, 5))
      elseif kind == 5 then return ('x'):rep(math.random(0, 300)) elseif kind == 6 then return cjson.null end
      local t = {}
      for i = 1, math.random(0, 6) do t[kind == 7 and i or 'k' .. i] = value(depth + 1) end
      return t
    end
    local function damaged(s)
      for _ = 1, math.random(3) do
        local at, size = math.random(0, #s), math.random(0, 4)
        local bytes = ''
        for _ = 1, math.random(0, 4) do bytes = bytes .. string.char(math.random(0, 255)) end
        s = s:sub(1, at) .. bytes .. s:sub(at + size + 1)
      end
      return s
    end
    local formats = {'<', '>', '!', '!4', 'b', 'H', 'i', 'I3', 'i8', 'l', 'T', 'f', 'd', 's', 'c3', 'x', ' ', 'bc0', 'c0'}
    for _ = 1, 20 do
      local v = value(0)
      local ok, packed = pcall(cmsgpack.pack, v, value(2))
      if ok then
        pcall(cmsgpack.unpack, packed)
        for _ = 1, 5 do
          local d = damaged(packed)
          pcall(cmsgpack.unpack, d) pcall(cmsgpack.unpack_one, d, math.random(0, #d + 1)) pcall(cmsgpack.unpack_limit, d, 2, math.random(0, 3))
        end
      end
      local ok, text = pcall(cjson.encode, v)
      if ok then pcall(cjson.decode, text) for _ = 1, 5 do pcall(cjson.decode, damaged(text)) end end
      local format = ''
      for _ = 1, math.random(6) do format = format .. formats[math.random(#formats)] end
      local ok, bytes = pcall(struct.pack, format, 1, 'text', 3.5, -4, 'abc', 6)
      for _ = 1, 5 do
        local data = damaged(ok and bytes or 'some bytes of data')
        pcall(struct.unpack, format, data) pcall(struct.unpack, damaged(format), data, math.random(0, #data + 2)) pcall(struct.size, damaged(format))
      end
      local pattern = damaged('^(%a-)[%w_]*%b{}%f[%s](.-)%1()[^]x-z]+.?$')
      for _ = 1, 3 do
        local subject = damaged('some {text} some 12 words, _a-z')
        pcall(string.find, subject, pattern) pcall(string.gsub, subject, pattern, '%1%0', 5) pcall(string.gsub, subject, pattern, {some = 1}) pcall(string.gmatch(subject, pattern))
      end
    end
    return 'alive'
    """

  /// The lines of the programs that the conformance suite compares with Lua in C.
  private static let corpus: [[UInt8]] = {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return ["language", "strings", "libraries", "redis"].flatMap { (name: String) -> [[UInt8]] in
      guard let file = unsafe fopen("/\(folder)/Conformance/lua/\(name).lua", "r") else {
        return []
      }
      defer { unsafe fclose(file) }
      var bytes: [UInt8] = []
      while case let byte = unsafe getc(file), byte >= 0 { bytes.append(UInt8(byte)) }
      return bytes.split(separator: 10).map { Array($0) }
    }
  }()

  /// Some lines of the corpus, damaged.
  private static func damagedProgram(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    let start = Int.random(in: 0..<corpus.count, using: &random)
    var program = Array(corpus[start..<min(corpus.count, start + 3)].joined(separator: [10]))
    for _ in 0..<Int.random(in: 1...4, using: &random) where !program.isEmpty {
      let at = Int.random(in: 0..<program.count, using: &random)
      let end = min(program.count, at + Int.random(in: 0...12, using: &random))
      switch Int.random(in: 0..<4, using: &random) {
      case 0: program.removeSubrange(at..<end)
      case 1: program.replaceSubrange(at..<end, with: bytes(&random))
      case 2: program.insert(contentsOf: program[at..<end], at: 0)
      default: program[at] = UInt8.random(in: 0...255, using: &random)
      }
    }
    return program
  }

  /// Method: random pieces and bytes, damaged lines of the corpus and damaged packed values, in an interpreter
  /// that for one seed collects all the time; programs among them run with a hook that ends them.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func anyBytesAreAnswered(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    #expect(Self.corpus.count > 100)
    let seconds = unsafe getenv("LUA_FUZZ_SECONDS").flatMap { unsafe Int(String(cString: $0)) }
    let end = seconds.map { time(nil) + $0 }
    var step = 0
    while end.map({ time(nil) < $0 }) ?? (step < 1) {
      // An interpreter in which anything may have been done ends as well as one that is new.
      fuzz(seed, &step, &random, steps: seed == 1 ? 20 : 200)
    }
  }

  private func fuzz(
    _ seed: UInt64, _ step: inout Int, _ random: inout SplitMix64, steps: Int
  ) {
    let lua = Interpreter(memoryMax: 16 << 20)
    lua.protectGlobals()
    lua.collectionInterval = seed == 1 ? 1 : 0
    let programs = [Self.program, Self.packing].map { text in
      let source = Array(text.utf8)
      guard case .success(let program) = unsafe lua.compile(source.span.bytes, name: "@fuzz") else {
        preconditionFailure("the program does not compile")
      }
      lua.pin(program)
      return program
    }
    for _ in 0..<steps {
      step += 1
      var looks = 0
      lua.hook = {
        looks += 1
        return looks < 3
      }
      let result: Interpreter.Result
      var a: [UInt8] = []
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        result = lua.run(
          programs[1], [Value(Int.random(in: 0..<(1 << 31), using: &random))])
      case let kind:
        a = kind == 1 ? Self.damagedProgram(&random) : Self.bytes(&random)
        let b = Self.bytes(&random)
        let first = unsafe lua.string(a.span.bytes)
        let second = unsafe lua.string(b.span.bytes)
        result = lua.run(programs[0], [first, second])
      }
      switch result {
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
