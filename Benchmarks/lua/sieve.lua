-- The sieve of Eratosthenes, and a matrix.
local count = 0
for r = 1, 5 do
  local composite = {}
  for i = 2, 1e6 do
    if not composite[i] then
      count = count + 1
      for j = i * i, 1e6, i do composite[j] = true end
    end
  end
end
local n = 120
local function matrix() local m = {} for i = 1, n do m[i] = {} for j = 1, n do m[i][j] = i + j end end return m end
local a, b, c = matrix(), matrix(), matrix()
for i = 1, n do for j = 1, n do local s = 0 for k = 1, n do s = s + a[i][k] * b[k][j] end c[i][j] = s end end
print(count, c[n][n])
