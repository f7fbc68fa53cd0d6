-- Write the terminal entry and all that follows from it.
-- KEYS: cache, session, messages, session runs.
-- ARGV: run id, token, lease ms, first, event, status, end, ttl ms, cache ttl ms, session record,
--       input tokens, output tokens, session id, history lines...
-- The last three keys are used only where there is a session; the cache key only where cached.
-- Returns {ok or the fault, whether another run of the session has its turn now}.
local rid, ttl, sid = ARGV[1], ARGV[8], ARGV[13]
local r = append(rid, ARGV[2], ARGV[3], tonumber(ARGV[4]), {ARGV[5]})
if r == 'again' then return {'ok', 1} end
if r ~= 'ok' then return {r, 0} end
redis.call('HSET', run_key(rid), 'status', ARGV[6], 'end', ARGV[7], 'holder', '')
redis.call('DEL', lease_key(rid), checkpoint_key(rid))
for _, call in ipairs(redis.call('HKEYS', approvals_key(rid))) do
  redis.call('ZREM', DUE, rid .. ' ' .. call)
end
for _, key in ipairs({run_key(rid), log_key(rid), effects_key(rid), approvals_key(rid)}) do
  redis.call('PEXPIRE', key, ttl)
end
redis.call('ZREM', OPEN, rid)
redis.call('HINCRBY', STATS, ARGV[6], 1)
redis.call('HINCRBY', STATS, 'input_tokens', ARGV[11])
redis.call('HINCRBY', STATS, 'output_tokens', ARGV[12])
if ARGV[9] ~= '' then
  if ARGV[9] == '0' then redis.call('DEL', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], ARGV[9]) end
end
if sid == '' then return {'ok', 0} end
redis.call('LREM', lane_key(sid), 0, rid)
for i = 14, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
if ARGV[10] ~= '' and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('SET', KEYS[2], ARGV[10], 'PX', at_least(KEYS[2], ttl))
end
for i = 2, 4 do keep(KEYS[i], ttl) end
return {'ok', next_turn(sid)}
