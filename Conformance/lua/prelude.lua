-- What the programs of the conformance suite use: values as text that has no addresses in it, and calls of a function with many arguments.
local tostring, type, pairs, select, pcall, table, string = tostring, type, pairs, select, pcall, table, string

-- A value as text; tables in the order of pairs, to a depth of 3.
local function show(value, depth)
  depth = depth or 0
  local kind = type(value)
  if kind == "string" then
    if #value > 300 then return string.format("string of %d: %q", #value, value:sub(1, 100)) end
    return (string.format("%q", value):gsub("[%c\128-\255]", function(c) return string.format("\\%03d", c:byte()) end))
  end
  if kind == "number" then
    if value ~= value then return "nan" end
    return string.format("%.17g", value)
  end
  if kind ~= "table" then return kind == "boolean" and tostring(value) or kind end
  if depth == 3 then return "{...}" end
  local parts = {}
  for k, v in pairs(value) do
    if #parts == 50 then parts[51] = "..." break end
    parts[#parts + 1] = show(k, depth + 1) .. "=" .. show(v, depth + 1)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- The values of a call as one line.
local function list(...)
  local texts = {}
  for i = 1, select("#", ...) do texts[i] = show((select(i, ...))) end
  return (table.concat(texts, " "))
end

-- What a call of f with these arguments comes to.
local function try(title, f, ...) print(title .. ": " .. list(pcall(f, ...))) end

-- Calls f with none, with each one, each two and, out of the last list, with each three values.
local function tryAll(title, f, firsts, seconds, thirds)
  try(title, f)
  for i = 1, firsts.n or #firsts do
    local a = firsts[i]
    try(title .. " " .. show(a), f, a)
    if seconds then
      for j = 1, seconds.n or #seconds do
        local b = seconds[j]
        try(title .. " " .. list(a, b), f, a, b)
        if thirds then
          for k = 1, thirds.n or #thirds do try(title .. " " .. list(a, b, thirds[k]), f, a, b, thirds[k]) end
        end
      end
    end
  end
end
