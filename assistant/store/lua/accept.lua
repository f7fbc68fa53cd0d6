-- Make a request durable, all or nothing.
-- KEYS: idempotency, cache, session, messages, session runs, owner's sessions, cast.
-- ARGV: run id, spec, entry 0, token ('' where no slot is free), lease ms, channel, head, ttl ms,
--       now ms, now, fingerprint, cache ttl ms, busy (reject or ''), session id, session record,
--       most that may be queued, user, number of lines that only begin a history, history lines...
-- Returns {what, run id}: claimed, queued, repeated (idempotency), mismatch, shared (cache), foreign
-- (the session is another owner's), busy, full, or unpinned where the cast is not kept yet; with
-- queued, as a third, the claim on the run that has its turn, where the token's slot goes to that
-- one.
local rid, ttl, sid, token = ARGV[1], ARGV[8], ARGV[14], ARGV[4]
if redis.call('EXISTS', run_key(rid)) == 1 then
  local taken = token ~= '' and redis.call('EXISTS', P .. 'taken:' .. token) == 1
  if taken then return {'queued', rid, take(token, ARGV[5], ARGV[10])} end
  return {token ~= '' and holds(rid, token) and 'claimed' or 'queued', rid}
end
if ARGV[11] ~= '' then
  local known = redis.call('HMGET', KEYS[1], 'fingerprint', 'run')
  if known[1] then
    if known[1] ~= ARGV[11] then return {'mismatch', known[2]} end
    return {'repeated', known[2]}
  end
end
if redis.call('EXISTS', KEYS[7]) == 0 then return {'unpinned', ''} end
keep(KEYS[7], ttl)
if ARGV[12] ~= '' then
  local known = redis.call('GET', KEYS[2])
  if known then
    redis.call('HINCRBY', STATS, 'cache_hits', 1)
    return {'shared', known}
  end
end
-- Two may begin a session by the same id at once; whoever comes second finds it taken.
local there = sid ~= '' and redis.call('GET', KEYS[3])
if there and P .. 'sessions:' .. cjson.decode(there).owner ~= KEYS[6] then
  return {'foreign', ''}
end
local before = sid ~= '' and redis.call('LLEN', lane_key(sid)) or 0
if ARGV[13] == 'reject' and before > 0 then
  return {'busy', redis.call('LINDEX', lane_key(sid), 0)}
end
-- Whoever has a slot free still leaves it to those who came earlier.
local at_once = token ~= '' and before == 0 and redis.call('ZCARD', QUEUE) == 0
-- Whose slot goes to another has a place in the queue for it, but not whoever waits for a session.
local waits = token == '' or before > 0
if waits and redis.call('SCARD', QUEUED) >= tonumber(ARGV[16]) then return {'full', ''} end

redis.call('HSET', run_key(rid), 'spec', ARGV[2], 'status', 'queued', 'attempt', 0,
  'channel', ARGV[6], 'head', ARGV[7], 'user', ARGV[17], 'session', sid)
write(rid, 0, {ARGV[3]}, token)
redis.call('ZADD', OPEN, ARGV[9], rid)
redis.call('HINCRBY', STATS, 'accepted', 1)
if ARGV[11] ~= '' then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[11], 'run', rid)
  redis.call('HSET', run_key(rid), 'idempotency', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ttl)
end
if ARGV[12] ~= '' then
  redis.call('HINCRBY', STATS, 'cache_misses', 1)
  redis.call('SET', KEYS[2], rid, 'PX', ttl)
end
if sid ~= '' then
  redis.call('SET', KEYS[3], ARGV[15], 'PX', at_least(KEYS[3], ttl))
  local first = 19
  if redis.call('EXISTS', KEYS[4]) == 1 then first = first + tonumber(ARGV[18]) end
  for i = first, #ARGV do redis.call('RPUSH', KEYS[4], ARGV[i]) end
  redis.call('RPUSH', lane_key(sid), rid)
  redis.call('SADD', KEYS[5], rid)
  redis.call('ZADD', KEYS[6], 'NX', ARGV[9], sid)
  for i = 4, 6 do keep(KEYS[i], ttl) end
end
if at_once then
  claim(rid, token, ARGV[5], ARGV[10])
  return {'claimed', rid}
end
redis.call('SADD', QUEUED, rid)
if before == 0 then
  enqueue(rid)
  before = redis.call('ZRANK', QUEUE, rid)
end
write(rid, 1, {'{"type":"run.queued","ahead":' .. before .. '}'}, '')
redis.call('HSET', run_key(rid), 'ahead', before)
-- The slot is filled in the same step, so that the queue never holds more than it may.
if token ~= '' then return {'queued', rid, take(token, ARGV[5], ARGV[10])} end
return {'queued', rid}
