-- Strings put together and taken apart.
local parts = {}
for i = 1, 3e5 do parts[i] = "item-" .. i .. ":" .. i * 2 end
local all = table.concat(parts, ",")
local n, s = 0, ""
for i = 1, 2e4 do s = s .. "x" end
for i = 1, 5e5 do local t = all:sub(i, i + 9) if t:byte(1) == 105 then n = n + #t end end
print(#all, #s, n)
