"""The store's atomic steps, as Lua: each may be repeated safely after a lost reply."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from assistant.store.client import Client

# The fence. Entry ids are `1-<sequence>`, so the stream itself refuses a number that is taken;
# this adds that no number is skipped, that a lease held by another process is respected, and
# that the same write repeated (its reply was lost) counts as done.
_APPEND = """
local function append(log, lease, token, ttl, channel, head, first, events)
  local holder = redis.call('GET', lease)
  if holder and holder ~= token then return 'lease' end
  local top, last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1), -1
  if top[1] then last = tonumber(string.match(top[1][1], '%-(%d+)$')) end
  if last >= first then
    local mine = redis.call('XRANGE', log, '1-' .. first, '1-' .. first)
    local whole = last >= first + #events - 1
    if whole and mine[1] and mine[1][2][4] == token and mine[1][2][2] == events[1] then
      return 'again'
    end
    return 'taken'
  end
  if last ~= first - 1 then return 'gone' end
  for i, event in ipairs(events) do
    local n = first + i - 1
    redis.call('XADD', log, '1-' .. n, 'e', event, 'w', token)
    redis.call('PUBLISH', channel, head .. n .. ',' .. string.sub(event, 2))
  end
  if not holder then redis.call('SET', lease, token, 'PX', ttl) end
  return 'ok'
end
"""

# KEYS: log, lease. ARGV: token, lease ms, channel, head, first sequence, events...
APPEND = (
    _APPEND
    + """
local events = {}
for i = 6, #ARGV do events[#events + 1] = ARGV[i] end
return append(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), events)
"""
)

# KEYS: log, lease, run, open, stats, cache, lane, messages, session, session runs.
# ARGV: token, lease ms, channel, head, first, event, status, end, ttl ms, cache ttl ms, session,
#       input tokens, output tokens, run id, session id, history lines...
# The last four keys are used only where there is a session; the cache key only where cached.
FINISH = (
    _APPEND
    + """
local first, events = tonumber(ARGV[5]), {ARGV[6]}
local r = append(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4], first, events)
if r == 'again' then return 'ok' end
if r ~= 'ok' then return r end
local ttl = ARGV[9]
redis.call('HSET', KEYS[3], 'status', ARGV[7], 'end', ARGV[8])
redis.call('PEXPIRE', KEYS[3], ttl)
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[4], ARGV[14])
redis.call('HINCRBY', KEYS[5], ARGV[7], 1)
redis.call('HINCRBY', KEYS[5], 'input_tokens', ARGV[12])
redis.call('HINCRBY', KEYS[5], 'output_tokens', ARGV[13])
if ARGV[10] ~= '' then
  if ARGV[10] == '0' then redis.call('DEL', KEYS[6])
  else redis.call('PEXPIRE', KEYS[6], ARGV[10]) end
end
if ARGV[15] ~= '' then
  redis.call('LREM', KEYS[7], 0, ARGV[14])
  for i = 16, #ARGV do redis.call('RPUSH', KEYS[8], ARGV[i]) end
  if ARGV[11] ~= '' and redis.call('EXISTS', KEYS[9]) == 1 then
    redis.call('SET', KEYS[9], ARGV[11], 'PX', ttl)
  end
  for i = 7, 10 do redis.call('PEXPIRE', KEYS[i], ttl) end
end
return 'ok'
"""
)

# KEYS: run, log, lease, open, stats, idempotency, cache, session, messages, lane, session runs,
#       owner's sessions.
# ARGV: run id, spec, entry 0, token, lease ms, channel, head, ttl ms, now ms, fingerprint,
#       cache ttl ms, busy (reject or ''), session id, session record, number of lines that only
#       begin a history, history lines...
# Returns {what, run id}: accepted, repeated (idempotency), mismatch, shared (cache), busy.
ACCEPT = """
local rid, ttl, sid = ARGV[1], ARGV[8], ARGV[13]
if redis.call('EXISTS', KEYS[1]) == 1 then return {'accepted', rid} end
if ARGV[10] ~= '' then
  local known = redis.call('HMGET', KEYS[6], 'fingerprint', 'run')
  if known[1] then
    if known[1] ~= ARGV[10] then return {'mismatch', known[2]} end
    return {'repeated', known[2]}
  end
end
if ARGV[11] ~= '' then
  local known = redis.call('GET', KEYS[7])
  if known then
    redis.call('HINCRBY', KEYS[5], 'cache_hits', 1)
    return {'shared', known}
  end
  redis.call('HINCRBY', KEYS[5], 'cache_misses', 1)
end
if ARGV[12] == 'reject' then
  local busy = redis.call('LINDEX', KEYS[10], 0)
  if busy then return {'busy', busy} end
end
redis.call('HSET', KEYS[1], 'spec', ARGV[2], 'status', 'queued', 'attempt', 0)
redis.call('XADD', KEYS[2], '1-0', 'e', ARGV[3], 'w', ARGV[4])
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5]) end
redis.call('ZADD', KEYS[4], ARGV[9], rid)
redis.call('HINCRBY', KEYS[5], 'accepted', 1)
if ARGV[10] ~= '' then
  redis.call('HSET', KEYS[6], 'fingerprint', ARGV[10], 'run', rid)
  redis.call('HSET', KEYS[1], 'idempotency', KEYS[6])
  redis.call('PEXPIRE', KEYS[6], ttl)
end
if ARGV[11] ~= '' then redis.call('SET', KEYS[7], rid, 'PX', ttl) end
if sid ~= '' then
  redis.call('SET', KEYS[8], ARGV[14], 'PX', ttl)
  local first = 16
  if redis.call('EXISTS', KEYS[9]) == 1 then first = first + tonumber(ARGV[15]) end
  for i = first, #ARGV do redis.call('RPUSH', KEYS[9], ARGV[i]) end
  redis.call('RPUSH', KEYS[10], rid)
  redis.call('SADD', KEYS[11], rid)
  redis.call('ZADD', KEYS[12], 'NX', ARGV[9], sid)
  redis.call('PEXPIRE', KEYS[9], ttl)
  redis.call('PEXPIRE', KEYS[11], ttl)
  redis.call('PEXPIRE', KEYS[12], ttl)
end
redis.call('PUBLISH', ARGV[6], ARGV[7] .. '0,' .. string.sub(ARGV[3], 2))
return {'accepted', rid}
"""

# KEYS: run, log, lease. ARGV: token, lease ms, now.
# Returns {attempt, last sequence, who asked to cancel}; attempt 0 when the run has ended or
# belongs to another.
CLAIM = """
local status = redis.call('HGET', KEYS[1], 'status')
if status ~= 'queued' and status ~= 'running' then return {0, -1, ''} end
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[1] then return {0, -1, ''} end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[1], 'status', 'running')
redis.call('HSETNX', KEYS[1], 'started_at', ARGV[3])
local top = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local last = tonumber(string.match(top[1][1], '%-(%d+)$'))
local cancel = redis.call('HGET', KEYS[1], 'cancel') or ''
return {redis.call('HINCRBY', KEYS[1], 'attempt', 1), last, cancel}
"""

# KEYS: lease, run. ARGV: token, lease ms. Returns {held, who asked to cancel}.
RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, ''} end
if redis.call('EXISTS', KEYS[2]) == 0 then return {0, ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('HGET', KEYS[2], 'cancel') or ''}
"""

# KEYS: run. ARGV: who asks, channel, message.
CANCEL = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'cancel', ARGV[1])
return redis.call('PUBLISH', ARGV[2], ARGV[3])
"""

# KEYS: lease. ARGV: token.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Scripts:
    """Runs scripts by digest, loading them again when the server has forgotten them."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def run(self, script: str, keys: Sequence[str], *args: bytes | str | float) -> Any:
        """Run one script and return its reply."""
        return (await self.run_all(script, [(keys, args)]))[0]

    async def run_all(
        self, script: str, calls: Sequence[tuple[Sequence[str], Sequence[bytes | str | float]]]
    ) -> list[Any]:
        """Run one script for each pair of keys and arguments, in one round trip.

        Returns the replies in order; a call that failed has its exception there.
        """
        sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        replies = await self._send(sha, calls)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            await self._redis.call("SCRIPT LOAD", script)
            replies = await self._send(sha, calls)
        return replies

    async def _send(
        self, sha: str, calls: Sequence[tuple[Sequence[str], Sequence[bytes | str | float]]]
    ) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for keys, args in calls:
                pipe.evalsha(sha, len(keys), *keys, *args)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        return replies
