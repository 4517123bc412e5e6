-- The libraries that Redis adds: cjson, cmsgpack, struct and bit.
local nan, huge = 0 / 0, math.huge
local function hex(s) return (s:gsub(".", function(c) return string.format("%02x", c:byte()) end)) end
local function nested(n, last) local t = last for i = 1, n do t = {t} end return t end
local cyclic = {} cyclic[1] = cyclic
local function f() end

-- cjson.encode.
local values = {nil, true, false, 0, -0, 1, -1, 1.5, 1e14, 1e15, 2 ^ 53, 1e300, 0.1, 1 / 3, 123456789.123456789, "", "a", "a\"b\\c/d\b\f\n\r\t\0\1\31\127\128\255", "äöü", {}, {1}, {1, 2, 3}, {1, nil, 3}, {nil, nil, 3},
  {a = 1}, {a = {b = {c = {}}}}, {1, 2, a = 3}, {[1] = 1, [2] = 2, [4] = 4}, {[10] = 1}, {[11] = 1}, {[1000000] = 1}, {[1.5] = 1}, {[0] = 1}, {[-1] = 1}, {[true] = 1}, {["1"] = 1}, {[1] = "a", ["1"] = "b"},
  {{}, {}}, {cjson.null}, {a = cjson.null}, cjson.null, nested(3, 1), nested(999, 1), nested(1001, 1), cyclic, f, {f}, {[f] = 1}, nan, huge, -huge, {nan}, coroutine.create(f), {[2 ^ 31] = 1}, {[2 ^ 53] = 1}, {[1e300] = 1}}
for i = 1, 59 do local v = values[i] print(i, list(pcall(cjson.encode, v))) end
try("encode", cjson.encode) try("encode", cjson.encode, 1, 2)
for i = 1, 60 do try("key", cjson.encode, {["k" .. i] = i, [i] = 1, [i * 100] = 2}) end
local big = {} for i = 1, 40 do big["key" .. i * 37] = i end try("order", cjson.encode, big)

-- cjson.decode.
local texts = {"", " ", "null", "true", "false", "nul", "TRUE", "0", "-0", "1", "-1", "01", "1.", ".5", "1.5", "1e5", "1E+5", "1e-5", "1e400", "-", "+1", "0x10", "0x", "-0x1", "1e", "1e+", "nan", "NaN", "-nan", "inf", "Infinity", "-Infinity", "-inf",
  '""', '"a"', '"a', '"\\', '"\\"', '"\\u', '"\\u0041"', '"\\u00e9"', '"\\u20ac"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83d\\u0041"', '"\\u004"', '"\\uZZZZ"', '"\\x41"', '"\\b\\f\\n\\r\\t\\/\\\\\\""', '"a\nb"', '"a\tb"', '"a\0b"', "\0", "1\0", "[\0]", '"\1"',
  "[]", "[1]", "[1,2,3]", "[1,]", "[,1]", "[1 2]", "[", "[1", "[1,", "]", "[[]]", "[[[[[]]]]]", "[null]", "[null,null,1]", "[1,null]", "{}", '{"a":1}', '{"a":1,"b":[{}]}', '{"a":1,"a":2}', '{"a"}', '{"a":}', '{"a":1,}', "{,}", "{1:2}", "{a:1}", '{"a" 1}', "{", '{"', '{"a', '{"a":', '{"a":1', "}",
  '{"1":1}', '{"":1}', ' [ 1 , 2 ] ', '\t{\n"a"\r:\t1}', "1 2", "[] []", "[1]x", "// c", "'a'", "[1,2,\"x\",true,false,null,{\"y\":[]}]", "\239\187\191[]", "[\"\255\"]", "[1e1,-2.50,3E-2]", "truefalse", "true1", "nullx", "[tru]", "9007199254740993", "123456789012345678901234567890", "[-]", "--1", "1-1", "1.2.3", "[1.]"}
for _, text in ipairs(texts) do print(show(text), list(pcall(cjson.decode, text))) end
for _, n in ipairs({10, 999, 1000, 1001, 1500}) do print(n, #list(pcall(cjson.decode, ("["):rep(n) .. ("]"):rep(n))), #list(pcall(cjson.decode, ('{"a":'):rep(n) .. "1" .. ("}"):rep(n))), list(pcall(cjson.decode, ("["):rep(n)))) end
try("decode", cjson.decode) try("decode", cjson.decode, 1, 2) try("decode", cjson.decode, nil) try("decode", cjson.decode, {}) try("decode", cjson.decode, 5)
print(cjson.decode("[null]")[1] == cjson.null, cjson.decode("null") == cjson.null, type(cjson.null), tostring(cjson.null) ~= nil, cjson._NAME, cjson._VERSION)
for i = 1, #texts do local ok, v = pcall(cjson.decode, texts[i]) if ok then print(show(texts[i]), list(pcall(cjson.encode, v))) end end

-- cjson's settings; each is set back.
local function with(name, arguments, f) print(name, list(pcall(cjson[name], unpack(arguments)))) f() end
with("encode_sparse_array", {true, 2, 3}, function() try("sparse", cjson.encode, {[1000] = 1}) try("sparse", cjson.encode, {[5] = 1}) try("sparse", cjson.encode, {[3] = 1}) end)
with("encode_sparse_array", {false, 0, 0}, function() try("sparse", cjson.encode, {[1000] = 1}) end) with("encode_sparse_array", {false, 1, 1}, function() try("sparse", cjson.encode, {1, nil, 3}) end)
with("encode_sparse_array", {false, 2, 10}, f) with("encode_sparse_array", {}, f) with("encode_sparse_array", {"on"}, f) with("encode_sparse_array", {"off"}, f) with("encode_sparse_array", {"bad"}, f) with("encode_sparse_array", {true, -1}, f) with("encode_sparse_array", {1, 2, 3, 4}, f)
with("encode_sparse_array", {false, 2, 10}, f)
with("encode_max_depth", {3}, function() try("depth", cjson.encode, nested(3, 1)) try("depth", cjson.encode, nested(4, 1)) end) with("encode_max_depth", {0}, f) with("encode_max_depth", {"x"}, f) with("encode_max_depth", {1, 2}, f) with("encode_max_depth", {1000}, f)
with("decode_max_depth", {3}, function() try("depth", cjson.decode, "[[[1]]]") try("depth", cjson.decode, "[[[[1]]]]") end) with("decode_max_depth", {0}, f) with("decode_max_depth", {2.7}, f) with("decode_max_depth", {1000}, f)
for n = 1, 14 do with("encode_number_precision", {n}, function() try("precision", cjson.encode, {1 / 3, 123456789.123, 1e100, 5, 0.1}) end) end with("encode_number_precision", {0}, f) with("encode_number_precision", {15}, f) with("encode_number_precision", {14}, f)
for _, v in ipairs({true, false, "null", "on", "off", "bad", 5}) do with("encode_invalid_numbers", {v}, function() try("invalid", cjson.encode, {nan}) try("invalid", cjson.encode, huge) try("invalid", cjson.encode, -huge) end) end with("encode_invalid_numbers", {false}, f)
for _, v in ipairs({true, false}) do with("decode_invalid_numbers", {v}, function() for _, t in ipairs({"nan", "inf", "-inf", "0x10", "01", "1.5", "infinity", "-nan", "[NaN]"}) do try("invalid " .. t, cjson.decode, t) end end) end with("decode_invalid_numbers", {true}, f)
with("encode_keep_buffer", {false}, f) with("encode_keep_buffer", {true}, f) with("encode_keep_buffer", {"x"}, f)

-- Libraries with settings of their own; one that fails in the middle has set what was before it.
local own, names = cjson.new(1, 2), {} for name in pairs(own) do names[#names + 1] = name end table.sort(names) print(list(true, unpack(names)))
local other = own.new() print(own.null == cjson.null, own.new == cjson.new, own.encode == cjson.encode, own._NAME, own._VERSION, select("#", cjson.new()))
for name, values in pairs({encode_sparse_array = {true, 7, 8}, encode_max_depth = {4}, decode_max_depth = {5}, encode_number_precision = {6}, encode_keep_buffer = {false}, encode_invalid_numbers = {"null"}, decode_invalid_numbers = {false}}) do own[name](unpack(values)) end
for _, name in ipairs({"encode_sparse_array", "encode_max_depth", "decode_max_depth", "encode_number_precision", "encode_keep_buffer", "encode_invalid_numbers", "decode_invalid_numbers"}) do for i, json in ipairs({own, other, cjson}) do print(name, i, list(pcall(json[name]))) end end
for i, json in ipairs({own, other, cjson}) do try(i, json.encode, {1 / 3, nan}) try(i, json.encode, 1 / 3) try(i, json.encode, {[100] = 1}) try(i, json.encode, nested(5, 1)) try(i, json.decode, "[[[[[[1]]]]]]") try(i, json.decode, "nan") end
print(list(pcall(other.encode_sparse_array, true, 5, "x"))) print(list(pcall(other.encode_sparse_array)))
own.x = 1 print(own.x, cjson.new().x) for i = 1, 1000 do own = own.new() end print(own.encode({own.encode_max_depth()}))

-- cmsgpack.
local function packed(...) local ok, s = pcall(cmsgpack.pack, ...) print(list(...), ok and hex(s):sub(1, 400) or s) if ok then print(list(pcall(cmsgpack.unpack, s))) end end
for _, n in ipairs({0, -0, 1, 127, 128, 255, 256, 65535, 65536, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 53, 2 ^ 62, 2 ^ 63, 2 ^ 64, -1, -31, -32, -33, -127, -128, -129, -32768, -32769, -2 ^ 31, -2 ^ 31 - 1, -2 ^ 53, -2 ^ 63, -2 ^ 64, 0.5, 0.1, 1e300, huge, -huge, 3.25, 16777217, 1.1}) do packed(n) end
for _, n in ipairs({0, 1, 31, 32, 255, 256, 65535, 65536}) do packed(("x"):rep(n)) end
for _, n in ipairs({0, 1, 15, 16, 17, 100, 65535, 65536}) do local t, m = {}, {} for i = 1, n do t[i] = 1 m["k" .. i] = 1 end if n < 1000 then packed(t) packed(m) else print(#cmsgpack.pack(t), #cmsgpack.pack(m)) end end
packed(nil) packed(true, false) packed() packed(1, "a", {}) packed({1, nil, 3}) packed({a = 1}) packed({[1] = 1, [3] = 3}) packed({[0] = 1}) packed({[1.5] = 2}) packed({[true] = 1}) packed({{}, {{}}}) packed(f) packed({f}) packed(cjson.null) packed(coroutine.create(f))
for _, n in ipairs({14, 15, 16, 17, 18, 30}) do packed(nested(n, 1)) end print(#cmsgpack.pack(cyclic))
for i = 1, 40 do packed({["k" .. i] = i, ["l" .. i * 7] = 1, [i] = 2}) end
for b = 0, 255 do for _, rest in ipairs({"", "\0", "\1\2", "\0\0\0\1a", "\0\1a\192\192", "\127\255\255\255", ("\129"):rep(20), ("\161a"):rep(20)}) do print(b, hex(rest), list(pcall(cmsgpack.unpack, string.char(b) .. rest))) end end
local stream = cmsgpack.pack(1, "a", {2}, {b = 3}, nil, 4.5)
try("unpack", cmsgpack.unpack) try("unpack", cmsgpack.unpack, nil) try("unpack", cmsgpack.unpack, 5) try("unpack", cmsgpack.unpack, "") try("unpack", cmsgpack.unpack, stream)
local offset = 0 for i = 1, 10 do local ok, next, v = pcall(cmsgpack.unpack_one, stream, offset) print(ok, next, show(v)) if not ok or next == -1 then break end offset = next end
for _, n in ipairs({0, 1, 2, 3, 6, 7, 100, -1, 1.5, "2", nan}) do try("unpack_limit " .. tostring(n), cmsgpack.unpack_limit, stream, n) try("unpack_limit " .. tostring(n), cmsgpack.unpack_limit, stream, n, 1) end
for _, n in ipairs({0, 1, #stream - 1, #stream, #stream + 1, 1000, -1, 1.5, "2"}) do try("unpack_one " .. tostring(n), cmsgpack.unpack_one, stream, n) end try("unpack_one", cmsgpack.unpack_one) try("unpack_limit", cmsgpack.unpack_limit) try("unpack_limit", cmsgpack.unpack_limit, stream)
print(cmsgpack._NAME, cmsgpack._VERSION, cmsgpack._COPYRIGHT ~= nil, cmsgpack._DESCRIPTION)

-- struct.
local formats = {"b", "B", "h", "H", "l", "L", "T", "i", "I", "i1", "i2", "i3", "i4", "i5", "i7", "i8", "i9", "i16", "i32", "I0", "I1", "I3", "I8", "I16", "f", "d", "x", "s", "c0", "c1", "c3", "c", ">i", "<i", ">h<h", "!4bi", "!8bd", "!bd", "!2bi", "!bI3", "! b i", "!3i", "!0i", "bxb", "y", "5", "i4i4", ">I2", ">d", ">f", " b ", "=b", "@b"}
local data = {"", "\1", "\255", "\1\2", "\255\254", "abc", "abcd", "\0\0\0\0", "abcdefgh", "\255\255\255\255\255\255\255\255", "\0\0\0\0\0\0\240\63", "text\0rest", "\3abcdef", ("\128"):rep(40)}
for _, format in ipairs(formats) do
  if format ~= "y" and format ~= "5" then try("size " .. format, struct.size, format) end
  for _, v in ipairs({0, 1, -1, 127, 128, 255, 256, 65535, 2 ^ 31, 2 ^ 32 + 5, 2 ^ 53, 2 ^ 63, -2 ^ 63, 2 ^ 64, -2 ^ 70, 1e300, -1e300, 1.5, -1.5, huge, -huge, nan, "7", "abc", "a\0b", "", true, {}}) do
    local ok, s = pcall(struct.pack, format, v, v) print(format, show(v), ok and hex(s) or s)
  end
  try("pack " .. format, struct.pack, format) try("pack " .. format, struct.pack, format, nil)
  for _, d in ipairs(data) do try(format .. " " .. hex(d), struct.unpack, format, d) for _, p in ipairs({2, 3, 5, 0, -1, 100, 1.5, "2", 1e300, nan}) do try(format .. " " .. hex(d) .. " " .. tostring(p), struct.unpack, format, d, p) end end
end
for _, format in ipairs({"bc0", "Bc0", "i1c0", "hc0", "c0b", "sc0", "Bc0Bc0", "bc0s", ">I2c0", "dc0"}) do for _, d in ipairs({"", "\0", "\1a", "\2ab", "\5ab", "\255ab", "\1a\2bc", "\0\3abc", "2\0ab"}) do try(format .. " " .. hex(d), struct.unpack, format, d) end try("pack " .. format, struct.pack, format, 2, "ab", 3, "abc") end
for _, format in ipairs({"i33", "I33", "i99999999999", "c99999999999", "!99999999999b"}) do try("size " .. format, struct.size, format) try("pack " .. format, struct.pack, format, 1) try("unpack " .. format, struct.unpack, format, ("a"):rep(40)) end
try("pack", struct.pack) try("unpack", struct.unpack) try("unpack", struct.unpack, "b") try("size", struct.size) try("pack", struct.pack, "") try("unpack", struct.unpack, "", "") try("pack", struct.pack, ("b"):rep(300), 1) try("unpack", struct.unpack, ("b"):rep(300), ("a"):rep(300))
for _, n in ipairs({1, 2, -1, -7, 1e300, -1e300, 2 ^ 33}) do try("unpack nothing", struct.unpack, "", "abc", n) try("unpack_one " .. n, cmsgpack.unpack_one, "abc", n) end
try("size to a zero", struct.size, "bb\0i") try("option to a zero", cjson.encode_invalid_numbers, "o\0n")
with("encode_sparse_array", {false, 2, 10}, function() try("sparse", cjson.encode_sparse_array, true, 2 ^ 32 + 1, 1e300) end) with("encode_sparse_array", {false, 2, 10}, f)

-- bit.
local numbers = {0, 1, -1, 2, 255, 256, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 33 + 3, -2 ^ 31, -2 ^ 32 - 7, 2 ^ 51, -2 ^ 51, 2 ^ 53, 1e20, 0.5, 1.5, 2.5, -0.5, -1.5, huge, -huge, nan, "7", "0xff", "x", true, {}}
for _, name in ipairs({"tobit", "bnot", "bswap"}) do tryAll("bit." .. name, bit[name], numbers) end
for _, name in ipairs({"band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror"}) do tryAll("bit." .. name, bit[name], numbers, {0, 1, 4, 31, 32, 33, -1, 255, 2 ^ 32, 1.5, "3", "x"}) end
tryAll("bit.tohex", bit.tohex, numbers, {n = 13, 0, 1, 4, 8, 9, -1, -4, -8, -9, 100, 2 ^ 31, -2 ^ 31, "x"})
try("band", bit.band, "x", {}, {}) try("bor", bit.bor, 1, {}, "x") try("band", bit.band, 255, 127, 63, 31) try("bor", bit.bor, 1, 2, 4, 8) try("bxor", bit.bxor, 1, 3, 7)
