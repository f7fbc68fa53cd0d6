"""Runs, sessions and events for tests, and a process that writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio import Redis

from assistant.events import (
    Entry,
    Event,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    RunCompleted,
    Terminal,
    Usage,
)
from assistant.models import Message, Principal, Role, Run, Session, Turn, new_id, now
from assistant.store import Claim, Ending, HistoryLine, Offer, Pen, Store, keys

OWNER = "visitor"
CAST = "cast_1"
SHARED = {keys.STATS, keys.cast(CAST)}


def a_run(session_id: str | None = "ses_1", **changes: Any) -> Run:
    """Return a run as it is accepted."""
    run = Run(
        run_id=new_id("run"),
        session_id=session_id,
        principal=Principal(OWNER),
        persona="tester",
        version="0" * 12,
        model="m",
        message_id=new_id("msg"),
        correlation_id="cor-1",
        turn=Turn("hello"),
        created_at=now(),
        cast=CAST,
    )
    return msgspec.structs.replace(run, **changes)


def a_session(session_id: str = "ses_1", **changes: Any) -> Session:
    """Return a session that begins now."""
    at = now()
    return msgspec.structs.replace(Session(session_id, "tester", OWNER, at, at), **changes)


def a_line(run: Run, role: Role = "user", text: str = "hello") -> HistoryLine:
    """Return one side of a run's turn."""
    message = Message(new_id("msg"), role, text, now(), run.run_id)
    return HistoryLine(message, [{"role": role, "content": text}])


def an_answer(count: int) -> list[Event]:
    """Return the events of a message of so many deltas, without those of its run."""
    deltas = [MessageDelta("msg_a", f"w{n} ") for n in range(count)]
    text = "".join(delta.text for delta in deltas)
    return [MessageStarted("msg_a", 0), *deltas, MessageCompleted("msg_a", text)]


def later(claim: Claim, last: int) -> Claim:
    """Return a claim whose holder knows the log up to there."""
    return msgspec.structs.replace(claim, last=last)


DONE = RunCompleted("done", Usage(1, 2, 3, 1))


@dataclass
class Worker:
    """A process: its store, and beside it a plain client of the same data.

    Attributes:
        redis: a client that knows nothing of the store.
    """

    store: Store
    redis: Redis

    async def offer(self, run: Run, **offer: Any) -> tuple[str, str, Claim | None]:
        """Offer a run with its session and its question; keeps its cast where nobody has."""
        if run.session_id is not None:
            usual = {"session": self.store.sessions.touch(a_session(run.session_id))}
            offer = usual | {"lines": [a_line(run, text=run.turn.text)]} | offer
        what, run_id, claim = await self.store.runs.accept(Offer(run=run, **offer))
        if what == "unpinned":
            await self.store.runs.keep_cast(run.cast, b"[]")
            what, run_id, claim = await self.store.runs.accept(Offer(run=run, **offer))
        return what, run_id, claim

    async def accept(self, run: Run, **offer: Any) -> tuple[str, str]:
        """Offer a run, and say what became of it."""
        what, run_id, _ = await self.offer(run, **offer)
        return what, run_id

    async def claim(self, run: Run, **offer: Any) -> Claim:
        """Accept and claim a run."""
        _, run_id, claim = await self.offer(run, **offer)
        assert run_id == run.run_id
        claim = claim or await self.store.leases.claim(run_id)
        assert claim is not None
        return claim

    def stranger(self, claim: Claim, **changes: Any) -> Pen:
        """Return a pen of somebody who was never given the run."""
        token = self.store.leases.new_token()
        return self.store.log.open_pen(msgspec.structs.replace(claim, **{"token": token} | changes))

    async def pen(self, run: Run, **offer: Any) -> Pen:
        """Accept and claim a run, to write its log."""
        return self.store.log.open_pen(await self.claim(run, **offer))

    async def write(self, pen: Pen, *events: Event) -> None:
        """Write events, each as an entry of its own."""
        for event in events:
            pen.emit(event)
            await pen.drain()

    async def finish(self, pen: Pen, terminal: Terminal = DONE, **fields: Any) -> bool:
        """End a run; returns whether one is queued that could begin."""
        ending = Ending(ended_at=now(), usage=Usage(1, 2, 3, 1), text="done")
        lines = [a_line(pen.run, "assistant", "done")] if pen.run.session_id else []
        return await self.store.runs.finish(pen, terminal, ending, **{"lines": lines} | fields)

    async def answer(self, run: Run, count: int = 3) -> list[Entry]:
        """Make a whole run and return its log."""
        pen = await self.pen(run)
        await self.write(pen, *an_answer(count))
        await self.finish(pen)
        self.store.log.close_pen(pen)
        return await self.store.log.read(run.run_id, -1)

    async def followed(self, run: Run, after: int = -1) -> list[Entry]:
        """Return what a follower sees to the end."""
        return [entry async for batch in self.store.log.follow(run, after) for entry in batch]

    async def keys(self) -> set[str]:
        """Return the names of everything in the store."""
        return {key.decode() async for key in self.redis.scan_iter()}
