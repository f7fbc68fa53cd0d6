"""A server on a socket that plays what a test says, and what a model makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agents import ModelSettings
from agents.models.interface import ModelTracing
from openai import AsyncOpenAI

from assistant.engine.calls import Service
from assistant.engine.transport import DirectChatModel, DirectResponsesModel, Door, open_door
from tests.engine.transport.listening import listening

Play = Callable[["Asked"], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@dataclass
class Asked:
    """One request: its head and body, the number of its connection, and the way back."""

    head: str
    body: bytes
    connection: int
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Send each piece in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()


@dataclass
class Server:
    """What was asked of the server, and how many of its connections the clients have closed."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    left: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_left(self, connections: int) -> None:
        """Wait until the clients have closed so many connections."""
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: self.left >= connections)

    async def serve(
        self, play: Play, reader: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> None:
        """Serve one connection until either side closes it."""
        self.connections += 1
        number = self.connections
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while not out.is_closing():
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                    body = await reader.readexactly(int(length or 0))
                    self.asked.append(Asked(head, body, number, out))
                    await play(self.asked[-1])
        finally:
            out.close()
            async with self._news:
                self.left += 1
                self._news.notify_all()


@asynccontextmanager
async def serving(play: Play) -> AsyncIterator[Server]:
    """Serve while the context lasts: every request is answered by `play`."""
    server = Server()
    async with listening(partial(server.serve, play)) as server.url:
        yield server


@asynccontextmanager
async def opened(url: str, silence: float = 5, **known: Any) -> AsyncIterator[Door]:
    """Open a door to a server; `known` is what else the openai client is told."""
    async with AsyncExitStack() as stack:
        client = AsyncOpenAI(api_key="key", base_url=url, max_retries=0, **known)
        stack.push_async_callback(client.close)
        yield await stack.enter_async_context(open_door(client, silence))


def answer(door: Door, api: str = "chat", voice: Any = None) -> AsyncGenerator[Any]:
    """Return the events that a model makes of the answer to one question."""
    kind = DirectChatModel if api == "chat" else DirectResponsesModel
    model = kind("gpt-test", door, Service("openai"), "cor-1", voice)
    given: Any = (
        None,
        "hello",
        ModelSettings(include_usage=True),
        [],
        None,
        [],
        ModelTracing.DISABLED,
    )
    return model.stream_response(*given)


async def text_of(events: AsyncIterator[Any]) -> str:
    """Return the text of a whole answer."""
    async for event in events:
        if event.type == "response.completed":
            return "".join(part.text for item in event.response.output for part in item.content)
    raise AssertionError("an answer without an end")


@dataclass
class Listener:
    """A voice that keeps what it is told, and may be full.

    Attributes:
        said: texts with their items, each as it was said.
        is_full: whether there is no room.
    """

    said: list[tuple[str, str]] = field(default_factory=list)
    is_full: bool = False
    waited: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, text: str, item: str) -> None:
        """Keep it."""
        self.said.append((text, item))

    def alive(self) -> None:
        """Take it for granted."""

    async def heard(self, _event: object) -> None:
        """Have heard it."""

    async def room(self) -> None:
        """Wait for ever while it is full."""
        if self.is_full:
            self.waited.set()
            await asyncio.Event().wait()


def frame(data: bytes) -> bytes:
    """Return bytes as one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
