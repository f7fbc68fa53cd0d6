"""One follower's place in a run's log: what comes after a number, once each, and then live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from assistant.errors import NotFoundError, StoreUnavailableError
from assistant.events import Entry
from assistant.metrics import clients
from assistant.store.tail import Tail

log = structlog.get_logger(__name__)

_WAIT_FOR_STORE = 0.5


Eager = Callable[[list[Entry]], bool]


class Source(Protocol):
    """Where a cursor reads one run's log."""

    run_id: str

    async def page(self, after: int) -> list[Entry]:
        """Return some entries after a number; none where there are none."""

    async def look(self, tail: Tail) -> bool:
        """Bring a tail up to date that others write; returns whether anybody had to look.

        Raises:
            NotFoundError: when the log is gone, because it expired or was deleted.
        """


class Cursor:
    """A place in a run's log.

    `take` returns what there is, `wait` returns when there may be more. Nobody else needs to read
    what one cursor of a process has read, and a follower that is slow costs no memory: the log
    keeps its place.

    Attributes:
        after: number of the last entry taken.
        ended: whether that is the terminal one.
    """

    def __init__(self, source: Source, tail: Tail, after: int) -> None:
        self._source = source
        self._tail = tail
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None
        self._comes_back = after >= 0
        self._catching_up = True
        self._behind = True
        self._eager: Eager | None = None
        self.after = after
        self.ended = False

    @property
    def sees_end(self) -> bool:
        """Whether all that is left is known to be there, so that nothing has to be waited for."""
        return self._tail.ended

    async def take(self) -> list[Entry]:
        """Return entries that have not been taken, in order; none where none are known yet.

        Raises:
            NotFoundError: when the log is gone, because it expired or was deleted.
        """
        self._rung = False
        try:
            found = await self._find()
        except StoreUnavailableError:
            # One line for each stream twice a second would bury the writers' warnings.
            log.debug("store.follow.waiting", run_id=self._source.run_id)
            self._take_later()
            return []
        if self._comes_back:
            self._comes_back = False
            clients.RESUME_GAP.record(len(found))
        if found:
            self.after, self.ended = found[-1].sequence, found[-1].is_terminal
        self._behind = bool(found) and self.after != self._tail.last
        return found

    async def wait(self, eager: Eager | None = None) -> None:
        """Return when something was rung since the last `take`, or where that left something.

        Args:
            eager: is given entries as they become known, where that is all there is to see to, and
                says whether it has served them: whoever waits is not woken for them then. It never
                gets the terminal one.
        """
        if self._behind or self._rung:
            return
        self._eager = eager
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._eager = self._waiting = None

    def ring(self) -> None:
        """Say that there is something to see to."""
        if self._served():
            return
        self._rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _take_later(self) -> None:
        asyncio.get_running_loop().call_later(_WAIT_FOR_STORE, self.ring)

    def _served(self) -> bool:
        found = self._tail.after(self.after) if self._eager else None
        if not self._eager or not found or found[-1].is_terminal:
            return False
        try:
            served = self._eager(found)
        except Exception:  # noqa: BLE001 - whoever waits meets it again, where it is theirs
            return False
        if served:
            self.after = found[-1].sequence
        return served

    async def _find(self) -> list[Entry]:
        tail = self._tail
        while True:
            found = tail.after(self.after)
            if found:
                return found
            if found is None or (self._catching_up and not tail.written_here):
                # At first without looking for who writes it: most that is read again has ended.
                page = await self._source.page(self.after)
                if page:
                    return page
                self._catching_up = False
                if found is None and not await self._source.look(tail):
                    # The store has lost what it had acknowledged; its pen will learn of it.
                    self._take_later()
                    return []
            elif tail.ended:
                self.ended = True
                return []
            elif not await self._source.look(tail):
                return []


def gone() -> NotFoundError:
    """Return the error for a log that is not there any more."""
    detail = "The log of this run is no longer kept."
    return NotFoundError(detail)
