-- Patterns, and string.format.
local nan, huge = 0 / 0, math.huge
local subjects = {"", "a", "abc", "hello world", "aaa", "key = value", "[x](y)", "a.b.c", "a\0b\0c", "(f(x)(y))", "  trim  ", "2024-01-02", "THE (quick) fox", "%d", "äöü", "x^2$"}
local patterns = {"", "a", ".", ".*", ".-", "a*", "a+", "a-", "a?", "^a", "a$", "^$", "$", "^", "%a+", "%A+", "%d+", "%D", "%s+", "%S+", "%w+", "%W+", "%p", "%P+", "%c", "%C+", "%x+", "%X+",
  "%l+", "%L+", "%u+", "%U+", "%z", "%Z+", "[abc]+", "[^abc]+", "[a-c]", "[%a_]+", "[]]", "[^]]+", "[a-]", "[-a]", "[%]]", "[a%-c]", "[%w%s]+", "(a)(b)", "((a)(b))", "()", "(a*)()", "(.)%1",
  "(.-)%s*=%s*(.*)", "%b()", "%b[]", "%bxx", "%f[%w]%w+", "%f[%W]", "%f[a]", "(%d+)-(%d+)-(%d+)", "^%s*(.-)%s*$", "%%", "%.", "%$", "%^", "a%", "%", "[", "[a", "[^", "[]", "[^]", "[%", "[%a",
  "(", ")", "(a", "a)", "%1", "(a)%2", "%b", "%bx", "%f", "%fa", "(()", "a**", "a+?", "*", "+a", "?", "-", "^*", "[a-z]*$", "\0", "a\0b", "[\0-a]", "[%z]", "(a*(.)%w(%s*))", "()()()", "%g+", "%1(a)", "[z-a]", "[a-%%]", "[%a-z]"}
for _, s in ipairs(subjects) do
  for _, p in ipairs(patterns) do
    print(show(s), show(p), list(pcall(string.find, s, p)), list(pcall(string.match, s, p)), list(pcall(string.gsub, s, p, "<%0>")), list(pcall(string.gsub, s, p, "%1", 2)))
    local all = {}
    print(list(pcall(function() for a, b in string.gmatch(s, p) do all[#all + 1] = list(a, b) if #all > 30 then break end end end)), table.concat(all, ";"))
  end
end
for _, init in ipairs({0, 1, 2, 3, 4, 5, -1, -2, -3, -4, 100, -100, 1.9, nan, huge, -huge, "2", "x"}) do
  print(init, list(pcall(string.find, "abcabc", "b", init)), list(pcall(string.find, "abcabc", "b", init, true)), list(pcall(string.match, "abcabc", "[bc]()", init)), list(pcall(string.find, "abc", "", init)))
end
print(list(string.find("a.b", ".", 1, true), string.find("a.b", ".b", 1, 1), string.find("a+b", "+", 1, true), string.find("abc", "", 10), string.find("abc", "", 4), string.find("", "")))
for _, r in ipairs({"", "x", "%0", "%1", "%2", "%9", "%%", "%", "%a", "a%", "[%0]", "%1%1", "\0", 5, 2.5, true}) do
  print(show(r), list(pcall(string.gsub, "hello", "l", r)), list(pcall(string.gsub, "hello", "(l)", r)), list(pcall(string.gsub, "hello", "()l", r)))
end
for _, n in ipairs({0, 1, 2, -1, 100, 1.5, nan, huge, "1", "x"}) do print(n, list(pcall(string.gsub, "aaa", "a", "b", n))) end
for _, n in ipairs({1, "x", {}}) do print(list(pcall(string.gsub, "aaa", "a", nil, n)), list(pcall(string.gsub, "aaa", {}, nil, n))) end
for _, t in ipairs({{}, {l = "L"}, {l = 5}, {l = false}, {l = true}, {l = {}}, setmetatable({}, {__index = function(t, k) return k .. "!" end})}) do print(list(pcall(string.gsub, "hello", "l", t))) end
for _, f in ipairs({function() end, function(x) return x:upper() end, function() return false end, function() return 5 end, function() return true end, function() return {} end, function() error("no") end,
  function(a, b) return (b or "-") .. a end}) do
  print(list(pcall(string.gsub, "hello", "l", f)), list(pcall(string.gsub, "hello", "(h)(e)", f)), list(pcall(string.gsub, "hello", "()", f)))
end
for _, anchored in ipairs({"^a", "^", "^a*", "^b"}) do print(anchored, list(string.gsub("aaab", anchored, "x")), list(string.gsub("aaab", anchored, "x", 0))) end
try("gmatch anchored", function() local t = {} for w in ("aab"):gmatch("^a") do t[#t + 1] = w if #t > 5 then break end end return t end)
try("captures", string.find, "a", ("()"):rep(32)) try("captures", string.find, "a", ("()"):rep(33)) try("captures", string.match, ("a"):rep(40), ("(a)"):rep(33))
try("find", string.find) try("find", string.find, "x") try("find", string.find, nil, "x") try("find", string.find, {}, "x") try("gsub", string.gsub, "x", "y") try("gsub", string.gsub, "x", "x", nil) try("gmatch", string.gmatch, "x")
try("method", function() return ("x"):bad() end) try("method", function() return ("x"):rep({}) end) try("method", function() return ("x").y.z end) try("method", function() local s = "x" return s:find(nil) end)

local formats = {"%d", "%5d", "%-5d|", "%05d", "%+d", "% d", "%.3d", "%5.3d", "%i", "%u", "%5u", "%o", "%#o", "%x", "%X", "%#x", "%08x", "%e", "%E", "%.0e", "%f", "%.0f", "%.3f", "%10.2f|", "%-10.2f|", "%+.1f", "%g", "%G",
  "%.3g", "%#g", "%.17g", "%.99f", "%99.99f", "%c", "%5c", "%-5c|", "%s", "%5s", "%-5s|", "%.2s", "%5.1s|", "%q", "%5q", "%%", "%5%", "%a", "%", "%5", "%.", "%y", "%ld", "%100d", "%.100f", "%099d", "%-+ #0d", "%-+ #00d",
  "%------d", "% +d", "%\0", "%d %s", "%.s", "%.0s", "%0s", "%1.1.1f", "%p", "%n", "%*d", "%L"}
for _, format in ipairs(formats) do
  for _, v in ipairs({0, 1, -1, 42, 3.7, -3.7, 255, 65, 1e15, 2 ^ 31, 2 ^ 53, -2 ^ 63, 1e20, -1e20, 1e300, huge, -huge, nan, "10", "0x10", "abc", "a\0b", "", ("x"):rep(120), "q\"\\\n\r\0z"}) do
    print(show(format), show(v), list(pcall(string.format, format, v)))
  end
  print(show(format), list(pcall(string.format, format)), list(pcall(string.format, format, nil)), list(pcall(string.format, format, true)), list(pcall(string.format, format, {})))
end
try("format", string.format) try("format", string.format, nil) try("format", string.format, 5) try("format", string.format, "a\0b%d", 5) try("format", string.format, "%d%d", 1) try("format", string.format, "%s %s", "a", "b", "c")
