"""What may interrupt a wait for a run: a beat that is due, and that the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from assistant.changes import Ring


class Closing:
    """Says that streams are to end because the server goes, to everything that is open.

    Callbacks, as a task for each of ten thousand streams would cost more than the streams.
    """

    def __init__(self) -> None:
        self._set = False
        self._told: set[Ring] = set()

    def is_set(self) -> bool:
        """Whether the server goes."""
        return self._set

    def set(self) -> None:
        """Say so, once and for all."""
        self._set = True
        for ring in list(self._told):
            ring()

    @contextmanager
    def ringing(self, ring: Ring) -> Iterator[None]:
        """Call `ring` when it is said within."""
        self._told.add(ring)
        try:
            yield
        finally:
            self._told.discard(ring)


class Beat:
    """Says when nothing was written for a while, by one timer however much is written.

    As a context it counts up to its end.
    """

    __slots__ = ("_every", "_last", "_loop", "_ring", "_timer")

    def __init__(self, every: float, ring: Ring) -> None:
        """Begin to count.

        Args:
            every: seconds of silence before a beat.
            ring: is called when one is due.
        """
        self._loop = asyncio.get_running_loop()
        self._every = every
        self._ring = ring
        self._last = self._loop.time()
        self._timer = self._loop.call_later(every, self._look)

    @property
    def is_due(self) -> bool:
        """Whether nothing was written for too long."""
        return self._loop.time() - self._last >= self._every

    def wrote(self) -> None:
        """Note that something was written."""
        self._last = self._loop.time()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left = self._last + self._every - self._loop.time()
        if left <= 0:
            self._ring()
            left = self._every
        self._timer = self._loop.call_later(left, self._look)
