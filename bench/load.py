"""Opens streams against a server and records what comes, byte by byte, with the time of arrival.

While a load runs, this does no more than keep what the socket gives, so that it is never what is
measured; reading and checking come after. Times are the monotonic clock's nanoseconds, as in the
tokens of `bench.upstream`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from typing_extensions import override

_LONGEST_SECONDS = 90
_END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked for.

    Attributes:
        streams: how many answers are made at the same time.
        runs: how many each stream asks for, one after the other.
        tokens: in each answer.
        pace: seconds from one token to the next; 0 for as fast as they are taken.
        spread: seconds over which the streams begin.
    """

    name: str
    streams: int
    runs: int
    tokens: int
    pace: float = 0.0
    spread: float = 0.0

    @property
    def total(self) -> int:
        """How many tokens there are in all."""
        return self.streams * self.runs * self.tokens

    @property
    def wish(self) -> str:
        """The message by which the upstream is told."""
        return f"tokens={self.tokens} pace={self.pace}"


@dataclass(slots=True)
class Recording:
    """One response as it came.

    Attributes:
        begun: when the request was sent.
        pieces: what each read gave, and when.
    """

    begun: int
    pieces: list[tuple[int, bytes]] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One kept-alive connection of a client that takes chunked responses."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._recording = Recording(0)
        self._tail = b""
        self._ended: asyncio.Future[None] | None = None

    async def ask(self, request: bytes) -> Recording:
        """Send a request and return its response once it is whole.

        Raises:
            ConnectionError: the server hung up, or answered with anything but 200.
        """
        assert self._transport is not None
        ended = self._ended = asyncio.get_running_loop().create_future()
        recording = self._recording = Recording(time.monotonic_ns())
        self._tail = b""
        self._transport.write(request)
        async with asyncio.timeout(_LONGEST_SECONDS):
            await ended
        return recording

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        pieces = self._recording.pieces
        if not pieces and not data.startswith(b"HTTP/1.1 200"):
            self._fail(data[:500].decode(errors="replace"))
        pieces.append((time.monotonic_ns(), data))
        self._tail = (self._tail + data)[-len(_END) :]
        if self._tail == _END and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server hung up: {exc}")

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _fail(self, why: str) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(ConnectionError(why))


async def drive(
    host: str, port: int, load: Load, request: Callable[[str], bytes]
) -> list[Recording]:
    """Put a load on a server and return all responses.

    Args:
        host: where it listens.
        port: where it listens.
        load: how much.
        request: makes the bytes of a request of the user's message.
    """
    asked = request(load.wish)
    async with _connections(host, port, load.streams) as connections, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_stream(connection, asked, load, load.spread * n / load.streams))
            for n, connection in enumerate(connections)
        ]
    return [recording for task in tasks for recording in task.result()]


async def _stream(
    connection: Connection, asked: bytes, load: Load, delay: float
) -> list[Recording]:
    await asyncio.sleep(delay)
    return [await connection.ask(asked) for _ in range(load.runs)]


@asynccontextmanager
async def _connections(host: str, port: int, many: int) -> AsyncIterator[list[Connection]]:
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    try:
        for _ in range(many):
            _, connection = await loop.create_connection(Connection, host, port)
            opened.append(connection)
        yield opened
    finally:
        for connection in opened:
            connection.close()
