"""A run keeps the personas it began with and the yes it was given, wherever it goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from agents.testing import assistant_message, function_call

from assistant.events import (
    ApprovalRequested,
    ApprovalResolved,
    RunCompleted,
    RunStarted,
    ToolReturned,
)
from assistant.models import Approval, Decision
from assistant.personas import Catalog
from assistant.worker.stop import Stop
from tests.engine.stage import spoken
from tests.engine.till import Till
from tests.personas import folders
from tests.store.conftest import MakeWorker, make_worker
from tests.store.records import Worker
from tests.worker.attempts import a_talk, accepted, killed, left, make, scripted, stuck, told

__all__ = ["make_worker"]

LOOK = [assistant_message("One."), function_call("echo", {"text": "e"}, call_id="c1")]
PAY = [assistant_message("Wait."), function_call("pay", {"amount": 3}, call_id="c1")]
ASKS = "tools: [pay]\napprovals: {pay: {by: user, expires_minutes: 5}}\n"


@pytest.fixture
async def one(make_worker: MakeWorker) -> Worker:
    """Return a process with a store."""
    return await make_worker()


def _said(engine: Any) -> list[str]:
    """Return the instructions that a scripted model was given."""
    return [call.system_instructions for call in engine._models.model.calls]


async def _catalog(root: Path, default: str) -> Catalog:
    return await asyncio.to_thread(Catalog, root, default=default)


async def test_an_edit_does_not_change_a_run_in_flight(one: Worker, tmp_path: Path) -> None:
    root = folders.copy(tmp_path)
    before = await _catalog(root, "tester")
    run, stopped = a_talk("tester", before), asyncio.Event()
    claim = await accepted(one, run, before)
    broken = scripted(LOOK, stuck(stopped, "lost"))
    await killed(one, broken, claim, stopped, before)
    (root / "tester/instructions.md").write_text("Answer better.")
    after = await _catalog(root, "tester")
    assert after.cast_named(run.cast) is None
    again = scripted(spoken("Two."))
    log = await make(one, again, await left(one, run), catalog=after)
    assert _said(broken) == ["Answer in tests."] * 2
    assert _said(again) == ["Answer in tests."]
    started = [event.version for event in log if isinstance(event, RunStarted)]
    assert started == [before.get("tester").version] * 2
    # The next run speaks as it is now.
    new, later = a_talk("tester", after), scripted(spoken("Three."))
    await make(one, later, await accepted(one, new, after), catalog=after)
    assert _said(later) == ["Answer better."]


async def test_whom_it_hands_over_to_is_who_it_was_when_it_began(
    one: Worker, tmp_path: Path
) -> None:
    root = folders.copy(tmp_path)
    before = await _catalog(root, "guide")
    run, stopped = a_talk("guide", before), asyncio.Event()
    claim = await accepted(one, run, before)
    handed = [function_call("transfer_to_tester", {}, call_id="h")]
    await killed(one, scripted(handed, stuck(stopped, "lost")), claim, stopped, before)
    (root / "tester/instructions.md").write_text("Answer better.")
    (root / "guide/persona.yaml").write_text(folders.YAML)
    again = scripted(spoken("Here."))
    log = await make(one, again, await left(one, run), catalog=await _catalog(root, "guide"))
    assert _said(again) == ["Answer in tests."]
    assert isinstance(log[-1], RunCompleted)


async def _asked(worker: Worker, till: Till, root: Path) -> tuple[Catalog, Any, ApprovalRequested]:
    """Run up to where somebody has to say yes."""
    folders.make(root, "ann", extra=ASKS)
    catalog = await _catalog(root, "ann")
    run = a_talk("ann", catalog)
    claim = await accepted(worker, run, catalog)
    log = await make(worker, scripted(PAY, tools=till.tools), claim, catalog=catalog)
    asked = log[-1]
    assert isinstance(asked, ApprovalRequested)
    return catalog, run, asked


async def _decide(worker: Worker, run_id: str, decision: Decision) -> Approval:
    (waiting,) = await worker.store.approvals.of(run_id)
    decided = msgspec.structs.replace(
        waiting, decision=decision, decided_by=waiting.owner, reason="so"
    )
    assert await worker.store.approvals.decide(decided) == "resumed"
    return decided


@pytest.mark.parametrize(
    ("decision", "outcome", "paid"), [("approved", "ok", [3]), ("rejected", "rejected", [])]
)
async def test_a_yes_given_to_another_process_is_carried_out_once(
    one: Worker, tmp_path: Path, decision: Decision, outcome: str, paid: list[int]
) -> None:
    till = Till()
    _, run, asked = await _asked(one, till, tmp_path)
    found = await one.store.runs.get(run.run_id)
    assert found is not None
    assert (found.status, till.paid) == ("waiting", {})
    # Meanwhile the persona is edited so that it has neither tool nor rule.
    folders.make(tmp_path, "ann", instructions="Do nothing.")
    await _decide(one, run.run_id, decision)
    claim = await one.store.leases.take()
    assert claim is not None
    again = scripted(spoken("Done."), tools=till.tools)
    log = await make(one, again, claim, catalog=await _catalog(tmp_path, "ann"))
    assert _said(again) == ["Listen."]
    assert list(till.paid.values()) == paid
    (returned,) = [event for event in log if isinstance(event, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (asked.call_id, outcome)
    # It goes on, it does not begin: nothing is announced anew.
    assert sum(isinstance(event, RunStarted) for event in log) == 1
    assert isinstance(log[-1], RunCompleted)
    assert log[-1].text == "Wait.\n\nDone."


async def test_a_crash_after_the_yes_asks_nobody_again(one: Worker, tmp_path: Path) -> None:
    till, stopped = Till(), asyncio.Event()
    catalog, run, _ = await _asked(one, till, tmp_path)
    await _decide(one, run.run_id, "approved")
    claim = await one.store.leases.take()
    assert claim is not None
    broken = scripted(stuck(stopped, "lost"), tools=till.tools)
    await killed(one, broken, claim, stopped, catalog)
    assert list(till.paid.values()) == [3]
    again = scripted(spoken("Done."), tools=till.tools)
    log = await make(one, again, await left(one, run), catalog=catalog)
    assert list(till.paid.values()) == [3]
    assert sum(isinstance(event, ApprovalRequested) for event in log) == 1
    assert isinstance(log[-1], RunCompleted)
    started = [(event.attempt, event.text) for event in log if isinstance(event, RunStarted)]
    assert started == [(1, ""), (2, "Wait.")]


async def test_a_run_that_waits_is_stopped_by_whoever_asks(one: Worker, tmp_path: Path) -> None:
    till, stop = Till(), Stop()
    catalog, run, asked = await _asked(one, till, tmp_path)
    assert await one.store.runs.ask_cancel(run.run_id, "visitor")
    claim = await one.store.leases.claim(run.run_id)
    assert claim is not None
    log = await make(one, scripted(tools=till.tools), claim, catalog=catalog, stop=stop)
    (returned,) = [event for event in log if isinstance(event, ToolReturned)]
    assert (returned.call_id, returned.outcome, till.paid) == (asked.call_id, "error", {})
    assert ApprovalResolved(asked.call_id, "pay", "cancelled") in log
    assert await one.store.approvals.open() == []
    assert await told(one, run) == log
    found = await one.store.runs.get(run.run_id)
    assert found is not None
    assert (found.status, found.text) == ("cancelled", "Wait.")
