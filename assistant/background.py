"""Work that goes on beside everything else: kept running, ended in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from assistant import tracing

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

_BREATH = 1.0
_PATIENCE = 2.0


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]], name: str) -> AsyncIterator[None]:
    """Keep `work` running inside the context; a crash is logged and it begins again."""
    task = asyncio.create_task(_keep(work, name), name=name)
    try:
        yield
    finally:
        # On Python 3.11 a cancellation that meets a connection attempt is lost: asked again, the
        # task ends the next time that it waits.
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_PATIENCE)


async def on_change(
    look: Callable[[], _T], seen: _T, act: Callable[[], Awaitable[None]], *, every: float
) -> None:
    """Act whenever what `look` returns is no longer what was seen last, while the task lives.

    Args:
        look: may block; it gets a thread of its own.
        seen: what it returned before the first reading.
        act: reads again.
        every: seconds between two looks.
    """
    while True:
        await asyncio.sleep(every)
        found = await asyncio.to_thread(look)
        if found != seen:
            seen = found
            await act()


async def _keep(work: Callable[[], Awaitable[None]], name: str) -> None:
    while True:
        try:
            # What comes round by itself every moment would bury what people ask for.
            with tracing.unseen():
                await work()
        except Exception:
            # Without its flusher or its leases a server would look alive and answer nobody.
            log.exception("background.crashed", work=name)
        await asyncio.sleep(_BREATH)
