"""Collectors of traces, each in a process of its own: a real one, and those that are none."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything, and never answer."""
    while await reader.read(65_536):
        pass


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a byte a second."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def _receive(port: int) -> None:
    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)):
        await _told(port)


async def _behave(serve: Serve, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            writer.transport.abort()

    async with await asyncio.start_server(connected, "127.0.0.1", port):
        await _told(port)


async def _told(port: int) -> None:
    sys.stdout.write(f"Collecting on http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


if __name__ == "__main__":
    kind, number = sys.argv[1], int(sys.argv[2])
    asyncio.run(
        _receive(number) if kind == "live" else _behave({"hang": hang, "drip": drip}[kind], number)
    )
