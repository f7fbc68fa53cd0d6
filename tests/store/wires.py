"""A way to a Valkey over TCP on which a test counts, cuts and adds, and clients that take it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from redis import DriverInfo
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from assistant.store.client import Client
from assistant.store.embedded import EmbeddedStore

_DRIVER = DriverInfo()

Valkey = tuple[EmbeddedStore, Redis]
"""A Valkey, and a client of it that has no line."""


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """Give a client as the store makes it."""
    pool = BlockingConnectionPool.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=3,
        retry=Retry(NoBackoff(), 1),
        driver_info=_DRIVER,
    )
    client = Client(pool)
    try:
        yield client
    finally:
        await client.aclose()


class Wire:
    """Passes on what a client and a Valkey say, but for what a test wants otherwise.

    Attributes:
        url: where it listens.
        heard: what came from clients, as it came.
        made: how many connections there were.
        cuts: how many of the next connections end in the middle of the reply that holds `marker`.
        marker: what a reply is known by.
    """

    def __init__(self, socket: Path) -> None:
        self.url = ""
        self.heard: list[bytes] = []
        self.made = 0
        self.cuts = 0
        self.marker = b"the marked reply"
        self._socket = socket
        self._clients: list[asyncio.StreamWriter] = []
        self._ended = asyncio.Condition()
        self._ends = 0

    def add(self, said: bytes) -> None:
        """Say something to the newest client that Valkey has not said."""
        self._clients[-1].write(said)

    async def ends_of(self, count: int) -> None:
        """Return once so many connections have ended."""
        async with asyncio.timeout(5), self._ended:
            await self._ended.wait_for(lambda: self._ends >= count)

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self.made += 1
        self._clients.append(back)
        valkey, there = await asyncio.open_unix_connection(self._socket)
        ways = [
            asyncio.create_task(self._ask(client, there)),
            asyncio.create_task(self._answer(valkey, back)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            there.transport.abort()
            back.transport.abort()
            async with self._ended:
                self._ends += 1
                self._ended.notify_all()

    async def _ask(self, client: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await client.read(1 << 20):
                self.heard.append(said)
                there.write(said)
                await there.drain()

    async def _answer(self, valkey: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await valkey.read(1 << 20):
                if self.cuts and self.marker in said:
                    self.cuts -= 1
                    back.write(said[: said.index(self.marker) + len(self.marker) // 2])
                    await back.drain()
                    return
                back.write(said)
                await back.drain()


@asynccontextmanager
async def wire_to(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """Give a way to the Valkey at a `unix://` URL."""
    wire = Wire(Path(unquote(urlsplit(url).path)))
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        wire.url = (
            f"{'rediss' if tls else 'redis'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        )
        yield wire
