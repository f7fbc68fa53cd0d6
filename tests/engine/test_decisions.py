"""Decisions: the run goes on as it was decided, in whichever process."""

from __future__ import annotations

import pytest
from agents.testing import ScriptedModel, function_call
from structlog.testing import capture_logs

from assistant.engine import Effect
from assistant.events import ToolReturned
from assistant.models import Decision
from tests.engine.asking import PAY, answered, asked, careful, last_told, resumed_with
from tests.engine.stage import Stage, play, run_to_halt
from tests.engine.till import Till


async def test_what_is_approved_is_done_once() -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
    later, model, resumed = await resumed_with(
        stage, answered(execution.wanted, "approved"), till=till
    )
    assert list(till.paid.values()) == [3]
    assert resumed.text == "Wait.\n\nDone."
    (returned,) = [event for event in later.events if isinstance(event, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (execution.wanted[0].call_id, "ok")
    assert last_told(model) == "paid 3"
    # Another who takes the approved run over finds it done.
    again = Stage(ledger=later.ledger, checkpoints=stage.checkpoints)
    await resumed_with(again, answered(execution.wanted, "approved"), till=till)
    assert list(till.paid.values()) == [3]


@pytest.mark.parametrize(
    ("decision", "reason", "words"),
    [
        ("rejected", "Too dear.", ["declined", "not done", "Too dear."]),
        ("rejected", "", ["declined", "not done"]),
        ("expired", "", ["Nobody approved", "not done"]),
    ],
)
async def test_what_is_not_approved_is_not_done_and_told(
    decision: Decision, reason: str, words: list[str]
) -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
    decisions = answered(execution.wanted, decision, reason=reason)
    later, model, resumed = await resumed_with(stage, decisions, till=till)
    assert (till.paid, later.ledger) == ({}, {})
    (returned,) = [event for event in later.events if isinstance(event, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (execution.wanted[0].call_id, decision)
    assert all(word in last_told(model) for word in words)
    assert ("reason given" in last_told(model)) == bool(reason)
    assert resumed.text == "Wait.\n\nDone."
    assert [i["type"] for i in resumed.items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]


async def test_a_decision_about_other_arguments_is_none() -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
    decisions = answered(execution.wanted, "approved", arguments_hash="forged", reason="secret")
    with capture_logs() as logs:
        _, model, _ = await resumed_with(stage, decisions, till=till)
    assert till.paid == {}
    assert "declined" in last_told(model)
    assert "secret" not in last_told(model)
    assert [entry["log_level"] for entry in logs if entry["event"] == "approval.mismatch"] == [
        "error"
    ]


async def test_without_a_decision_it_asks_again_and_does_nothing() -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
    later, _, resumed = await resumed_with(stage, {}, till=till, steps=[])
    assert [(w.call_id, w.arguments_hash) for w in resumed.wanted] == [
        (w.call_id, w.arguments_hash) for w in execution.wanted
    ]
    assert (till.paid, later.events) == ({}, [])


async def test_several_are_asked_at_once_and_each_goes_as_decided() -> None:
    till = Till()
    calls = [
        PAY,
        function_call("pay", {"amount": 4}, call_id="c2"),
        function_call("look", {"amount": 5}, call_id="c3"),
        function_call("shout", {"amount": 6}, call_id="c4"),
    ]
    stage, execution = await asked(*calls, till=till, persona=careful("pay", "look"))
    # What needs nobody's yes is not held up by what does, but for its effects.
    assert [wanted.arguments["amount"] for wanted in execution.wanted] == [3, 4, 5]
    assert (till.looks, till.paid, till.shouted) == (0, {}, [])
    decisions = answered(execution.wanted, "approved", "rejected", "approved")
    persona = careful("pay", "look")
    later, _, _ = await resumed_with(stage, decisions, till=till, persona=persona)
    assert list(till.paid.values()) == [3]
    assert (till.looks, [call.call_id for call in till.shouted]) == (1, ["c4"])
    outcomes = [event.outcome for event in later.events if isinstance(event, ToolReturned)]
    assert sorted(outcomes) == ["ok", "ok", "ok", "rejected"]


async def test_a_read_only_tool_can_need_a_yes() -> None:
    till = Till()
    call = function_call("look", {"amount": 1}, call_id="c1")
    stage, execution = await asked(call, till=till, persona=careful("look"))
    assert till.looks == 0
    decisions = answered(execution.wanted, "approved")
    later, _, _ = await resumed_with(stage, decisions, till=till, persona=careful("look"))
    assert (till.looks, later.ledger) == (1, {})


async def test_a_run_can_ask_again_and_again() -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
    decisions = answered(execution.wanted, "approved")
    more = [[function_call("pay", {"amount": 4}, call_id="c2")]]
    later, _, resumed = await resumed_with(stage, decisions, till=till, steps=more)
    assert [w.arguments for w in resumed.wanted] == [{"amount": 4}]
    decisions |= answered(resumed.wanted, "rejected")
    _, _, last = await resumed_with(later, decisions, till=till)
    assert list(till.paid.values()) == [3]
    assert last.usage.requests == 3


async def test_an_approved_effect_that_a_crash_cut_is_found_out() -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
    decisions = answered(execution.wanted, "approved")
    later, _, _ = await resumed_with(stage, decisions, till=till)
    (key,) = later.ledger
    # The effect was made; that it was did not come to be written down.
    again = Stage(checkpoints=stage.checkpoints, ledger={key: Effect("pay", "intent")})
    _, model, _ = await resumed_with(again, decisions, till=till)
    assert (last_told(model), till.checks) == ("found 3", 1)


async def test_a_run_that_is_cancelled_while_it_waits_closes_its_call() -> None:
    stage, execution = await asked(PAY)
    later = Stage(halt_at=0)
    resumed = play(
        later,
        ScriptedModel([]),
        persona=careful("pay"),
        tools=Till().tools,
        checkpoint=stage.checkpoints[-1],
    )
    resumed.close()
    (returned,) = later.events
    assert isinstance(returned, ToolReturned)
    assert (returned.call_id, returned.outcome) == (execution.wanted[0].call_id, "error")
    assert resumed.items == [{"role": "assistant", "content": "Wait."}]
    await run_to_halt(Stage(), execution)
