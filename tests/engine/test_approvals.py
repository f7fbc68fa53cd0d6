"""Approvals: the run stops before the call, and goes on as was decided, in whichever process."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from agents.testing import ScriptedModel, function_call
from pydantic import BaseModel

from assistant.engine.tools import arguments_hash
from assistant.errors import ModelError
from assistant.events import ToolCalled, ToolReturned
from assistant.models import now
from assistant.tool import Call, Tool
from tests.engine.asking import PAY, asked, careful
from tests.engine.stage import Stage, check_rules, play, spoken
from tests.engine.till import Sum, Till


async def test_what_is_asked_says_exactly_what_would_be_done() -> None:
    till = Till()
    stage, execution = await asked(PAY, till=till)
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
    stage, execution = await asked(PAY)
    assert [type(event) for event in stage.events if isinstance(event, ToolReturned)] == []
    assert execution.text == "Wait."
    assert execution.checkpoint is not None
    assert stage.checkpoints[-1].calls == {"c1": (execution.wanted[0].call_id, "pay")}
    assert execution.checkpoint.added == stage.checkpoints[-1].added


async def test_a_tool_can_say_in_its_own_words_what_it_would_do() -> None:
    till = Till()
    tools = {**till.tools, "pay": replace(till.tools["pay"], summarise=_in_words)}
    model = ScriptedModel([[PAY]])
    execution = play(Stage(), model, persona=careful("pay"), tools=tools)
    await execution.run()
    assert execution.wanted[0].summary == "Hands over 3."


async def _in_words(_call: Call, given: Sum) -> str:
    return f"Hands over {given.amount}."


@pytest.mark.parametrize("arguments", ['{"amount": "much"}', "{}", "[]", "not JSON", ""])
async def test_nobody_is_asked_about_a_call_that_cannot_be_made(arguments: str) -> None:
    till, stage = Till(), Stage()
    model = ScriptedModel([[function_call("pay", arguments, call_id="c1")], spoken("Oh.")])
    execution = play(stage, model, persona=careful("pay"), tools=till.tools)
    await execution.run()
    model.assert_complete()
    check_rules(stage.events)
    assert execution.wanted == []
    assert (till.paid, stage.ledger) == ({}, {})
    assert "not made" in str(model.calls[1].input[-1]["output"])
    (returned,) = [event for event in stage.events if isinstance(event, ToolReturned)]
    assert returned.outcome == "error"


async def test_more_calls_at_once_than_anybody_could_look_at_are_nonsense() -> None:
    till, stage = Till(), Stage()
    many = [function_call("pay", {"amount": n}, call_id=f"c{n}") for n in range(1, 22)]
    execution = play(stage, ScriptedModel([many]), persona=careful("pay"), tools=till.tools)
    with pytest.raises(ModelError) as refused:
        await execution.run()
    assert refused.value.code == "model_nonsense"
    assert (execution.wanted, till.paid, stage.ledger) == ([], {}, {})


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
    execution = play(Stage(), model, persona=careful("pay"), tools=tools)
    await execution.run()
    (wanted,) = execution.wanted
    assert msgspec.json.decode(msgspec.json.encode(wanted.arguments)) == shown
    assert wanted.arguments_hash == arguments_hash("pay", given)
