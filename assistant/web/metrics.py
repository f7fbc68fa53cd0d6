"""`/metrics`: what Prometheus scrapes, of this process and of the store that all share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from aiohttp import web

from assistant.background import running
from assistant.metrics import parts as rests
from assistant.metrics import work
from assistant.telemetry.measures import open_metrics
from assistant.web.keys import METRICS, VITALS
from assistant.web.routing import Access, Reply, Route
from assistant.web.vitals import Looking
from assistant.wiring import Parts

_LOOK = 0.5


async def metrics(request: web.Request) -> web.Response:
    """Tell all metrics, in the format that was asked for."""
    await request.app[VITALS].look()
    accept = request.headers.get("Accept", "")
    # Some milliseconds of work, and no stream should stand still for them.
    body, content_type = await asyncio.to_thread(request.app[METRICS].render, accept)
    return web.Response(body=body, headers={"Content-Type": content_type})


def metrics_route(access: Access) -> Route:
    """Return the row of `/metrics`: a worker's is open, as its port is for whoever watches it."""
    return Route(
        method="GET",
        path="/metrics",
        handler=metrics,
        access=access,
        name="metrics",
        summary="Metrics for Prometheus",
        tag="Service",
        replies={
            200: Reply("All metrics; in OpenMetrics' format on request.", None, media="text/plain")
        },
    )


@asynccontextmanager
async def measuring(app: web.Application, parts: Parts) -> AsyncIterator[None]:
    """Record metrics within, and know what to answer at `/metrics`."""
    looking = Looking(parts.store)
    worker = parts.worker
    with ExitStack() as stack:
        app[METRICS] = stack.enter_context(open_metrics())
        app[VITALS] = looking
        for read in (
            work.EXECUTING.read_from(lambda: [(worker.executing, {})]),
            work.SLOTS.read_from(lambda: [(worker.slots, {})]),
            work.QUEUE_DEPTH.read_from(looking.queue),
            work.WORKERS.read_from(looking.workers),
            work.APPROVALS_WAITING.read_from(looking.approvals),
            rests.STORE_UP.read_from(looking.up),
        ):
            stack.enter_context(read)
        async with running(_watch_loop, "metrics.lag"):
            yield


async def _watch_loop() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LOOK
        await asyncio.sleep(_LOOK)
        rests.LOOP_LAG.record(max(0.0, loop.time() - due))
