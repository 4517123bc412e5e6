// LimitTests.swift: nothing a script does traps, hangs or grows without bound.

import Testing

@testable import Lua

struct LimitTests {
  /// Goal: whatever nests too deeply is an error. Method: the deepest of everything that recurses.
  @Test(arguments: [
    (
      "return " + String(repeating: "(", count: 100_000),
      "!user_script:1: chunk has too many syntax levels"
    ),
    (
      "return " + String(repeating: "{", count: 100_000),
      "!user_script:1: chunk has too many syntax levels"
    ),
    (
      "return " + String(repeating: "-", count: 100_001).replacing("--", with: "- "),
      "!user_script:1: chunk has too many syntax levels"
    ),
    (String(repeating: "do ", count: 100_000), "!user_script:1: chunk has too many syntax levels"),
    ("return ('a'):rep(1000):find(('a?'):rep(1000))", "!user_script:1: pattern too complex"),
    (
      "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
      "!user_script:1: loop in gettable"
    ),
    ("local function f() return pcall(f) end local ok, a, b = f() return type(ok)", "boolean"),
    (
      "local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x",
      "!user_script:1: C stack overflow"
    ),
  ])
  func depthIsBounded(script: String, expected: String) {
    #expect(evaluate(script) == expected)
  }

  @Test(arguments: [
    "local t = {} while true do t[#t + 1] = {} end",
    "local s = 'x' while true do s = s .. s end",
    "local s = ('x'):rep(1e9)",
    "local t = {} for i = 1, 1e9 do t['k' .. i] = i end",
    "local s = ('x'):rep(1e6) return (s:gsub('x', s))",
    "local t = {} while true do t[#t + 1] = coroutine.create(function() return t end) end",
  ])
  func memoryIsBounded(script: String) {
    let answer = evaluate(script, memoryMax: 2 << 20)
    #expect(answer == "!not enough memory" || answer.hasSuffix("stack overflow"))
  }

  /// Goal: a script that runs too long is ended, whatever it does, and no `pcall` saves it.
  @Test(arguments: [
    "while true do end",
    "repeat until false",
    "local x while true do if x then x = 1 end end",
    "local i = 0 repeat i = i + 1 until i < 0",
    "for i = 1, math.huge do end",
    "local function f() return f() end f()",
    "local function f(...) return f(1, ...) end f()",
    "while true do pcall(function() while true do end end) end",
    "return (('a'):rep(1000)):find(('a*'):rep(50) .. 'b')",
    "local co = coroutine.wrap(function() while true do end end) co()",
    "local t = {} for i = 1, 1e4 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
  ])
  func hookEndsWhatRunsTooLong(script: String) {
    #expect(evaluate(script, hook: { false }) == "killed")
  }

  /// Goal: an interpreter goes on after failures and kills as if nothing had been.
  @Test func interpreterIsReusableAfterFailures() {
    let lua = Interpreter(memoryMax: 8 << 20)
    lua.protectGlobals()
    for _ in 0..<3 {
      #expect(
        evaluate("local t = {} while true do t[#t + 1] = {} end", in: lua) == "!not enough memory")
      lua.hook = { false }
      #expect(evaluate("pcall(function() while true do end end)", in: lua) == "killed")
      lua.hook = nil
      #expect(
        evaluate("local function f() f() end f()", in: lua) == "!user_script:1: stack overflow")
      #expect(evaluate("return #table.concat({1, 2, 3}, ',')", in: lua) == "5")
    }
    lua.collectGarbage()
    #expect(lua.memoryUsed < 4 << 20)
  }

  /// Goal: code counts while it is made, and not when it is done: a long script is refused in time.
  @Test func memoryOfTheCompilerIsBounded() {
    let lua = Interpreter(memoryMax: 4 << 20)
    #expect(
      evaluate("return (select(2, loadstring(('a=a '):rep(2e5))))", in: lua)
        == "not enough memory")
    #expect(lua.memoryUsed < 4 << 20)
    #expect(evaluate("return type(loadstring(('a=a '):rep(2e4)))", in: lua) == "function")
  }

  /// Goal: a long string fits the memory together with the buffer that it is made in.
  @Test(arguments: [
    "('x'):rep(6e6)", "table.concat({('x'):rep(3e6), ('y'):rep(3e6)})",
    "('x'):rep(3e6) .. ('y'):rep(3e6)", "('x'):rep(3e6):gsub('x', 'yy')",
  ])
  func buffersAreBounded(script: String) {
    #expect(evaluate("return #(\(script))", memoryMax: 10_000_000) == "!not enough memory")
    #expect(evaluate("return #(\(script))", memoryMax: 64 << 20) == "6000000")
  }

  /// Goal: what is counted is what the C library takes for it. Method: many small objects of a kind, and the
  /// least bytes of each: its own, rounded to 16, with 8 before them.
  @Test(arguments: [
    ("{}", 80), ("{x = 1}", 112), ("{1}", 112), ("{{}}", 192), ("'k' .. i", 48),
    ("function() return i end", 112),
  ])
  func smallObjectsCountWithTheirOverhead(object: String, least: Int) {
    let lua = Interpreter(memoryMax: 64 << 20)
    _ = evaluate("collectgarbage('stop') t = {} for i = 1, 20000 do t[i] = 0 end", in: lua)
    lua.collectGarbage()
    let before = lua.memoryUsed
    _ = evaluate("for i = 1, 20000 do t[i] = \(object) end", in: lua)
    lua.collectGarbage()
    let each = (lua.memoryUsed - before) / 20000
    #expect(each >= least && each < 2 * least, "\(each)")
  }
}
