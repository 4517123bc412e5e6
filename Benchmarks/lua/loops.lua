-- Arithmetic in loops.
local sum = 0
for i = 1, 2e7 do sum = sum + i % 7 * 2 end
local n, steps = 837799, 0
for _ = 1, 2000 do
  n = 837799
  while n ~= 1 do
    if n % 2 == 0 then n = n / 2 else n = 3 * n + 1 end
    steps = steps + 1
  end
end
print(sum, steps)
