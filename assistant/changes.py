"""How those who wait are told that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Ring = Callable[[], None]
"""Is called when there may be something to see; never waits."""


class Change:
    """Wakes all who wait for the next change.

    An `asyncio.Event` holds room for those who wait from the start, most of a kilobyte; this one
    while there are any, as each run has several on which it never waits.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: asyncio.Event | None = None

    def tell(self) -> None:
        """Say that something changed."""
        if self._next is not None:
            self._next.set()
            self._next = None

    async def wait(self) -> None:
        """Return at the next change."""
        if self._next is None:
            self._next = asyncio.Event()
        await self._next.wait()
