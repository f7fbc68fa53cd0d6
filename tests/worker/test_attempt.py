"""An attempt at a run: what a crashed one left is closed, and every run reaches an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from blockbuster import BlockBuster

from assistant.engine import Engine, Limits, Pace, ProviderOptions, open_engine
from assistant.errors import LeaseLostError
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
from assistant.store import Claim, keys
from assistant.worker.attempt import MAX_CRASHES
from tests.conftest import may_block
from tests.engine.talks import TOOLS
from tests.store.conftest import MakeWorker, make_worker
from tests.store.records import Worker, later
from tests.worker.attempts import a_talk, accepted, left, make, told

__all__ = ["make_worker"]

RUN = a_talk()
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


async def _crashed(worker: Worker, times: int = 1) -> Claim:
    """Begin the run and die, several times; return the claim of who comes then."""
    claim = await accepted(worker, RUN)
    await worker.write(worker.store.log.open_pen(claim), *LEFT)
    for _ in range(times):
        claim = await left(worker, RUN)
    return claim


async def test_what_a_crash_left_open_is_closed_and_the_answer_made_anew(
    make_worker: MakeWorker, engine: Engine
) -> None:
    worker = await make_worker()
    log = await make(worker, engine, await _crashed(worker))
    assert log[1:9] == LEFT
    assert log[9:12] == [
        MessageDiscarded("msg_1"),
        ToolReturned("call_2", "echo", "error", 0),
        MessageDiscarded("msg_2"),
    ]
    assert log[12] == RunStarted("guide", RUN.version, "m", attempt=2)
    assert isinstance(log[-1], RunCompleted)
    assert log[-1].text == ANSWER


async def test_a_run_that_never_ends_is_given_up(make_worker: MakeWorker, engine: Engine) -> None:
    worker = await make_worker()
    log = await make(worker, engine, await _crashed(worker, MAX_CRASHES + 1))
    assert isinstance(log[-1], RunFailed)
    assert (log[-1].code, log[-1].retryable) == ("too_many_attempts", True)


async def test_a_wish_to_cancel_made_before_it_began_is_heard(
    make_worker: MakeWorker, engine: Engine
) -> None:
    worker = await make_worker()
    await accepted(worker, RUN)
    await worker.store.runs.ask_cancel(RUN.run_id, "visitor")
    claim = await left(worker, RUN)
    assert (await make(worker, engine, claim))[1:] == [RunCancelled("visitor")]


async def test_a_run_that_has_ended_is_nobodys(make_worker: MakeWorker, engine: Engine) -> None:
    worker = await make_worker()
    claim = await accepted(worker, RUN)
    await make(worker, engine, claim)
    assert await worker.store.leases.claim(RUN.run_id) is None
    # Even one who does not know it changes nothing.
    late = later(claim, len(await told(worker, RUN)) - 1)
    before = await told(worker, RUN)
    with pytest.raises(LeaseLostError):
        await make(worker, engine, late)
    assert await told(worker, RUN) == before
    lines = await worker.store.sessions.lines("ses_1")
    assert [line.message.content for line in lines] == ["hello", ANSWER]


async def test_personas_that_are_gone(make_worker: MakeWorker, engine: Engine) -> None:
    worker = await make_worker()
    run = a_talk(cast="of former times")
    claim = await worker.claim(run)
    await worker.redis.delete(keys.cast(run.cast))
    last = (await make(worker, engine, claim))[-1]
    assert isinstance(last, RunFailed)
    assert (last.code, last.retryable) == ("persona_gone", False)


async def test_personas_that_cannot_be_read(make_worker: MakeWorker, engine: Engine) -> None:
    worker = await make_worker()
    run = a_talk(cast="of another version")
    await worker.store.runs.keep_cast(run.cast, b'[{"slug": "guide"}]')
    last = (await make(worker, engine, await worker.claim(run)))[-1]
    assert isinstance(last, RunFailed)
    assert (last.code, last.retryable) == ("persona_gone", False)


async def test_a_checkpoint_that_cannot_be_read_ends_the_run(
    make_worker: MakeWorker, engine: Engine
) -> None:
    worker = await make_worker()
    run = a_talk()
    claim = await accepted(worker, run)
    await worker.write(worker.store.log.open_pen(claim), *LEFT)
    await worker.store.leases.keep_checkpoint(run.run_id, claim.token, b'{"of": "another version"}')
    found = await make(worker, engine, await left(worker, run))
    assert isinstance(found[-1], RunFailed)
    assert found[-1].code == "internal"
    assert MessageDiscarded("msg_2") in found
    assert await worker.store.leases.claim(run.run_id) is None
