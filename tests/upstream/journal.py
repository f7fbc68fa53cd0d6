"""What the upstream remembers: requests, clients that left, faults already played."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.upstream.directives import as_int

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.upstream.directives import Fault


class Journal:
    """The upstream's memory; tests read it, or wait for what they expect in it.

    Attributes:
        requests: path, headers and body of each request to `/v1`.
        disconnects: how many clients left before their answer was whole.
        active: how many requests are being answered now.
        held: how many answers wait for `release`.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.disconnects = 0
        self.active = 0
        self.held = 0
        self._played: Counter[tuple[str, str, str]] = Counter()
        self._changed = asyncio.Event()
        self._released = asyncio.Event()

    def stats(self) -> dict[str, int]:
        """Return the counts."""
        return {
            "requests": len(self.requests),
            "disconnects": self.disconnects,
            "active": self.active,
            "held": self.held,
        }

    def clear(self) -> None:
        """Forget the past; what is going on now stays counted."""
        self.requests.clear()
        self.disconnects = 0
        self._played.clear()
        self.touch()

    def touch(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, met: Callable[[Journal], bool], limit: float = 5.0) -> None:
        """Wait until `met` holds.

        Raises:
            TimeoutError: when it does not within `limit` seconds.
        """
        async with asyncio.timeout(limit):
            while not met(self):
                await self._changed.wait()

    async def hold(self) -> None:
        """Wait for the next `release`."""
        self.held += 1
        self.touch()
        try:
            await self._released.wait()
        finally:
            self.held -= 1
            self.touch()

    def release(self) -> None:
        """Let every held answer go on."""
        self._released.set()
        self._released = asyncio.Event()

    def is_due(self, text: str, fault: Fault) -> bool:
        """Tell whether a fault strikes once more for this message, and count that it did."""
        if "times" not in fault.options:
            return True
        key = (text, fault.kind, fault.value)
        self._played[key] += 1
        return self._played[key] <= as_int("times", fault.options["times"])
