-- ARGV: run id, token, lease ms, first sequence, events...
local events = {}
for i = 5, #ARGV do events[#events + 1] = ARGV[i] end
return append(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), events)
