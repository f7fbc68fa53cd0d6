"""Writes a run's log to an SSE response: one of the two places that write to a socket."""

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
from assistant.web.closing import Beat, beating
from assistant.web.keys import LIFE, PARTS, SETTINGS
from assistant.wire import sse

log = structlog.get_logger(__name__)

_COME_BACK_MS = 1_000
_NO_WAIT = 32_768  # bytes; with fewer in its buffer a transport takes more at once


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
            await _Relay(request, response, run, frame).write_from(after)
            # The end waits for what is still buffered, and so for the reader.
            async with asyncio.timeout(request.app[SETTINGS].write_timeout_seconds):
                await response.write_eof()
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
        self._closing = request.app[LIFE].closing
        self._patience = request.app[SETTINGS].write_timeout_seconds

    async def write_from(self, after: int) -> None:
        """Write what comes after a number, until the end or until the server goes."""
        app = self._request.app
        async with app[PARTS].runs.open_cursor(self._run, after) as cursor:
            with (
                self._closing.ringing(cursor.ring),
                beating(app[SETTINGS].heartbeat_seconds, cursor.ring) as beat,
            ):
                while await self._write_next(cursor, beat):
                    pass

    async def _write_next(self, cursor: Cursor, beat: Beat) -> bool:
        """Write what there is, or wait for more; returns whether there may be more."""
        try:
            entries = await cursor.take()
        except NotFoundError:
            lost = RunFailed("gone", "This run is no longer kept.", retryable=False)
            await self._write(self._frame(self._run, Entry(cursor.after + 1, lost)))
            return False
        if entries:
            run, frame = self._run, self._frame
            await self._write(b"".join([entry.framed(run, frame) for entry in entries]))
            beat.wrote()
        elif not cursor.ended and self._closing.is_set():
            await self._write(sse.closing(_COME_BACK_MS))
            return False
        elif beat.is_due:
            await self._write(sse.HEARTBEAT)
            beat.wrote()
        elif not cursor.ended:
            await cursor.wait()
        return not cursor.ended

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        if has_room(self._request.transport, data):
            await self._response.write(data)
        else:
            async with asyncio.timeout(self._patience):
                await self._response.write(data)


def has_room(transport: asyncio.Transport | None, data: bytes) -> bool:
    """Return whether a write cannot have to wait for the client, and so needs no limit."""
    return transport is not None and transport.get_write_buffer_size() + len(data) < _NO_WAIT


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
