"""The record of an attempt: durable when it says so, and patient with a store that is away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assistant.engine import Checkpoint, Effect
from assistant.errors import LeaseLostError, StoreUnavailableError
from assistant.events import MessageStarted
from assistant.store import Claim
from assistant.worker.record import RunRecord, checkpoint_of, patiently
from tests.store.conftest import MakeWorker, make_worker
from tests.store.records import Worker, a_run, later
from tests.worker.attempts import left

__all__ = ["make_worker"]

SO_FAR = Checkpoint("{}", [{"role": "user", "content": "hé"}], ["One."], {"c": ("call", "t")}, "p")


@pytest.fixture
async def one(make_worker: MakeWorker) -> Worker:
    """Return a process with a store."""
    return await make_worker()


def _record(worker: Worker, claim: Claim) -> RunRecord:
    return RunRecord(worker.store, claim, worker.store.log.open_pen(claim))


async def test_a_checkpoint_covers_what_was_said_before_it(one: Worker) -> None:
    run = a_run()
    mine = _record(one, await one.claim(run))
    for number in range(3):
        mine.emit(MessageStarted(f"msg_{number}", number))
    await mine.keep(SO_FAR)
    assert len(await one.store.log.read(run.run_id, -1)) == 4
    kept = checkpoint_of(await left(one, run))
    assert kept is not None
    assert kept.sequence == 3
    assert (kept.added, kept.said, kept.calls) == (SO_FAR.added, SO_FAR.said, SO_FAR.calls)


async def test_a_run_at_its_beginning_has_none(one: Worker) -> None:
    assert checkpoint_of(await one.claim(a_run())) is None


async def test_an_intent_is_news_to_whoever_wrote_it_and_known_to_all_others(one: Worker) -> None:
    run = a_run()
    mine = _record(one, await one.claim(run))
    for _ in range(2):
        assert await mine.intend("key", "pay") is None
    theirs = _record(one, await left(one, run))
    for _ in range(2):
        assert await theirs.intend("key", "pay") == Effect("pay", "intent")
    assert await theirs.intend("another key", "pay") is None


async def test_a_result_is_known_to_all(one: Worker) -> None:
    run, done = a_run(), Effect("pay", "ok", "paid")
    mine = _record(one, await one.claim(run))
    assert await mine.intend("key", "pay") is None
    await mine.conclude("key", done)
    assert await mine.intend("key", "pay") == done
    assert await _record(one, await left(one, run)).intend("key", "pay") == done


async def test_who_has_lost_the_run_is_told_at_each_step(one: Worker) -> None:
    run = a_run()
    claim = await one.claim(run)
    await left(one, run)
    mine = _record(one, later(claim, 0))
    with pytest.raises(LeaseLostError):
        await mine.keep(SO_FAR)
    with pytest.raises(LeaseLostError):
        await mine.intend("key", "pay")
    with pytest.raises(LeaseLostError):
        await mine.conclude("key", Effect("pay", "ok"))
    mine.emit(MessageStarted("msg_late", 0))
    with pytest.raises(LeaseLostError):
        await mine.keep(SO_FAR)


async def test_a_store_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def act(*given: Any, **named: Any) -> tuple[Any, ...]:
        if len(waited) < 7:
            message = "away"
            raise StoreUnavailableError(message)
        return given, named

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert await patiently(act, 1, b=2) == ((1,), {"b": 2})
    assert waited == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


async def test_other_errors_are_not_waited_out() -> None:
    async def act() -> None:
        message = "taken"
        raise LeaseLostError(message)

    with pytest.raises(LeaseLostError):
        await patiently(act)
