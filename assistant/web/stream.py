"""Writes a run's log to an SSE response: one of the two places that write to a client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from aiohttp import web

from assistant.errors import NotFoundError
from assistant.events import Encoder, Entry, RunFailed
from assistant.metrics import clients
from assistant.models import Run
from assistant.store import Cursor
from assistant.web.closing import Beat
from assistant.web.keys import LIFE, PARTS, SETTINGS
from assistant.web.sending import at_once, has_room
from assistant.wire import sse

log = structlog.get_logger(__name__)

_COME_BACK_MS = 1_000


async def stream_run(
    request: web.Request, run: Run, after: int = -1, frame: Encoder = sse.frame
) -> web.StreamResponse:
    """Write the run's entries after number `after`, as they come, until its end.

    Nothing that happens here touches the run: a client that leaves, or is dropped because it
    does not read, comes back by its last number.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            "X-Run-ID": run.run_id,
        }
    )
    await response.prepare(request)
    with counted(request.app, "sse"):
        try:
            relay = _Relay(request, response, run, frame)
            await relay.write_from(after)
            await relay.write_end()
        except TimeoutError:
            log.info("stream.dropped", run_id=run.run_id, why="client does not read")
            clients.STREAMS_DROPPED.add(kind="sse")
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            log.debug("stream.left", run_id=run.run_id)
    return response


class _Relay:
    """What goes from one run's log to one response: no task, no queue, one write a wake-up."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, run: Run, frame: Encoder
    ) -> None:
        self._request = request
        self._response = response
        self._run = run
        self._frame = frame
        self._last = b""
        self._beat: Beat
        self._closing = request.app[LIFE].closing
        self._patience = request.app[SETTINGS].write_timeout_seconds

    async def write_from(self, after: int) -> None:
        """Write what comes after a number, until the end or until the server goes."""
        app = self._request.app
        async with app[PARTS].runs.open_cursor(self._run, after) as cursor:
            with (
                self._closing.ringing(cursor.ring),
                Beat(app[SETTINGS].heartbeat_seconds, cursor.ring) as self._beat,
            ):
                while await self._write_next(cursor):
                    pass

    async def write_end(self) -> None:
        """Write what came with the end of the log, and the response's own end."""
        end, last = self._response.write_eof, self._last
        if not (self._has_room(last) and at_once(end(last))):
            # It waits for what is still buffered, and so for the reader.
            async with asyncio.timeout(self._patience):
                await end(last)

    async def _write_next(self, cursor: Cursor) -> bool:
        """Write what there is, or wait for more; returns whether there may be more."""
        try:
            entries = await cursor.take()
        except NotFoundError:
            lost = RunFailed("gone", "This run is no longer kept.", retryable=False)
            await self._write(self._frame(self._run, Entry(cursor.after + 1, lost)))
            return False
        if cursor.ended:
            self._last = self._frames(entries)
            return False
        if entries:
            await self._write(self._frames(entries))
        if self._closing.is_set() and not cursor.sees_end:
            await self._write(sse.closing(_COME_BACK_MS))
            return False
        if self._beat.is_due:
            await self._write(sse.HEARTBEAT)
        await cursor.wait(self._write_now)
        return True

    def _frames(self, entries: list[Entry]) -> bytes:
        run, frame = self._run, self._frame
        return b"".join([entry.framed(run, frame) for entry in entries])

    def _write_now(self, entries: list[Entry]) -> bool:
        """Write entries without waking the handler, which costs as much as the write."""
        return self._wrote(self._frames(entries))

    async def _write(self, data: bytes) -> None:
        if not self._wrote(data):
            async with asyncio.timeout(self._patience):
                await self._response.write(data)

    def _wrote(self, data: bytes) -> bool:
        """Write without waiting, if there is room; returns whether it was written."""
        if not data:
            return True
        self._beat.wrote()
        return self._has_room(data) and at_once(self._response.write(data))

    def _has_room(self, data: bytes) -> bool:
        return has_room(self._request, len(data))


@contextmanager
def counted(app: web.Application, kind: str) -> Iterator[None]:
    """Count a connection while it is open."""
    life = app[LIFE]
    life.open[kind] += 1
    life.total[kind] += 1
    clients.STREAMS.add(1, kind=kind)
    try:
        yield
    finally:
        life.open[kind] -= 1
        clients.STREAMS.add(-1, kind=kind)
        life.left.set()
