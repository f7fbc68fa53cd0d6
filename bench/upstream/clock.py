"""One clock for all answers that are on a pace: each millisecond it calls those that are due."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

Step = Callable[[float], None]
"""Goes on with an answer; is told the time."""
_TICK = 0.001


class Clock:
    """A timer of its own for each of 20,000 tokens a second would cost as much as their bytes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[int, list[Step]] = {}
        self._next = 0
        self._tick()

    def call_at(self, when: float, step: Step) -> None:
        """Call a step in the first millisecond that is not before `when`, monotonic seconds."""
        slot = max(math.ceil(when / _TICK), self._next)
        self._due.setdefault(slot, []).append(step)

    def _tick(self) -> None:
        self._loop.call_later(_TICK, self._tick)
        now = time.monotonic()
        last, self._next = self._next, math.floor(now / _TICK) + 1
        # After a stall, all that were due meanwhile; what they ask for next is not yet due.
        for slot in range(last, self._next) if self._due else ():
            for step in self._due.pop(slot, ()):
                step(now)
