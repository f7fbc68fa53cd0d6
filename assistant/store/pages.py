"""Pages of a log as the store has them, read once for a crowd that comes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from assistant.events import Entry

SIZE = 500
"""Entries of a page, which begins at a multiple of it."""

_KEPT_SECONDS = 5.0
_MOST = 64

Read = Callable[[str, int, int], Coroutine[None, None, list[Entry]]]


class Pages:
    """Reads pages; one that is full cannot change, and is kept for some seconds.

    When a server goes, all its clients come back at once and ask for the same.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._pages: dict[tuple[str, int], asyncio.Task[list[Entry]]] = {}

    async def after(self, run_id: str, number: int) -> list[Entry]:
        """Return entries after a number up to the end of their page; none where there are none."""
        page, skipped = divmod(number + 1, SIZE)
        name = run_id, page
        reading = self._pages.get(name)
        if reading is None:
            reading = asyncio.create_task(self._read(run_id, page * SIZE - 1, SIZE))
            self._pages[name] = reading
            reading.add_done_callback(lambda _: self._done(name))
        # Whoever leaves while it is read leaves the others their page.
        return (await asyncio.shield(reading))[skipped:]

    def _done(self, name: tuple[str, int]) -> None:
        read = self._pages[name]
        failed = read.cancelled() or read.exception() is not None
        if failed or not _is_whole(read.result()) or len(self._pages) > _MOST:
            del self._pages[name]
        else:
            asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._pages.pop, name)


def _is_whole(page: list[Entry]) -> bool:
    return len(page) == SIZE or bool(page and page[-1].is_terminal)
