-- Give a run back, to the front of the queue. ARGV: run id, token. Returns whether it was held.
local rid = ARGV[1]
if not holds(rid, ARGV[2]) then return 0 end
redis.call('DEL', lease_key(rid))
redis.call('HSET', run_key(rid), 'status', 'queued', 'holder', '')
redis.call('SADD', QUEUED, rid)
enqueue(rid, true)
return 1
