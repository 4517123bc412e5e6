// CollectorTests.swift: nothing that is still in use is ever freed.

import Testing

@testable import Lua

struct CollectorTests {
  /// Goal: what native functions hold while they call back is rooted.
  /// Method: each calls a function that drops every other reference, collects, and fills the memory anew.
  @Test(arguments: [
    (
      "local t = {} for i = 1, 20 do t['key' .. i] = i end local n = 0 table.foreach(t, function(k) t[k] = nil k = nil churn() n = n + 1 end) return n",
      "20"
    ),
    (
      "local t = {} for i = 1, 20 do t[i] = 'v' .. 20 - i end local n = 0 pcall(table.sort, t, function(a, b) n = n + 1 if n > 30 then for i = 1, 20 do t[i] = nil end end churn() return (a or '') < (b or '') end) return n > 30",
      "true"
    ),
    (
      "local s = ('a' .. 1):rep(3) return (s:gsub('%w', function(c) churn() return c .. 'x' end))",
      "ax1xax1xax1x"
    ),
    (
      "local t = setmetatable({}, {__index = function(t, k) churn() return k .. '!' end}) return ('ab'):gsub('%w', t)",
      "a!b!"
    ),
    (
      "local r = {} for w in ('x1 y2 z3'):gmatch('%w+') do churn() r[#r + 1] = w end return r",
      "{x1,y2,z3}"
    ),
    (
      "local function f() churn() return 'v' .. 1, 'w' .. 2 end local t = {f(), f()} churn() return t",
      "{v1,v1,w2}"
    ),
    (
      "local t = setmetatable({}, {__concat = function(a, b) churn() return 'c' .. 'd' end}) return 'a' .. 1 .. t .. 'b' .. 2",
      "a1cd"
    ),
    (
      "local co = coroutine.wrap(function(a) while true do churn() a = coroutine.yield('got ' .. a) end end) return {co('x' .. 1), co('y' .. 2)}",
      "{got x1,got y2}"
    ),
    (
      "local n, r = 0 local f = load(function() churn() n = n + 1 return ({'return ', '\\'a', 'b\\''})[n] end) churn() return f()",
      "ab"
    ),
    (
      "return {xpcall(function() error('e' .. 1, 0) end, function(m) churn() return m .. '!' end)}",
      "{false,e1!}"
    ),
    (
      "local up do local co = coroutine.create(function() local x = {'v' .. 1} up = function() return x[1] end coroutine.yield() end) coroutine.resume(co) end churn() churn() return up()",
      "v1"
    ),
  ])
  func whatIsInUseStays(script: String, expected: String) {
    let churn = """
      local function churn() collectgarbage() local junk = {} for i = 1, 60 do junk[i] = ('j' .. i):rep(1 + i % 4) junk[-i] = {i} end end
      """
    let lua = Interpreter(memoryMax: 64 << 20)
    #expect(evaluate(churn + " " + script, in: lua) == expected)
  }
}
