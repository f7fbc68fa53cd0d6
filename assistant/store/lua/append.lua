-- Append to the logs of many runs; each is a matter of its own.
-- ARGV: lease ms, then for each run: id, token, first sequence, number of events, events...
-- Returns for each run what `append` says of it, or the error that it met.
local replies, at = {}, 2
while ARGV[at] do
  local rid, token, first, many = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local events = {}
  for i = at + 4, at + 3 + many do events[#events + 1] = ARGV[i] end
  local done, reply = pcall(append, rid, token, ARGV[1], first, events)
  if not done and type(reply) == 'table' then reply = reply.err end
  replies[#replies + 1] = done and reply or 'error ' .. tostring(reply)
  at = at + 4 + many
end
return replies
