"""Ends work before its time: when somebody asks for that, or when it takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Stop:
    """A request to end a run early, and who made it.

    Attributes:
        is_asked: whether it was made.
        by: who made it.
    """

    __slots__ = ("_clock", "by", "is_asked")

    def __init__(self) -> None:
        self.is_asked = False
        self.by = ""
        self._clock: asyncio.Timeout | None = None

    def ask(self, by: str) -> None:
        """Make the request; the first one counts."""
        if self.is_asked:
            return
        self.is_asked, self.by = True, by
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time())

    async def allow(self, work: Callable[[], Awaitable[None]], seconds: float) -> bool:
        """Do work for so long at most, and until the request is made.

        Returns whether it was done in time; what work raises on being cut off does not count.
        """
        self._clock = clock = asyncio.timeout(seconds)
        try:
            async with clock:
                await work()
        except Exception:
            if not clock.expired():
                raise
        finally:
            self._clock = None
        return not clock.expired()
