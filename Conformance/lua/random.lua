-- What the random programs of lib/lua_programs.py use, and `program`, which runs one of them with globals of its own.
local steps = 0

function _G.tick()
  steps = steps + 1
  if steps > 300 then error("too long", 0) end
end

function _G.cut(s) return type(s) == "string" and s:sub(1, 100) or s end
function _G.num(v) return tonumber(v) or type(v) == "table" and #v or 1 end
function _G.str(v) return (type(v) == "string" or type(v) == "number") and cut(v) or type(v) end
function _G.tab(v) return type(v) == "table" and v or {v, 2, k = v, n = 1} end
function _G.fun(v) return type(v) == "function" and v or function(...) return v, ... end end
function _G.key(v) return (type(v) == "table" or type(v) == "function") and type(v) or v end
_G.list = list

local function program(number, source)
  steps = 0
  for k in pairs(_G) do if #k == 1 then _G[k] = nil end end
  local f, message = loadstring(source, "=p")
  print("#" .. number)
  if f then print(list(pcall(f, 1, "two"))) else print("compile", message) end
end

local function damaged(number, source)
  local f, message = loadstring(source, "=p")
  print("#" .. number)
  print(f and "compiles" or message)
end
