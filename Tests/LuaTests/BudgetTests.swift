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

  /// Goal: whatever a native function does with much, it counts as much, so that a script which does it again
  /// and again is looked at. Method: each with 1000 bytes or elements and with 64 times as many, on values
  /// that another script has made; what the second takes more, in steps.
  @Test(arguments: [
    ("s = ('x'):rep(N)", "return s:upper()"), ("s = ('x'):rep(N)", "return s:reverse()"),
    ("s = ('x'):rep(N)", "return s:rep(2)"), ("s = ('x'):rep(N)", "return s .. 'y'"),
    ("s = ('x'):rep(N)", "return s:sub(2)"), ("s = ('x'):rep(N)", "return s:find('y')"),
    ("s = ('x'):rep(N)", "return ('x'):find(s)"), ("s = ('x'):rep(N)", "return ('x'):match(s)"),
    ("s = ('x'):rep(N)", "return ('y'):gsub(s, '')"),
    ("s = ('x'):rep(N)", "return s:gsub('x', 'y')"),
    ("s = ('x'):rep(N)", "return ('y'):gsub('y', s)"),
    ("s = ('x'):rep(N)", "for a in ('y'):gmatch(s) do end"),
    ("s = ('x'):rep(N)", "for a in s:gmatch('x') do end"),
    ("s = ('x'):rep(N)", "return s:format()"), ("s = ('x'):rep(N)", "return ('%s'):format(s)"),
    ("s = ('x'):rep(N)", "return ('%q'):format(s)"), ("s = ('%%'):rep(N)", "return s:format()"),
    ("s = ('x'):rep(N) a = s .. 'a' b = s .. 'b'", "return a < b"),
    ("s = ('1'):rep(N)", "return s + 1"), ("s = ('1'):rep(N)", "return tonumber(s)"),
    ("s = ('1'):rep(N)", "return tonumber(s, 16)"),
    ("s = (' '):rep(N)", "return loadstring(s)"), ("s = ('\\n'):rep(N)", "return loadstring(s)"),
    ("s = '--' .. ('x'):rep(N)", "return loadstring(s)"),
    ("s = '--[[' .. ('x'):rep(N) .. ']]'", "return loadstring(s)"),
    ("s = 'a = [[' .. ('x'):rep(N) .. ']]'", "return loadstring(s)"),
    ("s = 'a = \"' .. ('x'):rep(N) .. '\"'", "return loadstring(s)"),
    ("s = ('x = 1 '):rep(N)", "return loadstring(s)"), ("s = ('x'):rep(N)", "return loadstring(s)"),
    ("s = ('1'):rep(N)", "return loadstring(s)"),
    ("t = {} for i = 1, N do t[i] = i end", "return table.concat(t)"),
    ("t = {} for i = 1, N do t[i] = i end", "table.sort(t)"),
    ("t = {} for i = 1, N do t[i] = i end", "table.insert(t, 1, 0) table.remove(t, 1)"),
    ("t = {} for i = 1, N do t[i] = i end", "return table.maxn(t)"),
    ("t = {} for i = 1, N do t[i] = i end", "table.foreach(t, function() end)"),
    ("t = {} for i = 1, N do t[i] = i end", "for k in pairs(t) do end"),
    ("t = {} for i = 1, N do t[i] = i end", "return cjson.encode(t)"),
    ("t = {} for i = 1, N do t[i] = i end", "return cmsgpack.pack(t)"),
    ("t = {} for i = 1, N do t['k' .. i] = i end", "return cjson.encode(t)"),
    ("t = {} for i = 1, N do t['k' .. i] = i end", "return cmsgpack.pack(t)"),
    (
      "t = {} for i = 1, N do t['k' .. i] = i end for i = 1, N do t['k' .. i] = nil end",
      "return cmsgpack.pack(t)"
    ),
    (
      "t = {} for i = 1, N do t['k' .. i] = i end for i = 1, N do t['k' .. i] = nil end",
      "return next(t)"
    ),
    ("s = ('x'):rep(N)", "return cjson.encode(s)"), ("s = ('x'):rep(N)", "return cmsgpack.pack(s)"),
    ("s = '\"' .. ('x'):rep(N) .. '\"'", "return cjson.decode(s)"),
    ("s = (' '):rep(N) .. '1'", "return cjson.decode(s)"),
    ("s = ('1'):rep(N)", "return cjson.decode(s)"),
    ("s = '[' .. ('1,'):rep(N) .. '1]'", "return cjson.decode(s)"),
    ("s = cmsgpack.pack(('x'):rep(N))", "return cmsgpack.unpack(s)"),
    ("s = '\\221\\0\\1\\0\\0' .. ('\\1'):rep(N)", "pcall(cmsgpack.unpack, s)"),
    ("s = ('x'):rep(N)", "return struct.pack('s', s)"),
    ("s = ('x'):rep(N)", "pcall(struct.unpack, 's', s)"),
    ("s = ('x'):rep(N)", "return struct.size(s)"), ("s = ('x'):rep(N)", "return struct.pack(s)"),
    ("t = {} for i = 1, N do t[i] = {} end", "collectgarbage()"),
    // A table made so that its length is found by counting.
    (
      "t = {} local m = 1 while m < N do m = m * 2 end for i = 1, m do t[i] = i end m = m + 1 "
        + "for i = 1, 40 do t['k' .. i] = 1 end "
        + "while m <= 2 ^ 31 do t[m] = 1 m = m * 2 end",
      "return #t"
    ),
  ])
  func stepsGrowWithTheWork(setup: String, work: String) {
    func steps(_ count: Int) -> Int {
      let lua = Interpreter(memoryMax: 64 << 20)
      _ = evaluate(setup.replacing("N", with: "\(count)"), in: lua)
      let source = Array(work.utf8)
      guard case .success(let function) = unsafe lua.compile(source.span.bytes, name: "@work")
      else { return 0 }
      // The count goes down, and begins anew when the host was asked.
      var asked = 0
      lua.hook = {
        asked += 1
        return true
      }
      lua.machine.body.steps = Limits.stepsBetweenHooks
      _ = lua.run(function)
      return (asked + 1) * Limits.stepsBetweenHooks - lua.machine.body.steps
    }
    let few = steps(1000), many = steps(64_000)
    #expect(many - few >= 400, "\(few) and \(many)")
  }

  /// Goal: an error in a chunk that is named by its long text costs no walk over that text.
  @Test func errorsOfLongChunksAreShort() {
    let lua = Interpreter(memoryMax: 256 << 20)
    let script = "f = loadstring('return x.y ' .. (' '):rep(5e7)) for i = 1, 1e4 do pcall(f) end"
    #expect(evaluate(script, in: lua) == "nil")
  }
}
