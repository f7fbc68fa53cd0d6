"""An attempt at a run: what a crashed one left is closed, and every run reaches an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from blockbuster import BlockBuster

from assistant.engine import Engine, Limits, Pace, ProviderOptions, open_engine
from assistant.events import (
    Event,
    MessageCompleted,
    MessageDelta,
    MessageDiscarded,
    MessageStarted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
    ToolCalled,
    ToolReturned,
)
from assistant.models import Run, Turn
from assistant.personas import Catalog
from assistant.worker import Attempts
from assistant.worker.attempt import MAX_ATTEMPTS, Stop
from tests.conftest import DATA, may_block
from tests.engine.talks import TOOLS
from tests.store.conftest import MakeWorker, make_worker
from tests.store.records import Worker, a_run

__all__ = ["make_worker"]

CATALOG = Catalog(DATA / "agents", default="tester")
RUN = a_run(persona="guide", version=CATALOG.get("guide").version, turn=Turn("hello"))
ANSWER = "I am an AI.\n\nHello for the first time."
LEFT: list[Event] = [
    MessageStarted("msg_1", 0),
    MessageDelta("msg_1", "I "),
    MessageCompleted("msg_1", "I "),
    ToolCalled("call_1", "echo"),
    ToolReturned("call_1", "echo", "ok", 1),
    ToolCalled("call_2", "echo"),
    MessageStarted("msg_2", 1),
    MessageDelta("msg_2", "was "),
]


@pytest.fixture
async def engine(no_blocking_calls: BlockBuster) -> AsyncIterator[Engine]:
    """Return an engine with the demo model."""
    options = ProviderOptions("demo", "demo", pace=Pace(0, 0))
    async with AsyncExitStack() as stack:
        with may_block(no_blocking_calls):
            engine = await stack.enter_async_context(open_engine(options, Limits(), TOOLS))
        yield engine


async def _make(worker: Worker, engine: Engine, run: Run = RUN) -> list[Event]:
    """Make an attempt and return the log."""
    minute = timedelta(minutes=1)
    attempts = Attempts(worker.store, engine, CATALOG, deadline=minute, cache_for=minute)
    await attempts.make(run, Stop())
    return [entry.event for entry in await worker.store.log.read(run.run_id, -1)]


async def _crashed(make_worker: MakeWorker, times: int = 1) -> Worker:
    """Return a process after others have begun the run and died."""
    crashed = await make_worker()
    await crashed.write(await crashed.pen(RUN), *LEFT)
    await crashed.store.runs.release(RUN.run_id)
    for _ in range(times - 1):
        assert await crashed.store.runs.claim(RUN) is not None
        await crashed.store.runs.release(RUN.run_id)
    return await make_worker()


async def test_what_a_crash_left_open_is_closed_and_the_answer_made_anew(
    make_worker: MakeWorker, engine: Engine
) -> None:
    told = await _make(await _crashed(make_worker), engine)
    assert told[1:9] == LEFT
    assert told[9:12] == [
        MessageDiscarded("msg_1"),
        ToolReturned("call_2", "echo", "error", 0),
        MessageDiscarded("msg_2"),
    ]
    assert told[12] == RunStarted("guide", RUN.version, "m", attempt=2)
    assert isinstance(told[-1], RunCompleted)
    assert told[-1].text == ANSWER


async def test_a_run_that_never_ends_is_given_up(make_worker: MakeWorker, engine: Engine) -> None:
    told = await _make(await _crashed(make_worker, MAX_ATTEMPTS), engine)
    assert isinstance(told[-1], RunFailed)
    assert (told[-1].code, told[-1].retryable) == ("too_many_attempts", True)


async def test_a_wish_to_cancel_made_before_it_began_is_heard(
    make_worker: MakeWorker, engine: Engine
) -> None:
    worker = await make_worker()
    await worker.accept(RUN)
    await worker.store.runs.ask_cancel(RUN.run_id, "visitor")
    assert (await _make(worker, engine))[1:] == [RunCancelled("visitor")]


async def test_a_run_that_has_ended_is_left_alone(make_worker: MakeWorker, engine: Engine) -> None:
    worker = await make_worker()
    await worker.accept(RUN)
    assert await _make(worker, engine) == await _make(worker, engine)
    lines = await worker.store.sessions.lines("ses_1")
    assert [line.message.content for line in lines] == ["hello", ANSWER]


async def test_a_persona_that_is_gone(make_worker: MakeWorker, engine: Engine) -> None:
    worker = await make_worker()
    run = a_run(persona="nobody")
    await worker.accept(run)
    last = (await _make(worker, engine, run))[-1]
    assert isinstance(last, RunFailed)
    assert (last.code, last.retryable) == ("persona_gone", False)
