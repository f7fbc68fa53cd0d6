"""A take-over: what a crashed attempt left is made void, and the next goes on where it stood."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from agents.testing import assistant_message, function_call

from assistant.events import (
    ApprovalRequested,
    ApprovalResolved,
    Event,
    MessageCompleted,
    MessageDelta,
    MessageDiscarded,
    MessageStarted,
    RunCancelled,
    RunCompleted,
    RunStarted,
    ToolCalled,
    ToolReturned,
    Usage,
)
from assistant.models import now
from assistant.worker.stop import Stop
from assistant.worker.takeover import left_behind
from tests.engine.stage import spoken
from tests.engine.talks import TOOLS
from tests.engine.till import Sum, Till
from tests.store.conftest import MakeWorker, make_worker
from tests.store.records import Worker, a_run
from tests.worker.attempts import a_talk, accepted, killed, left, make, scripted, stuck, told

__all__ = ["make_worker"]

ASKED = ApprovalRequested("c", "pay", "Pay", {}, "hash", "user", now())
M1, M2, CALL = MessageStarted("m1", 0), MessageStarted("m2", 1), ToolCalled("c", "pay")
RETURNED = ToolReturned("c", "pay", "ok", 5)
CLOSED = ToolReturned("c", "pay", "error", 0)


@pytest.fixture
async def one(make_worker: MakeWorker) -> Worker:
    """Return a process with a store."""
    return await make_worker()


@pytest.mark.parametrize(
    ("log", "good", "closing", "returned"),
    [
        ([], 0, [], set()),
        ([M1, MessageDelta("m1", "a")], 0, [MessageDiscarded("m1")], set()),
        # A whole one that no checkpoint covers is void, too.
        ([M1, MessageCompleted("m1", "a")], 0, [MessageDiscarded("m1")], set()),
        ([M1, MessageCompleted("m1", "a"), M2], 2, [MessageDiscarded("m2")], set()),
        ([M1, MessageDiscarded("m1"), M2], 0, [MessageDiscarded("m2")], set()),
        ([CALL], 0, [CLOSED], set()),
        ([CALL, RETURNED], 0, [], {"c"}),
        # The checkpoint has it open: the next attempt makes the call, and tells its return.
        ([CALL], 1, [], set()),
        ([CALL, RETURNED], 1, [], {"c"}),
        ([CALL, ASKED], 0, [CLOSED, ApprovalResolved("c", "pay", "cancelled")], set()),
        ([CALL, ASKED, ApprovalResolved("c", "pay", "approved")], 0, [CLOSED], set()),
        ([M1, MessageCompleted("m1", "a"), CALL, RETURNED, M2], 4, [MessageDiscarded("m2")], set()),
        ([RunStarted("p", "v", "m", 2), M1], 0, [MessageDiscarded("m1")], set()),
    ],
)
async def test_what_is_left_after_the_good_part(
    one: Worker, log: Sequence[Event], good: int, closing: list[Event], returned: set[str]
) -> None:
    run = a_run()
    await one.write(await one.pen(run), *log)
    left_there = await left_behind(one.store, run.run_id, good)
    assert left_there.closing == closing
    assert left_there.told == returned


STEP = [assistant_message("One."), function_call("echo", {"text": "e"}, call_id="c1")]


async def test_it_goes_on_from_the_checkpoint_and_says_what_stands(one: Worker) -> None:
    run, stopped = a_talk("tester"), asyncio.Event()
    claim = await accepted(one, run)
    broken = await killed(one, scripted(STEP, stuck(stopped, "Tw")), claim, stopped)
    (partial,) = [e.item_id for e in broken if isinstance(e, MessageStarted) and e.index == 1]
    claim = await left(one, run)
    assert (claim.attempt, claim.crashes) == (2, 1)
    log = await make(one, scripted(spoken("Two", "!")), claim)
    assert log[: len(broken)] == broken
    assert log[len(broken) : len(broken) + 2] == [
        MessageDiscarded(partial),
        RunStarted("tester", run.version, "m", attempt=2, text="One."),
    ]
    assert isinstance(log[-1], RunCompleted)
    assert log[-1].text == "One.\n\nTwo!"
    assert log[-1].usage == Usage(1, 2, 3, 2)
    assert [e.index for e in log[len(broken) :] if isinstance(e, MessageStarted)] == [1]
    lines = await one.store.sessions.lines("ses_1")
    assert [line.message.content for line in lines] == ["hello", "One.\n\nTwo!"]
    assert [item.get("type") for item in lines[1].items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]


async def test_what_stands_grows_with_each_checkpoint(one: Worker) -> None:
    run = a_talk("tester")
    claim = await accepted(one, run)
    more = [assistant_message("Two."), function_call("echo", {"text": "f"}, call_id="c2")]
    for step in (STEP, more):
        stopped = asyncio.Event()
        await killed(one, scripted(step, stuck(stopped, "lost")), claim, stopped)
        claim = await left(one, run)
    log = await make(one, scripted(spoken("End.")), claim)
    started = [event for event in log if isinstance(event, RunStarted)]
    assert [(s.attempt, s.text) for s in started] == [(1, ""), (2, "One."), (3, "One.\n\nTwo.")]
    assert isinstance(log[-1], RunCompleted)
    assert log[-1].text == "One.\n\nTwo.\n\nEnd."
    assert sum(isinstance(event, MessageDiscarded) for event in log) == 2


async def test_a_crash_before_the_first_checkpoint_begins_anew(one: Worker) -> None:
    run, stopped = a_talk("tester"), asyncio.Event()
    claim = await accepted(one, run)
    await killed(one, scripted(stuck(stopped, "lost")), claim, stopped)
    log = await make(one, scripted(STEP, spoken("Two!")), await left(one, run))
    started = [event for event in log if isinstance(event, RunStarted)]
    assert [(s.attempt, s.text) for s in started] == [(1, ""), (2, "")]
    assert isinstance(log[-1], RunCompleted)
    assert log[-1].text == "One.\n\nTwo!"


async def test_a_tool_at_work_is_closed_and_called_again(one: Worker) -> None:
    begun = asyncio.Event()

    async def stuck_tool(_call: object, _given: object) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    run = a_talk("tester")
    broken = scripted(STEP, tools={"echo": replace(TOOLS["echo"], run=stuck_tool)})
    await killed(one, broken, await accepted(one, run), begun)
    log = await make(one, scripted(STEP, spoken("Two!")), await left(one, run))
    returned = [e.outcome for e in log if isinstance(e, ToolReturned)]
    called = [e.call_id for e in log if isinstance(e, ToolCalled)]
    assert returned == ["error", "ok"]
    assert len(set(called)) == 2


async def test_an_effect_cut_by_a_crash_is_made_once(one: Worker) -> None:
    till, gate = Till(), asyncio.Event()
    begun = asyncio.Event()

    async def pay_and_die(call: Any, given: Sum) -> str:
        done = await till.pay(call, given)
        begun.set()
        await gate.wait()
        return done

    pay = replace(till.tools["pay"], name="echo")
    step = [assistant_message("One."), function_call("echo", {"amount": 3}, call_id="c1")]
    run = a_talk("tester")
    broken = scripted(step, tools={"echo": replace(pay, run=pay_and_die)})
    attempt = asyncio.create_task(make(one, broken, await accepted(one, run)))
    async with asyncio.timeout(10):
        await begun.wait()
    # The process stands still from here on, with the effect made and not written down.
    claim = await left(one, run)
    log = await make(one, scripted(spoken("Paid."), tools={"echo": pay}), claim)
    assert isinstance(log[-1], RunCompleted)
    assert log[-1].text == "One.\n\nPaid."
    assert (list(till.paid.values()), till.checks) == ([3], 1)
    assert [e.outcome for e in log if isinstance(e, ToolReturned)] == ["ok"]
    gate.set()
    await asyncio.gather(attempt, return_exceptions=True)
    assert attempt.exception() is not None
    assert await told(one, run) == log


async def test_a_run_that_is_to_stop_keeps_what_stands(one: Worker) -> None:
    run, stopped = a_talk("tester"), asyncio.Event()
    claim = await accepted(one, run)
    broken = await killed(one, scripted(STEP, stuck(stopped, "lost")), claim, stopped)
    await one.store.runs.ask_cancel(run.run_id, "visitor")
    log = await make(one, scripted(), await left(one, run))
    assert [type(event) for event in log[len(broken) :]] == [MessageDiscarded, RunCancelled]
    found = await one.store.runs.get(run.run_id)
    assert found is not None
    assert (found.status, found.text) == ("cancelled", "One.")
    lines = await one.store.sessions.lines("ses_1")
    assert [line.message.status for line in lines] == ["completed", "cancelled"]
    assert [i.get("type", i.get("role")) for i in lines[1].items] == [
        "function_call",
        "function_call_output",
        "assistant",
    ]


async def test_a_run_that_never_ends_keeps_what_stands(one: Worker) -> None:
    run, stopped = a_talk("tester"), asyncio.Event()
    claim = await accepted(one, run)
    await killed(one, scripted(STEP, stuck(stopped, "lost")), claim, stopped)
    for _ in range(6):
        claim = await left(one, run)
    log = await make(one, scripted(), claim)
    found = await one.store.runs.get(run.run_id)
    assert found is not None
    assert (found.error, found.text) == ("too_many_attempts", "One.")
    assert sum(isinstance(event, MessageDiscarded) for event in log) == 1


async def test_a_stop_in_mid_answer_ends_the_attempt(one: Worker) -> None:
    run, stopped, stop = a_talk("tester"), asyncio.Event(), Stop()
    claim = await accepted(one, run)
    attempt = asyncio.create_task(make(one, scripted(STEP, stuck(stopped, "Tw")), claim, stop=stop))
    await stopped.wait()
    stop.ask("visitor")
    stop.ask("somebody later")
    async with asyncio.timeout(10):
        log = await attempt
    assert log[-1] == RunCancelled("visitor")
    found = await one.store.runs.get(run.run_id)
    assert found is not None
    assert found.text == "One.\n\nTw"
