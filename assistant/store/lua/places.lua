-- Tell queued runs how many come before them now: each time that number has halved, and each of
-- the last ten. One process at a time does so. ARGV: how many ms to leave it to the one who did.
if not redis.call('SET', QUEUE .. ':teller', '1', 'NX', 'PX', ARGV[1]) then return 0 end
local told = 0
for i, rid in ipairs(redis.call('ZRANGE', QUEUE, 0, 999)) do
  local ahead = i - 1
  local known = redis.call('HMGET', run_key(rid), 'ahead', 'status', 'started_at')
  local before = tonumber(known[1] or '0')
  local fewer = ahead < before and (ahead < 10 or ahead <= before / 2)
  if fewer and known[2] == 'queued' and not known[3] then
    write(rid, last_of(rid) + 1, {'{"type":"run.queued","ahead":' .. ahead .. '}'}, '')
    redis.call('HSET', run_key(rid), 'ahead', ahead)
    told = told + 1
  end
end
return told
