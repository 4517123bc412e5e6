-- Calls of functions, of closures and of methods.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local function counter() local n = 0 return function() n = n + 1 return n end end
local object = {n = 0}
function object:add(x) self.n = self.n + x return self end
local count = counter()
for i = 1, 2e6 do count() object:add(i):add(1) end
print(fib(30), count(), object.n)
