"""Resuming: from each checkpoint only the rest is done, and it looks as if nothing had happened."""

from __future__ import annotations

from typing import Any

import pytest
from agents.models.chatcmpl_converter import Converter
from agents.testing import ScriptedModel

from assistant.engine import Execution
from assistant.errors import ModelError
from assistant.events import MessageStarted, ToolReturned
from tests.engine.stage import Stage, play, run_to_halt
from tests.engine.takeovers import TEXT, begin, outputs, steps, take_over, whole
from tests.engine.till import Till, cashier


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_from_each_only_the_rest_is_done(number: int) -> None:
    stage, till, first = await whole()
    looks, checkpoint = till.looks, stage.checkpoints[number]
    model, later, execution = take_over(stage, till, checkpoint)
    await execution.run()
    model.assert_complete()
    assert till.looks - looks == (1 if number == 0 else 0)
    assert till.paid == dict.fromkeys(stage.ledger, 3)
    assert len(till.paid) == 1
    assert execution.text == first.text == TEXT
    assert execution.usage == first.usage
    assert _plain(execution) == _plain(first)
    began = [e.index for e in later.events if isinstance(e, MessageStarted)]
    assert began == list(range(len(checkpoint.said), 3))


def _plain(execution: Execution) -> list[dict[str, Any]]:
    return [{k: v for k, v in item.items() if k != "id"} for item in execution.items]


async def test_the_model_sees_after_a_take_over_what_it_would_have_seen() -> None:
    _, _, before = await whole()
    earlier = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        *(_renamed(item) for item in before.items),
    ]
    stage, till = Stage(), Till()
    model, execution = begin(stage, till, history=earlier)
    await execution.run()
    for number, checkpoint in enumerate(stage.checkpoints):
        again, _, taken = take_over(stage, till, checkpoint, history=earlier)
        await taken.run()
        seen = [call.input for call in model.calls[-len(again.calls) :]]
        assert [call.input for call in again.calls] == seen, number
        for items in seen:
            # It can be sent over the other protocol, too.
            assert len(Converter.items_to_messages(items)) >= len(earlier) - 2


def _renamed(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item of another run: no two use one id."""
    return item | ({"call_id": f"{item['call_id']}x"} if "call_id" in item else {})


async def test_wherever_it_stops_another_finishes_and_nothing_happens_twice() -> None:
    for halt_at in range(1, 18):
        stage, till = Stage(halt_at=halt_at), Till()
        _, broken = begin(stage, till)
        await run_to_halt(stage, broken)
        assert stage.halted.is_set()
        if not stage.checkpoints:
            continue
        looks, checkpoint = till.looks, stage.checkpoints[-1]
        model, _, execution = take_over(stage, till, checkpoint)
        await execution.run()
        model.assert_complete()
        assert execution.text == TEXT, halt_at
        assert len(till.paid) == 1, halt_at
        # A look after the checkpoint is looked again, one before it is not.
        assert till.looks - looks == (0 if "c4" in outputs(checkpoint) else 1), halt_at


async def test_take_overs_use_up_no_steps() -> None:
    stage, till = Stage(), Till()
    persona = cashier(max_steps=3)
    await play(stage, ScriptedModel(steps()), persona=persona, tools=till.tools).run()
    checkpoint = stage.checkpoints[0]
    for _ in range(5):
        # It stops before it comes to the next checkpoint, and is taken over where it was.
        model, later, execution = take_over(stage, till, checkpoint, persona=persona)
        later.halt_at = 1
        await run_to_halt(later, execution)
        assert later.checkpoints == []
        assert len(model.calls) == 1
    model, later, execution = take_over(stage, till, checkpoint, persona=persona)
    await execution.run()
    assert execution.text == TEXT


async def test_steps_count_across_take_overs() -> None:
    stage, till = Stage(), Till()
    persona = cashier(max_steps=2)
    with pytest.raises(ModelError) as whole:
        await play(stage, ScriptedModel(steps()), persona=persona, tools=till.tools).run()
    _, _, execution = take_over(stage, till, stage.checkpoints[-1], persona=persona)
    with pytest.raises(ModelError) as taken:
        await execution.run()
    assert whole.value.code == taken.value.code == "too_many_steps"


async def test_usage_counts_what_was_done_before_and_nothing_twice() -> None:
    stage, till, first = await whole()
    usage = first.usage
    assert (usage.requests, usage.output_tokens) == (3, 3)
    while stage.checkpoints:
        model, later, execution = take_over(stage, till, stage.checkpoints[0])
        await execution.run()
        model.assert_complete()
        assert execution.usage == usage
        stage = later


async def test_a_return_that_was_told_is_told_once() -> None:
    stage, till, _ = await whole()
    before_paying = stage.checkpoints[1]
    _, later, execution = take_over(stage, till, before_paying)
    await execution.run()
    assert "tool.returned" not in later.types
    _, later, execution = take_over(stage, till, before_paying, told=frozenset())
    await execution.run()
    (returned,) = [e for e in later.events if isinstance(e, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (before_paying.calls["c3"][0], "ok")
    assert returned.result == "paid 3"
