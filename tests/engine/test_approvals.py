"""Approvals: the run stops before the call, and goes on as was decided, in whichever process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from pydantic import BaseModel
from structlog.testing import capture_logs

from assistant.engine import Effect, Execution
from assistant.engine.tools import arguments_hash
from assistant.events import ToolCalled, ToolReturned
from assistant.models import Approval, Decision, now
from assistant.persona import ApprovalRule
from assistant.tool import Call, Tool
from tests.engine.stage import Stage, check_rules, play, run_to_halt, spoken
from tests.engine.till import Sum, Till, cashier

BOSS = ApprovalRule(by="role:boss", expires_minutes=5)
PAY = function_call("pay", {"amount": 3}, call_id="c1")


def _persona(*names: str, rule: ApprovalRule = BOSS) -> Any:
    return cashier(approvals=dict.fromkeys(names, rule))


async def _asked(
    *calls: Any, till: Till | None = None, persona: Any = None
) -> tuple[Stage, Execution]:
    """Run up to where somebody has to say yes."""
    stage, model = Stage(), ScriptedModel([[assistant_message("Wait."), *calls]])
    execution = play(stage, model, persona=persona or _persona("pay"), tools=(till or Till()).tools)
    await execution.run()
    model.assert_complete()
    return stage, execution


def _answered(wanted: list[Approval], *decisions: Decision, **fields: str) -> dict[str, Approval]:
    return {
        approval.call_id: msgspec.structs.replace(
            approval, decision=decision, decided_by="boss", **fields
        )
        for approval, decision in zip(wanted, decisions, strict=True)
    }


async def _resumed(
    stage: Stage,
    decisions: Mapping[str, Approval],
    *,
    till: Till,
    persona: Any = None,
    steps: list[Any] | None = None,
) -> tuple[Stage, ScriptedModel, Execution]:
    """Go on, as another process does, after decisions."""
    later = Stage(ledger=stage.ledger)
    model = ScriptedModel([spoken("Done.")] if steps is None else steps)
    execution = play(
        later,
        model,
        persona=persona or _persona("pay"),
        tools=till.tools,
        checkpoint=stage.checkpoints[-1],
        decisions=decisions,
    )
    await execution.run()
    model.assert_complete()
    return later, model, execution


def _told(model: ScriptedModel) -> str:
    """Return what the model was told of its last call."""
    return str(model.calls[0].input[-1]["output"])


async def test_what_is_asked_says_exactly_what_would_be_done() -> None:
    till = Till()
    stage, execution = await _asked(PAY, till=till)
    (wanted,) = execution.wanted
    (called,) = [event for event in stage.events if isinstance(event, ToolCalled)]
    assert (wanted.run_id, wanted.call_id) == ("run_1", called.call_id)
    assert (wanted.owner, wanted.by, wanted.decision) == ("owner", "role:boss", None)
    assert (wanted.name, wanted.arguments) == ("pay", {"amount": 3})
    assert wanted.arguments_hash == arguments_hash("pay", '{"amount":3}')
    assert wanted.summary == "Pay (amount: 3)"
    assert wanted.expires_at - wanted.requested_at == timedelta(minutes=5)
    assert abs(wanted.requested_at - now()) < timedelta(minutes=1)
    assert (till.paid, stage.ledger) == ({}, {})


async def test_while_it_waits_the_call_is_open_and_nothing_else() -> None:
    stage, execution = await _asked(PAY)
    assert [type(event) for event in stage.events if isinstance(event, ToolReturned)] == []
    assert execution.text == "Wait."
    assert execution.checkpoint is not None
    assert stage.checkpoints[-1].calls == {"c1": (execution.wanted[0].call_id, "pay")}
    assert execution.checkpoint.added == stage.checkpoints[-1].added


async def test_a_tool_can_say_in_its_own_words_what_it_would_do() -> None:
    till = Till()
    tools = {**till.tools, "pay": replace(till.tools["pay"], summarise=_in_words)}
    model = ScriptedModel([[PAY]])
    execution = play(Stage(), model, persona=_persona("pay"), tools=tools)
    await execution.run()
    assert execution.wanted[0].summary == "Hands over 3."


def _in_words(given: Sum) -> str:
    return f"Hands over {given.amount}."


async def test_what_is_approved_is_done_once() -> None:
    till = Till()
    stage, execution = await _asked(PAY, till=till)
    later, model, resumed = await _resumed(
        stage, _answered(execution.wanted, "approved"), till=till
    )
    assert list(till.paid.values()) == [3]
    assert resumed.text == "Wait.\n\nDone."
    (returned,) = [event for event in later.events if isinstance(event, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (execution.wanted[0].call_id, "ok")
    assert _told(model) == "paid 3"
    # Another who takes the approved run over finds it done.
    again = Stage(ledger=later.ledger, checkpoints=stage.checkpoints)
    await _resumed(again, _answered(execution.wanted, "approved"), till=till)
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
    stage, execution = await _asked(PAY, till=till)
    decisions = _answered(execution.wanted, decision, reason=reason)
    later, model, resumed = await _resumed(stage, decisions, till=till)
    assert (till.paid, later.ledger) == ({}, {})
    (returned,) = [event for event in later.events if isinstance(event, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (execution.wanted[0].call_id, decision)
    assert all(word in _told(model) for word in words)
    assert ("reason given" in _told(model)) == bool(reason)
    assert resumed.text == "Wait.\n\nDone."
    assert [i["type"] for i in resumed.items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]


async def test_a_decision_about_other_arguments_is_none() -> None:
    till = Till()
    stage, execution = await _asked(PAY, till=till)
    decisions = _answered(execution.wanted, "approved", arguments_hash="forged", reason="secret")
    with capture_logs() as logs:
        _, model, _ = await _resumed(stage, decisions, till=till)
    assert till.paid == {}
    assert "declined" in _told(model)
    assert "secret" not in _told(model)
    assert [entry["log_level"] for entry in logs if entry["event"] == "approval.mismatch"] == [
        "error"
    ]


async def test_without_a_decision_it_asks_again_and_does_nothing() -> None:
    till = Till()
    stage, execution = await _asked(PAY, till=till)
    later, _, resumed = await _resumed(stage, {}, till=till, steps=[])
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
    stage, execution = await _asked(*calls, till=till, persona=_persona("pay", "look"))
    # What needs nobody's yes is not held up by what does, but for its effects.
    assert [wanted.arguments["amount"] for wanted in execution.wanted] == [3, 4, 5]
    assert (till.looks, till.paid, till.shouted) == (0, {}, [])
    decisions = _answered(execution.wanted, "approved", "rejected", "approved")
    persona = _persona("pay", "look")
    later, _, _ = await _resumed(stage, decisions, till=till, persona=persona)
    assert list(till.paid.values()) == [3]
    assert (till.looks, [call.call_id for call in till.shouted]) == (1, ["c4"])
    outcomes = [event.outcome for event in later.events if isinstance(event, ToolReturned)]
    assert sorted(outcomes) == ["ok", "ok", "ok", "rejected"]


async def test_a_read_only_tool_can_need_a_yes() -> None:
    till = Till()
    call = function_call("look", {"amount": 1}, call_id="c1")
    stage, execution = await _asked(call, till=till, persona=_persona("look"))
    assert till.looks == 0
    decisions = _answered(execution.wanted, "approved")
    later, _, _ = await _resumed(stage, decisions, till=till, persona=_persona("look"))
    assert (till.looks, later.ledger) == (1, {})


@pytest.mark.parametrize("arguments", ['{"amount": "much"}', "{}", "[]", "not JSON", ""])
async def test_nobody_is_asked_about_a_call_that_cannot_be_made(arguments: str) -> None:
    till, stage = Till(), Stage()
    model = ScriptedModel([[function_call("pay", arguments, call_id="c1")], spoken("Oh.")])
    execution = play(stage, model, persona=_persona("pay"), tools=till.tools)
    await execution.run()
    model.assert_complete()
    check_rules(stage.events)
    assert execution.wanted == []
    assert (till.paid, stage.ledger) == ({}, {})
    assert "not made" in str(model.calls[1].input[-1]["output"])
    (returned,) = [event for event in stage.events if isinstance(event, ToolReturned)]
    assert returned.outcome == "error"


async def test_a_run_can_ask_again_and_again() -> None:
    till = Till()
    stage, execution = await _asked(PAY, till=till)
    decisions = _answered(execution.wanted, "approved")
    more = [[function_call("pay", {"amount": 4}, call_id="c2")]]
    later, _, resumed = await _resumed(stage, decisions, till=till, steps=more)
    assert [w.arguments for w in resumed.wanted] == [{"amount": 4}]
    decisions |= _answered(resumed.wanted, "rejected")
    _, _, last = await _resumed(later, decisions, till=till)
    assert list(till.paid.values()) == [3]
    assert last.usage.requests == 3


async def test_an_approved_effect_that_a_crash_cut_is_found_out() -> None:
    till = Till()
    stage, execution = await _asked(PAY, till=till)
    decisions = _answered(execution.wanted, "approved")
    later, _, _ = await _resumed(stage, decisions, till=till)
    (key,) = later.ledger
    # The effect was made; that it was did not come to be written down.
    again = Stage(checkpoints=stage.checkpoints, ledger={key: Effect("pay", "intent")})
    _, model, _ = await _resumed(again, decisions, till=till)
    assert (_told(model), till.checks) == ("found 3", 1)


async def test_a_run_that_is_cancelled_while_it_waits_closes_its_call() -> None:
    stage, execution = await _asked(PAY)
    later = Stage(halt_at=0)
    resumed = play(
        later,
        ScriptedModel([]),
        persona=_persona("pay"),
        tools=Till().tools,
        checkpoint=stage.checkpoints[-1],
    )
    resumed.close()
    (returned,) = later.events
    assert isinstance(returned, ToolReturned)
    assert (returned.call_id, returned.outcome) == (execution.wanted[0].call_id, "error")
    assert resumed.items == [{"role": "assistant", "content": "Wait."}]
    await run_to_halt(Stage(), execution)


class _Loose(BaseModel):
    """Arguments of which not all need be given."""

    weight: float
    note: str = "none"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ('{"weight": 1, "harmless": true}', {"weight": 1.0, "note": "none"}),
        ('{"weight": 1, "weight": 2}', {"weight": 2.0, "note": "none"}),
        ('{"weight": "3", "note": "n"}', {"weight": 3.0, "note": "n"}),
        ('{"weight": 1e999}', {"weight": None, "note": "none"}),
    ],
)
async def test_what_is_shown_is_what_the_tool_would_be_given(
    given: str, shown: dict[str, Any]
) -> None:
    async def weigh(_call: Call, arguments: _Loose) -> str:
        return str(arguments.weight)

    tool = Tool("pay", "Weigh.", _Loose, weigh, effectful=True)
    model = ScriptedModel([[function_call("pay", given, call_id="c1")]])
    tools = {**Till().tools, "pay": tool}
    execution = play(Stage(), model, persona=_persona("pay"), tools=tools)
    await execution.run()
    (wanted,) = execution.wanted
    assert msgspec.json.decode(msgspec.json.encode(wanted.arguments)) == shown
    assert wanted.arguments_hash == arguments_hash("pay", given)
