"""Streams rest between two reads while the core is full, and only then; nothing is lost by it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from openai import AsyncOpenAI

from assistant.engine.transport import Door
from assistant.engine.transport.rounds import Rounds
from tests.certificates import lay_certificate, tls_server
from tests.engine.transport.answers import APIS, BEGUN, MORE, REST
from tests.engine.transport.serving import END, Asked, Listener, answer, opened, serving, text_of

_PIECES = 60


@asynccontextmanager
async def full() -> AsyncIterator[None]:
    """Leave the loop no time while the context lasts, and all who wait their turn in it."""

    async def spin() -> None:
        while True:
            until = time.perf_counter() + 0.005
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    spinning = asyncio.create_task(spin())
    try:
        yield
    finally:
        spinning.cancel()
        with suppress(asyncio.CancelledError):
            await spinning


async def till(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


class Resting:
    """A reader that notes when it went on."""

    def __init__(self, rounds: Rounds) -> None:
        self.begun = time.monotonic()
        self.rested = 0.0
        rounds.turn(self)

    def go_on(self) -> None:
        self.rested = time.monotonic() - self.begun


async def test_they_rest_longer_up_to_a_bound_and_not_at_all_once_there_is_time() -> None:
    rounds = Rounds()
    rounds.join()
    seen = {rounds.rest}

    def longest() -> bool:
        seen.add(rounds.rest)
        return rounds.rest == 0.04

    async with full():
        await till(longest)
        reader = Resting(rounds)
        await till(lambda: reader.rested > 0)
        assert reader.rested >= 0.04
    assert seen == {0, 0.02, 0.03, 0.04}
    await till(lambda: rounds.rest == 0)
    rounds.leave()


async def test_who_rests_when_the_last_one_leaves_goes_on_all_the_same() -> None:
    rounds = Rounds()
    rounds.join()
    async with full():
        await till(lambda: rounds.rest > 0)
        reader = Resting(rounds)
        rounds.leave()
        await till(lambda: reader.rested > 0)
    # It looks no more, and begins anew with who comes next.
    await till(lambda: rounds.rest == 0)
    rounds.join()
    async with full():
        await till(lambda: rounds.rest > 0)
    rounds.leave()


@pytest.mark.parametrize("api", APIS)
async def test_one_read_brings_several_texts_and_all_of_them_in_order(api: str) -> None:
    async def play(asked: Asked) -> None:
        await asked.send(BEGUN[api])
        for _ in range(_PIECES):
            await asked.send(MORE[api])
            await asyncio.sleep(0.01)
        await asked.send(REST[api] + END)

    async with serving(play) as server, opened(server.url) as door, full():
        for _ in range(3):
            voice = Listener()
            await text_of(answer(door, api, voice))
            assert "".join(text for text, _ in voice.said) == "llo" * (_PIECES + 1)
            # What is read together is told together.
            assert len(voice.said) < _PIECES * 3 / 4
    # Each left its connection as it had found it.
    assert [asked.connection for asked in server.asked] == [1, 1, 1]


@pytest.mark.parametrize("api", APIS)
async def test_who_leaves_while_it_rests_leaves_nothing_behind(api: str) -> None:
    async def play(asked: Asked) -> None:
        await asked.send(BEGUN[api])
        while True:
            await asked.send(MORE[api])
            await asyncio.sleep(0.01)

    voice = Listener()
    async with serving(play) as server, opened(server.url) as door, full():
        reading = asyncio.create_task(text_of(answer(door, api, voice)))
        await till(lambda: len(voice.said) > _PIECES)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await server.until_left(1)


@pytest.mark.parametrize("api", APIS)
def test_what_comes_under_tls_and_is_closed_at_once_is_all_told(api: str, tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")
    certificate = lay_certificate(tmp_path)

    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        for piece in (BEGUN[api], *[MORE[api]] * 10, REST[api] + END):
            out.write(piece)
            await out.drain()
            await asyncio.sleep(0.002)
        out.transport.abort()

    async def ask() -> str:
        listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls_server(certificate))
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        client, voice = AsyncOpenAI(api_key="key", base_url=url), Listener()
        known = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate))
        async with listener, aiohttp.ClientSession(connector=known) as session, client:
            door = Door(client, session, 5)
            # As where the core is full.
            door.rounds.rest = 0.04
            await text_of(answer(door, api, voice))
        return "".join(text for text, _ in voice.said)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == "llo" * 11
