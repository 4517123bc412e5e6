-- Tables as arrays, as records and as maps.
local n = 0
for r = 1, 20 do
  local array, map = {}, {}
  for i = 1, 1e5 do array[i] = i end
  for i = 1, 1e5 do map["k" .. i % 5000] = (map["k" .. i % 5000] or 0) + array[i] end
  for i, v in ipairs(array) do n = n + v end
  for k, v in pairs(map) do n = n + v end
end
for i = 1, 2e6 do local point = {x = i, y = i + 1} n = n + point.x - point.y end
print(n)
