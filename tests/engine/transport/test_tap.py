"""Text is told inside the read, and who reads wakes for all else; what has no room waits."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai
import pytest
from typing_extensions import override

from tests.engine.transport.answers import APIS, BEGUN, MORE, REST
from tests.engine.transport.serving import (
    END,
    Asked,
    Listener,
    answer,
    frame,
    opened,
    serving,
    text_of,
)

_WHO = ContextVar("who", default="nobody")


@dataclass
class Noting(Listener):
    """A listener that notes whether it is told inside a read, and in whose context."""

    inside: list[bool] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def heard(self, _event: object) -> None:
        self.begun.set()

    @override
    def say(self, text: str, item: str) -> None:
        super().say(text, item)
        self.inside.append(asyncio.current_task() is None)
        self.contexts.append(_WHO.get())
        self.told.set()


async def _apart(asked: Asked, voice: Noting, api: str, texts: int) -> None:
    """Send a beginning, then texts one by one, each when the last was told."""
    await asked.send(BEGUN[api])
    await voice.begun.wait()
    for _ in range(texts):
        voice.told.clear()
        await asked.send(MORE[api])
        await voice.told.wait()


@pytest.mark.parametrize("api", APIS)
async def test_text_is_told_inside_the_read(api: str) -> None:
    voices = [Noting(), Noting()]

    async def play(asked: Asked) -> None:
        await _apart(asked, voices[len(server.asked) - 1], api, 5)
        await asked.send(REST[api] + END)

    async with serving(play) as server, opened(server.url) as door:
        for number, voice in enumerate(voices):
            _WHO.set(f"call {number}")
            await text_of(answer(door, api, voice))
            assert voice.inside[:5] == [True] * 5
            assert voice.contexts[:5] == [f"call {number}"] * 5
    # What stood between is out of the way for the next call.
    assert [asked.connection for asked in server.asked] == [1, 1]


@pytest.mark.parametrize("api", APIS)
async def test_what_fails_inside_the_read_fails_who_waits(api: str) -> None:
    class Failing(Noting):
        @override
        def say(self, text: str, item: str) -> None:
            super().say(text, item)
            # Not to be taken for a fault of the connection.
            raise OSError(text)

    voice = Failing()

    async def play(asked: Asked) -> None:
        await _apart(asked, voice, api, 1)

    async with serving(play) as server, opened(server.url) as door:
        with pytest.raises(OSError, match="llo"):
            await text_of(answer(door, api, voice))
        assert voice.inside == [True]
        await server.until_left(1)


@dataclass
class Narrow(Noting):
    """A listener without room after its first text, until it is given some."""

    free: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    def say(self, text: str, item: str) -> None:
        super().say(text, item)
        self.is_full = not self.free.is_set()

    @override
    async def room(self) -> None:
        if self.is_full:
            self.waited.set()
            await self.free.wait()
            self.is_full = False


@pytest.mark.parametrize("api", APIS)
async def test_what_has_no_room_stays_with_the_server(api: str) -> None:
    voice, much, sent = Narrow(), 800, list[int]()

    async def play(asked: Asked) -> None:
        await _apart(asked, voice, api, 1)
        await voice.waited.wait()
        for number in range(much):
            await asked.send(MORE[api] * 100)
            sent.append(number)
        await asked.send(REST[api] + END)

    async with serving(play) as server, opened(server.url) as door:
        call = asyncio.create_task(text_of(answer(door, api, voice)))
        await voice.waited.wait()
        while await _moves(sent):
            pass
        assert 0 < len(sent) < much
        assert [text for text, _ in voice.said] == ["llo"]
        voice.free.set()
        await call
    assert "".join(text for text, _ in voice.said) == "llo" * (much * 100 + 2)


async def _moves(sent: list[int]) -> bool:
    before = len(sent)
    await asyncio.sleep(0.2)
    return len(sent) != before


async def test_silence_counts_from_the_last_that_came_and_not_for_want_of_room() -> None:
    voice, silence, pause = Narrow(), 1.0, 0.4

    async def play(asked: Asked) -> None:
        await asked.send(BEGUN["chat"])
        for _ in range(3):
            await asyncio.sleep(pause)
            # It says nothing, which is more than silence.
            await asked.send(frame(b": awake\n\n"))
        await asked.send(MORE["chat"])
        await voice.waited.wait()
        await asyncio.sleep(silence + pause)
        voice.free.set()

    async with serving(play) as server, opened(server.url, silence) as door:
        began = asyncio.get_running_loop().time()
        with pytest.raises(openai.APITimeoutError):
            await text_of(answer(door, voice=voice))
        assert asyncio.get_running_loop().time() - began > 3 * pause + silence + pause + silence
        assert [text for text, _ in voice.said] == ["llo"]


async def test_a_door_that_closes_ends_who_reads() -> None:
    voice = Noting()

    async def play(asked: Asked) -> None:
        await asked.send(BEGUN["chat"])

    async with serving(play) as server:
        async with opened(server.url) as door:
            call: asyncio.Task[Any] = asyncio.create_task(text_of(answer(door, voice=voice)))
            await voice.begun.wait()
        async with asyncio.timeout(2):
            with pytest.raises(openai.APIConnectionError) as failed:
                await call
    assert isinstance(failed.value.__cause__, httpx2.ReadError)
