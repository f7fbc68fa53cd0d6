"""Opens every part in order, and closes them in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from assistant.background import running
from assistant.engine import Engine, Limits, Pace, ProviderOptions, open_engine
from assistant.personas import Catalog, default_folder
from assistant.runs import RunService
from assistant.settings import Settings
from assistant.store import Store, StoreOptions, open_store
from assistant.worker import Attempts, Capacity, Worker

if TYPE_CHECKING:
    from assistant.engine import Tools


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a server is made of, open."""

    settings: Settings
    personas: Catalog
    store: Store
    engine: Engine
    worker: Worker
    attempts: Attempts
    runs: RunService


@asynccontextmanager
async def open_parts(settings: Settings, tools: Tools | None = None) -> AsyncIterator[Parts]:
    """Open all parts; `tools` are added to those that personas may name.

    Raises:
        SettingsError, PersonaError, StoreStartError: when something is not as it must be.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            open_engine(_provider(settings), _limits(settings), tools)
        )
        personas = Catalog(
            settings.agents_dir or default_folder(),
            default=settings.default_persona,
            check=engine.check,
        )
        store = await stack.enter_async_context(open_store(_store(settings)))
        attempts = Attempts(
            store,
            engine,
            personas,
            deadline=timedelta(seconds=settings.run_deadline_seconds),
            cache_for=timedelta(seconds=min(settings.cache_ttl_seconds, settings.chat_history_ttl)),
        )
        worker = Worker(
            store,
            attempts,
            Capacity(settings.max_concurrent_requests, settings.max_queued_requests),
            renew_every=settings.lease_renew_seconds,
        )
        runs = RunService(store, personas, engine, worker)
        await stack.enter_async_context(running(worker.tend, "worker.tend"))
        await stack.enter_async_context(running(personas.watch, "personas.watch"))
        yield Parts(settings, personas, store, engine, worker, attempts, runs)


def _provider(settings: Settings) -> ProviderOptions:
    key = settings.openai_api_key
    return ProviderOptions(
        provider=settings.provider,
        model=settings.openai_model,
        api_key=key.get_secret_value() if key else None,
        base_url=settings.openai_base_url,
        api=settings.openai_api,
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
