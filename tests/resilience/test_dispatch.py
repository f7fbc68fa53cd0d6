"""Rings over taskiq on a real Redis: answered once each, left to others, and no reason to stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from taskiq import AckableMessage
from taskiq_redis import RedisStreamBroker

from assistant import background
from assistant.worker.broker import TaskiqDispatch, open_taskiq
from tests import processes


@asynccontextmanager
async def _looking(
    url: str, slots: int = 2
) -> AsyncIterator[tuple[TaskiqDispatch, asyncio.Queue[int]]]:
    """Listen for rings; each look is put into a queue."""
    looks: asyncio.Queue[int] = asyncio.Queue()

    async def look() -> None:
        looks.put_nowait(1)

    async with open_taskiq(url) as dispatch, dispatch.listening(look, slots):
        yield dispatch, looks


async def test_each_ring_is_one_look(redis: processes.RedisProcess) -> None:
    async with asyncio.timeout(20), _looking(redis.url) as (dispatch, looks):
        await dispatch.ring(3)
        for _ in range(3):
            await looks.get()
        assert looks.empty()


async def test_a_ring_that_the_deaf_hear_goes_to_another(redis: processes.RedisProcess) -> None:
    async with asyncio.timeout(20), _looking(redis.url) as (dispatch, own):
        dispatch.deafen()
        async with _looking(redis.url) as (_, others):
            await dispatch.ring()
            await others.get()
            assert own.empty()


async def test_a_reader_that_loses_its_cancellation_keeps_nobody(
    redis: processes.RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_PATIENCE", 0.01)
    reads, lost = asyncio.Event(), 0

    async def stubborn(_broker: RedisStreamBroker) -> AsyncGenerator[AckableMessage, None]:
        nonlocal lost
        for nothing in list[AckableMessage]():
            yield nothing
        while True:
            reads.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1  # as redis-py may on Python 3.11
                if lost > 1:
                    raise

    monkeypatch.setattr(RedisStreamBroker, "listen", stubborn)
    async with asyncio.timeout(20):
        async with _looking(redis.url):
            await reads.wait()
    assert lost == 2
