-- Patterns.
local text = ("key = value; other_key = 12345, name=\"some text\" (nested (brackets)) "):rep(200)
local n = 0
for i = 1, 20 do
  for k, v in text:gmatch("([%w_]+)%s*=%s*([^;,]+)") do n = n + #k + #v end
  n = n + #text:gsub("%d+", "<%0>") + #text:gsub("%a+", string.upper) + #text:gsub("%b()", "")
  for at in text:gmatch("()brackets") do n = n + at end
end
print(n)
