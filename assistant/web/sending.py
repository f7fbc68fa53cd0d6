"""Sends messages over a WebSocket, and says of any connection whether it takes more at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

import structlog
from aiohttp import WSMsgType, web

from assistant.metrics import clients
from assistant.web.keys import SETTINGS

log = structlog.get_logger(__name__)

_NO_WAIT = 32_768  # bytes; with fewer in its buffer a transport takes more at once


class Sender:
    """What goes to one client; one that does not read is dropped, its runs go on."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self._request = request
        self._patience = request.app[SETTINGS].write_timeout_seconds
        self._ws = ws
        self._late: set[asyncio.Task[None]] = set()

    async def send(self, data: bytes) -> None:
        """Send one message; waits for a client that reads slowly."""
        if self.send_now([data]):
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._wait_to_send(data)
        except TimeoutError:
            log.info("stream.dropped", why="client does not read")
            clients.STREAMS_DROPPED.add(kind="websocket")
            if self._request.transport is not None:
                self._request.transport.abort()

    def send_now(self, frames: list[bytes]) -> bool:
        """Send messages if there is room for them; returns whether they were sent."""
        if not has_room(self._request, sum(map(len, frames))):
            return False
        return all(at_once(self._ws.send_frame(data, WSMsgType.TEXT)) for data in frames)

    async def _wait_to_send(self, data: bytes) -> None:
        # aiohttp lets all who wait share one future, which the first to be cancelled would cancel
        # for all. So who waits there is never cancelled; it ends with the connection at the latest.
        sending = asyncio.create_task(self._push(data), name="socket.send")
        self._late.add(sending)
        sending.add_done_callback(self._late.discard)
        await asyncio.shield(sending)

    async def _push(self, data: bytes) -> None:
        with suppress(ConnectionError):
            await self._ws.send_frame(data, WSMsgType.TEXT)


def has_room(request: web.BaseRequest, size: int) -> bool:
    """Return whether so little waits for a client that more may be written without waiting."""
    transport = request.transport
    return (
        transport is not None
        and transport.get_write_buffer_size() + size < _NO_WAIT
        # Once there was too much, aiohttp waits until there is far less.
        and not request.protocol.writing_paused
    )


def at_once(write: Coroutine[None, None, None]) -> bool:
    """Make a write for which there is room, and do not wait; returns whether it was made."""
    try:
        write.send(None)
    except StopIteration:
        return True
    except ConnectionError:
        return False
    # It was written all the same; only what it would have waited for is left to others.
    write.close()
    return True
