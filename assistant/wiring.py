"""Opens every part in order, and closes them in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog

from assistant.background import running
from assistant.clinic import Clinic, ClinicOptions, clinic_tools, open_clinic
from assistant.clinic.dialogue import DIALOGUES
from assistant.engine import Engine, Limits, Pace, ProviderOptions, open_engine
from assistant.errors import SettingsError
from assistant.personas import Catalog, default_folder
from assistant.runs import RunService
from assistant.settings import Settings
from assistant.store import Store, StoreOptions, open_store
from assistant.tool import Tools
from assistant.worker import (
    Attempts,
    Capacity,
    Dispatch,
    LocalDispatch,
    Tending,
    Worker,
)

log = structlog.get_logger(__name__)

Role = Literal["server", "worker"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a server is made of, open."""

    settings: Settings
    clinic: Clinic
    personas: Catalog
    store: Store
    engine: Engine
    worker: Worker
    attempts: Attempts
    runs: RunService


@asynccontextmanager
async def open_parts(
    settings: Settings, tools: Tools | None = None, role: Role = "server"
) -> AsyncIterator[Parts]:
    """Open all parts.

    Args:
        settings: the whole configuration.
        tools: are added to those that personas may name.
        role: what this process is for. Where workers execute, a server has no slots.

    Raises:
        SettingsError, PersonaError, StoreStartError: when something is not as it must be.
    """
    async with AsyncExitStack() as stack:
        clinic = await stack.enter_async_context(open_clinic(clinic_options(settings)))
        if settings.run_mode == "workers" and clinic.kind == "sqlite":
            # On other machines there is another file, with other appointments.
            log.warning("clinic.not_shared", cure="set DATABASE_URL")
        engine = await stack.enter_async_context(_engine(settings, _tools(clinic, tools)))
        # Personas are read while the store starts, which is a process of its own.
        reading = asyncio.create_task(asyncio.to_thread(_catalog, settings, engine))
        # Without a store nobody asks for them, and the thread has to end all the same.
        stack.push_async_callback(lambda: asyncio.gather(reading, return_exceptions=True))
        store = await stack.enter_async_context(open_store(_store(settings)))
        personas = await reading
        attempts = Attempts(
            store,
            engine,
            personas,
            deadline=timedelta(seconds=settings.run_deadline_seconds),
            cache_for=timedelta(seconds=min(settings.cache_ttl_seconds, settings.chat_history_ttl)),
        )
        worker = await _open_worker(stack, settings, store, attempts, role)
        runs = RunService(store, personas, engine, worker)
        await stack.enter_async_context(running(personas.watch, "personas.watch"))
        yield Parts(settings, clinic, personas, store, engine, worker, attempts, runs)


def _catalog(settings: Settings, engine: Engine) -> Catalog:
    folder = settings.agents_dir or default_folder()
    return Catalog(folder, default=settings.default_persona, check=engine.check)


async def _open_worker(
    stack: AsyncExitStack, settings: Settings, store: Store, attempts: Attempts, role: Role
) -> Worker:
    """Open the worker, what rings for it, and what it does beside executing."""
    apart = settings.run_mode == "workers"
    dispatch = await stack.enter_async_context(_dispatch(settings, store))
    slots = 0 if apart and role == "server" else settings.max_concurrent_requests
    worker = Worker(store, attempts, Capacity(slots, settings.max_queued_requests), dispatch)
    tending = Tending(store, worker, every=settings.lease_renew_seconds)
    await stack.enter_async_context(running(tending.renew_forever, "worker.renew"))
    await stack.enter_async_context(running(tending.forever, "worker.tend"))
    await stack.enter_async_context(running(worker.work, "worker.work"))
    if slots:
        await stack.enter_async_context(dispatch.listening(worker.look, slots))
    return worker


def _dispatch(settings: Settings, store: Store) -> AbstractAsyncContextManager[Dispatch]:
    if settings.run_mode != "workers":
        return nullcontext(LocalDispatch(store))
    _check_shared(settings, store)
    # Takes a tenth of a second to load, which only a deployment with workers has use for.
    from assistant.worker.broker import open_taskiq  # noqa: PLC0415 - as said

    return open_taskiq(store.url)


def _check_shared(settings: Settings, store: Store) -> None:
    if store.kind == "embedded":
        away = "start it or correct it" if settings.store_url else "set it"
        detail = (
            "RUN_MODE: workers need a store that they share with the servers, and REDIS_URL names "
            f"none that answers; {away} (for example REDIS_URL=redis://localhost:6379/0), or set "
            "RUN_MODE=inline"
        )
        raise SettingsError(detail)


def clinic_options(settings: Settings) -> ClinicOptions:
    """Return where the settings say that the clinic's records are."""
    url, owner = settings.database_url, settings.database_owner_url
    return ClinicOptions(
        url=url.get_secret_value() if url else None,
        owner_url=owner.get_secret_value() if owner else None,
        data_dir=settings.data_dir,
    )


def _tools(clinic: Clinic, extra: Tools | None) -> Tools:
    """Return the clinic's tools, and those of the program that embeds the server."""
    tools = clinic_tools(clinic)
    taken = sorted(tools.keys() & (extra or {}).keys())
    if taken:
        detail = f"tools: the clinic has tools by the names of {', '.join(taken)}; rename yours"
        raise SettingsError(detail)
    return {**tools, **(extra or {})}


def _engine(settings: Settings, tools: Tools) -> AbstractAsyncContextManager[Engine]:
    return open_engine(
        _provider(settings),
        _limits(settings),
        tools,
        DIALOGUES,
        captures=settings.captures_content,
    )


def _provider(settings: Settings) -> ProviderOptions:
    key = settings.openai_api_key
    return ProviderOptions(
        provider=settings.provider,
        model=settings.openai_model,
        api_key=key.get_secret_value() if key else None,
        base_url=settings.openai_base_url,
        api=settings.openai_api,
        transport=settings.model_transport,
        silence=settings.timeout_seconds,
        local_path=settings.local_model_path,
        pace=Pace(settings.stream_delay, settings.chunk_delay),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        silence=settings.timeout_seconds,
        max_tokens=settings.max_tokens,
        retries=settings.model_retries,
    )


def _store(settings: Settings) -> StoreOptions:
    return StoreOptions(
        url=settings.store_url,
        data_dir=settings.data_dir,
        fallback=settings.store_fallback,
        fsync=settings.store_fsync,
        history=timedelta(seconds=settings.chat_history_ttl),
        idle=timedelta(minutes=settings.session_timeout_minutes),
        lease=timedelta(seconds=settings.lease_seconds),
    )
