"""The client of the store: it stops when it is told to, and waits for no answer too long."""

from __future__ import annotations

import asyncio

import pytest

from assistant.errors import StoreUnavailableError
from assistant.store import line
from assistant.store.client import Client
from tests.store.records import Worker


async def test_a_cancellation_is_heard_wherever_it_falls(one: Worker) -> None:
    redis = one.store.redis

    async def work() -> None:
        while True:
            await redis.call("PING")
            async with redis.pipeline(transaction=False) as pipe:
                _ = pipe.get("nothing")
                await pipe.execute()

    for moment in range(200):
        task = asyncio.create_task(work())
        for _ in range(moment % 50):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2)
        assert done, f"it went on after {moment % 50} steps"
        assert task.cancelled()
    assert await redis.call("ECHO", "still in step") == b"still in step"


async def test_an_answer_that_does_not_come_is_a_store_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST", 0.1)
    with pytest.raises(StoreUnavailableError):
        await client.call("BLPOP", "nothing", 0)
    async with client.pipeline(transaction=False) as pipe:
        _ = pipe.blpop(["nothing"], 0)
        with pytest.raises(StoreUnavailableError):
            await pipe.execute()
    assert await client.call("ECHO", "still in step") == b"still in step"
