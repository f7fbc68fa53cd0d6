-- Write the requests for approval, keep the checkpoint, and let the run wait with nobody on it.
-- KEYS: session, messages, session runs, owner's sessions, cast; all are kept for as long as the
--       run may wait.
-- ARGV: run id, token, lease ms, first sequence, checkpoint, keep ms, session's end, then for each
--       request: event, call id, record, expiry ms.
local rid, events = ARGV[1], {}
for i = 8, #ARGV, 4 do events[#events + 1] = ARGV[i] end
local r = append(rid, ARGV[2], ARGV[3], tonumber(ARGV[4]), events)
if r == 'again' then return 'ok' end
if r ~= 'ok' then return r end
redis.call('SET', checkpoint_key(rid), ARGV[5])
for i = 8, #ARGV, 4 do
  redis.call('HSET', approvals_key(rid), ARGV[i + 1], ARGV[i + 2])
  redis.call('ZADD', DUE, ARGV[i + 3], rid .. ' ' .. ARGV[i + 1])
end
redis.call('HSET', run_key(rid), 'status', 'waiting', 'holder', '', 'crashes', 0)
redis.call('DEL', lease_key(rid))
if ARGV[7] ~= '' then prolong(KEYS[1], ARGV[7]) end
for _, key in ipairs(KEYS) do keep(key, ARGV[6]) end
return 'ok'
