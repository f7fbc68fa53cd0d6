"""The proxy passes everything on, until it is told not to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.chaos.proxy import HERE, Proxy

_MUCH = bytes(range(256)) * 8_000


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    serving: set[asyncio.Task[None] | None] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(echo, HERE, 0)
    async with server:
        async with Proxy(server.sockets[0].getsockname()[1]).standing() as standing:
            yield standing
        await asyncio.gather(*(task for task in serving if task))


@asynccontextmanager
async def _connected(
    proxy: Proxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HERE, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _say(proxy: Proxy, data: bytes) -> bytes:
    async with _connected(proxy) as (reader, writer):
        writer.write(data)
        return await reader.readexactly(len(data))


async def test_it_passes_on_more_than_any_buffer_holds(proxy: Proxy) -> None:
    assert await asyncio.gather(*(_say(proxy, _MUCH) for _ in range(3))) == [_MUCH] * 3


async def test_a_cut_drops_connections_and_the_next_one_passes(proxy: Proxy) -> None:
    async with _connected(proxy) as (reader, writer):
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        assert proxy.cut() == 2
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
    assert await _say(proxy, b"two") == b"two"


async def test_a_refusal_ends_when_it_accepts_again_on_the_same_port(proxy: Proxy) -> None:
    port = proxy.port
    proxy.refuse()
    with pytest.raises(ConnectionError):
        await _say(proxy, b"no")
    await proxy.accept()
    assert proxy.port == port
    assert await _say(proxy, b"yes") == b"yes"


async def test_a_stall_holds_everything_back_and_loses_nothing(proxy: Proxy) -> None:
    async with _connected(proxy) as (reader, writer):
        proxy.stall()
        writer.write(b"late")
        late = asyncio.create_task(_say(proxy, b"new"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.readexactly(1)
        assert not late.done()
        proxy.flow()
        assert await reader.readexactly(4) == b"late"
        assert await late == b"new"


async def test_what_is_gone_behind_it_is_gone_before_it(proxy: Proxy) -> None:
    proxy.target = 1
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await _say(proxy, b"anyone?")
