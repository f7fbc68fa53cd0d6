"""Clients that read slowly or not at all, and those who are written to all the time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from assistant.events import Entry, MessageDelta
from assistant.models import now
from assistant.store import Cursor, Ending
from assistant.web.keys import LIFE, PARTS, SETTINGS, Life
from assistant.web.sending import Sender
from assistant.web.stream import stream_run
from tests.store.records import DONE, Worker, a_run
from tests.web.conftest import MakeSite
from tests.web.site import Site

_MUCH = bytes(16 << 20)  # more than a kernel takes of what nobody reads
_HELLO = (
    b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@asynccontextmanager
async def _serving(
    site: Site, handle: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[TestServer]:
    """Serve with the parts of a site."""
    app = web.Application()
    app[LIFE] = Life()
    app[PARTS], app[SETTINGS] = site.server.app[PARTS], site.server.app[SETTINGS]
    app.router.add_get("/", handle)
    server = TestServer(app)
    async with server:
        yield server


async def test_a_stream_that_is_written_to_all_the_time_ends_as_the_server_goes(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site(LEASE_SECONDS=60)
    store = site.server.app[PARTS].store
    worker = Worker(store, store.redis)
    written = await worker.pen(a_run())
    take, life = Cursor.take, Life()

    async def take_more(cursor: Cursor) -> list[Entry]:
        if life.closing.is_set():
            await worker.write(written, MessageDelta("msg_a", "more"))
        return await take(cursor)

    async def follow(request: web.Request) -> web.StreamResponse:
        nonlocal life
        life = request.app[LIFE]
        return await stream_run(request, written.run)

    monkeypatch.setattr(Cursor, "take", take_more)
    async with (
        _serving(site, follow) as server,
        aiohttp.ClientSession() as http,
        http.get(server.make_url("/")) as response,
        asyncio.timeout(5),
    ):
        assert b"run.started" in await response.content.readuntil(b"\n\n")
        life.closing.set()
        assert (await response.read()).endswith(b"come back with Last-Event-ID\n\n")
    store.log.close_pen(written)


async def test_a_message_that_is_given_up_takes_no_other_along(site: Site) -> None:
    sent: list[bool] = []

    async def talk(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        sender = Sender(request, ws)
        one, other = (asyncio.create_task(sender.send(_MUCH)) for _ in range(2))
        await asyncio.wait({one, other}, timeout=0.05)
        one.cancel()
        await asyncio.wait({one, other}, timeout=0.05)
        sent.extend((one.cancelled(), other.done()))
        reads.set()
        await other
        await ws.close()
        return ws

    reads = asyncio.Event()
    async with _serving(site, talk) as server, asyncio.timeout(20):
        client, back = await asyncio.open_connection(server.host, server.port)
        back.write(_HELLO)
        await reads.wait()
        assert sent == [True, False]
        size = 0
        while piece := await client.read(1 << 20):
            size += len(piece)
            if size > 2 * len(_MUCH):
                break
        back.close()


async def test_who_does_not_read_is_dropped(make_site: MakeSite) -> None:
    site = await make_site(WRITE_TIMEOUT_SECONDS=0.2)

    async def talk(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        await Sender(request, ws).send(_MUCH)
        dropped.set_result(request.transport is None or request.transport.is_closing())
        return ws

    dropped = asyncio.get_running_loop().create_future()
    async with _serving(site, talk) as server, asyncio.timeout(5):
        _, back = await asyncio.open_connection(server.host, server.port)
        back.write(_HELLO)
        assert await dropped
        back.close()


async def test_the_end_is_written_once_to_who_reads_slowly(make_site: MakeSite) -> None:
    site = await make_site(LEASE_SECONDS=60)
    store = site.server.app[PARTS].store
    worker = Worker(store, store.redis)
    pen = await worker.pen(a_run())
    followed = asyncio.get_running_loop().create_future()

    async def follow(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        sending = request.transport.get_extra_info("socket")
        sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        if not followed.done():
            followed.set_result(request)
            return await stream_run(request, pen.run)
        return web.Response(text="second")

    async with _serving(site, follow) as server, asyncio.timeout(30):
        loop, client = asyncio.get_running_loop(), socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        # Small packets, so that the server learns of each bit of room at once.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.settimeout(0)
        await loop.sock_connect(client, (str(server.host), int(server.port or 0)))
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        request = await followed
        while not request.protocol.writing_paused:
            await worker.write(pen, MessageDelta("msg_a", "x" * 4_000))
            await asyncio.sleep(0)
        data = b""
        # Little enough for more to be written, and yet aiohttp waits for less.
        while request.transport.get_write_buffer_size() > 28_000:
            data += await loop.sock_recv(client, 1_500)
            await asyncio.sleep(0)
        assert request.protocol.writing_paused
        await store.runs.finish(pen, DONE, Ending(now()))
        while not data.endswith(b"0\r\n\r\n"):
            data += await loop.sock_recv(client, 65_536)
        # The connection is good for another request, and nothing of the first is left on it.
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        while b"second" not in data:
            piece = await loop.sock_recv(client, 65_536)
            assert piece, "closed by the server"
            data += piece
        client.close()
        store.log.close_pen(pen)
    assert data.count(b"0\r\n\r\nHTTP/1.1 200 OK") == 1
    assert b"0\r\n\r\n0\r\n\r\n" not in data
