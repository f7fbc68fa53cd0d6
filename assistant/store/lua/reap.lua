-- Queue every open run that ought to be worked on and is not. Returns how many were queued.
local queued = 0
for _, rid in ipairs(redis.call('ZRANGE', OPEN, 0, -1)) do
  local known = redis.call('HMGET', run_key(rid), 'status', 'session', 'cancel')
  local status, sid = known[1], known[2] or ''
  if status ~= 'queued' and status ~= 'running' and status ~= 'waiting' then
    redis.call('ZREM', OPEN, rid)
    redis.call('ZREM', QUEUE, rid)
    redis.call('SREM', QUEUED, rid)
  elseif redis.call('EXISTS', lease_key(rid)) == 0 and not redis.call('ZSCORE', QUEUE, rid) then
    local turn = sid == '' or redis.call('LINDEX', lane_key(sid), 0) == rid
    if status == 'running' or known[3] then
      enqueue(rid, true)
      queued = queued + 1
    elseif status == 'queued' and turn then
      enqueue(rid)
      queued = queued + 1
    end
  end
end
return queued
