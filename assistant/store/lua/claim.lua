-- ARGV: run id, token, lease ms, now. Returns what `claim` does, or nil where it is not to be had.
return claim(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
