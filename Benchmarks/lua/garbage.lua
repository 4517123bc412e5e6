-- Trees made and dropped.
local function tree(depth) if depth == 0 then return {} end return {tree(depth - 1), tree(depth - 1)} end
local function size(t) if not t[1] then return 1 end return 1 + size(t[1]) + size(t[2]) end
local n = 0
local kept = tree(14)
for i = 1, 60 do n = n + size(tree(12)) end
print(n, size(kept))
