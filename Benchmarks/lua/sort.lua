-- table.sort, table.insert and table.remove.
local seed = 42
local function random() seed = (seed * 16807) % 2147483647 return seed end
local numbers, words = {}, {}
for i = 1, 2e5 do numbers[i] = random() words[i] = "w" .. random() end
table.sort(numbers)
table.sort(words)
table.sort(numbers, function(a, b) return a > b end)
local queue = {}
for i = 1, 1e6 do table.insert(queue, i) end
while #queue > 0 do table.remove(queue) end
print(numbers[1], words[1])
