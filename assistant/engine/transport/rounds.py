"""Reads streams by turns where the core is full: one read then brings what several would."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol

_TICK = 0.005
"""Seconds between two looks at who has rested long enough."""

_STEP = 0.1
"""Seconds between two looks at how full the core is."""

_FULL, _FREE = 0.85, 0.6
"""Shares of the time that the loop's thread computes: above which streams rest longer, and below
which less long."""

_LATE = 0.006
"""Seconds by which looks come late, on average, where others have the core."""

_SHORTEST, _LONGER, _LONGEST = 0.02, 0.01, 0.04
"""Seconds that a stream rests at least, by how much more at a time, and at most."""

_WEIGHT = 0.1


class Reader(Protocol):
    """Whose turn it is some time after it was told to rest."""

    def go_on(self) -> None:
        """Read again."""


class Rounds:
    """Who rests from reading, and for how long.

    A read costs the same whether it brings one token or two, and so does telling what it brought:
    a core that cannot keep up has half of the work where streams rest for as long as two tokens
    take, and each waits no longer than that. While the core has time left nobody rests.

    Attributes:
        rest: seconds between two reads of a stream; 0 where nobody rests.
    """

    def __init__(self) -> None:
        self._readers = 0
        self._resting: deque[tuple[float, Reader]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._late = 0.0
        self._seen = (0.0, 0.0)
        self.rest = 0.0

    def join(self) -> None:
        """Count one who reads."""
        self._readers += 1
        if self._timer is None:
            self._late, self._seen = 0.0, _clocks()
            self._wait()

    def leave(self) -> None:
        """Count one less."""
        self._readers -= 1

    def turn(self, reader: Reader) -> None:
        """Have a reader go on when it has rested; it has stopped to read."""
        self._resting.append((time.monotonic() + self.rest, reader))

    def _wait(self) -> None:
        after = _TICK if self.rest or self._resting else _STEP / 4
        self._due = time.monotonic() + after
        self._timer = asyncio.get_running_loop().call_later(after, self._look)

    def _look(self) -> None:
        now, resting = time.monotonic(), self._resting
        self._late += (now - self._due - self._late) * _WEIGHT
        if now - self._seen[0] >= _STEP:
            self._adapt()
        if self._readers or resting:
            self._wait()
        else:
            self._timer, self.rest = None, 0.0
        while resting and resting[0][0] <= now:
            resting.popleft()[1].go_on()

    def _adapt(self) -> None:
        before, self._seen = self._seen, _clocks()
        share = (self._seen[1] - before[1]) / (self._seen[0] - before[0])
        if share > _FULL or self._late > _LATE:
            self.rest = min(max(self.rest + _LONGER, _SHORTEST), _LONGEST)
        elif share < _FREE:
            self.rest = self.rest - _LONGER if self.rest > _SHORTEST else 0.0


def _clocks() -> tuple[float, float]:
    """Return the time, and how much of it this thread has computed."""
    return time.monotonic(), time.thread_time()
