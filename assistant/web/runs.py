"""`/runs`: look at a run, follow its log, stop it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from assistant import tracing
from assistant.metrics import clients
from assistant.models import Run
from assistant.web import answers
from assistant.web.keys import PARTS, PRINCIPAL
from assistant.web.reading import cursor
from assistant.web.run_replies import run_reply
from assistant.web.stream import stream_run

_LAST_WORDS = 2.0


async def get_run(request: web.Request) -> web.Response:
    """Tell a run's state."""
    return await _shown(request, await _own(request))


async def follow_run(request: web.Request) -> web.StreamResponse:
    """Stream a run's log from after the client's cursor."""
    after = cursor(request)
    parts = request.app[PARTS]
    run = await _own(request)
    if not run.is_open:
        last = await parts.store.log.last(run.run_id)
        if last is not None and last.sequence <= after:
            clients.RESUME_GAP.record(0)
            # Nothing is left to say; 204 is what keeps an EventSource from coming back.
            return web.Response(status=204)
    return await stream_run(request, run, after)


async def cancel_run(request: web.Request) -> web.Response:
    """Stop a run; answers with its state, as a rule the final one."""
    runs = request.app[PARTS].runs
    run = await runs.cancel((await _own(request)).run_id, request[PRINCIPAL].name)
    if run.is_open:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await runs.wait(run)
    run = await runs.get(run.run_id, request[PRINCIPAL].name)
    return await _shown(request, run)


async def _own(request: web.Request) -> Run:
    """Return the caller's run, and tell on the request's span which it is."""
    runs = request.app[PARTS].runs
    run = await runs.get(request.match_info["run_id"], request[PRINCIPAL].name)
    tracing.tell_of(run.facts, run.trace)
    return run


async def _shown(request: web.Request, run: Run) -> web.Response:
    approvals = await request.app[PARTS].runs.approvals.of(run)
    return answers.json(run_reply(run, approvals, request[PRINCIPAL]).model_dump())
