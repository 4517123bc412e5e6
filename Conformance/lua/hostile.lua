Programs that want the stack, the memory or the time of whoever runs them. Each may end as it likes, but soon.
---- ten million brackets
for _, piece in ipairs({"(", "{", "[", "[[", "a.", "a..", "not ", "-", "- ", "#", "a(", "a[", "a^", "do ", "if a then ", "while a do ", "repeat ", "function f() ", "return function() ", "a,", "a=", "1+", "a and ", "\"", "'", "--[[", "[=", "\\", "\0", "\n", "f{", "f'' ", "a:b", "local a ", "return ", "for a=1,2 do ", "for a in b do ", "x=x ", "elseif a then "}) do
  for _, before in ipairs({"", "return ", "local a = ", "if a then "}) do
    print(before, piece, (select(2, loadstring(before .. piece:rep(1e7 / #piece)))))
  end
end
---- long chains compile in linear time
for _, piece in ipairs({"a and ", "a or ", "a and b or ", "a < b and ", "(a or b) and "}) do
  print(piece, (loadstring("local a, b return " .. piece:rep(5e6 / #piece) .. "a")))
  print(piece, (loadstring("local a, b while " .. piece:rep(5e6 / #piece) .. "a do end")))
end
print(loadstring("local a if a then return 1 " .. ("elseif a then return 2 "):rep(2e5) .. "end"))
print(loadstring("local a while a do " .. ("if a then break end "):rep(2e5) .. "end"))
---- names that are long, and many
print(loadstring("local " .. ("a"):rep(1e7) .. " = 1 return " .. ("a"):rep(1e7)))
local t = {} for i = 1, 2e5 do t[i] = "x" .. i .. " = " .. i end print(loadstring(table.concat(t, "\n")))
local t = {} for i = 1, 2e5 do t[i] = "function f" .. i .. "() end" end print(loadstring(table.concat(t, "\n")))
---- calls without end
local function f() return 1 + f() end print(pcall(f))
local function f() return (f()) end print(pcall(f))
local function f(...) return 1, f(1, ...) end print(pcall(f))
local function f() return pcall(f) end print(f())
local function f() return xpcall(f, f) end print(f())
local function f() return xpcall(error, f) end print(f())
local function f(x) return x:gsub(".", f) end print(pcall(f, "abc"))
local function f() return coroutine.wrap(f)() end print(pcall(f))
local function f() return tostring(setmetatable({}, {__tostring = f})) end print(pcall(f))
local function f() return table.sort({1, 2, 3}, f) end print(pcall(f))
local function f() return loadstring("return ...")(f()) end print(pcall(f))
local function f() return load(f) end print(pcall(f))
local function f() return table.foreach({1}, f) end print(pcall(f))
local function f() return assert(pcall(f)) end print(pcall(f))
local source = "return loadstring(...)(...)" print(pcall(loadstring(source), source))
---- metamethods without end
for _, event in ipairs({"__index", "__newindex", "__call", "__add", "__unm", "__concat", "__eq", "__lt", "__le", "__tostring"}) do
  local mt = {} local a, b = setmetatable({}, mt), setmetatable({}, mt)
  mt[event] = function() local x = a.x a.x = 1 x = a + b x = -a x = a .. b x = a == b x = a < b x = a <= b x = tostring(a) return a() end
  print(event, pcall(function() return a(a.x, a + b, a .. b, a < b) end))
  mt[event] = a
  print(event, pcall(function() a.x = 1 return a.x end), pcall(function() return a() end))
end
---- errors in handlers of errors
print(xpcall(function() error("a") end, function(e) error(e .. "b") end))
print(xpcall(function() local function f() return 1 + f() end return f() end, function(e) local function g() return 1 + g() end return g() end))
print(xpcall(function() local s = "x" while true do s = s .. s end end, function(e) return e .. ("y"):rep(1e9) end))
for i = 1, 3 do print(pcall(error, setmetatable({}, {__tostring = function() error("no") end}))) end
---- coroutines within coroutines
local all = {} for i = 1, 1e5 do all[i] = coroutine.create(function() coroutine.yield(all) end) coroutine.resume(all[i]) end print(#all)
---- coroutines that resume each other
local a, b a = coroutine.wrap(function() while true do b() end end) b = coroutine.wrap(function() while true do a() end end) print(pcall(a))
---- coroutines that are deep
local function deep(n) if n == 0 then return coroutine.yield() end return 1 + deep(n - 1) end
for i = 1, 100 do local co = coroutine.create(deep) print(coroutine.resume(co, 19000)) end
---- patterns that go back and forth
print(("a"):rep(1e6):find((".-"):rep(100) .. "b"))
---- patterns of many optional items
print(pcall(string.find, ("a"):rep(30), ("a?"):rep(30) .. ("a"):rep(30)))
---- patterns with a long set
print(#("a"):rep(1e6):gsub("[" .. ("b"):rep(1e6) .. "]", ""))
---- patterns with a long set, and stars
local set = "[" .. ("b"):rep(1e5) .. "a]" print(("a"):rep(1e6):find(set .. "*" .. set .. "-c"))
---- patterns of balance
print(("("):rep(1e6):find("%b()")) print(("("):rep(1e5):gsub("%b()", ""))
---- patterns that look back
print(("ab"):rep(1e6):find("(.+)(.+)%1%2$"))
---- patterns that are deep
print(pcall(string.find, "x", ("("):rep(1e6))) print(pcall(string.find, ("x"):rep(1e6), ("x?"):rep(1e6))) print(pcall(string.find, ("x"):rep(1e6), ("x-"):rep(1e5) .. "y"))
---- a search for what is nearly there
local s = ("a"):rep(2e6) print(s:find(("a"):rep(1e6) .. "b", 1, true)) while true do s:find(("a"):rep(1e5) .. "b", 1, true) end
---- strings of a gigabyte
print(pcall(string.rep, "x", 2 ^ 30)) print(pcall(string.rep, "x", 2 ^ 31 - 1)) print(pcall(string.rep, "abc", 1e9)) print(pcall(string.rep, ("x"):rep(1e6), 1e6))
print(pcall(string.format, ("%99.99f"):rep(1e6), unpack({}, 1, 100))) print(pcall(function() local s = "x" for i = 1, 40 do s = s .. s end end))
print(pcall(string.gsub, ("x"):rep(1e6), "x", ("y"):rep(1e6))) print(pcall(string.gsub, ("x"):rep(1e6), "", ("y"):rep(1e6))) print(pcall(table.concat, {1, 2, 3, 4}, ("x"):rep(1e8)))
---- strings made again and again
local s = ("x"):rep(5e7) local n = 0 while true do n = n + 1 local t = s .. n end
---- strings compared again and again
local s = ("x"):rep(5e7) local a, b = s .. "a", s .. "b" s = nil while true do local c = a < b end
---- long strings as numbers
local s = ("1"):rep(1e7) while true do local c = s + 1 end
---- long strings turned
local s = ("x"):rep(5e7) while true do local t = s:reverse() t = s:upper() end
---- formats
print(pcall(string.format, "%99999d", 1)) print(pcall(string.format, "%.99999f", 1)) print(#string.format("%99.99f", 1e308)) print(pcall(string.format, ("%d"):rep(1e6))) print(pcall(string.format, "%" .. ("0"):rep(1e6) .. "d", 1))
---- table functions with huge ranges
print(pcall(unpack, {}, 1, 1e9)) print(pcall(unpack, {}, -2 ^ 31, 2 ^ 31 - 1)) print(pcall(unpack, {}, 1, 7999)) print(pcall(unpack, {}, 2 ^ 31 - 5, 2 ^ 31 - 1)) print(pcall(table.concat, {}, "", 1, 2 ^ 31 - 1)) print(pcall(table.concat, {}, "", -2 ^ 31, 2 ^ 31 - 1))
print(pcall(string.byte, ("x"):rep(1e6), 1, -1)) print(pcall(string.char, unpack({}, 1, 7000))) print(pcall(select, -2 ^ 31, 1)) print(pcall(select, 2 ^ 31 - 1, 1)) print(pcall(table.remove, {}, -2 ^ 31)) print(pcall(math.random, -2 ^ 31, 2 ^ 31 - 1))
---- table.insert far away
table.insert({}, -2 ^ 31, 1)
---- table.insert far away, and NaN
local t = {1, 2, 3} table.insert(t, 0 / 0, 1) table.insert(t, 1e300, 1) table.insert(t, -1e300, 1) table.insert(t, -1e6, 1) print(#t)
---- table.insert at the front of a long table
local t = {} for i = 1, 1e6 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end
---- sort with orders that lie
local function try(order, n) local t = {} for i = 1, n do t[i] = (i * 7919) % 1009 end print(pcall(table.sort, t, order)) end
for _, n in ipairs({3, 10, 1000, 50000}) do
  try(function() return true end, n) try(function() return false end, n) try(function() return nil end, n) try(function() return math.random() < 0.5 end, n) try(function(a, b) return a <= b end, n) try(function(a, b) if not a or not b then error("nil") end return a ~= b end, n)
end
local t t = {} for i = 1, 1000 do t[i] = i end print(pcall(table.sort, t, function(a, b) for i = 1, 1000 do t[i] = nil end collectgarbage() return false end))
local t t = {} for i = 1, 1000 do t[i] = {i} end print(pcall(table.sort, t, function(a, b) t[math.random(2000)] = {} collectgarbage("step") return a[1] and b[1] and a[1] < b[1] end))
---- sort of a long table
local t = {} for i = 1, 2e6 do t[i] = i % 1000 end table.sort(t) print("sorted")
---- tables changed while they are gone through
local t = {} for i = 1, 1000 do t["k" .. i] = i end
print(pcall(function() for k in pairs(t) do t[k .. "x"] = 1 t[k] = nil collectgarbage("step") end end))
print(pcall(table.foreach, t, function(k) t[k] = nil k = nil collectgarbage() local junk = {} for i = 1, 50 do junk[i] = ("j" .. i):rep(3) end end))
print(pcall(table.foreachi, {1, 2, 3}, function(i) t = nil collectgarbage() end))
---- an emptied table is long to look through
local t = {} for i = 1, 2e6 do t[i] = i end for i = 1, 2e6 do t[i] = nil end while true do next(t) end
---- an emptied table is long to look through, in loops
local t = {} for i = 1, 2e6 do t["k" .. i % 1e6] = i end for i = 1, 2e6 do t["k" .. i % 1e6] = nil end while true do for k in pairs(t) do end end
---- the greatest key
local t = {} for i = 1, 1e6 do t[i] = i end while true do table.maxn(t) end
---- elements that are in two places
local t = {[3] = 5, [1] = 6, (function() return 1, 2, 3 end)()} local n = 0 for k in pairs(t) do n = n + 1 assert(n < 10) end print(n)
---- keys of one hash
local t = {} for i = 1, 2e5 do t[("x"):rep(32) .. i .. ("y"):rep(64)] = i end print("made")
---- memory used up, again and again
for i = 1, 20 do print(pcall(function() local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end)) end
for i = 1, 5 do print(pcall(function() local t = {} while true do t = {t, t} end end)) end
for i = 1, 5 do print(pcall(function() local s = "" while true do s = s .. ("y"):rep(1e6) end end)) end
for i = 1, 5 do print(pcall(function() local f = print while true do local g = f f = function() return g() end end end)) end
---- garbage that nobody may collect
collectgarbage("stop") while true do local t = {{}, {}, {}} end
---- garbage collected all the time
local t = {} for i = 1, 3e5 do t[i] = {} end while true do collectgarbage() end
---- errors in long functions
local f = loadstring("local t = {} " .. ("t[1] = t[2] "):rep(1e5) .. " return t.x.y") while true do pcall(f) end
---- source compiled again and again
local source = ("x = 1 "):rep(1e5) while true do loadstring(source) end
---- source without end
local piece = ("x = 1 "):rep(1000) load(function() return piece end)
---- cjson that is deep
print(pcall(cjson.decode, ("["):rep(1e7))) print(pcall(cjson.decode, ('{"a":'):rep(1e6))) cjson.decode_max_depth(2 ^ 31 - 1) cjson.encode_max_depth(2 ^ 31 - 1)
print(pcall(cjson.decode, ("["):rep(1e6) .. ("]"):rep(1e6))) local t = {} for i = 1, 1e5 do t = {t} end print(pcall(cjson.encode, t)) local c = {} c.c = c print(pcall(cjson.encode, c))
---- cjson that is long
print(#cjson.decode("[" .. ("1,"):rep(2e6) .. "1]")) print(pcall(cjson.decode, "[" .. ('"abc",'):rep(2e6))) print(pcall(cjson.encode, {("\0"):rep(5e7)}))
cjson.encode_sparse_array(true, 0, 0) print(pcall(cjson.encode, {[2 ^ 31 - 1] = 1}))
---- cjson again and again
local t = {} for i = 1, 1e5 do t[i] = i end t[1e5 + 1] = print while true do pcall(cjson.encode, t) end
---- cmsgpack that is deep
print(pcall(cmsgpack.unpack, ("\145"):rep(1e7))) print(pcall(cmsgpack.unpack, ("\129"):rep(1e6))) print(pcall(cmsgpack.unpack, ("\129\145"):rep(1e6))) local c = {} c[1] = c print(#cmsgpack.pack(c))
---- cmsgpack that promises much
for _, head in ipairs({"\219\255\255\255\255", "\221\255\255\255\255", "\223\255\255\255\255", "\220\255\255", "\222\255\255"}) do print(pcall(cmsgpack.unpack, head)) print(pcall(cmsgpack.unpack, head .. ("\192"):rep(1e6))) print(pcall(cmsgpack.unpack, head .. ("\144"):rep(1e6))) print(pcall(cmsgpack.unpack, head .. ("\1"):rep(1e6))) end
print(pcall(cmsgpack.unpack, ("\192"):rep(1e6))) print(select("#", pcall(cmsgpack.unpack, ("\192"):rep(7000)))) print(pcall(cmsgpack.unpack_limit, ("\1"):rep(1e6), 2 ^ 31 - 1, 0))
---- struct with great numbers
for _, format in ipairs({"c2147483647", "i2147483647", "!2147483648i", "!1073741824i", "c99999999999999999999", ("i32"):rep(1e5), ("x"):rep(1e6), (" "):rep(1e6), ("!"):rep(1e6), ("<>"):rep(1e6), "c0", "bc0", "lc0"}) do
  print(pcall(struct.size, format)) print(pcall(struct.pack, format, 1, 2, 3)) print(pcall(struct.unpack, format, ("x"):rep(1000)))
  for _, at in ipairs({2 ^ 31, 2 ^ 53, 2 ^ 63, -2 ^ 63, 1 / 0, 0 / 0, -1}) do print(pcall(struct.unpack, format, ("x"):rep(1000), at)) end
end
---- numbers where integers are wanted
local odd = {0 / 0, 1 / 0, -1 / 0, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, 2 ^ 64, -2 ^ 31, -2 ^ 63, -2 ^ 64, 1e300, -1e300, 0.5, -0.5, -0}
local functions = {}
for name, value in pairs(_G) do
  if type(value) == "table" and name ~= "_G" then for inner, f in pairs(value) do if type(f) == "function" then functions[name .. "." .. inner] = f end end
  elseif type(value) == "function" and name ~= "print" then functions[name] = value end
end
functions["table.insert"], functions["string.rep"], functions["coroutine.yield"] = nil, nil, nil
local others = {"abc", {1, 2, 3}, true, function() end, ("x"):rep(100), {}}
for name, f in pairs(functions) do
  for _, a in ipairs(odd) do
    pcall(f, a)
    for _, o in ipairs(others) do pcall(f, o, a) pcall(f, a, o) pcall(f, o, o, a) pcall(f, o, 1, a) pcall(f, o, "a", a) pcall(f, o, a, o) end
    for _, b in ipairs(odd) do pcall(f, a, b) for _, o in ipairs(others) do pcall(f, o, a, b) end end
  end
end
for _, a in ipairs(odd) do local t = {} t[a == a and a or 1] = 1 pcall(function() return t[a], #t end) for i = a, a + 3 do if i ~= i then break end local n = i break end for i = 1, 3, a do break end end
print("done")
---- values of every kind in every function
local functions, values = {}, {nil, true, 0, "x", {}, print, coroutine.create(function() end), cjson.null, ("%s"):rep(10), setmetatable({}, {__index = function() return 1 end}), -1}
for name, value in pairs(_G) do
  if type(value) == "table" and name ~= "_G" then for inner, f in pairs(value) do if type(f) == "function" then functions[name .. "." .. inner] = f end end
  elseif type(value) == "function" and name ~= "print" then functions[name] = value end
end
for name, f in pairs(functions) do
  for i = 1, 11 do pcall(f, values[i]) for j = 1, 11 do pcall(f, values[i], values[j]) for k = 1, 11 do pcall(f, values[i], values[j], values[k]) end end end
end
print("done")
