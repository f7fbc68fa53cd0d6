"""Fixtures: processes that share one Valkey, each with a store of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from assistant.store import Store, StoreOptions, open_store
from assistant.store.client import Client
from tests.conftest import may_block
from tests.store.records import Worker
from tests.store.valkeys import running
from tests.store.wires import Valkey, client_of

MakeWorker = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def make_worker(tmp_path: Path, no_blocking_calls: BlockBuster) -> AsyncIterator[MakeWorker]:
    """Return a function that opens one more store on the same Valkey."""
    async with AsyncExitStack() as stack:
        with may_block(no_blocking_calls):
            valkey, redis = await stack.enter_async_context(running(tmp_path))

        async def make(lease: float = 10, idle: float = 60, keep: float = 600) -> Worker:
            options = StoreOptions(
                url=valkey.url,
                data_dir=tmp_path,
                fallback="fail",
                history=timedelta(seconds=keep),
                idle=timedelta(seconds=idle),
                lease=timedelta(seconds=lease),
            )
            with may_block(no_blocking_calls):
                store: Store = await stack.enter_async_context(open_store(options))
            return Worker(store, redis)

        yield make


@pytest.fixture
async def one(make_worker: MakeWorker) -> Worker:
    """Return a process with a store."""
    return await make_worker()


@pytest.fixture
async def other(one: Worker, make_worker: MakeWorker) -> Worker:
    """Return another process on the same data."""
    del one
    return await make_worker()


@pytest.fixture
async def valkey(tmp_path: Path, no_blocking_calls: BlockBuster) -> AsyncIterator[Valkey]:
    """Return a running Valkey."""
    async with AsyncExitStack() as stack:
        with may_block(no_blocking_calls):
            made = await stack.enter_async_context(running(tmp_path))
        yield made


@pytest.fixture
async def client(valkey: Valkey) -> AsyncIterator[Client]:
    """Return a client with a line of its own."""
    async with client_of(valkey[0].url) as made:
        yield made
