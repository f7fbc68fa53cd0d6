"""A store that comes back without what it had acknowledged, as after a failover or a lost disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from assistant.errors import LeaseLostError
from assistant.events import MessageStarted, RunStarted
from assistant.models import Run
from assistant.store import Claim, Pen, keys, tail
from tests.store.records import Worker, a_run, an_answer

_AGAIN = RunStarted("tester", "0" * 12, "m", attempt=2)


@asynccontextmanager
async def _lost(worker: Worker, run: Run) -> AsyncIterator[None]:
    """Leave a run's log as it was before the context."""
    name = keys.log(run.run_id)
    kept = await worker.redis.dump(name)
    yield
    assert kept is not None
    await worker.redis.restore(name, 0, kept, replace=True)
    await worker.redis.delete(keys.lease(run.run_id))


async def _taken_over(worker: Worker, run: Run) -> Claim:
    claim = await worker.store.leases.claim(run.run_id)
    assert claim is not None
    return claim


async def _refused(worker: Worker, pen: Pen) -> None:
    pen.emit(MessageStarted("msg_late", 0))
    with pytest.raises(LeaseLostError):
        await pen.drain()
    worker.store.log.close_pen(pen)


@asynccontextmanager
async def _following(
    worker: Worker, run: Run, up_to: int
) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Follow a run to its end; gives what to wait for until the follower is at a number."""
    there = asyncio.Event()

    async def follow() -> None:
        async for batch in worker.store.log.follow(run):
            if batch[-1].sequence >= up_to:
                there.set()

    following = asyncio.create_task(follow())
    yield there.wait
    async with asyncio.timeout(5):
        await following


@pytest.mark.parametrize("reader", ["one", "other"])
@pytest.mark.parametrize("again", ["one", "other"])
async def test_followers_end_when_the_run_does(
    one: Worker, other: Worker, reader: str, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOK_AGAIN", 0.1)
    workers = {"one": one, "other": other}
    written = await one.pen(a_run())
    await one.write(written, *an_answer(8))
    async with _following(workers[reader], written.run, up_to=20) as there:
        async with _lost(one, written.run):
            await one.write(written, *an_answer(8))
            await there()
        await _refused(one, written)
        goes_on = workers[again]
        claim = await _taken_over(goes_on, written.run)
        assert claim.last == 10
        second = goes_on.store.log.open_pen(claim)
        await goes_on.write(second, _AGAIN, *an_answer(1))
        await goes_on.finish(second)
        goes_on.store.log.close_pen(second)
        whole = await one.store.log.read(written.run.run_id, -1)
        assert len(whole) == 16
        assert await workers[reader].followed(written.run, 3) == whole[4:]


async def test_a_follower_that_misses_what_was_lost_waits(
    one: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    raw = one.store.redis.raw

    async def counted(*command: object) -> object:
        reads.append(str(command[0]))
        return await raw(*command)

    written = await one.pen(a_run())
    await one.write(written, *an_answer(8))
    async with _lost(one, written.run):
        await one.write(written, *an_answer(8))
    monkeypatch.setattr(one.store.redis, "raw", counted)
    async with one.store.log.cursor(written.run, 3) as cursor:
        assert (await cursor.take())[-1].sequence == 10
        assert await cursor.take() == []
        before = len(reads)
        waiting = asyncio.create_task(cursor.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert len(reads) == before <= 3
        await _refused(one, written)
        async with asyncio.timeout(5):
            await waiting
