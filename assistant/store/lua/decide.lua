-- Record a decision once, and queue the run when it was the last one.
-- ARGV: run id, call id, now ms, arguments hash ('' for any), record, event, expired (1 or 0).
-- Returns missing, decided, ended, changed, late, noted (others are open) or resumed.
local rid, call = ARGV[1], ARGV[2]
local raw = redis.call('HGET', approvals_key(rid), call)
if not raw then return 'missing' end
if raw == ARGV[5] then return 'resumed' end -- the reply was lost
local known = cjson.decode(raw)
if known['decision'] ~= cjson.null then return 'decided' end
if redis.call('HGET', run_key(rid), 'status') ~= 'waiting' then return 'ended' end
if ARGV[4] ~= '' and ARGV[4] ~= known['arguments_hash'] then return 'changed' end
local due = redis.call('ZSCORE', DUE, rid .. ' ' .. call)
local over = not due or tonumber(ARGV[3]) >= tonumber(due)
if over ~= (ARGV[7] == '1') then return 'late' end
if redis.call('EXISTS', lease_key(rid)) == 1 then return 'ended' end
redis.call('HSET', approvals_key(rid), call, ARGV[5])
redis.call('ZREM', DUE, rid .. ' ' .. call)
write(rid, last_of(rid) + 1, {ARGV[6]}, '')
for _, other in ipairs(redis.call('HVALS', approvals_key(rid))) do
  if cjson.decode(other)['decision'] == cjson.null then return 'noted' end
end
redis.call('HSET', run_key(rid), 'status', 'queued', 'resume', '1')
redis.call('SADD', QUEUED, rid)
enqueue(rid, true)
return 'resumed'
