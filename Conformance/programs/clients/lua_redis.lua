-- What applications do with lua-redis, as one program of the `clients` suite: see suites/clients.py for what it prints.
local redis = require "redis"

local port, locked_port, path = ...
io.stdout:setvbuf "line"

local function client(place) return redis.connect("127.0.0.1", tonumber(place or port)) end

local function check(name, body)
  local went_well, why = pcall(body)
  print(went_well and "pass " .. name or "fail " .. name .. ": " .. tostring(why):gsub("%s+", " "))
end

local function same(got, wanted)
  if type(got) == "table" then got = table.concat(got, " ") end
  if got ~= wanted then error(tostring(got) .. " in the place of " .. tostring(wanted), 2) end
end

local function tells(text, body, ...)
  local went_well, why = pcall(body, ...)
  if went_well or not tostring(why):find(text) then error("not told of " .. text .. ", but " .. tostring(why), 2) end
end

client():flushall()

check("pipeline", function()
  local one = client()
  local replies = one:pipeline(function(pipe)
    for number = 0, 4999 do pipe:rpush("many", number) end
  end)
  same(#replies, 5000)
  same(replies[5000], 5000)
  local done = one:transaction(function(all)
    all:set("a", 1)
    all:incr("a")
  end)
  same(done[2], 2)
  tells("WRONGTYPE", one.lpush, one, "a", 1)
end)

check("watch", function()
  local one, other = client(), client()
  one:set("w", 1)
  local turns = 0
  one:transaction({ watch = "w", cas = true, retry = 2 }, function(all)
    turns = turns + 1
    if turns == 1 then other:set("w", 10) end
    all:multi()
    all:incr("w")
  end)
  same(turns, 2)
  same(one:get("w"), "11")
end)

check("blocking pop over several queues", function()
  local one = client()
  one:rpush("low", 1, 2, 3)
  same(one:blpop("high", "low", 1), "low 1")
  same(one:brpop("high", "low", 1), "low 3")
  same(one:brpoplpush("low", "done", 1), "2")
  same(one:brpop("none", 1), nil)
end)

check("authentication", function()
  local one = client(locked_port)
  tells("NOAUTH", one.get, one, "x")
  tells("WRONGPASS", one.auth, one, "wrong")
  one:auth("secret")
  same(one:ping(), true)
end)

check("timeouts", function()
  local one = redis.connect { host = "127.0.0.1", port = tonumber(port), timeout = 0.2 }
  tells("timeout", one.brpop, one, "none", 3)
  tells("refused", redis.connect, "127.0.0.1", 1)
end)

check("Unix socket", function() same(redis.connect("unix://" .. path):ping(), true) end)

check("bytes", function()
  local one, every = client(), {}
  for byte = 0, 255 do every[#every + 1] = string.char(byte) end
  every = table.concat(every)
  for _, value in ipairs { "", every, every:rep(20000), "\r\n$-1\r\n" } do
    one:set(every, value)
    if one:get(every) ~= value then error "other bytes come back" end
  end
end)

check("subscriptions", function()
  local one, other, heard = client(), client(), nil
  for message, stop in one:pubsub { subscribe = { "news" } } do
    if message.kind == "subscribe" then
      same(other:publish("news", "hello"), 1)
    elseif message.kind == "message" then
      heard = message.channel .. " " .. message.payload
      stop()
    end
  end
  same(heard, "news hello")
end)

check("the data after a restart", function()
  local one = client()
  one:set("kept", "yes")
  print "restart"
  io.read()
  tells("closed", one.get, one, "kept")
  one = client()  -- It does not reconnect by itself.
  same(one:get("kept"), "yes")
  same(one:lrange("many", 0, 1), "0 1")
end)

print "end"
