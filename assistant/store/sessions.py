"""Sessions and their history, as records in the store."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from assistant.models import Message, Session, now
from assistant.store import keys
from assistant.store.client import Client
from assistant.store.scripts import BEGIN, Scripts


class HistoryLine(msgspec.Struct, frozen=True):
    """One side of one turn: as people read it, and as the model is given it.

    `items` are input items of the Agents SDK, tool calls and their results included.
    """

    message: Message
    items: list[dict[str, Any]] = msgspec.field(default_factory=list)


_session = msgspec.json.Decoder(Session)
_line = msgspec.json.Decoder(HistoryLine)


class Sessions:
    """The sessions of all owners.

    A session that has been idle too long has ended: it is not found any more, while its history
    stays readable, and a new message under its id begins it again where it stopped.
    """

    def __init__(self, redis: Client, *, idle: timedelta, keep: timedelta) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._idle = idle
        self._keep_ms = int(keep.total_seconds() * 1000)

    async def create(self, session: Session) -> bool:
        """Store a new session; return whether its id was free."""
        names = [keys.session(session.session_id), keys.owner(session.owner)]
        created = session.created_at.timestamp() * 1000
        told = (encode(session), self._keep_ms, session.session_id, created)
        return bool(await self._scripts.run(BEGIN, names, *told))

    async def find(self, session_id: str) -> Session | None:
        """Return the session, ended or not, or None where nothing is known of it."""
        raw = await self._redis.get(keys.session(session_id))
        return _session.decode(raw) if raw else None

    def touch(self, session: Session) -> Session:
        """Return the session with its end moved on from now."""
        return msgspec.structs.replace(session, expires_at=self.end())

    def end(self, busy: timedelta = timedelta(0)) -> datetime:
        """Return when a session ends that is used now, and idle once it is not busy."""
        return now() + busy + self._idle

    async def page(
        self, owner: str, *, after: str | None, limit: int
    ) -> tuple[list[Session], str | None]:
        """Return an owner's live sessions, newest first, and where the next page begins."""
        index, start = keys.owner(owner), 0
        if after:
            rank = await self._redis.call("ZREVRANK", index, after)
            if rank is None:
                return [], None
            start = int(rank) + 1
        found: list[Session] = []
        while len(found) <= limit:
            ids = await self._redis.call("ZREVRANGE", index, start, start + limit)
            if not ids:
                return found[:limit], None
            live, gone = await self._live(index, ids)
            # Those that are gone have left the index too, so the rest has moved up.
            start += len(ids) - gone
            found.extend(live)
        return found[:limit], found[limit - 1].session_id

    async def count(self, owner: str) -> int:
        """Return how many sessions of an owner the store knows of."""
        return int(await self._redis.call("ZCARD", keys.owner(owner)))

    async def lines(self, session_id: str) -> list[HistoryLine]:
        """Return the history, each run's answer right after its question.

        Messages that were accepted while an answer was still being written stand in the order
        of their turns, not of their arrival.
        """
        raw = await self._redis.call("LRANGE", keys.messages(session_id), 0, -1)
        return in_turns([_line.decode(line) for line in raw])

    async def clear_history(self, session_id: str) -> bool:
        """Delete the history; return whether there was any."""
        return bool(await self._redis.delete(keys.messages(session_id)))

    async def delete(self, session_id: str, owner: str) -> None:
        """Delete a session with its history, its runs and their logs."""
        runs = await self._redis.call("SMEMBERS", keys.session_runs(session_id))
        names = [name.decode() for name in runs]
        remembered = [await self._redis.call("HGET", keys.run(n), "idempotency") for n in names]
        asked = {name: await self._redis.call("HKEYS", keys.approvals(name)) for name in names}
        async with self._redis.pipeline(transaction=True) as pipe:
            for key in filter(None, remembered):
                pipe.delete(key)
            for name in names:
                for call_id in asked[name]:
                    pipe.zrem(keys.DUE, f"{name} {call_id.decode()}")
                pipe.delete(*keys.all_of_run(name))
                pipe.zrem(keys.OPEN, name)
                pipe.zrem(keys.QUEUE, name)
                pipe.srem(keys.QUEUED, name)
            pipe.delete(
                keys.session(session_id),
                keys.messages(session_id),
                keys.lane(session_id),
                keys.session_runs(session_id),
            )
            pipe.zrem(keys.owner(owner), session_id)
            await pipe.execute()

    async def _live(self, index: str, ids: Sequence[bytes]) -> tuple[list[Session], int]:
        raws = await self._redis.mget([keys.session(i.decode()) for i in ids])
        gone = [name for name, raw in zip(ids, raws, strict=True) if raw is None]
        if gone:
            await self._redis.zrem(index, *gone)
        found = [_session.decode(raw) for raw in raws if raw is not None]
        return [session for session in found if not has_ended(session)], len(gone)


def has_ended(session: Session) -> bool:
    """Return whether the session has been idle for too long."""
    return session.expires_at <= now()


def in_turns(lines: Sequence[HistoryLine]) -> list[HistoryLine]:
    """Return the lines with those of one run together, runs in order of their first line."""
    order: dict[str, int] = {}
    counter = itertools.count()
    ranked = []
    for line in lines:
        name = line.message.run_id or line.message.id
        ranked.append((order.setdefault(name, next(counter)), line))
    return [line for _, line in sorted(ranked, key=lambda pair: pair[0])]


def encode(record: Session | HistoryLine) -> bytes:
    """Return a record as it is stored."""
    return msgspec.json.encode(record)
