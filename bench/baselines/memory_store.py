"""What the store keeps, kept in lists and dictionaries: the parts of a server without persistence.

Entries stay objects: nothing is encoded for a store, nothing is sent, nothing is decoded.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from typing_extensions import override

from assistant.events import Entry, Event, RunQueued, RunStarted, Terminal
from assistant.models import Run, Session, now
from assistant.store import (
    Claim,
    Ending,
    HistoryLine,
    Leases,
    Log,
    Offer,
    Pen,
    Runs,
    Sessions,
    status_of,
)
from assistant.store.bells import Bells
from assistant.store.client import Client
from assistant.store.runs import Accepted
from assistant.store.sessions import in_turns


class _Nowhere:
    """Stands where the Redis client is expected; words to other processes reach nobody."""

    def pubsub(self) -> _Nowhere:
        """Return where nobody publishes."""
        return self

    async def subscribe(self, *_: str) -> None:
        """Hear nothing."""

    async def unsubscribe(self, *_: str) -> None:
        """Go on hearing nothing."""

    async def call(self, *_: object) -> None:
        """Answer nothing."""


NOWHERE = cast("Client", _Nowhere())


@dataclass(slots=True)
class Memory:
    """What would be in Redis."""

    runs: dict[str, Run] = field(default_factory=dict)
    logs: dict[str, list[Entry]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    lines: defaultdict[str, list[HistoryLine]] = field(default_factory=lambda: defaultdict(list))
    lanes: dict[str, list[str]] = field(default_factory=dict)
    queue: deque[str] = field(default_factory=deque)
    cancelled: dict[str, str] = field(default_factory=dict)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def write(self, run_id: str, event: Event) -> None:
        """Add an event to a run's log, under the next number."""
        log = self.logs.setdefault(run_id, [])
        log.append(Entry(len(log), event))

    def next_turn(self, session_id: str, ended: str) -> None:
        """Take a run out of its session's order; another one may be queued then."""
        lane = self.lanes.pop(session_id, [])
        was_head = lane[:1] == [ended]
        left = [run_id for run_id in lane if run_id != ended]
        if left:
            self.lanes[session_id] = left
        if left and was_head:
            self.queue.append(left[0])

    def claim(self, run_id: str, token: str) -> Claim:
        """Take the right to execute a run."""
        run = self.runs[run_id] = msgspec.structs.replace(
            self.runs[run_id], status="running", started_at=now()
        )
        log = self.logs[run_id]
        opening = cast("RunStarted", log[0].event) if len(log) == 1 else None
        cancelled_by = self.cancelled.get(run_id, "")
        return Claim(run, token, 1, len(log) - 1, cancelled_by, opening=opening)


class _Pen(Pen):
    """A pen whose events stay what they are."""

    @override
    def _encoded(self) -> list[Any]:
        self._sent = tuple(self._pending)
        self._pending.clear()
        return list(self._sent)


class MemoryLog(Log):
    """Logs as lists of entries; the flusher and the followers are the server's own."""

    def __init__(self, memory: Memory, bells: Bells) -> None:
        super().__init__(NOWHERE, bells, lease_ms=0)
        self._memory = memory

    @override
    def open_pen(self, claim: Claim) -> Pen:
        self.expect(claim)
        return _Pen(claim.run, claim.token, claim.last + 1, self._tail(claim.run), self._fill)

    @override
    async def read(self, run_id: str, after: int, count: int = 2_000) -> list[Entry]:
        return self._memory.logs.get(run_id, [])[after + 1 : after + 1 + count]

    @override
    async def last(self, run_id: str) -> Entry | None:
        log = self._memory.logs.get(run_id)
        return log[-1] if log else None

    @override
    async def _send(self, batch: Sequence[tuple[Pen, list[Any]]]) -> bool:
        for pen, taken in batch:
            for event in taken:
                self._memory.write(pen.run.run_id, event)
            pen.settle(written=True)
        return True


class MemorySessions(Sessions):
    """Sessions and histories, never written down."""

    def __init__(self, memory: Memory, *, idle: timedelta) -> None:
        super().__init__(NOWHERE, idle=idle, keep=timedelta())
        self._memory = memory

    @override
    async def create(self, session: Session) -> bool:
        return self._memory.sessions.setdefault(session.session_id, session) is session

    @override
    async def find(self, session_id: str) -> Session | None:
        return self._memory.sessions.get(session_id)

    @override
    async def page(
        self, owner: str, *, after: str | None, limit: int
    ) -> tuple[list[Session], str | None]:
        return list(reversed(self._memory.sessions.values()))[:limit], None

    @override
    async def count(self, owner: str) -> int:
        return len(self._memory.sessions)

    @override
    async def lines(self, session_id: str) -> list[HistoryLine]:
        return in_turns(self._memory.lines[session_id])

    @override
    async def clear_history(self, session_id: str) -> bool:
        return bool(self._memory.lines.pop(session_id, None))

    @override
    async def delete(self, session_id: str, owner: str) -> None:
        self._memory.sessions.pop(session_id, None)
        await self.clear_history(session_id)


class MemoryRuns(Runs):
    """Runs as records; each step is atomic, as nothing else runs meanwhile."""

    def __init__(self, memory: Memory, leases: Leases) -> None:
        super().__init__(NOWHERE, leases, keep=timedelta())
        self._memory = memory

    @override
    async def accept(self, offer: Offer) -> tuple[Accepted, str, Claim | None]:
        memory, run, sid = self._memory, offer.run, offer.run.session_id or ""
        lane = memory.lanes.setdefault(sid, []) if sid else []
        if offer.reject_if_busy and lane:
            return "busy", lane[0], None
        here = offer.here and not lane and not memory.queue
        if not here and len(memory.queue) >= offer.most_queued:
            return "full", "", None
        memory.runs[run.run_id] = run
        memory.write(run.run_id, RunStarted(run.persona, run.version, run.model, attempt=1))
        memory.counts["accepted"] += 1
        if offer.session:
            first = () if memory.lines[sid] else offer.opening
            memory.lines[sid] += [*first, *offer.lines]
            memory.sessions[sid] = offer.session
            lane.append(run.run_id)
        if here:
            return "claimed", run.run_id, memory.claim(run.run_id, self._leases.new_token())
        memory.write(run.run_id, RunQueued(len(lane) - 1 if sid else len(memory.queue)))
        if not sid or lane[0] == run.run_id:
            memory.queue.append(run.run_id)
        return "queued", run.run_id, None

    @override
    async def get(self, run_id: str) -> Run | None:
        return self._memory.runs.get(run_id)

    @override
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
        memory, run, status = self._memory, pen.run, status_of(terminal)
        for event in await pen.last_words(terminal):
            memory.write(run.run_id, event)
        memory.runs[run.run_id] = msgspec.structs.replace(
            memory.runs[run.run_id], status=status, **msgspec.structs.asdict(ending)
        )
        memory.counts[status] += 1
        sid = run.session_id or ""
        memory.lines[sid] += lines
        if session_ends is not None and (session := memory.sessions.get(sid)) is not None:
            memory.sessions[sid] = msgspec.structs.replace(session, expires_at=session_ends)
        pen.end()
        memory.next_turn(sid, run.run_id)
        return bool(memory.queue)

    @override
    async def ask_cancel(self, run_id: str, by: str) -> bool:
        run = self._memory.runs[run_id]
        self._memory.cancelled[run_id] = by
        return run.status == "queued"

    @override
    async def lane(self, session_id: str) -> list[str]:
        return list(self._memory.lanes.get(session_id, ()))

    @override
    async def stats(self) -> dict[str, int]:
        return {"open": 0, "queued": len(self._memory.queue), **self._memory.counts}
