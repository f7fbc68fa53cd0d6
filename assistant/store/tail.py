"""The end of one run's log as this process knows it, shared by all who follow the run here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from assistant.changes import Ring
from assistant.events import Entry

LOOK_AGAIN = 2.0
PAGE = 2_000
"""The most entries that one look returns; where it returns so many there may be more."""

_KEPT = 4


class Tail:
    """The newest entries of a run's log, and who is to be told of more.

    They come from the pen of this process, as the store acknowledges them, so that nobody reads
    back what was written here; or, where another process writes, from one look into the store for
    all who follow.

    Attributes:
        last: number of the newest entry known; -1 where nothing is.
        ended: whether that is the terminal one.
        written_here: whether a pen of this process writes the log.
        channel: where other processes announce what they write.
        listening: whether it is rung from there.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.listening = False
        self.last = -1
        self.ended = False
        self.written_here = False
        self._entries: list[Entry] = []
        self._followers: set[Ring] = set()
        # One looks at a time. A look answers for all rings up to when it began, so that whoever
        # comes to look next does so only where it has rung since; at first nobody has looked.
        self._looking = asyncio.Lock()
        self._again: asyncio.TimerHandle | None = None
        self._rings = 1
        self._looked = 0

    @property
    def followed(self) -> bool:
        """Whether anybody follows."""
        return bool(self._followers)

    def join(self, follower: Ring) -> None:
        """Tell a follower of news from now on."""
        self._followers.add(follower)

    def leave(self, follower: Ring) -> None:
        """Tell a follower no more."""
        self._followers.discard(follower)
        if not self._followers and self._again is not None:
            self._again.cancel()
            self._again = None

    def ring(self) -> None:
        """Say that there may be news in the store."""
        self._rings += 1
        if not self.written_here:
            self._tell()

    def after(self, number: int) -> list[Entry] | None:
        """Return the entries after a number; None where they are older than those kept here."""
        missing = self.last - number
        if missing <= 0:
            return []
        if missing == 1 and self._entries:
            return [self._entries[-1]]
        kept = len(self._entries)
        return self._entries[kept - missing :] if missing <= kept else None

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add entries that are in the store; those known already count once."""
        for entry in entries:
            if entry.sequence <= self.last:
                continue
            if entry.sequence > self.last + 1:
                self._entries.clear()
            self._entries.append(entry)
            self.last = entry.sequence
        # What has just come is kept whole, for those who are told of it now.
        del self._entries[: -max(_KEPT, len(entries))]
        self.ended = bool(self._entries) and self._entries[-1].is_terminal
        self._tell()

    def begin(self, last: int) -> None:
        """Know that a pen of this process goes on after a number."""
        self.written_here = True
        if last != self.last:
            self._restart(last)
        self._tell()

    def leave_off(self) -> None:
        """Know that this process writes no more; another one may."""
        self.written_here = False
        self.ring()

    async def look(self, read: Callable[[int], Awaitable[Sequence[Entry]]]) -> bool:
        """Look once for all who were told the same; returns whether anybody had to.

        Args:
            read: returns the entries after a number, as the store has them.
        """
        before = self.last
        async with self._looking:
            if self.last != before:
                return True
            if self._looked == self._rings:
                return False
            looked = self._rings
            found = await read(self.last)
            if len(found) < PAGE:
                self._looked = looked
            if self._again is not None:
                self._again.cancel()
            # A publication may be lost.
            self._again = asyncio.get_running_loop().call_later(LOOK_AGAIN, self.ring)
            if self.written_here:
                # Its pen has begun meanwhile, and knows better.
                return True
            if found and found[-1].sequence < self.last:
                self._restart(-1)
            self.extend(found)
            return True

    def _restart(self, last: int) -> None:
        """Know nothing but the last number; a store may have lost what it had acknowledged."""
        self._entries.clear()
        self.last, self.ended = last, False

    def _tell(self) -> None:
        for follower in self._followers:
            follower()
