-- Claim the queued run whose turn it is. ARGV: token, lease ms, now.
return take(ARGV[1], ARGV[2], ARGV[3])
