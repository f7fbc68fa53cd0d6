"""Tells a call's text to its listeners, past the runner, and drops what repeats it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from assistant.engine.jobs import Voice

TEXT = "response.output_text.delta"
_LISTENED_TO = frozenset({TEXT, "response.refusal.delta"})


class Telling:
    """How the text of one call goes to its listeners.

    Attributes:
        voice: where it is said; None has all of it go through the runner.
        direct: whether it is said, and no longer goes through the runner.
        repeats: whether the SDK is at work on text that was said before.
    """

    __slots__ = ("direct", "repeats", "voice")

    def __init__(self, voice: Voice | None) -> None:
        self.voice = voice
        self.direct = False
        self.repeats = False

    @property
    def is_full(self) -> bool:
        """Whether `room` would wait."""
        return self.direct and self.voice is not None and self.voice.is_full

    def say(self, text: str, item: str) -> None:
        """Say text of a message item, once it goes directly."""
        if self.voice is not None:
            self.voice.say(text, item)

    def alive(self) -> None:
        """Note that the model is at work."""
        if self.voice is not None:
            self.voice.alive()

    async def room(self) -> None:
        """Wait while too much of what was said is on its way."""
        if self.voice is not None:
            await self.voice.room()


async def told(events: AsyncGenerator[Any], telling: Telling) -> AsyncGenerator[Any]:
    """Pass on a call's events up to and with its first text, then all but its text.

    The runner must see that there is text: what it has seen something of, it never asks for again.
    """
    voice = telling.voice
    async with aclosing(events):
        async for event in events:
            kind = event.type
            if telling.direct and kind == TEXT:
                if not telling.repeats:
                    telling.say(str(event.delta or ""), str(event.item_id or ""))
                continue
            yield event
            if voice is not None and kind in _LISTENED_TO:
                # What is said directly must not come before what went the long way.
                await voice.heard(event)
                telling.direct = telling.direct or kind == TEXT
