-- Note who wants a run to stop. ARGV: run id, who, control channel, message.
-- Returns {known, held}: whether the run is there and open, and whether somebody executes it.
local status = redis.call('HGET', run_key(ARGV[1]), 'status')
if status ~= 'queued' and status ~= 'running' and status ~= 'waiting' then return {0, 0} end
redis.call('HSETNX', run_key(ARGV[1]), 'cancel', ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return {1, redis.call('EXISTS', lease_key(ARGV[1]))}
