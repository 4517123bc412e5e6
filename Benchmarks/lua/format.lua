-- string.format, tostring and tonumber.
local n = 0
for i = 1, 4e5 do
  n = n + #string.format("%d:%s:%5.2f:%x", i, "abc", i / 3, i) + tonumber(tostring(i)) % 3
end
print(n)
