"""What the store says of the whole deployment, looked at no more than once a second."""

from __future__ import annotations

import asyncio
import time

from assistant.errors import StoreUnavailableError
from assistant.metrics.instruments import Reading
from assistant.store import Store, Vitals

_FRESH = 1.0
_PATIENCE = 0.5


class Looking:
    """Looks at the store before metrics are read, which itself cannot wait.

    However many scrape, the store is asked once; while it is away its counts are absent.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._at = float("-inf")
        self._one = asyncio.Lock()
        self._found: Vitals | None = None

    async def look(self) -> None:
        """Have counts that are at most a second old; gives up on a silent store soon."""
        async with self._one:
            if time.monotonic() - self._at < _FRESH:
                return
            try:
                async with asyncio.timeout(_PATIENCE):
                    self._found = await self._store.vitals()
            except (StoreUnavailableError, TimeoutError):
                self._found = None
            self._at = time.monotonic()

    def up(self) -> list[Reading]:
        """Return whether the store answered."""
        return [(float(self._found is not None), {})]

    def queue(self) -> list[Reading]:
        """Return how many runs are queued."""
        found = self._found
        return (
            [(found.ready, {"state": "ready"}), (found.behind, {"state": "behind"})]
            if found
            else []
        )

    def approvals(self) -> list[Reading]:
        """Return how many approvals nobody has decided."""
        return [(self._found.approvals, {})] if self._found else []

    def workers(self) -> list[Reading]:
        """Return how many processes execute."""
        return [(self._found.workers, {})] if self._found else []
