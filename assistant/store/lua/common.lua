-- What every script begins with: names of keys, the fence, and the queue.
-- `P` is the prefix of all keys. One Redis node holds them all, so keys are named from ids here.

local OPEN, STATS, QUEUE = P .. 'runs:open', P .. 'stats', P .. 'queue'
local QUEUED, DUE = P .. 'runs:queued', P .. 'approvals:due'

local function run_key(rid) return P .. 'run:' .. rid end
local function log_key(rid) return P .. 'run:' .. rid .. ':log' end
local function lease_key(rid) return P .. 'run:' .. rid .. ':lease' end
local function checkpoint_key(rid) return P .. 'run:' .. rid .. ':checkpoint' end
local function effects_key(rid) return P .. 'run:' .. rid .. ':effects' end
local function approvals_key(rid) return P .. 'run:' .. rid .. ':approvals' end
local function lane_key(sid) return P .. 'session:' .. sid .. ':lane' end

-- How long to keep what is to be kept for `ms`: a run that waits may need it for longer.
local function at_least(key, ms)
  return math.max(tonumber(ms), redis.call('PTTL', key))
end

-- Move a session's end on. The rest of its record may have become another since it was last read.
local function prolong(key, ends)
  local record = redis.call('GET', key)
  if not record then return end
  local moved = string.gsub(record, '"expires_at":"[^"]*"', '"expires_at":"' .. ends .. '"', 1)
  redis.call('SET', key, moved, 'KEEPTTL')
end

local function keep(key, ms) redis.call('PEXPIRE', key, at_least(key, ms)) end

-- The number of the last entry: they have no gap, from 0 on.
local function last_of(rid) return redis.call('XLEN', log_key(rid)) - 1 end

-- Whether `token` may write. A lease that lapsed while nobody else took the run is still good.
local function holds(rid, token) return redis.call('HGET', run_key(rid), 'holder') == token end

-- Write entries from number `first` on, and tell whoever listens at `channel`.
local function write_to(channel, head, rid, first, events, token)
  for i, event in ipairs(events) do
    local n = first + i - 1
    redis.call('XADD', log_key(rid), '1-' .. n, 'e', event, 'w', token)
    redis.call('PUBLISH', channel, head .. n .. ',' .. string.sub(event, 2))
  end
end

local function write(rid, first, events, token)
  local known = redis.call('HMGET', run_key(rid), 'channel', 'head')
  write_to(known[1], known[2], rid, first, events, token)
end

-- The fence. Entry ids are `1-<sequence>`, so the stream itself refuses a number that is taken;
-- this adds that no number is skipped, that only the holder writes, and that the same write
-- repeated (its reply was lost) counts as done.
local function append(rid, token, lease_ms, first, events)
  if #events == 0 then return holds(rid, token) and 'ok' or 'lease' end
  local last = last_of(rid)
  if last >= first then
    local mine = redis.call('XRANGE', log_key(rid), '1-' .. first, '1-' .. first)
    local whole = last >= first + #events - 1
    if whole and mine[1] and mine[1][2][4] == token and mine[1][2][2] == events[1] then
      return 'again'
    end
    return 'taken'
  end
  if last ~= first - 1 then return 'gone' end
  local known = redis.call('HMGET', run_key(rid), 'holder', 'channel', 'head')
  if known[1] ~= token then return 'lease' end
  write_to(known[2], known[3], rid, first, events, token)
  -- Whoever holds it renews it by the clock; this is for a lease that has lapsed all the same.
  if redis.call('EXISTS', lease_key(rid)) == 0 then
    redis.call('SET', lease_key(rid), token, 'PX', lease_ms)
  end
  return 'ok'
end

-- The queue is fair by start-time fair queueing (Goyal, Vin, Cheng 1996): the n-th waiting run of
-- one user comes after the n-th of every other, whatever their number. The score is the turn; the
-- order of arrival decides among equals. What had its turn before (`first`) comes before all that
-- had none.
local function enqueue(rid, first)
  local turn = 0
  if not first then
    local clock = tonumber(redis.call('GET', QUEUE .. ':clock') or '0')
    local user = redis.call('HGET', run_key(rid), 'user')
    turn = math.max(clock, tonumber(redis.call('HGET', QUEUE .. ':turns', user) or '0')) + 1
    redis.call('HSET', QUEUE .. ':turns', user, turn)
  end
  local now = redis.call('TIME')
  redis.call('HSET', run_key(rid), 'queued_at', now[1] .. string.format('%03d', now[2] / 1000))
  local arrival = redis.call('INCR', QUEUE .. ':arrivals') % 1000000
  redis.call('ZADD', QUEUE, 'NX', turn + arrival / 10000000, rid)
end

local function dequeue()
  local top = redis.call('ZPOPMIN', QUEUE)
  if not top[1] then
    -- Whom nobody waits for owes nobody a turn; some left without one, cancelled or deleted.
    redis.call('DEL', QUEUE .. ':clock', QUEUE .. ':turns', QUEUE .. ':arrivals')
    return nil
  end
  local user, turn = redis.call('HGET', run_key(top[1]), 'user'), math.floor(tonumber(top[2]))
  if turn == 0 then return top[1] end
  redis.call('SET', QUEUE .. ':clock', turn)
  if user and tonumber(redis.call('HGET', QUEUE .. ':turns', user) or '0') <= turn then
    redis.call('HDEL', QUEUE .. ':turns', user)
  end
  return top[1]
end

-- Queue whichever run of a session has its turn now.
local function next_turn(sid)
  local head = redis.call('LINDEX', lane_key(sid), 0)
  if not head or redis.call('HGET', run_key(head), 'status') ~= 'queued' then return end
  if not redis.call('ZSCORE', QUEUE, head) then enqueue(head) end
end

local function claimed(rid)
  local known = redis.call('HMGET', run_key(rid), 'spec', 'attempt', 'cancel', 'crashes', 'resumed',
    'queued_at')
  local checkpoint = redis.call('GET', checkpoint_key(rid)) or ''
  local attempt, crashes = tonumber(known[2]), tonumber(known[4] or '0')
  local resumed, queued_at = tonumber(known[5]), tonumber(known[6] or '0')
  return {known[1], attempt, last_of(rid), known[3] or '', checkpoint, crashes, resumed, queued_at}
end

-- Take the right to execute a run that nobody holds. Only a run that was left while it executed
-- has crashed; one that was given back, or whose approval was decided, has not.
local function claim(rid, token, lease_ms, now)
  local known = redis.call('HMGET', run_key(rid), 'status', 'resume')
  local status, resumed = known[1], known[2]
  if status ~= 'queued' and status ~= 'running' and status ~= 'waiting' then return nil end
  local holder = redis.call('GET', lease_key(rid))
  if holder == token then return claimed(rid) end -- the reply was lost
  if holder then return nil end
  redis.call('SET', lease_key(rid), token, 'PX', lease_ms)
  redis.call('HSET', run_key(rid), 'status', 'running', 'holder', token, 'resumed',
    resumed and 1 or 0)
  redis.call('HSETNX', run_key(rid), 'started_at', now)
  redis.call('HDEL', run_key(rid), 'resume')
  redis.call('SREM', QUEUED, rid)
  redis.call('ZREM', QUEUE, rid)
  if status == 'running' then redis.call('HINCRBY', run_key(rid), 'crashes', 1) end
  if not resumed then redis.call('HINCRBY', run_key(rid), 'attempt', 1) end
  return claimed(rid)
end

-- Claim the queued run whose turn it is, or nil. The same token takes the same run again, where
-- the reply was lost.
local function take(token, lease_ms, now)
  local taken = P .. 'taken:' .. token
  local mine = redis.call('GET', taken)
  if mine then return claim(mine, token, lease_ms, now) end
  while true do
    local rid = dequeue()
    if not rid then return nil end
    local found = claim(rid, token, lease_ms, now)
    if found then
      redis.call('SET', taken, rid, 'PX', lease_ms)
      return found
    end
  end
end
