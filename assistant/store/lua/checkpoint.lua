-- Keep how far a run is. ARGV: run id, token, checkpoint. Progress forgives crashes.
if not holds(ARGV[1], ARGV[2]) then return 0 end
redis.call('SET', checkpoint_key(ARGV[1]), ARGV[3])
redis.call('HSET', run_key(ARGV[1]), 'crashes', 0)
return 1
