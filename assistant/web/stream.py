"""Writes a run's log to an SSE response: one of the two places that write to a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from enum import Enum, auto

import structlog
from aiohttp import web

from assistant.errors import NotFoundError
from assistant.events import Entry, RunFailed
from assistant.metrics import clients
from assistant.models import Run
from assistant.web.keys import LIFE, PARTS, SETTINGS
from assistant.wire import sse

log = structlog.get_logger(__name__)

Frame = Callable[[Run, Entry], bytes]

_COME_BACK_MS = 1_000


class Pause(Enum):
    """What comes between batches, or instead of more."""

    BEAT = auto()
    CLOSING = auto()
    GONE = auto()


async def stream_run(
    request: web.Request, run: Run, after: int = -1, frame: Frame = sse.frame
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
            await _relay(request, response, run, after, frame)
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


async def _relay(
    request: web.Request, response: web.StreamResponse, run: Run, after: int, frame: Frame
) -> None:
    settings, life = request.app[SETTINGS], request.app[LIFE]
    followed = request.app[PARTS].runs.follow(run, after)
    sequence = after
    # Closed here, also when a write fails: the reader's doorbell and tasks go at once.
    async with aclosing(with_beats(followed, settings.heartbeat_seconds, life.closing)) as batches:
        async for batch in batches:
            match batch:
                case Pause.BEAT:
                    data = sse.HEARTBEAT
                case Pause.CLOSING:
                    data = sse.closing(_COME_BACK_MS)
                case Pause.GONE:
                    lost = RunFailed("gone", "This run is no longer kept.", retryable=False)
                    data = frame(run, Entry(sequence + 1, lost))
                case entries:
                    sequence = entries[-1].sequence
                    data = b"".join(frame(run, entry) for entry in entries)
            if data:
                async with asyncio.timeout(settings.write_timeout_seconds):
                    await response.write(data)


async def with_beats(
    batches: AsyncGenerator[list[Entry]], every: float, closing: asyncio.Event
) -> AsyncGenerator[list[Entry] | Pause]:
    """Yield the batches, a beat after each silence of `every` seconds, why it stops last.

    The next batch is awaited by one task throughout: cancelling it at each beat would lose what
    it had read.
    """
    stop = asyncio.create_task(closing.wait())
    step: asyncio.Task[list[Entry]] | None = None
    try:
        while True:
            step = step or asyncio.ensure_future(anext(batches))
            await asyncio.wait({step, stop}, timeout=every, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                try:
                    batch, step = step.result(), None
                except StopAsyncIteration:
                    return
                except NotFoundError:
                    yield Pause.GONE
                    return
                yield batch
            elif stop.done():
                yield Pause.CLOSING
                return
            else:
                yield Pause.BEAT
    finally:
        tasks = [task for task in (step, stop) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await batches.aclose()


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
