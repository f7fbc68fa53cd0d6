"""Hears a model: in order, whichever way its words come, and not silent for too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from agents.stream_events import RawResponsesStreamEvent, StreamEvent
from typing_extensions import override

from assistant.changes import Change
from assistant.engine import faults
from assistant.engine.jobs import Sink, Voice
from assistant.engine.narration import Narrator
from assistant.engine.watch import Watch


class Silence:
    """Ends a wait once nothing was heard for too long."""

    def __init__(self, longest: float, excused: Callable[[], bool]) -> None:
        """Begin to listen.

        Args:
            longest: seconds that it may last.
            excused: whether it does not count now.
        """
        self._longest = longest
        self._excused = excused
        self._holds = 0
        self._watch: Watch | None = None

    def broken(self) -> None:
        """Note that something was heard."""
        if self._watch is not None:
            self._watch.seen()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do not count what happens within: it is not the model who is waited for."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self.broken()

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Listen within.

        Raises:
            ModelError: when it lasted too long.
        """
        clock = asyncio.timeout(None)
        watch = self._watch = Watch(self._longest, lambda: self._end(clock))
        try:
            async with clock:
                yield
        except TimeoutError:
            if clock.expired():
                raise faults.silent() from None
            raise
        finally:
            watch.end()
            self._watch = None

    def _end(self, clock: asyncio.Timeout) -> None:
        if self._holds or self._excused():
            self.broken()
        else:
            clock.reschedule(0)


class Hearing(Voice):
    """What an execution hears of its models, by the runner's events and by the short way."""

    def __init__(self, narrator: Narrator, sink: Sink, longest_silence: float) -> None:
        self._narrator = narrator
        self._sink = sink
        self._latest: object = None
        self._news = Change()
        self.silence = Silence(longest_silence, lambda: narrator.tools_at_work)

    async def hear(self, event: StreamEvent) -> None:
        """Tell one event of the runner's, where it is one that clients see."""
        self._narrator.hear(event)
        self._latest = event.data if isinstance(event, RawResponsesStreamEvent) else event
        self._news.tell()
        self.silence.broken()
        await self.room()

    @property
    @override
    def is_full(self) -> bool:
        return self._sink.is_full

    @override
    def say(self, text: str, item: str) -> None:
        self._narrator.say(text, item=item)
        self.silence.broken()

    @override
    def alive(self) -> None:
        self.silence.broken()

    @override
    async def heard(self, event: Any) -> None:
        while self._latest is not event:
            await self._news.wait()

    @override
    async def room(self) -> None:
        if self.is_full:
            with self.silence.held():
                await self._sink.room()
