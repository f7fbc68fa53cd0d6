-- Claim the queued run whose turn it is. ARGV: token, lease ms, now.
-- The same token takes the same run again, where the reply was lost.
local taken = P .. 'taken:' .. ARGV[1]
local mine = redis.call('GET', taken)
if mine then return claim(mine, ARGV[1], ARGV[2], ARGV[3]) end
while true do
  local rid = dequeue()
  if not rid then return nil end
  local found = claim(rid, ARGV[1], ARGV[2], ARGV[3])
  if found then
    redis.call('SET', taken, rid, 'PX', ARGV[2])
    return found
  end
end
