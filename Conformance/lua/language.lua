-- Statements, expressions and metatables: each line is one program, in a function of its own where it may fail.
local nan, huge = 0 / 0, math.huge
local function run(source, ...)
  local f, message = loadstring(source, "=p")
  if not f then return print(show(source), "compile", message) end
  print(show(source), list(pcall(f, ...)))
end
local function each(sources) for line in sources:gmatch("[^\n]+") do run(line) end end

-- Operators on operands of every kind.
local operands = {"nil", "true", "0", "-0", "1", "2.5", "-3", "'10'", "'0x10'", "'a'", "''", "{}", "type", "1e300", "(1/0)", "(0/0)", "t", "u", "s"}
local metas = [[
local log = {}
local function event(name) return function(a, b) return name .. type(a) .. type(b) end end
local mt = {__add = event"add", __sub = event"sub", __mul = event"mul", __div = event"div", __mod = event"mod", __pow = event"pow", __unm = event"unm", __concat = event"concat",
  __lt = event"lt", __le = event"le", __eq = function() return 1 end, __len = event"len", __index = event"index", __call = event"call"}
local t, u, s = setmetatable({}, mt), setmetatable({}, mt), setmetatable({}, {__lt = function() return false end})
]]
for _, a in ipairs(operands) do
  for _, o in ipairs({"-", "not ", "#", "- -", "not not "}) do run(metas .. "return " .. o .. a) end
  for _, b in ipairs(operands) do
    for _, o in ipairs({"+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"}) do
      run(metas .. "return " .. a .. " " .. o .. " " .. b)
    end
    run(metas .. "local a, b = " .. a .. ", " .. b .. " return a < b, a == b, not (a ~= b)")
    run(metas .. "local a, b = " .. a .. ", " .. b .. " if a == b then return 'equal' elseif a then return a .. b else return b or a end")
    run(metas .. "return (" .. a .. ")[" .. b .. " ]") run(metas .. "local x = " .. a .. " x[" .. b .. "] = 5 return x[" .. b .. "]")
    run(metas .. "local x = " .. a .. " return x(" .. b .. ")") run(metas .. "for i = " .. a .. ", " .. b .. " do return i end")
  end
end

each([====[
return 1 + 2 * 3 - 4 / 2 ^ 2 ^ 0.5 % 3
return -2 ^ 2, 2 ^ -1, not 1 == 2, not (1 == 2), #"abc" + 1, -"2" + 0, - - 2
return "a" .. "b" .. 1 .. 2 == "ab12", 1 .. 2 .. 3, 2 ^ 3 ^ 2, (2 ^ 3) ^ 2
return 1 < 2 == true, "a" < "b", "a" < "B", "" < "a", "a\0b" < "a\0c", "a" < "a\0", "Z" < "a", "10" < "9"
return 5 % 3, -5 % 3, 5 % -3, -5 % -3, 5.5 % 2, -0 % 1, 1 % (1/0), -1 % (1/0), 1 % 0, 0 % 0, 1e300 % 7, 3 % -1e300
return 1 / 0, -1 / 0, 1 / -0, 0 / 0 ~= 0 / 0, 2 ^ 1024, 2 ^ -1080, 10 ^ 308 * 10
return 1 and 2, nil and 1, false and nil, 1 or 2, nil or false, false or nil, nil and nil or 5, 1 and nil or 3, (1 and 2) or 3
local a, b, c = 1 return a, b, c
local a, b = 1, 2, 3 return a, b
local a = {} a.b = {} a.b.c = 5 a["d"] = 6 a[1] = 7 a[1.5] = 8 a[-1] = 9 a[true] = 10 return a.b.c, a.d, a[1], a[1.5], a[-1], a[true], a[0], a[2^53]
local a, i = {}, 1 i, a[i], a[i + 1] = i + 1, 20, 30 return i, a
local a = {1, 2, 3} local i = 1 i, a[i] = 2, "x" return i, a
local x, y = 1, 2 x, y = y, x return x, y
local t = {f = function(self, x) return self, x end} local s, x = t:f(5) return s == t, x
local t = {1, 2, nil, 4, n = 5, [10] = 6, ["x y"] = 7; "eight", (function() return 9, 10 end)()} return t, #t
local t = {(function() return 1, 2, 3 end)(), (function() return 4, 5, 6 end)()} return t, #t
local t = {((function() return 1, 2, 3 end)())} return #t
local t = {[3] = 5, (function() return 1, 2, 3 end)()} local n = 0 for k, v in pairs(t) do n = n + 1 if n > 10 then break end end return n, t
local t = {[1] = "a", [2] = "b", "c"} return t
local t = {["x"] = 1, x = 2, ["x"] = 3} return t
local t = {[2] = 2, [1] = 1, [4] = 4, x = 1, (function(...) return ... end)(7, 8, 9)} local n = 0 for k in pairs(t) do n = n + 1 if n > 20 then break end end return n, t, #t
return #{nil}, #{nil, nil, 3}, #{1, nil, 3}, #{n = 1}, #{1, 2, 3, nil}, #{nil, 2}, #{1, nil, nil, 4}
local t = {} for i = 1, 10 do t[i] = i end for i = 1, 10, 2 do t[i] = nil end return t, #t
local t = {} for i = 10, 1, -1 do t[i] = i end return t, #t
local t = {} for i = 1, 100 do t["k" .. i] = i end local s = 0 for k, v in pairs(t) do s = s * 31 % 65521 + v t[k] = nil end return s, next(t)
local t = {} for i = 1, 60 do t["k" .. i * 7] = i t[i * 3] = i t[-i] = i t[i + 0.5] = i end return t
local r = {} for i = 1, 3 do r[#r + 1] = i end for i = 3, 1, -1 do r[#r + 1] = i end for i = 1, 0 do r[#r + 1] = "never" end for i = 1, 2, 0.5 do r[#r + 1] = i end return r
local n = 0 for i = 1, 3 do local j = i i = 10 n = n + j end return n
for i = 1, 10, 0 do return "zero step" end return "none"
for i = 1, 0/0 do return "nan limit" end return "none"
for i = 1, 1/0 do if i > 5 then return i end end
for i = 1/0, 1 do return i end return "none"
for i = 0.1, 1, 0.3 do print(i) end
for i = "1", "2" do print(i) end
for i = 1, "x" do end
for i = 1, 2, {} do end
for i = nil, 2 do end
for k, v in {} do end
for k, v in nil do end
for k in pairs({1, 2, 3}) do if k == 2 then break end print(k) end
for a, b, c, d in function(s, c) c = (c or 0) + 1 if c < 4 then return c, c * 2, nil, "d" end end do print(a, b, c, d) end
for w in setmetatable({}, {__call = function(self, s, c) if not c then return "once" end end}) do print(w) end
local i = 0 while i < 3 do i = i + 1 if i == 2 then break end end return i
local i = 0 repeat local done = i >= 3 i = i + 1 until done return i
repeat local x = 1 if x then break end until false return "left"
local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end return fs[1](), fs[1](), fs[2]()
local fs = {} local i = 0 while i < 3 do i = i + 1 local j = i fs[i] = function() j = j + 1 return j end if i == 2 then break end end return fs[1](), fs[1](), fs[2]()
local fs = {} local i = 0 repeat i = i + 1 local j = i fs[i] = function() return j end until j == 3 return fs[1](), fs[2](), fs[3]()
local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end local a, b = counter() a() a() return b()
local function f(a, b, ...) return select("#", ...), a, b, ... end return f(1), f(1, 2), f(1, 2, 3), f(1, 2, nil, nil)
local function f(...) local a, b = ... return a, b, (...) end return f(1, 2, 3)
local function f(...) return {...}, {n = select("#", ...), ...} end return f(1, nil, 3)
local function f(...) return arg.n, arg[1], arg[2] end return f(5, nil)
local function f(...) local x = ... return arg end return f(5)
local function f(a, ...) local t = {a, ..., ...} return t end return f(1, 2, 3)
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)
local function loop(n, acc) if n == 0 then return acc end return loop(n - 1, acc + n) end return loop(100000, 0)
local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end return deep(15000)
local function deep(n) return 1 + deep(n + 1) end local ok, e = pcall(deep, 1) return ok, e
local function deep() return pcall(deep) end return select("#", deep()) > 150
local t = setmetatable({}, {}) getmetatable(t).__index = t local ok, e = pcall(function() return t.x end) return ok, e
local t = setmetatable({}, {}) getmetatable(t).__newindex = t local ok, e = pcall(function() t.x = 1 end) return ok, e
local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return pcall(function() return t[1] end)
local s = "x" for i = 1, 12 do s = s .. s end return #s, s:sub(1, 3)
do local a = 1 end return a
local a <const> = 1
goto done
return ...
local function f() return ... end
x = = 1
return 1,
f(
local t = {1, 2
"abc"
("abc"):len()
return ("abc"):len(), #"abc", ("%d"):format(5)
return "\a\b\f\n\r\t\v\\\"\'\65\065\1z\0\q"
return "\256"
return "abc
return 'abc\
def'
return [[a]], [==[b]]]==], [=[[[]]]=]
return [=[ unfinished
--[[ comment ]] return 1
--[==[ comment ]] ]==] return 2
--[[ unfinished
return 0x, 1
return 0xA, 0Xa, 0xfffffffff, 1e2, 1E+2, 1e-2, .5, 5., 3.14159, 1e308, 1e309
return 1e
return 1..2
return 1 ..2
return 3x
return 0x1p4
return @
return 1 ~ 2
return a.1
return a.b:c
a.b:c = 1
a() = 1
(a) = 1
a, b() = 1, 2
local function a.b() end
function a.b:c.d() end
local x = function end
if x then
if x then else elseif y then end
while true do
for i do end
for i = 1 do end
for 1 = 1, 2 do end
for a, b = 1, 2 do end
for a.b in c do end
repeat until
break
while true do break print(1) end
return 1 print(2)
do return end print(1)
local function f(a, a) return a end return f(1, 2)
local a = a
return nil.x
return ("x").y, ("x").len
local t = nil t.x = 1
local t = {} t.x.y = 1
local t = {} t.x.y.z = 1
undefinedglobal.x = 1
undefinedglobal()
local t = {} t.method()
local t = {} t:method()
local t = {} t.a.b()
local t = {{}} t[1].x()
local t = {} t[nil] = 1
local t = {} t[0/0] = 1
local t = {} return t[nil], t[0/0]
local a, b = 1, {} return a + b
local a, b = "x", 1 return a + b
local t = {x = {}} return t.x + 1
local t = {x = {}} return 1 + t.x
local up = {} return (function() return up + 1 end)()
local up = nil return (function() return up.x end)()
local up return (function() up() end)()
return 1 .. {}
return {} .. 1
local a, b = {}, "x" return "y" .. a .. b
local a, b = nil, "x" return b .. b .. a
return {} < {}, 1
return {} < 1
return 1 < "1"
return nil < nil
return true <= false
return "a" <= 1
return #5
return #nil
local x return #x
return -{}
local t = {} return -t.x
return math.floor({})
return ("x"):rep(1, 2, 3), ("x"):rep()
string.rep()
local s = string s.rep("x", {})
error("x")
error("x", 0)
error("x", 2)
error({})
error(nil)
error()
error(5)
local function f() error("in f", 2) end f()
assert(false)
assert(nil, "text")
assert(1 == 2, 5)
return assert(1, 2, 3)
return select(2, pcall(error)), select(2, pcall(error, nil)), select("#", pcall(error))
return pcall(pcall), pcall(pcall, error), pcall(pcall, error, "x")
return xpcall(function() error("x") end, function(m) return m .. "!" end)
return xpcall(function() local x = nil + 1 end, function(m) return m .. "!" end)
return xpcall(function() return 1, 2 end, print)
return xpcall(function() error("x") end, function(m) error("y") end)
return tostring(nil), tostring(true), tostring(1e15), tostring(-0), tostring("x")
return tonumber("0x"), tonumber(""), tonumber(" "), tonumber("1 "), tonumber("1e1"), tonumber({}), tonumber("z", 36)
return type(nil), type(1), type("x"), type({}), type(print), type(coroutine.create(function() end))
return rawequal({}, {}), rawequal("a", "a"), rawequal(0, -0), rawequal(0/0, 0/0)
return unpack({1, 2, 3}), unpack({1, 2, 3}, 2), unpack({}, 1, 3), (unpack({1, 2}))
return select(-1, 1, 2, 3), select(2, 1, 2, 3), select("#"), select("#", nil)
return next({}), next({5}), next({a = 1}), rawget({5}, 1), rawset({}, 1, 2)[1]
return string.format("%5.2f|%-5s|%05d|%x|%q", 3.14159, "ab", 42, 255, "a\nb")
]====])

-- Values that metamethods see and give.
run([[local log = {} local t = setmetatable({}, {__index = function(t, k) log[#log + 1] = k return #log end, __newindex = function(t, k, v) rawset(t, k, {v}) end})
  local a, b = t.x, t[1] t.y = 5 t[2] = 6 t.y = 7 return a, b, t.y, t[2], log ]])
run([[local base = {x = 1} local mid = setmetatable({y = 2}, {__index = base}) local t = setmetatable({}, {__index = mid}) return t.x, t.y, t.z]])
run([[local store = {} local t = setmetatable({}, {__newindex = store}) t.a = 1 t[1] = 2 return rawget(t, "a"), store ]])
run([[local mt = {__eq = function(a, b) return a.v == b.v end, __lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end}
  local function new(v) return setmetatable({v = v}, mt) end local a, b, c = new(1), new(2), new(1) return a == b, a == c, a ~= c, a < b, a <= b, a > b, a >= c]])
run([[local mt = {__lt = function(a, b) return a.v < b.v end} local function new(v) return setmetatable({v = v}, mt) end return new(1) <= new(2), new(2) <= new(1), new(1) >= new(1)]])
run([[local a, b = setmetatable({}, {__eq = function() return true end}), setmetatable({}, {__eq = function() return true end}) return a == b, a ~= b, a == 1]])
run([[local e = function() return true end local a, b = setmetatable({}, {__eq = e}), setmetatable({}, {__eq = e}) return a == b, rawequal(a, b)]])
run([[local t = setmetatable({}, {__concat = function(a, b) return (type(a) == "table" and "T" or a) .. "+" .. (type(b) == "table" and "T" or b) end}) return t .. "x", "x" .. t, 1 .. t .. 2, "a" .. "b" .. t .. "c" .. "d", t .. t]])
run([[local t = setmetatable({}, {__call = function(self, ...) return select("#", ...), ... end}) return t(), t(1), t(nil, nil), pcall(t, 5)]])
run([[local t = setmetatable({}, {__call = setmetatable({}, {__call = function() return 1 end})}) return t()]])
run([[local t = setmetatable({}, {__call = function(self, n) if n == 0 then return "end" end return self(n - 1) end}) return t(30000)]])
run([[local t = setmetatable({}, {__unm = function(a, b) return rawequal(a, b) end, __len = function() return 42 end, __tostring = function() return "T" end}) return -t, #t, tostring(t)]])
run([[local t = setmetatable({}, {__metatable = "locked"}) return getmetatable(t), pcall(setmetatable, t, {})]])
run([[local mt = {} local t = setmetatable({}, mt) local before = t.x mt.__index = function() return "late" end return before, t.x]])
run([[local t = setmetatable({}, {__mode = "k"}) t[{}] = 1 t[1] = {} collectgarbage() local n = 0 for k in pairs(t) do n = n + 1 end return n]])
run([[local t = setmetatable({}, {__mode = "v"}) t[1] = {} t[2] = "string" t.x = {} t[3] = function() end collectgarbage() local n = 0 for k in pairs(t) do n = n + 1 end return n, t[2] ]])
run([[local keep = {} local t = setmetatable({}, {__mode = "kv"}) t[keep] = keep t[{}] = keep t.x = {} collectgarbage() local n = 0 for k in pairs(t) do n = n + 1 end return n, t[keep] == keep]])

-- Coroutines.
run([[local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d + e end)
  return coroutine.status(co), coroutine.resume(co, 1, 2), select(2, coroutine.resume(co, 10)), select(2, coroutine.resume(co, 3, 4)), coroutine.status(co), coroutine.resume(co)]])
run([[local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return gen(), gen(), gen(), gen(), pcall(gen)]])
run([[local co = coroutine.create(function() error("inside") end) return coroutine.resume(co), select(2, coroutine.resume(co)), coroutine.status(co)]])
run([[local co = coroutine.create(function() error({}) end) return coroutine.resume(co)]])
run([[local co co = coroutine.create(function() return coroutine.status(co), coroutine.running() == co, coroutine.resume(co) end) return coroutine.resume(co)]])
run([[local co = coroutine.create(function() return pcall(coroutine.yield, 1) end) return coroutine.resume(co)]])
run([[local co = coroutine.wrap(function() return setmetatable({}, {__index = function(t, k) return coroutine.yield(k) end}).x end) return pcall(co)]])
run([[local co = coroutine.wrap(function() for i in function() return coroutine.yield() end do end end) return pcall(co)]])
run([[local co = coroutine.wrap(function() table.sort({3, 2, 1}, function(a, b) coroutine.yield() return a < b end) end) return pcall(co)]])
run([[local co = coroutine.wrap(function(...) local n = select("#", ...) while true do n = n + select("#", coroutine.yield(n)) end end) return co(1, nil), co(nil, nil, nil), co()]])
run([[local co = coroutine.wrap(function() return coroutine.yield(coroutine.yield(1)) end) return co(), co("a"), co("b", "c")]])
run([[local outer = coroutine.wrap(function() local inner = coroutine.wrap(function() coroutine.yield("inner") coroutine.yield("again") end) coroutine.yield(inner()) coroutine.yield("outer") coroutine.yield(inner()) end) return outer(), outer(), outer()]])
run([[local f = coroutine.wrap(function() error("wrapped") end) return pcall(f)]]) run([[local f = coroutine.wrap(function() error(5, 0) end) return pcall(f)]]) run([[local f = coroutine.wrap(function() error({}) end) return pcall(f)]])
run([[local up local co = coroutine.create(function() local x = 1 up = function() x = x + 1 return x end coroutine.yield(up()) return x end) local a, b = coroutine.resume(co) return b, up(), select(2, coroutine.resume(co)), up()]])
run([[local up do local co = coroutine.create(function() local x = {7} up = function() return x[1] end coroutine.yield() end) coroutine.resume(co) end collectgarbage() collectgarbage() return up()]])
run([[local function deep(n) if n == 0 then return "bottom" end return coroutine.wrap(deep)(n - 1) end return deep(50)]])
run([[local function deep(n) return coroutine.wrap(deep)(n + 1) end return (pcall(deep, 0))]])
run([[local t = {} for i = 1, 100 do t[i] = coroutine.wrap(function() local n = i while true do coroutine.yield(n) n = n + 100 end end) end local s = 0 for r = 1, 3 do for i = 1, 100 do s = s + t[i]() end end return s]])
run([[return coroutine.resume(coroutine.create(function(...) return select("#", ...), ... end), nil, nil)]])
run([[local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) return coroutine.status(co), coroutine.resume(co), coroutine.status(co)]])
run([[local co = coroutine.wrap(function() return (coroutine.yield(unpack({}, 1, 200))) end) return select("#", co()), select("#", co(unpack({}, 1, 300)))]])

-- Bounds of the compiler.
local function many(n, piece, separator) local t = {} for i = 1, n do t[i] = piece:gsub("N", i) end return table.concat(t, separator or " ") end
local function size(title, source) local f, message = loadstring(source, "=p") print(title, f and "compiles" or message) if f then print(title, list(pcall(f))) end end
for _, n in ipairs({199, 200, 201}) do size("locals " .. n, many(n, "local aN = N") .. " return a1") size("parameters " .. n, "local function f(" .. many(n, "aN", ", ") .. ") return a1 end return f(5)") end
for _, n in ipairs({59, 60, 61}) do size("upvalues " .. n, many(n, "local aN = N") .. " return (function() return " .. many(n, "aN", " + ") .. " end)()") end
for _, n in ipairs({100, 180, 250}) do
  size("parentheses " .. n, "return " .. ("("):rep(n) .. "1" .. (")"):rep(n)) size("braces " .. n, "return #" .. ("{"):rep(n) .. ("}"):rep(n)) size("blocks " .. n, ("do "):rep(n) .. ("end "):rep(n))
  size("functions " .. n, ("return (function() "):rep(n) .. ("end)() "):rep(n)) size("not " .. n, "return " .. ("not "):rep(n) .. "1") size("power " .. n, "return " .. ("1 ^ "):rep(n) .. "1")
  size("concatenation " .. n, "return " .. ("'x' .. "):rep(n) .. "'x'") size("arguments " .. n, "return select('#', " .. many(n, "N", ", ") .. ")") size("results " .. n, "return select('#', (function() return " .. many(n, "N", ", ") .. " end)())")
  if n < 200 then size("assignment " .. n, "local t = {} " .. many(n, "t.aN", ", ") .. " = " .. many(n, "N", ", ") .. " return t.a1, t.a" .. n) end size("calls " .. n, "local function f(x) return x end return " .. ("f("):rep(n) .. "5" .. (")"):rep(n))
  size("elements " .. n, "return #{" .. many(n, "N", ", ") .. "}") size("entries " .. n, "local n = 0 for k, v in pairs({" .. many(n, "aN = N", ", ") .. "}) do n = n * 7 % 1009 + v end return n")
  size("and " .. n, "local a = true return " .. many(n, "a", " and ") .. " and 5") size("or " .. n, "local a = false return " .. many(n, "a", " or ") .. " or 5") size("elseif " .. n, "local x = " .. n .. " if x == 0 then return 0 " .. many(n, "elseif x == N then return 'N!'") .. " end")
  size("sum " .. n, "return " .. many(n, "N", " + ")) size("strings " .. n, "return #(" .. many(n, "'sN'", " .. ") .. ")")
end
size("constants", "local t = {} " .. many(1000, "t[N] = 'sN' t.kN = N.5") .. " return #t, t[1000], t.k999") size("long chain", "local x = 0 " .. many(5000, "x = x + N") .. " return x")
size("long and", "local a = 1 return " .. many(3000, "a", " and ")) size("long if", "local x = 2999 " .. "if x == 0 then return 0 " .. many(3000, "elseif x == N then return N") .. " end")

-- How deep calls by native functions, metamethods and loops may go, and what an operand is called that `...` lies beside.
local function deepest(title, again)
  local depth, f = 0
  f = function(...) depth = depth + 1 return (again(f, ...)) end
  local ok, message = pcall(f)
  print(title, depth, ok, type(message) == "string" and #message > 200 and #message or list(message))
end
local function meta(event, use) deepest(event, function(f) return use(setmetatable({}, {[event] = function() return f() end}), setmetatable({}, {[event] = function() return f() end})) end) end
deepest("pcall", function(f) local ok, m = pcall(f) return m end) deepest("tail pcall", function(f) return pcall(f) end)
deepest("xpcall", function(f) local ok, m = xpcall(f, function(m) return m .. "!" end) return m end) deepest("handler", function(f) local ok, m = xpcall(function() error("x") end, f) return m end)
deepest("gsub", function(f) return string.gsub("a", "a", f) end) deepest("gsub by table", function(f) return string.gsub("a", "a", setmetatable({}, {__index = function() return f() end})) end)
deepest("sort", function(f) return table.sort({1, 2}, f) end) deepest("for", function(f) for x in f do return x end end) deepest("load", function(f) local n = 0 return load(function() n = n + 1 if n == 1 then f() end end) end)
deepest("pcall, loadstring", function(f) local ok, m = pcall(f) local g, e = loadstring("return " .. ("("):rep(20) .. "1" .. (")"):rep(20), "=p") return e or g() end)
deepest("resume", function(f) return coroutine.resume(coroutine.create(f)) end) deepest("resume, error", function(f) local ok, m = coroutine.resume(coroutine.create(f)) return m end)
deepest("wrap", function(f) return coroutine.wrap(f)() end) deepest("wrap in pcall", function(f) local ok, m = pcall(coroutine.wrap(function() return (f()) end)) return m end)
deepest("resumed", function(f) local co = coroutine.wrap(function() coroutine.yield() return (f()) end) co() return (co()) end) deepest("pcall, pairs", function(f) local ok, m = pcall(f) for k in pairs({1}) do m = k end return m end)
deepest("pcall, ipairs", function(f) local ok, m = pcall(f) for k in ipairs({1}) do m = k end return m end) deepest("pcall, tostring", function(f) local ok, m = pcall(f) return tostring(m) end)
deepest("pcall, sort", function(f) local ok, m = pcall(f) local t = {2, 1} table.sort(t) return t[1] end) deepest("pcall, gsub", function(f) local ok, m = pcall(f) return (("a"):gsub("a", {a = "b"})) end)
meta("__index", function(t) return t.x end) meta("__newindex", function(t) t.x = 1 end) meta("__add", function(t) return t + 1 end) meta("__unm", function(t) return -t end) meta("__concat", function(t) return t .. "x" end)
meta("__lt", function(t) return t < t end) meta("__le", function(t) return t <= t end) meta("__eq", function(t, u) return t == u end) meta("__tostring", function(t) return tostring(t) end) meta("__tostring", print)
run([[local function f(...) local a = 1 a[0], a = 1 == 2, ... end return f()]]) run([[local function f(...) local a = 1 a.x, a = 5, g(...) end return f()]]) run([[local a = 1 a[0], a = 5, (g) return a]])

-- Pieces that a reader gives, and how often it is asked; a first line that begins as those of Unix do.
local function pieces(...) local given, n = {...}, 0 local f, m = load(function() n = n + 1 return given[n] end, "=p") print(f and n, f and list(pcall(f)) or m) end
pcall(pieces) pcall(pieces, "") pcall(pieces, "return 1") pcall(pieces, nil, "return 1") pcall(pieces, "", "return 1", nil, "+ 1") pcall(pieces, "return 1", "", "+ 1")
pcall(pieces, "--x") pcall(pieces, "return '") pcall(pieces, "return [[x", "y]]") pcall(pieces, "re", "turn", " ", 1, 2) pcall(pieces, "return", {}) pcall(pieces, "#x", "\nreturn 1") pcall(pieces, "", "#")
run("#") run("#x\nreturn 1") run("#!lua\nreturn 1") run("\n#") run("return #")
