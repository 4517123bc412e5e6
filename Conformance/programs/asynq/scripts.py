"""What Asynq does to its keys, as scripts.

Which keys there are, what each operation reads and writes and what it answers are Asynq's; the words are ours, since Asynq itself is of Go and neither apt nor pip has it.
Times are in seconds, `pending_since` in nanoseconds. A script that finds its task gone answers the error NOT FOUND; one that adds a task answers 1, 0 if its name is
taken, -1 if its unique key is. Keys of tasks and groups are made in the scripts, of prefixes in ARGV.
"""


def _adding(state, lock=None):
    """Adds task ARGV[1] with message ARGV[2], at KEYS[1]; `lock` is its unique key, held for ARGV[5] seconds."""
    fields, place = {
        "pending": (", 'pending_since', ARGV[3]", "redis.call('LPUSH', KEYS[2], ARGV[1])"),
        "scheduled": ("", "redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])"),
        "aggregating": (", 'group', ARGV[4]", "redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])\nredis.call('SADD', KEYS[3], ARGV[4])"),
    }[state]
    claim = ""
    if lock:
        claim = "if not redis.call('SET', %s, ARGV[1], 'NX', 'EX', ARGV[5]) then return -1 end\n" % lock
        fields += ", 'unique_key', " + lock
    create = "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end\nredis.call('HSET', KEYS[1], 'msg', ARGV[2], 'state', '%s'%s)\n" % (state, fields)
    return claim + create + place + "\nreturn 1"


# KEYS: task, pending, unique key. ARGV: id, message, nanoseconds, -, seconds of the lock
ENQUEUE = _adding("pending")
ENQUEUE_UNIQUE = _adding("pending", lock="KEYS[3]")

# KEYS: task, scheduled, unique key. ARGV: id, message, when it is due, -, seconds of the lock
SCHEDULE = _adding("scheduled")
SCHEDULE_UNIQUE = _adding("scheduled", lock="KEYS[3]")

# KEYS: task, group, groups, unique key. ARGV: id, message, now, name of the group, seconds of the lock
ADD_TO_GROUP = _adding("aggregating")
ADD_TO_GROUP_UNIQUE = _adding("aggregating", lock="KEYS[4]")

# KEYS: pending, paused, active, lease. ARGV: end of the lease, prefix of tasks. The message, or nil.
DEQUEUE = """
if redis.call('EXISTS', KEYS[2]) == 1 then return nil end
local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[3])
if not id then return nil end
local task = ARGV[2] .. id
redis.call('HSET', task, 'state', 'active')
redis.call('HDEL', task, 'pending_since')
redis.call('ZADD', KEYS[4], ARGV[1], id)
return redis.call('HGET', task, 'msg')
"""

# --- The ends of a task in hand. KEYS: active, lease, task, then what each says; ARGV: id, end of the day's counters, greatest number, then what each says.


def _ending(body, lock=None):
    """Takes the task out of its worker's hands, then `body`. `count` is told the counters of the day, then as many of all time, which begin again when full."""
    helpers = """
local function leave()
  return redis.call('LREM', KEYS[1], 0, ARGV[1]) ~= 0 and redis.call('ZREM', KEYS[2], ARGV[1]) ~= 0
end
local function count(...)
  local days, totals = {...}, {}
  for _ = 1, table.getn(days) / 2 do table.insert(totals, 1, table.remove(days)) end
  for _, day in ipairs(days) do
    if tonumber(redis.call('INCR', day)) == 1 then redis.call('EXPIREAT', day, ARGV[2]) end
  end
  local full = tonumber(redis.call('GET', totals[1])) == tonumber(ARGV[3])
  for _, total in ipairs(totals) do
    if full then redis.call('SET', total, 1) else redis.call('INCR', total) end
  end
end
if not leave() then return redis.error_reply('NOT FOUND') end
"""
    unlock = "if redis.call('GET', %s) == ARGV[1] then redis.call('DEL', %s) end\n" % (lock, lock) if lock else ""
    return helpers + body + unlock + "return redis.status_reply('OK')"


def _done(lock=None):
    return _ending("""
if redis.call('DEL', KEYS[3]) == 0 then return redis.error_reply('NOT FOUND') end
count(KEYS[4], KEYS[5])
""", lock)


def _complete(lock=None):
    return _ending("""
if redis.call('ZADD', KEYS[6], ARGV[5], ARGV[1]) ~= 1 then return redis.error_reply('INTERNAL') end
redis.call('HSET', KEYS[3], 'msg', ARGV[4], 'state', 'completed')
count(KEYS[4], KEYS[5])
""", lock)


# KEYS: ..., processed of the day, processed, unique key
DONE = _done()
DONE_UNIQUE = _done(lock="KEYS[6]")

# KEYS: ..., processed of the day, processed, completed, unique key. ARGV: ..., message, until when it is kept
COMPLETE = _complete()
COMPLETE_UNIQUE = _complete(lock="KEYS[7]")

# KEYS: ..., pending. It is the next one then.
REQUEUE = _ending("""
redis.call('RPUSH', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[3], 'state', 'pending')
""")

# KEYS: ..., processed and failed of the day, processed, failed, retry. ARGV: ..., message, when it is due, whether it failed
RETRY = _ending("""
redis.call('ZADD', KEYS[8], ARGV[5], ARGV[1])
redis.call('HSET', KEYS[3], 'msg', ARGV[4], 'state', 'retry')
if tonumber(ARGV[6]) == 1 then count(KEYS[4], KEYS[5], KEYS[6], KEYS[7]) end
""")

# KEYS: ..., processed and failed of the day, processed, failed, archived. ARGV: ..., message, now, what is older goes, how many stay at most, prefix of tasks
ARCHIVE = _ending("""
local function drop(ids)
  if #ids == 0 then return end
  for _, id in ipairs(ids) do redis.call('DEL', ARGV[8] .. id) end
  redis.call('ZREM', KEYS[8], unpack(ids))
end
redis.call('ZADD', KEYS[8], ARGV[5], ARGV[1])
drop(redis.call('ZRANGE', KEYS[8], '-inf', ARGV[6], 'BYSCORE'))
drop(redis.call('ZRANGE', KEYS[8], 0, -ARGV[7]))
redis.call('HSET', KEYS[3], 'msg', ARGV[4], 'state', 'archived')
count(KEYS[4], KEYS[5], KEYS[6], KEYS[7])
""")

# --- What a server does now and then

# KEYS: scheduled or retry, pending. ARGV: now, nanoseconds, prefix of tasks, prefix of groups. How many moved, 100 at most.
FORWARD = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 100)
for _, id in ipairs(due) do
  local task = ARGV[3] .. id
  local group = redis.call('HGET', task, 'group')
  local state = {'state', 'aggregating'}
  if group and group ~= '' then
    redis.call('ZADD', ARGV[4] .. group, ARGV[1], id)
  else
    redis.call('LPUSH', KEYS[2], id)
    state = {'state', 'pending', 'pending_since', ARGV[2]}
  end
  redis.call('ZREM', KEYS[1], id)
  redis.call('HSET', task, unpack(state))
end
return table.getn(due)
"""

# KEYS: lease. ARGV: what ended by then, prefix of tasks. The messages.
LEASES_ENDED = """
local messages = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])) do
  messages[#messages + 1] = redis.call('HGET', ARGV[2] .. id, 'msg') or nil
end
return messages
"""

# KEYS: completed. ARGV: now, how many at once, prefix of tasks. How many went.
DELETE_EXPIRED = """
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, tonumber(ARGV[2]))
for _, id in ipairs(ids) do
  redis.call('DEL', ARGV[3] .. id)
  redis.call('ZREM', KEYS[1], id)
end
return table.getn(ids)
"""

# KEYS: server, its workers. ARGV: seconds to live, the server's message, then id and message of each task in hand
WRITE_SERVER = """
redis.call('SETEX', KEYS[1], ARGV[1], ARGV[2])
redis.call('DEL', KEYS[2])
for index = 3, table.getn(ARGV) - 1, 2 do redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1]) end
redis.call('EXPIRE', KEYS[2], ARGV[1])
return redis.status_reply('OK')
"""
CLEAR_SERVER = "redis.call('DEL', KEYS[1])\nredis.call('DEL', KEYS[2])\nreturn redis.status_reply('OK')"

# --- Groups

# A group that is full, or old, or has been left alone, becomes a set of tasks to be worked on as one.
# KEYS: group, the set, sets, groups. ARGV: greatest size, greatest age, age of the last one, when the set is given up, now, name of the group. 1 if there is a set.
CHECK_GROUP = """
local size, most, now = redis.call('ZCARD', KEYS[1]), tonumber(ARGV[1]), tonumber(ARGV[5])
if size == 0 then return 0 end
local function beyond(age, command)
  local score = tonumber(redis.call(command, KEYS[1], 0, 0, 'WITHSCORES')[2])
  return score <= now - age
end
local full = most ~= 0 and size >= most
local old = not full and tonumber(ARGV[2]) ~= 0 and beyond(tonumber(ARGV[2]), 'ZRANGE')
if not (full or old or beyond(tonumber(ARGV[3]), 'ZREVRANGE')) then return 0 end
local taken = redis.call('ZRANGE', KEYS[1], 0, most - 1, 'WITHSCORES')
for index = 1, table.getn(taken) - 1, 2 do redis.call('ZADD', KEYS[2], tonumber(taken[index + 1]), taken[index]) end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, most - 1)
redis.call('ZADD', KEYS[3], ARGV[4], KEYS[2])
if most == 0 or size <= most then redis.call('SREM', KEYS[4], ARGV[6]) end
return 1
"""

# KEYS: the set. ARGV: prefix of tasks. The messages.
READ_SET = """
local messages = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do table.insert(messages, redis.call('HGET', ARGV[1] .. id, 'msg')) end
return messages
"""

# KEYS: the set, sets. ARGV: prefix of tasks
DELETE_SET = """
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('DEL', ARGV[1] .. id) end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], KEYS[1])
return redis.status_reply('OK')
"""

# Sets that nobody has finished in time go back to their groups: what stands before the last colon of their keys. KEYS: sets. ARGV: now
RECLAIM_SETS = """
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])) do
  local group = string.match(key, '^(.*):[^:]*$')
  local held = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for index = 1, table.getn(held) - 1, 2 do redis.call('ZADD', group, tonumber(held[index + 1]), held[index]) end
  redis.call('DEL', key)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return redis.status_reply('OK')
"""

# --- Schedules, and who looks on

# KEYS: entries of a scheduler. ARGV: seconds to live, entries
WRITE_ENTRIES = """
redis.call('DEL', KEYS[1])
for index = 2, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[index]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.status_reply('OK')
"""

# KEYS: history of an entry. ARGV: now, event, how many are kept
RECORD_EVENT = """
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
return redis.status_reply('OK')
"""

# KEYS: task, pending, groups. ARGV: id, prefix of the queue, prefix of groups. 1, 0 if there is none, -1 if it is in hand, -2 if it is pending.
RUN_NOW = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local state, group = unpack(redis.call('HMGET', KEYS[1], 'state', 'group'))
local refused = ({active = -1, pending = -2})[state]
if refused then return refused end
local place = ARGV[2] .. state
if state == 'aggregating' then place = ARGV[3] .. group end
if redis.call('ZREM', place, ARGV[1]) == 0 then return redis.error_reply('MISSING in ' .. place) end
if group and redis.call('ZCARD', place) == 0 then redis.call('SREM', KEYS[3], group) end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'pending')
return 1
"""

# KEYS: pending, active, scheduled, retry, archived, completed, paused, groups, counters. ARGV: prefix of tasks, prefix of groups.
# Name and number by turns; `bytes` is 1 if the server tells how much memory the oldest pending task takes.
STATISTICS = """
local found = {}
local function tell(name, number) found[#found + 1] = name; found[#found + 1] = number end
for index, name in ipairs({'pending', 'active'}) do tell(name, redis.call('LLEN', KEYS[index])) end
for index, name in ipairs({'scheduled', 'retry', 'archived', 'completed'}) do tell(name, redis.call('ZCARD', KEYS[index + 2])) end
tell('paused', redis.call('EXISTS', KEYS[7]))
for index = 9, #KEYS do tell(KEYS[index], tonumber(redis.call('GET', KEYS[index]) or 0)) end
local grouped = 0
for _, name in ipairs(redis.call('SMEMBERS', KEYS[8])) do grouped = grouped + redis.call('ZCARD', ARGV[2] .. name) end
tell('aggregating', grouped)
local oldest = redis.call('LRANGE', KEYS[1], -1, -1)[1]
tell('bytes', oldest and redis.call('MEMORY', 'USAGE', ARGV[1] .. oldest) > 0 and 1 or 0)
return found
"""
