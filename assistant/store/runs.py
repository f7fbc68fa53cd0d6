"""Runs as records: accepted, looked at, finished, each in one atomic step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from assistant import events
from assistant.events import RunStarted, Terminal, Usage
from assistant.metrics import work
from assistant.models import MessageStatus, Run, Session
from assistant.store import keys
from assistant.store.client import Client
from assistant.store.leases import Claim, Leases, claimed, lost
from assistant.store.pen import Pen, publication_head
from assistant.store.scripts import ACCEPT, CANCEL, FINISH, Scripts
from assistant.store.sessions import HistoryLine, encode

Accepted = Literal[
    "claimed", "queued", "repeated", "mismatch", "shared", "foreign", "busy", "full", "unpinned"
]


class Offer(msgspec.Struct, frozen=True):
    """Everything that is to become durable when a request is accepted.

    Attributes:
        opening: turns a caller brought along, added where there is no history yet.
        lines: history to add: the user's message.
        idempotency: the request's key and the fingerprint of its body.
        here: whether this process has a slot free, so that it may begin at once.
        most_queued: how many runs may be queued before one more is refused.
    """

    run: Run
    session: Session | None = None
    opening: Sequence[HistoryLine] = ()
    lines: Sequence[HistoryLine] = ()
    reject_if_busy: bool = False
    idempotency: tuple[str, str] | None = None
    here: bool = True
    most_queued: int = 1_000


class Ending(msgspec.Struct, frozen=True):
    """How a run ended, as its record keeps it."""

    ended_at: datetime
    usage: Usage | None = None
    text: str | None = None
    error: str | None = None


class Runs:
    """The records of all runs."""

    def __init__(self, redis: Client, leases: Leases, *, keep: timedelta) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._leases = leases
        self._keep_ms = int(keep.total_seconds() * 1000)

    async def accept(self, offer: Offer) -> tuple[Accepted, str, Claim | None]:
        """Store a run, its session, its question and log entry 0, all or nothing.

        Returns what happened, the id of the run that answers (the offered one, an earlier one
        for the same idempotency key or the same cached question, or the one in the way), and
        the claim on what may begin here at once: this run, or the one whose turn comes before.
        """
        run, sid = offer.run, offer.run.session_id or ""
        started = RunStarted(run.persona, run.version, run.model, attempt=1)
        idem_key, fingerprint = offer.idempotency or ("", "")
        token = self._leases.new_token() if offer.here else ""
        reply = await self._scripts.run(
            ACCEPT,
            [
                *(keys.idempotency(run.owner, digest(idem_key)), keys.cache(run.cache_key or "")),
                *(keys.session(sid), keys.messages(sid), keys.session_runs(sid)),
                *(keys.owner(run.owner), keys.cast(run.cast)),
            ],
            *(run.run_id, msgspec.json.encode(run), events.encode(started), token),
            *(self._leases.lease_ms, keys.channel(run.session_id, run.run_id)),
            *(publication_head(run), self._keep_ms, int(run.created_at.timestamp() * 1000)),
            *(run.created_at.isoformat(), fingerprint, run.cache_key or ""),
            *("reject" if offer.reject_if_busy else "", sid),
            *(encode(offer.session) if offer.session else b"", offer.most_queued),
            *(run.user or run.owner, len(offer.opening)),
            *(encode(line) for line in (*offer.opening, *offer.lines)),
        )
        what, run_id = reply[0].decode(), reply[1].decode()
        _count_lookup(what, run)
        if what == "claimed":
            return what, run_id, Claim(run, token, 1, 0, opening=started)
        return what, run_id, claimed(reply[2], token) if len(reply) > 2 else None  # noqa: PLR2004

    async def get(self, run_id: str) -> Run | None:
        """Return a run, or None where none is kept by that id."""
        fields = await self._redis.call("HGETALL", keys.run(run_id))
        return _run(fields) if fields else None

    async def finish(
        self,
        pen: Pen,
        terminal: Terminal,
        ending: Ending,
        *,
        lines: Sequence[HistoryLine] = (),
        session_ends: datetime | None = None,
        share_for: timedelta = timedelta(0),
    ) -> bool:
        """Write what is left, the terminal entry, and all that follows from it, or nothing.

        `session_ends` is when the session is to end, unless it is used again; `share_for` how long
        a shareable answer may be shared: zero takes it out of the cache.
        Returns whether a run is queued that could begin now, of this session or another one.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        run, sid, usage = pen.run, pen.run.session_id or "", ending.usage or Usage()
        cache_ms = int(share_for.total_seconds() * 1000) if run.cache_key else ""
        last = await pen.last_words(terminal)
        what, queued = await self._scripts.run(
            FINISH,
            [
                *(keys.cache(run.cache_key or ""), keys.session(sid)),
                *(keys.messages(sid), keys.session_runs(sid)),
            ],
            *(run.run_id, pen.token, self._leases.lease_ms, pen.next_sequence),
            *(status_of(terminal), msgspec.json.encode(ending)),
            *(self._keep_ms, cache_ms, session_ends.isoformat() if session_ends else ""),
            *(usage.input_tokens, usage.output_tokens, sid, len(lines)),
            *(*(encode(line) for line in lines), *last),
        )
        if what != b"ok":
            raise lost(run.run_id)
        pen.end()
        return bool(queued)

    async def ask_cancel(self, run_id: str, by: str) -> bool:
        """Note that a run is to stop, and tell whichever process executes it.

        Returns whether somebody has to end it who does not hold it: it is open and left alone.
        """
        message = f"cancel {run_id} {by}"
        known, held = await self._scripts.run(CANCEL, [], run_id, by, keys.CONTROL, message)
        return bool(known) and not held

    async def lane(self, session_id: str) -> list[str]:
        """Return the open runs of a session in the order of their turns."""
        raw = await self._redis.call("LRANGE", keys.lane(session_id), 0, -1)
        return [name.decode() for name in raw]

    async def keep_cast(self, name: str, personas: bytes) -> None:
        """Keep the personas that play in runs, for as long as a run needs them."""
        await self._redis.call("SET", keys.cast(name), personas, "PX", self._keep_ms)

    async def cast(self, name: str) -> bytes | None:
        """Return personas that were kept, or None where they are gone."""
        raw: bytes | None = await self._redis.call("GET", keys.cast(name))
        return raw

    async def stats(self) -> dict[str, int]:
        """Return the counts kept since the store began, and how many runs are open or queued."""
        raw = await self._redis.call("HGETALL", keys.STATS)
        counts = {name.decode(): int(value) for name, value in raw.items()}
        counts["open"] = int(await self._redis.call("ZCARD", keys.OPEN))
        counts["queued"] = int(await self._redis.call("SCARD", keys.QUEUED))
        return counts


def _count_lookup(what: Accepted, run: Run) -> None:
    if what == "shared":
        work.CACHE.add(result="hit")
    elif run.cache_key and what in {"claimed", "queued"}:
        work.CACHE.add(result="miss")


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
