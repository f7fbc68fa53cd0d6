"""A TCP proxy that cuts, refuses and stalls what passes through it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from typing_extensions import override

HERE = "127.0.0.1"


class Proxy:
    """Stands before one port of the loopback, on a port that stays the same.

    Attributes:
        cuts: how many connections were dropped.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cuts = 0
        self.stalled = False
        self.links: set[_Link] = set()
        self.connecting: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[Proxy]:
        """Listen for as long as the context lasts."""
        await self.accept()
        try:
            yield self
        finally:
            self.refuse()
            self.cut()
            await asyncio.gather(*self.connecting, return_exceptions=True)
            self.cut()
            while self.links:
                await asyncio.sleep(0)  # each says so itself when it is closed

    async def accept(self) -> None:
        """Take connections, anew where they were refused."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Client(self), HERE, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Take no new connections; those that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def cut(self) -> int:
        """Drop every open connection; returns how many there were."""
        links = list(self.links)
        for link in links:
            link.abort()
        self.cuts += len(links)
        return len(links)

    def stall(self) -> None:
        """Let nothing through, in either direction, with all connections open."""
        self.stalled = True
        for link in self.links:
            link.follow_valves()

    def flow(self) -> None:
        """Let everything through again."""
        self.stalled = False
        for link in self.links:
            link.follow_valves()


class _Link(asyncio.Protocol):
    """One half of a connection; what it reads, its peer writes."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.peer: _Link | None = None
        self.full = False
        self.transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.proxy.links.add(self)
        self.follow_valves()

    @override
    def data_received(self, data: bytes) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.proxy.links.discard(self)
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.close()

    @override
    def pause_writing(self) -> None:
        self.full = True
        if self.peer is not None:
            self.peer.follow_valves()

    @override
    def resume_writing(self) -> None:
        self.full = False
        if self.peer is not None:
            self.peer.follow_valves()

    def follow_valves(self) -> None:
        """Read only where what is read can go somewhere."""
        if self.transport is None or self.transport.is_closing():
            return
        if self.peer is None or self.peer.transport is None or self.peer.full or self.proxy.stalled:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def abort(self) -> None:
        """Drop the connection as a broken line does: with a reset, not in order."""
        if self.transport is not None:
            sock = self.transport.get_extra_info("socket")
            with suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class _Client(_Link):
    """The half towards whoever connects; it fetches the other half."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.create_task(self._reach())
        self.proxy.connecting.add(task)
        task.add_done_callback(self.proxy.connecting.discard)

    async def _reach(self) -> None:
        other = _Link(self.proxy)
        other.peer = self
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(5):
                await loop.create_connection(lambda: other, HERE, self.proxy.target)
        except OSError:
            self.abort()
            return
        if self.transport is None or self.transport.is_closing():
            other.abort()
            return
        self.peer = other
        self.follow_valves()
        other.follow_valves()
