-- Write into the ledger of effects. ARGV: run id, token, key, record, replace (1 or 0).
-- Returns {held, record}: what is written there now, an earlier intent or result included.
if not holds(ARGV[1], ARGV[2]) then return {0, ''} end
local ledger = effects_key(ARGV[1])
if ARGV[5] == '1' then redis.call('HSET', ledger, ARGV[3], ARGV[4])
elseif redis.call('HSETNX', ledger, ARGV[3], ARGV[4]) == 0 then
  return {1, redis.call('HGET', ledger, ARGV[3])}
end
return {1, ''}
