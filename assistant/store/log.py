"""The numbered log: group commit on the writing side, one cursor on the reading side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import structlog

from assistant import events, tracing
from assistant.errors import NotFoundError, StoreUnavailableError
from assistant.events import Entry
from assistant.metrics import clients, parts
from assistant.models import Run
from assistant.store import keys
from assistant.store.bells import Bells
from assistant.store.client import Client
from assistant.store.leases import Claim
from assistant.store.pen import Pen
from assistant.store.scripts import APPEND, Call, Scripts

log = structlog.get_logger(__name__)

LOOK_AGAIN = 2.0
_PAGE = 2_000


class Log:
    """All runs' logs as one process sees them.

    One flusher sends what is pending for all runs in one pipeline, and only then the next: with
    few runs nothing waits, with many the cost of a round trip is shared.
    """

    def __init__(self, redis: Client, bells: Bells, *, lease_ms: int) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._bells = bells
        self._lease_ms = lease_ms
        self._pens: set[Pen] = set()
        self._wake = asyncio.Event()

    def open_pen(self, claim: Claim) -> Pen:
        """Return a pen that goes on where the log ends; give it back with `close_pen`."""
        pen = Pen(claim.run, claim.token, claim.last + 1, self._wake)
        self._pens.add(pen)
        return pen

    def close_pen(self, pen: Pen) -> None:
        """Forget a pen; what it has not drained is dropped."""
        self._pens.discard(pen)

    async def flush_forever(self) -> None:
        """Send pending events for as long as the task lives; waits out a lost store."""
        delay = 0.05
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = [(pen, taken) for pen in self._pens if (taken := pen.take())]
            if not batch:
                continue
            if await self._send(batch):
                delay = 0.05
            else:
                self._wake.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1.0)

    async def read(self, run_id: str, after: int, count: int = _PAGE) -> list[Entry]:
        """Return up to `count` entries that come after number `after`, oldest first."""
        name = keys.log(run_id)
        with tracing.unseen():
            rows = await self._redis.call("XRANGE", name, f"1-{after + 1}", "+", "COUNT", count)
        return [_entry(row) for row in rows]

    async def last(self, run_id: str) -> Entry | None:
        """Return the newest entry, or None where there is no log."""
        with tracing.unseen():
            rows = await self._redis.call("XREVRANGE", keys.log(run_id), "+", "-", "COUNT", 1)
        return _entry(rows[0]) if rows else None

    async def follow(self, run: Run, after: int = -1) -> AsyncGenerator[list[Entry]]:
        """Yield batches of entries after number `after`: those there are, then live ones.

        Ends after the terminal entry. While the store is away it waits, without a gap after.

        Raises:
            NotFoundError: when the log is gone, because it expired or was deleted.
        """
        comes_back = after >= 0
        async with self._bells.listen(keys.channel(run.session_id, run.run_id)) as bell:
            while True:
                bell.clear()
                try:
                    found = await self.read(run.run_id, after)
                    if comes_back:
                        comes_back = False
                        clients.RESUME_GAP.record(len(found))
                    if not found and await self._is_past_end(run.run_id, after):
                        return
                except StoreUnavailableError:
                    # One line for each stream twice a second would bury the writers' warnings.
                    log.debug("store.follow.waiting", run_id=run.run_id)
                    await asyncio.sleep(0.5)
                    continue
                if found:
                    yield found
                    after = found[-1].sequence
                    if found[-1].is_terminal:
                        return
                else:
                    await _rung(bell)

    async def _is_past_end(self, run_id: str, after: int) -> bool:
        last = await self.last(run_id)
        if last is None:
            detail = f"The log of run {run_id} is no longer kept."
            raise NotFoundError(detail)
        return last.is_terminal and last.sequence <= after

    async def _send(self, batch: Sequence[tuple[Pen, list[bytes]]]) -> bool:
        calls: list[Call] = [([], self._arguments(pen, taken)) for pen, taken in batch]
        begun = time.monotonic()
        try:
            replies = await self._scripts.run_all(APPEND, calls)
        except StoreUnavailableError:
            parts.FLUSH_DURATION.record(time.monotonic() - begun, outcome="error")
            log.warning("store.append.waiting", runs=len(batch))
            return False
        parts.FLUSH_DURATION.record(time.monotonic() - begun, outcome="ok")
        parts.FLUSH_ENTRIES.record(sum(len(taken) for _, taken in batch))
        settled = True
        for (pen, _), reply in zip(batch, replies, strict=True):
            if isinstance(reply, Exception):
                log.warning("store.append.refused", error=type(reply).__name__)
                settled = False
                continue
            pen.settle(written=reply in {b"ok", b"again"})
            if pen.lost.is_set():
                log.warning("run.lease.lost", run_id=pen.run.run_id, why=reply.decode())
            self._bells.ring(pen.channel)
        return settled

    def _arguments(self, pen: Pen, taken: list[bytes]) -> list[Any]:
        return [pen.run.run_id, pen.token, self._lease_ms, pen.next_sequence, *taken]


async def _rung(bell: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_AGAIN):
            await bell.wait()
    except TimeoutError:
        pass


def _entry(row: tuple[bytes, dict[bytes, bytes]]) -> Entry:
    return Entry(int(row[0].partition(b"-")[2]), events.decode(row[1][b"e"]))
