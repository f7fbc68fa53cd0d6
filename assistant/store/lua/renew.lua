-- ARGV: run id, token, lease ms. Returns {held, who asked to cancel}.
if not holds(ARGV[1], ARGV[2]) then return {0, ''} end
redis.call('SET', lease_key(ARGV[1]), ARGV[2], 'PX', ARGV[3])
return {1, redis.call('HGET', run_key(ARGV[1]), 'cancel') or ''}
