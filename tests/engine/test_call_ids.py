"""Call ids that a careless model server uses twice: no effect is made twice, no run hangs.

The SDK takes the same id with the same arguments for the same call, and answers it from what it
knows; with other arguments it refuses the whole reply. Both hold within one run only.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents.testing import ScriptedModel, function_call

from assistant.errors import ModelError
from assistant.events import ToolReturned
from tests.engine.stage import Stage, check_rules, play, spoken
from tests.engine.till import Till, cashier


def _pay(amount: int, tool: str = "pay") -> Any:
    return function_call(tool, {"amount": amount}, call_id="same")


def _history(tool: str, amount: int) -> list[dict[str, Any]]:
    """Return an earlier run that used the id."""
    arguments = f'{{"amount":{amount}}}'
    return [
        {"role": "user", "content": "a"},
        {"type": "function_call", "call_id": "same", "name": tool, "arguments": arguments},
        {"type": "function_call_output", "call_id": "same", "output": "done then"},
        {"role": "assistant", "content": "b"},
    ]


@pytest.mark.parametrize(
    "steps", [[[_pay(1)], [_pay(1)]], [[_pay(1), _pay(1)]]], ids=["in two steps", "in one"]
)
async def test_the_same_call_again_is_one_call(steps: list[Any]) -> None:
    stage, till = Stage(), Till()
    model = ScriptedModel([*steps, spoken("Done.")])
    execution = play(stage, model, persona=cashier(), tools=till.tools)
    await execution.run()
    model.assert_complete()
    check_rules(stage.events)
    assert list(till.paid.values()) == [1]
    assert len([event for event in stage.events if isinstance(event, ToolReturned)]) == 1


@pytest.mark.parametrize("second", [_pay(2), _pay(1, "look"), _pay(2, "look")])
@pytest.mark.parametrize("first", [_pay(1), _pay(3, "look")])
async def test_another_call_by_that_id_is_refused_in_the_next_step(first: Any, second: Any) -> None:
    stage, till = Stage(), Till()
    model = ScriptedModel([[first], [second]])
    execution = play(stage, model, persona=cashier(), tools=till.tools)
    async with asyncio.timeout(5):
        with pytest.raises(ModelError) as failed:
            await execution.run()
    execution.close()
    assert failed.value.code == "model_nonsense"
    check_rules(stage.events)
    assert len(till.paid) + till.looks == 1
    calls = [item for item in execution.items if item.get("type") == "function_call"]
    assert len(calls) == 1


async def test_two_calls_by_one_id_in_one_reply_are_none() -> None:
    stage, till = Stage(), Till()
    execution = play(
        stage, ScriptedModel([[_pay(1), _pay(2)]]), persona=cashier(), tools=till.tools
    )
    with pytest.raises(ModelError) as failed:
        await execution.run()
    execution.close()
    assert (failed.value.code, till.paid, stage.ledger) == ("model_nonsense", {}, {})
    check_rules(stage.events)


@pytest.mark.parametrize("amount", [1, 2])
@pytest.mark.parametrize("tool", ["pay", "look"])
async def test_what_an_earlier_run_called_so_is_another_call(tool: str, amount: int) -> None:
    stage, till, history = Stage(), Till(), _history(tool, amount)
    steps: list[Any] = [[_pay(1)], spoken("Done.")]
    model = ScriptedModel(steps)
    usual: Any = {"persona": cashier(), "tools": till.tools, "history": history}
    whole = play(stage, model, **usual)
    await whole.run()
    assert list(till.paid.values()) == [1]
    assert len(stage.checkpoints) == 2
    todo = stage.checkpoints
    while todo:
        later = Stage(ledger=stage.ledger)
        again = ScriptedModel(steps[1:])
        taken = play(later, again, checkpoint=todo.pop(), **usual)
        async with asyncio.timeout(5):
            await taken.run()
        # One that was taken over is taken over, too.
        todo += later.checkpoints
        again.assert_complete()
        assert list(till.paid.values()) == [1]
        assert taken.text == whole.text
        # The model is told of both, each with its output.
        told = [item["output"] for item in _items(again) if "output" in item]
        assert told == ["done then", "paid 1"]
        ids = [item["call_id"] for item in _items(again) if "call_id" in item]
        assert ids[::2] == ids[1::2] == ["same_before", "same"]


def _items(model: ScriptedModel) -> list[dict[str, Any]]:
    """Return what the model was told at last."""
    items: list[dict[str, Any]] = list(model.calls[-1].input)
    return items
