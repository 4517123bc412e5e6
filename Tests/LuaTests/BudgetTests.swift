// BudgetTests.swift: work that native functions do counts, so that the host is asked often enough to end it.

import Testing

@testable import Lua

struct BudgetTests {
  /// Goal: a script can't keep the host waiting with few instructions that each take long.
  /// Method: programs of about a hundred such steps, and how often the host was asked at least; none of them
  /// has enough instructions to be asked for these.
  @Test(arguments: [
    ("local s = ('x'):rep(1e6) for i = 1, 100 do local t = s .. i end", 5),
    (
      "local s = ('x'):rep(1e6) local a, b = s .. 'a', s .. 'b' for i = 1, 100 do local c = a < b end",
      5
    ),
    ("local s = ('1'):rep(1e5) for i = 1, 100 do local c = s + 1 end", 5),
    ("local s = ('x'):rep(1e6) for i = 1, 100 do local t = s:sub(2) end", 5),
    ("local t = {} for i = 1, 1e4 do t[i] = i end for i = 1, 100 do table.maxn(t) end", 5),
    ("local t = {} for i = 1, 1e4 do t[i] = i end for i = 1, 100 do table.insert(t, 1, i) end", 5),
    (
      "local t = {} for i = 1, 1e4 do t[i] = i end for i = 1e4, 2, -1 do t[i] = nil end for i = 1, 100 do next(t, 1) end",
      3
    ),
    (
      "local t = {} for i = 1, 1e4 do t[i] = i end for i = 1e4, 2, -1 do t[i] = nil end for i = 1, 100 do for k in pairs(t) do end end",
      3
    ),
    (
      "local t = {} for i = 1, 1e4 do t[i] = i end t[1e4 + 1] = type for i = 1, 100 do pcall(table.concat, t) end",
      5
    ),
    (
      "local t = {} for i = 1, 1e4 do t[i] = i end t[1e4 + 1] = type for i = 1, 100 do pcall(cjson.encode, t) end",
      5
    ),
    ("local s = '[' .. ('1,'):rep(1e4) for i = 1, 100 do pcall(cjson.decode, s) end", 5),
    ("local s = ('\\192'):rep(7000) for i = 1, 100 do pcall(cmsgpack.unpack, s) end", 5),
    ("local s = ('x'):rep(1e4) for i = 1, 100 do struct.size(s) end", 5),
    ("local s = ('x = 1 '):rep(1e3) for i = 1, 100 do loadstring(s) end", 3),
    ("local t = {} for i = 1, 1e4 do t[i] = {} end for i = 1, 100 do collectgarbage() end", 3),
    ("local s = ('a'):rep(1e4) for i = 1, 10 do s:find(('a'):rep(5e3) .. 'b', 1, true) end", 5),
    ("local s = ('a'):rep(2e3) s:find('^[' .. ('b'):rep(2e3) .. 'a]*c')", 3),
    ("local s = ('ab'):rep(1e4) for i = 1, 10 do s:find('^(.+)%1%1c') end", 3),
    (
      "local f = loadstring('local t = {} ' .. ('t[1] = t[2] '):rep(1e4) .. ' return t.x.y') for i = 1, 100 do pcall(f) end",
      3
    ),
  ])
  func hostIsAskedOften(script: String, least: Int) {
    var asked = 0
    _ = evaluate(
      script, memoryMax: 256 << 20,
      hook: {
        asked += 1
        return true
      })
    #expect(asked >= least, "\(asked) times")
  }

  /// Goal: what would take years is ended.
  @Test(arguments: [
    "table.insert({}, -2 ^ 31, 1)",
    "load(function() return ' ' end)",
    "local s = ('x = 1 '):rep(1e4) while true do loadstring(s) end",
    "cjson.encode_sparse_array(true, 0, 0) return #cjson.encode({[2 ^ 31 - 1] = 1})",
  ])
  func hookEndsNativeFunctions(script: String) {
    #expect(evaluate(script, memoryMax: 1 << 40, hook: { false }) == "killed")
  }

  /// Goal: a program of many alternatives compiles in time linear in its size.
  /// Method: 20 thousand of them, whose lists of jumps took 10^8 steps when each was walked to its end.
  @Test(arguments: ["a and ", "a or ", "a < b and ", "not (a and b) or "])
  func longChainsCompile(piece: String) {
    let chain = String(repeating: piece, count: 20_000)
    #expect(evaluate("local a, b if nil then while \(chain) a do end end return 2") == "2")
  }

  /// Goal: a script's `collectgarbage('stop')` ends with it.
  @Test func stoppedCollectorGoesOnWithTheNextScript() {
    let lua = Interpreter(memoryMax: 1 << 30)
    #expect(evaluate("collectgarbage('stop')", in: lua) == "nil")
    #expect(evaluate("for i = 1, 1e6 do local t = {} end return 1", in: lua) == "1")
    #expect(lua.memoryUsed < 8 << 20)
  }
}
