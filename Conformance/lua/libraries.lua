-- Every function of the base libraries with arguments of every kind.
local nan, huge = 0 / 0, math.huge
local function f() return 1 end
local values = {n = 33, nil, true, false, 0, -1, 1, 2, 3, 2.5, -2.5, 1e15, 2 ^ 31, 2 ^ 32 + 1, -2 ^ 31, 2 ^ 53, 1e300, -1e300, huge, -huge, nan, "", "a", "10",
  "0x10", " 5 ", "1e1", "5\0", "abc", "hello world", "3x", {}, {1, 2, 3}, f}
local numbers = {n = 22, nil, 0, -0, 1, -1, 2, 10, 16, 36, 37, 0.5, -0.5, 2.5, 1e15, 2 ^ 31, 2 ^ 53, 1e300, huge, -huge, nan, "7", "x"}
local small = {n = 17, nil, 0, 1, -1, 2, -2, 3, 4, 10, 100, -100, 2.7, -2.7, huge, -huge, nan, "2"}
local strings = {n = 9, nil, "", "a", "abc", "hello", "a\0b", "10", 42, true}

for _, name in ipairs({"abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg", "exp", "floor", "frexp", "log", "log10", "modf", "rad", "sin", "sinh", "sqrt", "tan", "tanh"}) do
  tryAll("math." .. name, math[name], values)
end
for _, name in ipairs({"atan2", "fmod", "ldexp", "max", "min", "pow"}) do tryAll("math." .. name, math[name], values, numbers) end
for _, name in ipairs({"len", "lower", "upper", "reverse"}) do tryAll("string." .. name, string[name], values) end
tryAll("string.rep", string.rep, strings, {n = 14, nil, 0, 1, -1, 2, 3, 10, 2.7, -2.7, -huge, nan, "2", "x", {}})
tryAll("string.byte", string.byte, strings, small, small)
tryAll("string.sub", string.sub, strings, small, small)
tryAll("string.char", string.char, {n = 12, nil, 0, 65, 255, 256, -1, 65.5, "66", "x", nan, huge, {}}, {n = 4, nil, 97, 300, ""})
tryAll("tonumber", tonumber, values, {n = 14, nil, 2, 8, 10, 16, 36, 37, 1, 0, -1, "16", 10.5, nan, {}})
for _, text in ipairs({"0", "-0", "00", "1e", "1e+", "e1", ".", ".5", "5.", "0x", "0xg", "0xFF", "0XfF", "-0xF", "0x1p4", "0x.8", "inf", "nan", "infinity", "-inf", "1 2", "1\n", "\t1", "1_0",
  "1e400", "-1e400", "1e-400", "123456789012345678901234567890", "0x123456789abcdef01", "1,5", "+5", "+-5", "--5", "9007199254740993", "zz", "7f", "-ff", " -ff ", "1e1x", "1\0", "\0"}) do
  try("tonumber " .. show(text), tonumber, text)
  for _, base in ipairs({2, 8, 16, 36}) do try("tonumber " .. show(text) .. base, tonumber, text, base) end
  try("arithmetic " .. show(text), function() return text + 0 end)
  try("loop " .. show(text), function() for i = text, 1, -10 do return i end return "none" end)
end
for _, v in ipairs({true, false, 0, -0, 1, 1.5, 1e14, 1e15, 1e16, 123456789012345, 0.1, 1 / 3, 1e100, -1e-100, huge, -huge, "x"}) do print(tostring(v)) end
for e = -20, 20 do print(10 ^ e, -10 ^ e, 3 * 10 ^ e, 2 ^ e, 10 ^ e / 3) end
tryAll("type", type, values)
tryAll("rawequal", rawequal, values, {n = 6, nil, 1, "a", true, nan, f})
tryAll("rawget", rawget, {n = 5, nil, {}, {1, 2}, {a = 1}, "x"}, {n = 7, nil, 1, 2, "a", true, nan, huge})
tryAll("rawset", rawset, {n = 5, nil, {}, {1, 2}, {a = 1}, "x"}, {n = 7, nil, 1, 2, "a", true, nan, huge}, {n = 2, nil, 5})
tryAll("select", select, {n = 14, nil, "#", "2", "x", 0, 1, 2, 3, -1, -2, -3, 1.5, nan, huge}, {n = 3, nil, 1, "a"}, {n = 2, nil, false})
tryAll("unpack", unpack, {n = 5, nil, {}, {1, 2, 3}, {1, nil, 3}, "x"}, {n = 10, nil, 0, 1, 2, -1, 1.5, "2", nan, -huge, {}}, {n = 10, nil, 0, 1, 2, 5, -1, 1.5, nan, huge, {}})
tryAll("next", next, {n = 5, nil, {}, {1, 2}, {a = 1}, "x"}, {n = 7, nil, 1, 2, 3, "a", "b", nan})
tryAll("ipairs", ipairs, {n = 3, nil, 5, "x"})
tryAll("pairs", pairs, {n = 3, nil, 5, "x"})
tryAll("setmetatable", setmetatable, {n = 4, nil, {}, 1, "x"}, {n = 4, nil, {}, 1, "x"})
tryAll("getmetatable", getmetatable, {n = 6, nil, {}, 1, setmetatable({}, {__metatable = "no"}), setmetatable({}, {__metatable = false}), setmetatable({}, {})})
tryAll("assert", assert, {n = 6, nil, false, true, 1, "x", {}}, {n = 7, nil, "message", 5, true, {}, f, ""}, {n = 2, nil, "third"})
tryAll("error", error, {n = 8, nil, "message", 5, true, {}, f, "", "a\0b"}, {n = 9, nil, 0, 1, 2, 3, 100, -1, "1", "x"})
tryAll("tostring", tostring, {n = 9, nil, true, 1, "x", setmetatable({}, {__tostring = function() return "mine" end}), setmetatable({}, {__tostring = function() return 5 end}),
  setmetatable({}, {__tostring = function() return nil end}), setmetatable({}, {__tostring = function() error("no") end}), setmetatable({}, {__tostring = 5})})
tryAll("table.concat", table.concat, {n = 9, nil, {}, {1}, {1, 2, 3}, {"a", 2.5, "c"}, {1, {}, 3}, {1, nil, 3}, {true}, "x"}, {n = 5, nil, "", ", ", 5, {}}, {n = 6, nil, 1, 2, 0, -1, "1"})
tryAll("table.concat 4", function(i, j) return table.concat({"a", "b", "c"}, "-", i, j) end, {n = 7, nil, 1, 2, 0, -1, 5, nan}, {n = 7, nil, 1, 2, 3, 4, -1, 1.5})
for _, name in ipairs({"maxn", "getn"}) do tryAll("table." .. name, table[name], {n = 9, nil, {}, {1, 2}, {[10] = 1}, {[2.5] = 1}, {a = 1}, {[-1] = 1}, {1, nil, 3}, "x"}) end
tryAll("table.setn", table.setn, {n = 2, nil, {}}, {n = 2, nil, 1})
local function on(f) return function(t, ...)
  if type(t) == "table" then local copy = {} for k, v in pairs(t) do copy[k] = v end t = copy end
  local r = list(f(t, ...)) return r, t
end end
tryAll("table.insert", on(table.insert), {n = 5, nil, {}, {1, 2, 3}, {1, nil, 3}, "x"}, {n = 9, nil, 1, 2, 3, 4, 5, 7, 0, "2"}, {n = 3, nil, "v", false})
tryAll("table.insert -", on(table.insert), {n = 2, {}, {1, 2, 3}}, {n = 6, -1, -5, 2.5, nan, 1e300, "x"}, {n = 1, "v"})
try("table.insert 4", table.insert, {}, 1, 2, 3)
tryAll("table.remove", on(table.remove), {n = 6, nil, {}, {1}, {1, 2, 3}, {1, nil, 3}, "x"}, {n = 13, nil, 1, 2, 3, 4, 0, -1, 2.5, "2", nan, huge, "x", {}})
tryAll("table.sort", on(table.sort), {n = 9, nil, {}, {3, 1, 2}, {"b", "a"}, {1, "a"}, {1, nil, 3}, {true, false}, {{}, {}}, "x"}, {n = 6, nil, function(a, b) return a > b end, function() return true end,
  function() return nil end, function() error("order") end, 5})
tryAll("table.foreach", table.foreach, {n = 5, nil, {}, {1, 2}, {a = 1}, "x"}, {n = 4, nil, function(k, v) return k end, function(k, v) return nil end, 5})
tryAll("table.foreachi", table.foreachi, {n = 5, nil, {}, {1, 2}, {a = 1}, "x"}, {n = 4, nil, function(k, v) return v end, function(k, v) return nil end, 5})
tryAll("pcall", pcall, {n = 5, nil, 5, f, error, setmetatable({}, {__call = function(self, x) return "called", x end})}, {n = 3, nil, "x", 5})
tryAll("xpcall", xpcall, {n = 4, nil, 5, f, error}, {n = 6, nil, f, 5, function(e) return "handled " .. tostring(e) end, function(e) error("again") end, tostring})
tryAll("loadstring", loadstring, {n = 7, nil, "", "return 1", "x =", "return ...", 5, {}}, {n = 6, nil, "name", "@name", "=name", 5, ""})
local function pieces(...) local list, i = {...}, 0 return function() i = i + 1 return list[i] end end
try("load", load) try("load", load, 5) try("load", load, 5, {}) try("load", load, pieces("return ", "1")) try("load", load, pieces("return ", 5)) try("load", load, pieces("x", "", "y")) try("load", load, pieces("x", {}))
try("load", load, function() error("reader") end) try("load", load, pieces("x ="), "=n") try("load", load, pieces("x ="))
print(list(load(pieces("return ", "1 + ", "2"))()))
tryAll("collectgarbage", collectgarbage, {n = 3, "x", {}, true})
tryAll("coroutine.create", coroutine.create, {n = 3, nil, 5, type}) tryAll("coroutine.wrap", coroutine.wrap, {n = 3, nil, 5, type})
tryAll("coroutine.resume", coroutine.resume, {n = 3, nil, 5, "x"}) tryAll("coroutine.status", coroutine.status, {n = 3, nil, 5, "x"})
try("coroutine.yield", coroutine.yield) try("coroutine.yield", coroutine.yield, 1)
