-- Store a new session, unless there is one by its id.
-- KEYS: session, owner's sessions. ARGV: session record, ttl ms, session id, time of creation in ms.
-- Returns whether the id was free.
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return 1
end
return 0
