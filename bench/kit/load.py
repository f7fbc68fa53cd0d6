"""Puts a load on a server and records what comes, byte by byte, with the time of arrival.

While a load runs, this does no more than keep what the socket gives, so that it is never what is
measured; reading and checking come after. Times are the monotonic clock's nanoseconds, the clock
of the stamps in the tokens of `bench.upstream`.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from bench.kit.connections import Connection, Recording
from bench.kit.wires import Wire


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked for.

    Attributes:
        streams: how many answers are made at the same time.
        runs: how many each stream asks for, one after the other.
        tokens: in each answer.
        pace: seconds from one token to the next; 0 for as fast as they are taken.
        spread: seconds over which the streams begin.
        session: whether the answers of a stream are turns of one conversation.
    """

    name: str
    streams: int
    runs: int
    tokens: int
    pace: float = 0.0
    spread: float = 0.0
    session: bool = False

    @property
    def total(self) -> int:
        """How many tokens there are in all."""
        return self.streams * self.runs * self.tokens

    @property
    def wish(self) -> str:
        """The message by which the upstream is told."""
        return f"tokens={self.tokens} pace={self.pace}"


async def drive(host: str, port: int, load: Load, wire: Wire) -> list[Recording]:
    """Put a load on a server and return all responses.

    Raises:
        ConnectionError: the server hung up, or refused.
    """
    async with connected(host, port, load.streams, wire) as connections:
        with _no_collections():
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_stream(connection, wire, load, number))
                    for number, connection in enumerate(connections)
                ]
    return [recording for task in tasks for recording in task.result()]


async def _stream(connection: Connection, wire: Wire, load: Load, number: int) -> list[Recording]:
    request = wire.request(load.wish, f"bench-{uuid4().hex}" if load.session else None)
    await asyncio.sleep(load.spread * number / load.streams)
    return [await connection.ask(request) for _ in range(load.runs)]


@asynccontextmanager
async def connected(host: str, port: int, many: int, wire: Wire) -> AsyncIterator[list[Connection]]:
    """Open connections that speak a wire; close them at the end."""
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    try:
        for _ in range(many):
            _, connection = await loop.create_connection(wire.connection, host, port)
            opened.append(connection)
            await connection.prepare()
        yield opened
    finally:
        for connection in opened:
            connection.close()


@contextmanager
def _no_collections() -> Iterator[None]:
    """Hold garbage collection back: its pauses would be told as the server's."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
