"""Notices that nothing was seen for too long, at the cost of a look at the clock for what is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watch:
    """Waits for something to be missing.

    There is no timer for each thing seen: one looks, when it is due, at what was seen since.
    """

    __slots__ = ("_longest", "_loop", "_missed", "_since", "_timer")

    def __init__(self, longest: float, missed: Callable[[], None]) -> None:
        """Begin to watch.

        Args:
            longest: seconds for which nothing may be seen.
            missed: is called when that lasts too long; it goes on if it calls `seen`.
        """
        self._longest, self._missed = longest, missed
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer = self._loop.call_later(longest, self._look)

    def seen(self) -> None:
        """Note that something was seen."""
        self._since = self._loop.time()

    def end(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._left() <= 0:
            self._missed()
        if (left := self._left()) > 0:
            self._timer = self._loop.call_later(left, self._look)

    def _left(self) -> float:
        return self._since + self._longest - self._loop.time()
