"""Work that goes on beside everything else: kept running, ended in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger(__name__)

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


async def _keep(work: Callable[[], Awaitable[None]], name: str) -> None:
    while True:
        try:
            await work()
        except Exception:
            # Without its flusher or its leases a server would look alive and answer nobody.
            log.exception("background.crashed", work=name)
        await asyncio.sleep(_BREATH)
