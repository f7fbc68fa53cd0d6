"""Attempts at runs for tests: with the demo model, or with a scripted one and a till."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from agents.testing import ModelCall, ModelStep, ScriptedModel

from assistant.engine import Engine, Limits
from assistant.engine.tools import BUILT_IN
from assistant.events import Event
from assistant.models import Run, Turn
from assistant.persona import Persona
from assistant.personas import Catalog
from assistant.store import Claim, keys
from assistant.tool import Tools
from assistant.worker import Attempts
from assistant.worker.stop import Stop
from tests.conftest import DATA
from tests.engine.stage import said
from tests.engine.talks import TOOLS
from tests.store.records import Worker, a_run

CATALOG = Catalog(DATA / "agents", default="tester")
MINUTE = timedelta(minutes=1)


class Scripted:
    """A provider whose model says what a test wants."""

    provider: Any = "openai"

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model

    def name_for(self, persona: Persona, asked: str | None) -> str:  # noqa: ARG002
        return "scripted"

    def model_for(self, job: object, persona: Persona, voice: object = None) -> ScriptedModel:  # noqa: ARG002
        return self.model


def scripted(*steps: Any, tools: Tools | None = None) -> Engine:
    """Return an engine whose model says these steps."""
    models = Scripted(ScriptedModel(steps))
    return Engine(models, Limits(retries=0), {**BUILT_IN, **TOOLS, **(tools or {})}, {})


def a_talk(persona: str = "guide", catalog: Catalog = CATALOG, **changes: Any) -> Run:
    """Return a run of a persona that is in force."""
    found = catalog.get(persona)
    usual: dict[str, Any] = {
        "persona": persona,
        "version": found.version,
        "turn": Turn("hello"),
        "cast": catalog.cast(persona).name,
    }
    return a_run(**usual | changes)


async def accepted(worker: Worker, run: Run, catalog: Catalog = CATALOG, **offer: Any) -> Claim:
    """Accept and claim a run whose personas are kept."""
    cast = catalog.cast(run.persona)
    await worker.store.runs.keep_cast(cast.name, cast.encode())
    return await worker.claim(run, **offer)


async def left(worker: Worker, run: Run) -> Claim:
    """Leave a run as a process does that is killed, and take it over."""
    await worker.redis.delete(keys.lease(run.run_id))
    claim = await worker.store.leases.claim(run.run_id)
    assert claim is not None
    return claim


async def make(
    worker: Worker,
    engine: Engine,
    claim: Claim,
    *,
    catalog: Catalog = CATALOG,
    stop: Stop | None = None,
) -> list[Event]:
    """Make an attempt and return the log."""
    attempts = Attempts(worker.store, engine, catalog, deadline=MINUTE, cache_for=MINUTE)
    await attempts.make(claim, stop or Stop())
    return await told(worker, claim.run)


async def told(worker: Worker, run: Run) -> list[Event]:
    """Return a run's log."""
    return [entry.event for entry in await worker.store.log.read(run.run_id, -1)]


async def killed(
    worker: Worker, engine: Engine, claim: Claim, when: asyncio.Event, catalog: Catalog = CATALOG
) -> list[Event]:
    """Make an attempt that ends without a word once something has happened; return the log."""
    attempt = asyncio.create_task(make(worker, engine, claim, catalog=catalog))
    happened = asyncio.create_task(when.wait())
    async with asyncio.timeout(10):
        await asyncio.wait({attempt, happened}, return_when=asyncio.FIRST_COMPLETED)
    assert when.is_set(), attempt
    attempt.cancel()
    await asyncio.gather(attempt, happened, return_exceptions=True)
    return await told(worker, claim.run)


def stuck(when: asyncio.Event, *deltas: str) -> ModelStep:
    """Return a step that says something, and then nothing more."""

    async def stream(_call: ModelCall) -> AsyncIterator[Any]:
        for event in said(deltas):
            yield event
        when.set()
        await asyncio.Event().wait()

    return ModelStep.stream(stream)
