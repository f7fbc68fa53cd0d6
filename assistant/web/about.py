"""What the server says of itself: service, health, personas, statistics."""

from __future__ import annotations

from aiohttp import web

import assistant
from assistant.clinic import ClinicUnavailableError
from assistant.errors import StoreUnavailableError
from assistant.models import now
from assistant.persona import Persona
from assistant.web import answers
from assistant.web.keys import IDENTITY, LIFE, PARTS, PRINCIPAL, SETTINGS
from assistant.web.reading import wants_html
from assistant.web.replies import (
    AuthReply,
    ClinicHealth,
    HealthReply,
    ModelHealth,
    PersonaReply,
    PersonasReply,
    ServiceReply,
    StateReply,
    StatsReply,
    StoreHealth,
    WorkersHealth,
)
from assistant.wiring import Parts

_LINKS = {
    "chat": "/chat",
    "page": "/ui/",
    "personas": "/personas",
    "approvals": "/approvals",
    "health": "/health",
    "docs": "/docs",
    "reference": "/redoc",
    "openapi": "/openapi.json",
}


async def root(request: web.Request) -> web.Response:
    """Tell what this is; a browser is sent to the page."""
    if wants_html(request):
        raise web.HTTPSeeOther("/ui/")
    identity, settings = request.app[IDENTITY], request.app[SETTINGS]
    reply = ServiceReply(
        service="persona-assistant",
        version=assistant.__version__,
        links=_LINKS,
        auth=AuthReply(mode=identity.mode, demo_switch=identity.demo_switch),
        active_connections=dict(request.app[LIFE].open),
        trace_url=settings.trace_url if settings.traces_endpoint else None,
    )
    return answers.json(reply.model_dump())


async def health(request: web.Request) -> web.Response:
    """Tell how the server is; always 200, the body tells."""
    parts = request.app[PARTS]
    workers, clinic = await _workers(parts), await _clinic(parts)
    executed = workers is not None and workers.processes > 0
    well = executed and clinic.status == "healthy" and not parts.store.degraded
    default = parts.personas.get(None)
    reply = HealthReply(
        status="healthy" if well else "degraded",
        timestamp=now(),
        version=assistant.__version__,
        store=StoreHealth(
            kind=parts.store.kind,
            reachable=workers is not None,
            fallback=parts.store.degraded,
        ),
        clinic=clinic,
        model=ModelHealth(provider=parts.engine.provider, name=parts.engine.model_name(default)),
        workers=workers,
    )
    return answers.json(reply.model_dump())


async def live(_request: web.Request) -> web.Response:
    """Tell that the process runs."""
    return answers.json(StateReply(status="alive").model_dump())


async def ready(request: web.Request) -> web.Response:
    """Tell whether new work is welcome; 503 while draining or without a store."""
    parts = request.app[PARTS]
    parts.worker.check_open()
    await parts.store.ping()
    return answers.json(StateReply(status="ready").model_dump())


async def list_personas(request: web.Request) -> web.Response:
    """List the personas."""
    parts = request.app[PARTS]
    shown = [_shown(parts, persona) for persona in parts.personas]
    return answers.json(PersonasReply(personas=shown).model_dump())


async def get_persona(request: web.Request) -> web.Response:
    """Tell one persona."""
    parts = request.app[PARTS]
    persona = parts.personas.get(request.match_info["name"])
    return answers.json(_shown(parts, persona).model_dump())


async def stats(request: web.Request) -> web.Response:
    """Tell counts and latencies."""
    parts, life = request.app[PARTS], request.app[LIFE]
    counts = await parts.store.runs.stats()
    reply = StatsReply(
        sessions=await parts.store.sessions.count(request[PRINCIPAL].name),
        runs={
            "executing": parts.worker.executing,
            "waiting": counts["queued"],
            **{k: counts.get(k, 0) for k in ("accepted", "completed", "failed", "cancelled")},
            "open": counts["open"],
        },
        connections={"open": dict(life.open), "total": dict(life.total)},
        tokens={k: counts.get(f"{k}_tokens", 0) for k in ("input", "output")},
        latency=parts.attempts.pulse.percentiles(),
        cache={k: counts.get(f"cache_{k}", 0) for k in ("hits", "misses")},
    )
    return answers.json(reply.model_dump())


async def _clinic(parts: Parts) -> ClinicHealth:
    try:
        await parts.clinic.ping()
    except ClinicUnavailableError:
        return ClinicHealth(status="unreachable")
    return ClinicHealth(status="healthy")


async def _workers(parts: Parts) -> WorkersHealth | None:
    """Return who executes; None where the store, which knows, cannot be reached."""
    try:
        await parts.store.ping()
        found = dict(await parts.store.leases.workers())
    except StoreUnavailableError:
        return None
    if parts.worker.busy is not None:
        found[parts.store.leases.process] = parts.worker.busy
    return WorkersHealth(
        processes=len(found),
        slots=sum(int(row["slots"]) for row in found.values()),
        executing=sum(int(row["executing"]) for row in found.values()),
    )


def _shown(parts: Parts, persona: Persona) -> PersonaReply:
    file = persona.file
    return PersonaReply(
        name=persona.slug,
        display_name=file.name,
        title=file.title,
        description=file.description,
        greeting=file.greeting,
        starters=list(file.starters),
        notice=file.notice,
        version=persona.version,
        model=parts.engine.model_name(persona),
        provider=parts.engine.provider,
        is_default=persona.slug == parts.personas.default,
    )
