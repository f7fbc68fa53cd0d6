-- Write the last entries, the terminal one at the end, and all that follows from it.
-- KEYS: cache, session, messages, session runs.
-- ARGV: run id, token, lease ms, first, status, end, ttl ms, cache ttl ms, session's end, input
--       tokens, output tokens, session id, number of history lines, history lines..., events...
-- The last three keys are used only where there is a session; the cache key only where cached.
-- Returns {ok or the fault, how many runs could begin now}.
local rid, ttl, sid, lines, events = ARGV[1], ARGV[7], ARGV[12], 13 + ARGV[13], {}
for i = lines + 1, #ARGV do events[#events + 1] = ARGV[i] end
local r = append(rid, ARGV[2], ARGV[3], tonumber(ARGV[4]), events)
if r == 'again' then return {'ok', redis.call('ZCARD', QUEUE)} end
if r ~= 'ok' then return {r, 0} end
redis.call('HSET', run_key(rid), 'status', ARGV[5], 'end', ARGV[6], 'holder', '')
redis.call('DEL', lease_key(rid), checkpoint_key(rid))
for _, call in ipairs(redis.call('HKEYS', approvals_key(rid))) do
  redis.call('ZREM', DUE, rid .. ' ' .. call)
end
for _, key in ipairs({run_key(rid), log_key(rid), effects_key(rid), approvals_key(rid)}) do
  redis.call('PEXPIRE', key, ttl)
end
redis.call('ZREM', OPEN, rid)
redis.call('HINCRBY', STATS, ARGV[5], 1)
redis.call('HINCRBY', STATS, 'input_tokens', ARGV[10])
redis.call('HINCRBY', STATS, 'output_tokens', ARGV[11])
if ARGV[8] ~= '' then
  if ARGV[8] == '0' then redis.call('DEL', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], ARGV[8]) end
end
if sid == '' then return {'ok', redis.call('ZCARD', QUEUE)} end
redis.call('LREM', lane_key(sid), 0, rid)
for i = 14, lines do redis.call('RPUSH', KEYS[3], ARGV[i]) end
if ARGV[9] ~= '' then prolong(KEYS[2], ARGV[9]) end
for i = 2, 4 do keep(KEYS[i], ttl) end
next_turn(sid)
return {'ok', redis.call('ZCARD', QUEUE)}
