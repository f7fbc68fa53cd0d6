"""The numbered log: group commit on the writing side, one cursor on the reading side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from assistant import events, tracing
from assistant.errors import StoreUnavailableError
from assistant.events import Entry
from assistant.metrics import parts
from assistant.models import Run
from assistant.store import keys
from assistant.store.bells import Bells
from assistant.store.client import Client
from assistant.store.cursor import Cursor, gone
from assistant.store.leases import Claim
from assistant.store.pages import Pages
from assistant.store.pen import Pen
from assistant.store.scripts import APPEND, Scripts
from assistant.store.tail import PAGE, Tail

log = structlog.get_logger(__name__)

# Between two flushes, for each run that is written or followed here: one flush costs about 0.1 ms,
# so with few runs nothing waits, and with many the flushes are no more than with few.
_PAUSE = 0.00005
_LONGEST_PAUSE = 0.005
# Seconds before what the store did not take of one run, while it answers, is sent once more.
_TRY_AGAIN = 0.5


class Log:
    """All runs' logs as one process sees them.

    One flusher sends what is pending for all runs in one step, and only then the next: with few
    runs nothing waits, with many the cost of a round trip is shared. What the store has
    acknowledged goes straight to those who follow here.
    """

    def __init__(self, redis: Client, bells: Bells, *, lease_ms: int) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._bells = bells
        self._lease_ms = lease_ms
        self._pages = Pages(self.read)
        self._tails: dict[str, Tail] = {}
        self._full: dict[Pen, None] = {}
        self._refused: set[Pen] = set()
        self._wake = asyncio.Event()

    def expect(self, claim: Claim) -> None:
        """Know that this process is about to write a run's log, until `leave_off`."""
        tail = self._tail(claim.run)
        if claim.opening is not None:
            tail.extend([Entry(claim.last, claim.opening)])
        tail.begin(claim.last)

    def leave_off(self, run: Run) -> None:
        """Know that this process writes a run's log no more; another one may."""
        tail = self._tail(run)
        tail.leave_off()
        if not tail.followed:
            del self._tails[run.run_id]

    def open_pen(self, claim: Claim) -> Pen:
        """Return a pen that goes on where the log ends; give it back with `close_pen`."""
        self.expect(claim)
        return Pen(claim.run, claim.token, claim.last + 1, self._tail(claim.run), self._fill)

    def close_pen(self, pen: Pen) -> None:
        """Forget a pen; what it has not drained is dropped."""
        self._full.pop(pen, None)
        self._refused.discard(pen)
        self.leave_off(pen.run)

    async def flush_forever(self) -> None:
        """Send pending events for as long as the task lives; waits out a lost store."""
        delay, next_at = 0.05, 0.0
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            if (early := next_at - loop.time()) > 0:
                await asyncio.sleep(early)
            self._wake.clear()
            next_at = loop.time() + min(_PAUSE * len(self._tails), _LONGEST_PAUSE)
            pens, self._full = self._full, {}
            batch = [
                (pen, taken) for pen in pens if pen not in self._refused and (taken := pen.take())
            ]
            if not batch:
                continue
            try:
                sent = await self._send(batch)
            finally:
                # What is not settled is still to be taken, also when this task begins again.
                for pen, _ in batch:
                    pen.wake()
            if sent:
                delay = 0.05
            else:
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1.0)

    async def read(self, run_id: str, after: int, count: int = PAGE) -> list[Entry]:
        """Return up to `count` entries that come after number `after`, oldest first."""
        name = keys.log(run_id)
        with tracing.unseen():
            rows = await self._redis.raw("XRANGE", name, f"1-{after + 1}", "+", "COUNT", count)
        return [_entry(row) for row in rows]

    async def last(self, run_id: str) -> Entry | None:
        """Return the newest entry, or None where there is no log."""
        with tracing.unseen():
            rows = await self._redis.raw("XREVRANGE", keys.log(run_id), "+", "-", "COUNT", 1)
        return _entry(rows[0]) if rows else None

    @asynccontextmanager
    async def cursor(self, run: Run, after: int = -1) -> AsyncIterator[Cursor]:
        """Open a cursor on a run's log after number `after`; it is rung while it is open."""
        tail = self._tail(run)
        cursor = Cursor(_Reading(self, run.run_id, self._pages, self._bells), tail, after)
        tail.join(cursor.ring)
        try:
            yield cursor
        finally:
            tail.leave(cursor.ring)
            if not tail.followed:
                await self._let_go(run.run_id, tail)

    async def follow(self, run: Run, after: int = -1) -> AsyncGenerator[list[Entry]]:
        """Yield batches of entries after number `after`: those there are, then live ones.

        Ends after the terminal entry. While the store is away it waits, without a gap after.

        Raises:
            NotFoundError: when the log is gone, because it expired or was deleted.
        """
        async with self.cursor(run, after) as cursor:
            while not cursor.ended:
                if found := await cursor.take():
                    yield found
                if not cursor.ended:
                    await cursor.wait()

    async def unlisten(self, tail: Tail) -> None:
        """Have a tail rung no more by what other processes announce."""
        if tail.listening:
            tail.listening = False
            await self._bells.leave(tail.channel, tail.ring)

    def _tail(self, run: Run) -> Tail:
        tail = self._tails.get(run.run_id)
        if tail is None:
            tail = self._tails[run.run_id] = Tail(keys.channel(run.session_id, run.run_id))
        return tail

    async def _let_go(self, run_id: str, tail: Tail) -> None:
        if not tail.written_here and self._tails.get(run_id) is tail:
            del self._tails[run_id]
        await self.unlisten(tail)

    def _fill(self, pen: Pen) -> None:
        self._full[pen] = None
        self._wake.set()

    async def _send(self, batch: Sequence[tuple[Pen, list[bytes]]]) -> bool:
        arguments: list[Any] = [self._lease_ms]
        for pen, taken in batch:
            arguments += [pen.run.run_id, pen.token, pen.next_sequence, len(taken), *taken]
        begun = time.monotonic()
        try:
            replies = await self._scripts.run(APPEND, [], *arguments)
        except StoreUnavailableError:
            parts.FLUSH_DURATION.record(time.monotonic() - begun, outcome="error")
            log.warning("store.append.waiting", runs=len(batch))
            return False
        parts.FLUSH_DURATION.record(time.monotonic() - begun, outcome="ok")
        parts.FLUSH_ENTRIES.record(sum(len(taken) for _, taken in batch))
        for (pen, _), reply in zip(batch, replies, strict=True):
            self._settle(pen, reply)
        return True

    def _settle(self, pen: Pen, reply: bytes) -> None:
        """Tell a pen what became of what it gave."""
        if reply.startswith(b"error"):
            # The others' entries go on meanwhile.
            self._refused.add(pen)
            asyncio.get_running_loop().call_later(_TRY_AGAIN, self._try_again, pen)
            why = reply.split(b" ")[1].decode("ascii", "replace")
            log.warning("store.append.refused", run_id=pen.run.run_id, error=why)
            return
        pen.settle(written=reply in {b"ok", b"again"})
        if pen.is_lost:
            log.warning("run.lease.lost", run_id=pen.run.run_id, why=reply.decode())

    def _try_again(self, pen: Pen) -> None:
        if pen in self._refused:
            self._refused.discard(pen)
            pen.wake()


class _Reading:
    """One run's log as the store has it."""

    def __init__(self, log: Log, run_id: str, pages: Pages, bells: Bells) -> None:
        self._log = log
        self.run_id = run_id
        self._pages = pages
        self._bells = bells

    async def page(self, after: int) -> list[Entry]:
        return await self._pages.after(self.run_id, after)

    async def look(self, tail: Tail) -> bool:
        if tail.written_here:
            # Its pen tells of everything; nobody needs to hear it from the store as well.
            await self._log.unlisten(tail)
            return False
        if not tail.listening:
            tail.listening = True
            # First the bell, then the look: what comes in between rings.
            await self._bells.join(tail.channel, tail.ring)
        return await tail.look(self._read)

    async def _read(self, after: int) -> Sequence[Entry]:
        found = await self._log.read(self.run_id, after) if after >= 0 else []
        if found:
            return found
        newest = await self._log.last(self.run_id)
        if newest is None:
            raise gone()
        return [newest]


def _entry(row: tuple[bytes, Sequence[bytes]]) -> Entry:
    number, (_, event, *_) = row
    return Entry(int(number.partition(b"-")[2]), events.decode(event))
