"""Runs as records: accepted, claimed, leased and finished, each in one atomic step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from assistant import events
from assistant.errors import LeaseLostError
from assistant.events import RunStarted, Terminal, Usage
from assistant.models import MessageStatus, Run, Session, now
from assistant.store import keys
from assistant.store.bells import Bells
from assistant.store.client import Client
from assistant.store.pen import Pen, publication_head
from assistant.store.scripts import ACCEPT, CANCEL, CLAIM, FINISH, RELEASE, RENEW, Scripts
from assistant.store.sessions import HistoryLine, encode

Accepted = Literal["accepted", "repeated", "mismatch", "shared", "busy"]


class Offer(msgspec.Struct, frozen=True):
    """Everything that is to become durable when a request is accepted.

    Attributes:
        opening: turns a caller brought along, added where there is no history yet.
        lines: history to add: the user's message.
        idempotency: the request's key and the fingerprint of its body.
    """

    run: Run
    session: Session | None = None
    opening: Sequence[HistoryLine] = ()
    lines: Sequence[HistoryLine] = ()
    reject_if_busy: bool = False
    idempotency: tuple[str, str] | None = None


class Ending(msgspec.Struct, frozen=True):
    """How a run ended, as its record keeps it."""

    ended_at: datetime
    usage: Usage | None = None
    text: str | None = None
    error: str | None = None


class Runs:
    """The records of all runs."""

    def __init__(
        self, redis: Client, bells: Bells, *, token: str, lease: timedelta, keep: timedelta
    ) -> None:
        self._redis = redis
        self._bells = bells
        self._scripts = Scripts(redis)
        self._token = token
        self._lease_ms = int(lease.total_seconds() * 1000)
        self._keep_ms = int(keep.total_seconds() * 1000)

    async def accept(self, offer: Offer) -> tuple[Accepted, str]:
        """Store a run, its session, its question and log entry 0, all or nothing.

        Returns what happened and the id of the run that answers: the offered one, or an earlier
        one for the same idempotency key or the same cached question, or the one in the way.
        """
        run, sid = offer.run, offer.run.session_id or ""
        started = RunStarted(run.persona, run.version, run.model, attempt=1)
        channel = keys.channel(run.session_id, run.run_id)
        idem_key, fingerprint = offer.idempotency or ("", "")
        reply = await self._scripts.run(
            ACCEPT,
            [
                *(keys.run(run.run_id), keys.log(run.run_id), keys.lease(run.run_id)),
                *(keys.OPEN, keys.STATS, keys.idempotency(run.owner, digest(idem_key))),
                *(keys.cache(run.cache_key or ""), keys.session(sid), keys.messages(sid)),
                *(keys.lane(sid), keys.session_runs(sid), keys.owner(run.owner)),
            ],
            *(run.run_id, msgspec.json.encode(run), events.encode(started)),
            *(self._token, self._lease_ms, channel, publication_head(run), self._keep_ms),
            *(int(run.created_at.timestamp() * 1000), fingerprint, run.cache_key or ""),
            *("reject" if offer.reject_if_busy else "", sid),
            *(encode(offer.session) if offer.session else b"", len(offer.opening)),
            *(encode(line) for line in (*offer.opening, *offer.lines)),
        )
        _raise(reply)
        return reply[0].decode(), reply[1].decode()

    async def get(self, run_id: str) -> Run | None:
        """Return a run, or None where none is kept by that id."""
        fields = await self._redis.call("HGETALL", keys.run(run_id))
        return _run(fields) if fields else None

    async def claim(self, run: Run) -> tuple[int, int, str] | None:
        """Take the right to execute a run.

        Returns the number of the attempt, from 1, the log's last sequence number, and who asked
        to cancel it; None when the run has ended or another process holds it.
        """
        names = [keys.run(run.run_id), keys.log(run.run_id), keys.lease(run.run_id)]
        reply = await self._scripts.run(
            CLAIM, names, self._token, self._lease_ms, now().isoformat()
        )
        _raise(reply)
        return (int(reply[0]), int(reply[1]), reply[2].decode()) if reply[0] else None

    async def renew(self, run_ids: Sequence[str]) -> Mapping[str, tuple[bool, str]]:
        """Renew leases; returns for each run whether it is held, and who asked to cancel it."""
        args = (self._token, self._lease_ms)
        calls = [((keys.lease(i), keys.run(i)), args) for i in run_ids]
        replies = await self._scripts.run_all(RENEW, calls)
        return {
            run_id: (bool(reply[0]), reply[1].decode())
            for run_id, reply in zip(run_ids, replies, strict=True)
            if not isinstance(reply, Exception)
        }

    async def release(self, run_id: str) -> None:
        """Give a run back, so that another process may claim it at once."""
        await self._scripts.run(RELEASE, [keys.lease(run_id)], self._token)

    async def finish(
        self,
        pen: Pen,
        terminal: Terminal,
        ending: Ending,
        *,
        lines: Sequence[HistoryLine] = (),
        session: Session | None = None,
        share_for: timedelta = timedelta(0),
    ) -> None:
        """Write the terminal entry and everything that follows from it, all or nothing.

        `share_for` is how long a shareable answer may be shared; zero takes it out of the cache.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        run, sid, usage = pen.run, pen.run.session_id or "", ending.usage or Usage()
        cache_ms = int(share_for.total_seconds() * 1000) if run.cache_key else ""
        reply = await self._scripts.run(
            FINISH,
            [
                *(keys.log(run.run_id), keys.lease(run.run_id), keys.run(run.run_id)),
                *(keys.OPEN, keys.STATS, keys.cache(run.cache_key or "")),
                *(keys.lane(sid), keys.messages(sid), keys.session(sid), keys.session_runs(sid)),
            ],
            *(self._token, self._lease_ms, pen.channel, pen.head, pen.next_sequence),
            *(events.encode(terminal), status_of(terminal), msgspec.json.encode(ending)),
            *(self._keep_ms, cache_ms, encode(session) if session else b""),
            *(usage.input_tokens, usage.output_tokens, run.run_id, sid),
            *(encode(line) for line in lines),
        )
        _raise(reply)
        if reply != b"ok":
            detail = f"Run {run.run_id} is written by another worker now."
            raise LeaseLostError(detail)
        self._bells.ring(pen.channel)

    async def ask_cancel(self, run_id: str, by: str) -> None:
        """Ask whichever process executes a run to stop it."""
        message = f"cancel {run_id} {by}"
        _raise(await self._scripts.run(CANCEL, [keys.run(run_id)], by, keys.CONTROL, message))

    async def lane(self, session_id: str) -> list[str]:
        """Return the open runs of a session in the order of their turns."""
        raw = await self._redis.call("LRANGE", keys.lane(session_id), 0, -1)
        return [name.decode() for name in raw]

    async def orphans(self) -> list[str]:
        """Return the open runs that nobody holds, oldest first."""
        names = [name.decode() for name in await self._redis.call("ZRANGE", keys.OPEN, 0, -1)]
        if not names:
            return []
        leases = await self._redis.mget([keys.lease(name) for name in names])
        return [name for name, lease in zip(names, leases, strict=True) if lease is None]

    async def break_leases(self) -> None:
        """Free all open runs; only right where no other process can be alive."""
        names = [name.decode() for name in await self._redis.call("ZRANGE", keys.OPEN, 0, -1)]
        if names:
            await self._redis.delete(*(keys.lease(name) for name in names))

    async def forget(self, run_id: str) -> None:
        """Drop the mark of an open run whose record is gone."""
        await self._redis.zrem(keys.OPEN, run_id)

    async def stats(self) -> dict[str, int]:
        """Return the counts kept since the store began, and the number of open runs."""
        raw = await self._redis.call("HGETALL", keys.STATS)
        counts = {name.decode(): int(value) for name, value in raw.items()}
        return {**counts, "open": int(await self._redis.call("ZCARD", keys.OPEN))}


def digest(text: str) -> str:
    """Return a name of fixed length for any text."""
    return hashlib.sha256(text.encode()).hexdigest()


def status_of(terminal: Terminal) -> MessageStatus:
    """Return the status of a run that ended so."""
    match terminal:
        case events.RunCompleted():
            return "completed"
        case events.RunFailed():
            return "failed"
        case events.RunCancelled():
            return "cancelled"


def _run(fields: Mapping[bytes, bytes]) -> Run:
    run = msgspec.json.decode(fields[b"spec"], type=Run)
    changes: dict[str, Any] = {
        "status": fields[b"status"].decode(),
        "attempt": int(fields[b"attempt"]),
    }
    if b"started_at" in fields:
        changes["started_at"] = datetime.fromisoformat(fields[b"started_at"].decode())
    if b"end" in fields:
        changes |= msgspec.structs.asdict(msgspec.json.decode(fields[b"end"], type=Ending))
    return msgspec.structs.replace(run, **changes)


def _raise(reply: object) -> None:
    if isinstance(reply, Exception):
        raise reply
