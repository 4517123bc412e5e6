-- Closures, varargs, metatables and coroutines.
local function map(f, ...) local t = {...} for i = 1, select("#", ...) do t[i] = f(t[i]) end return unpack(t) end
local Vector = {} Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({x = a.x + b.x}, Vector) end
local sum = setmetatable({x = 0}, Vector)
local generator = coroutine.wrap(function() local i = 0 while true do i = i + 1 coroutine.yield(i) end end)
local n = 0
for i = 1, 5e5 do
  local a, b, c = map(function(x) return x + i end, 1, 2, 3)
  sum = sum + setmetatable({x = a + b + c}, Vector)
  n = n + generator()
end
print(sum.x, n)
