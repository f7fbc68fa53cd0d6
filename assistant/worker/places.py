"""What a worker has room for, what it has taken, and a place kept for what may come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from assistant.store import Claim
from assistant.worker.stop import Stop


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many runs a process executes at once, and how many may be queued in all."""

    executing: int = 100
    queued: int = 1000


@dataclass(eq=False, slots=True)
class Taken:
    """A run that this process has taken on.

    Attributes:
        in_slot: whether it uses one; a run that only has to be ended needs none.
    """

    claim: Claim
    stop: Stop = field(default_factory=Stop)
    task: asyncio.Task[None] | None = None
    in_slot: bool = True


@dataclass(eq=False, slots=True)
class Place:
    """A place for one run, before it is accepted.

    Attributes:
        here: whether a slot of this process is held for it.
        most_queued: how many runs may be queued before one more is refused.
        is_filled: whether a run has begun in it.
    """

    _begin: Callable[[Claim], asyncio.Task[None]]
    here: bool
    most_queued: int
    is_filled: bool = False

    def fill(self, claim: Claim) -> None:
        """Begin what was claimed."""
        self.is_filled = True
        _ = self._begin(claim)
