// LanguageTests.swift: programs and what they return, as C Lua 5.1 or redis-server 7.0 answers.

import Testing

@testable import Lua

/// Runs a script as Redis runs one, and writes its result as text: tables as lists in braces, errors after "!".
func evaluate(_ script: String, memoryMax: Int = 64 << 20, hook: (() -> Bool)? = nil) -> String {
  let lua = Interpreter(memoryMax: memoryMax)
  lua.hook = hook
  lua.protectGlobals()
  return evaluate(script, in: lua)
}

func evaluate(_ script: String, in lua: Interpreter) -> String {
  let bytes = Array(script.utf8)
  switch unsafe lua.compile(bytes.span.bytes, name: "@user_script") {
  case .failure(let message): return "!" + text(of: message, in: lua)
  case .outOfMemory: return "!not enough memory"
  case .success(let function):
    switch lua.run(function) {
    case .success(let value): return text(of: value, in: lua)
    case .failure(let message): return "!" + text(of: message, in: lua)
    case .killed: return "killed"
    }
  }
}

func text(of value: Value, in lua: Interpreter) -> String {
  if value.isTable {
    let elements = (0..<lua.count(value.table)).map {
      text(of: lua.get(value.table, index: $0 + 1), in: lua)
    }
    return "{" + elements.joined(separator: ",") + "}"
  }
  if value.isString {
    let bytes = value.string.bytes
    return String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self)
  }
  if value.isNumber {
    var buffer = Buffer(lua.machine)
    try? buffer.append(number: value.number)
    return text(of: Value(lua.machine.string(buffer.bytes)), in: lua)
  }
  return value.isNil
    ? "nil" : value.isBoolean ? (value.isTruthy ? "true" : "false") : "\(value.typeName)"
}

struct LanguageTests {
  @Test(arguments: [
    ("return 1 + 2 * 3 ^ 2", "19"),
    ("return -2 ^ 2", "-4"),
    ("return 2 ^ 3 ^ 2", "512"),
    ("return 'a' .. 1 .. 2", "a12"),
    ("return '10' + 5", "15"),
    ("return '0x10' * 2", "32"),
    ("return 7 % -3", "-2"),
    ("return not nil == true", "true"),
    ("return 1 and nil or 3", "3"),
    ("local a, b, c = (function() return 1, 2, 3 end)() return {a, b, c}", "{1,2,3}"),
    ("local a, b = ((function() return 1, 2 end)()) return {a, b == nil}", "{1,true}"),
    ("local t = {} for i = 10, 1, -3 do t[#t + 1] = i end return t", "{10,7,4,1}"),
    ("local t = {} for i, v in ipairs({5, 6}) do t[i] = v end return t", "{5,6}"),
    ("local i, t = 1, {} i, t[i] = i + 1, 20 return {i, t[1]}", "{2,20}"),
    ("local n = 0 repeat local m = n n = n + 1 until m == 4 return n", "5"),
    ("local n = 0 while true do n = n + 1 if n > 6 then break end end return n", "7"),
    ("local function f(...) return select('#', ...) end return f(nil, nil)", "2"),
    ("local function f(...) return arg.n end return f(1, 2)", "2"),
    (
      "local f = {} for i = 1, 3 do f[i] = function() i = i + 1 return i end end return {f[1](), f[1](), f[2]()}",
      "{2,3,3}"
    ),
    (
      "local function loop(n) if n == 0 then return 'end' end return loop(n - 1) end return loop(100000)",
      "end"
    ),
    ("return #{1, 2, nil, 4}", "4"),
    ("return [==[\na]]b]==]", "a]]b"),
    ("return '\\65\\066\\n'", "AB\n"),
    ("return {1e15, 1e14, 2 ^ 53, 1 / 0}", "{1e+15,1e+14,9.007199254741e+15,inf}"),
    ("local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) return t.x", "x!"),
    (
      "local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.a = 4 return t.a",
      "8"
    ),
    (
      "local t = setmetatable({}, {__call = function(self, x) return x * 2 end}) return t(21)", "42"
    ),
    (
      "local t = setmetatable({}, {__concat = function(a, b) return 'cat' end}) return {t .. 1, 1 .. t}",
      "{cat,cat}"
    ),
    (
      "local t = setmetatable({}, {__lt = function() return true end}) return {t < t, t <= t}",
      "{true,false}"
    ),
    ("local w = setmetatable({}, {__mode = 'k'}) w[{}] = 1 collectgarbage() return next(w)", "nil"),
    (
      "local t = {[3] = 5, (function() return 1, 2, 3 end)()} local n = 0 for k in pairs(t) do n = n + 1 if n > 9 then break end end return {n, t[3]}",
      "{3,3}"
    ),
    ("return {'10\\0x' + 1, tonumber('7\\0'), tonumber('ff\\0x', 16)}", "{11,7,255}"),
    (
      "local n = 0 return load(function() n = n + 1 return ({'return ', 5})[n] end)()", "5"
    ),
  ])
  func programAnswersAsInLua(script: String, expected: String) {
    #expect(evaluate(script) == expected)
  }

  @Test(arguments: [
    ("foo()", "!user_script:1: Script attempted to access nonexistent global variable 'foo'"),
    ("x = 1", "!user_script:1: Attempt to modify a readonly table"),
    ("string.x = 1", "!user_script:1: Attempt to modify a readonly table"),
    ("local a; a.b()", "!user_script:1: attempt to index local 'a' (a nil value)"),
    ("local t = {} t.x.y = 1", "!user_script:1: attempt to index field 'x' (a nil value)"),
    ("return ('x'):bad()", "!user_script:1: attempt to call method 'bad' (a nil value)"),
    (
      "local u local function f() return u.x end return f() + 1",
      "!user_script:1: attempt to index upvalue 'u' (a nil value)"
    ),
    ("return 1 + {}", "!user_script:1: attempt to perform arithmetic on a table value"),
    ("return {} < {}", "!user_script:1: attempt to compare two table values"),
    ("return {} < 1", "!user_script:1: attempt to compare table with number"),
    (
      "local x, y return x .. y .. 'z'",
      "!user_script:1: attempt to concatenate local 'y' (a nil value)"
    ),
    ("local 'a\\065b'", "!user_script:1: '<name>' expected near ''aAb''"),
    ("local [=[\nx]=]", "!user_script:2: '<name>' expected near '[=[x]=]'"),
    (
      "return print(" + String(repeating: "1, ", count: 248) + "248)",
      "!user_script:1: function or expression too complex near '<eof>'"
    ),
    ("return ('a') .. 'b' .. {}", "!user_script:1: attempt to concatenate a table value"),
    ("for i = 1, 'x' do end", "!user_script:1: 'for' limit must be a number"),
    (
      "return {string.rep()}",
      "!user_script:1: bad argument #1 to 'rep' (string expected, got no value)"
    ),
    (
      "return ('x'):rep({})",
      "!user_script:1: bad argument #1 to 'rep' (number expected, got table)"
    ),
    ("return {unpack({}, 1, 8001)}", "!user_script:1: too many results to unpack"),
    ("local function f() return 1 + f() end return f()", "!user_script:1: stack overflow"),
    ("return coroutine.yield(1)", "!attempt to yield across metamethod/C-call boundary"),
    ("x = = 1", "!user_script:1: unexpected symbol near '='"),
    ("return 'abc", "!user_script:1: unfinished string near '<eof>'"),
    ("for", "!user_script:1: '<name>' expected near '<eof>'"),
    ("local t = {}\n\nt[nil] = 1", "!user_script:3: table index is nil"),
  ])
  func failureHasTheTextOfRedis(script: String, expected: String) {
    #expect(evaluate(script) == expected)
  }

  @Test(arguments: [
    (
      "local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b * 2 end) local _, x = coroutine.resume(co, 1) local _, y = coroutine.resume(co, 10) return {x, y, coroutine.status(co)}",
      "{2,20,dead}"
    ),
    (
      "local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return {g(), g(), g()}",
      "{1,2,3}"
    ),
    (
      "local co = coroutine.create(function() return pcall(coroutine.yield, 1) end) local _, ok, m = coroutine.resume(co) return {ok, m}",
      "{false,attempt to yield across metamethod/C-call boundary}"
    ),
    (
      "local co = coroutine.create(function() error('oops') end) local ok, m = coroutine.resume(co) return {ok, m}",
      "{false,user_script:1: oops}"
    ),
    ("return {pcall(error, 'x', 0)}", "{false,x}"),
    (
      "return {xpcall(function() error('x', 0) end, function(e) return e .. '!' end)}", "{false,x!}"
    ),
    ("return {pcall(error)}", "{false}"),
    ("return {xpcall(error, nil)}", "{false,error in error handling}"),
    (
      "local f = coroutine.wrap(function() error(5, 0) end) return type(select(2, pcall(f)))",
      "string"
    ),
  ])
  func coroutinesAndProtectedCallsAnswerAsInLua(script: String, expected: String) {
    #expect(evaluate(script) == expected)
  }
}
