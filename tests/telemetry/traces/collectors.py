"""Collectors that do everything wrong, on real sockets, and a real one that does not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from assistant.settings import Settings
from assistant.telemetry.traces.collector import Collector, collector_of

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Fake:
    """A collector that is none, and how often it was called."""

    port: int = 0
    calls: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/traces"


@asynccontextmanager
async def behaving(
    *behaviours: Behaviour, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Fake]:
    """Listen, and treat each connection as the next of these says; the last one goes on."""
    fake = Fake()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behave = behaviours[min(fake.calls, len(behaviours) - 1)]
        fake.calls += 1
        fake.came.set()
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):
            await behave(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24, ssl=tls)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for task in tasks:
            task.cancel()


def collector_at(url: str, **variables: object) -> Collector:
    """Return a collector as settings name it."""
    settings = Settings.from_mapping(
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url, **{k: str(v) for k, v in variables.items()}}
    )
    return collector_of(settings, settings.traces_endpoint or "")


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """Read a whole request; returns its head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if b"content-length" in line)
    return head + await reader.readexactly(int(length.split(b":")[1]))


def saying(*pieces: bytes, pause: float = 0, again: bytes = b"") -> Behaviour:
    """Read the request and say this, a pause between two pieces; then `again` without end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        while again:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read everything, and say nothing."""
    while await reader.read(65_536):
        pass
    await asyncio.Event().wait()


async def deaf(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Not even read."""
    transport = writer.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    await asyncio.Event().wait()


def status(line: str, *headers: str, body: bytes = b"") -> Behaviour:
    """Answer with a status."""
    lines = [
        f"HTTP/1.1 {line}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *headers,
        "",
        "",
    ]
    return saying("\r\n".join(lines).encode() + body)


well = status("200 OK")
HOSTILE: dict[str, Behaviour] = {
    "silent": silent,
    "deaf": deaf,
    "nonsense": saying(b"\x00\xff" * 100 + b"\r\n\r\n"),
    "gone at once": saying(),
    "gone in the middle": saying(b"HTTP/1.1 2"),
    "a byte at a time": saying(b"HTTP/1.1 200 OK\r\nX-Slow: ", again=b"x", pause=0.05),
    "endless status": saying(again=b"HTTP/1.1 " * 1000),
    "endless headers": saying(b"HTTP/1.1 200 OK\r\n", again=b"X-More: and more\r\n" * 100),
    "endless going on": saying(again=b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "status of words": saying(b"HTTP/1.1 two hundred\r\n\r\n"),
}
