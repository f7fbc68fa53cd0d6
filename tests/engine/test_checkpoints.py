"""Checkpoints: after each completed step, and what comes before one is never done again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from agents.models.chatcmpl_converter import Converter
from agents.testing import ScriptedModel, assistant_message, function_call

from assistant.engine import Checkpoint, Execution
from assistant.errors import ModelError
from assistant.events import MessageStarted, ToolCalled, ToolReturned
from assistant.models import Turn
from tests.engine.stage import Stage, check_rules, play, run_to_halt, spoken
from tests.engine.till import Till, cashier

TEXT = "One.\n\nTwo.\n\nThree is all."


def steps() -> list[Any]:
    """Return what a model says that looks twice at once, then pays and looks, then answers."""
    return [
        [
            assistant_message("One."),
            function_call("look", {"amount": 1}, call_id="c1"),
            function_call("look", {"amount": 2}, call_id="c2"),
        ],
        [
            assistant_message("Two."),
            function_call("pay", {"amount": 3}, call_id="c3"),
            function_call("look", {"amount": 4}, call_id="c4"),
        ],
        spoken("Three ", "is ", "all."),
    ]


def begin(stage: Stage, till: Till, **job: Any) -> tuple[ScriptedModel, Execution]:
    """Return a run at its beginning."""
    model = ScriptedModel(steps())
    return model, play(stage, model, persona=cashier(), tools=till.tools, **job)


def take_over(
    stage: Stage, till: Till, checkpoint: Checkpoint, **job: Any
) -> tuple[ScriptedModel, Stage, Execution]:
    """Return the run as another process takes it over from a checkpoint."""
    after = stage.events[checkpoint.sequence + 1 :]
    told = {event.call_id for event in after if isinstance(event, ToolReturned)}
    later = Stage(ledger=stage.ledger)
    model = ScriptedModel(steps()[_asked(checkpoint) :])
    usual: dict[str, Any] = {
        "persona": cashier(),
        "checkpoint": checkpoint,
        "told": frozenset(told),
    }
    return model, later, play(later, model, tools=till.tools, **(usual | job))


def _asked(checkpoint: Checkpoint) -> int:
    """Return how many calls of the model a checkpoint covers: each begins with a message."""
    return len(checkpoint.said)


async def _whole() -> tuple[Stage, Till, Execution]:
    stage, till = Stage(), Till()
    model, execution = begin(stage, till)
    await execution.run()
    model.assert_complete()
    return stage, till, execution


async def test_there_is_one_after_each_step_and_before_each_effect() -> None:
    stage, _, execution = await _whole()
    check_rules(stage.events)
    after_looks, before_paying, after_paying = stage.checkpoints
    assert [c.said for c in stage.checkpoints] == [["One."], ["One.", "Two."], ["One.", "Two."]]
    assert after_looks.calls == after_paying.calls == {}
    ours = [e.call_id for e in stage.events if isinstance(e, ToolCalled) and e.name == "pay"]
    assert before_paying.calls == {"c3": (ours[0], "pay")}
    assert [_outputs(c) for c in stage.checkpoints] == [
        ["c1", "c2"],
        ["c1", "c2", "c4"],
        ["c1", "c2", "c4", "c3"],
    ]
    assert {(c.speaker, c.preface) for c in stage.checkpoints} == {("tester", "")}
    assert execution.checkpoint is not None
    assert execution.text == TEXT


def _outputs(checkpoint: Checkpoint) -> list[str]:
    found = [i for i in checkpoint.added if i.get("type") == "function_call_output"]
    return [item["call_id"] for item in found]


async def test_each_covers_exactly_what_it_says() -> None:
    stage, _, _ = await _whole()
    for checkpoint in stage.checkpoints:
        covered = stage.events[: checkpoint.sequence + 1]
        opened = [e for e in covered if isinstance(e, MessageStarted)]
        assert len(opened) == len(checkpoint.said)
        called = {e.call_id for e in covered if isinstance(e, ToolCalled)}
        open_calls = called - {e.call_id for e in covered if isinstance(e, ToolReturned)}
        assert open_calls == {ours for ours, _ in checkpoint.calls.values()}


async def test_an_answer_without_tools_needs_none() -> None:
    stage = Stage()
    await play(stage, ScriptedModel([spoken("Hi.")])).run()
    assert stage.checkpoints == []


async def test_nothing_private_but_the_conversation_is_in_it() -> None:
    stage, till = Stage(), Till()
    _, execution = begin(stage, till, turn=Turn("hi", {"page": "p-secret"}, "user-secret"))
    await execution.run()
    for checkpoint in stage.checkpoints:
        assert "secret" not in checkpoint.state
        assert json.loads(checkpoint.state)["context"]["context"] == {}


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_from_each_only_the_rest_is_done(number: int) -> None:
    stage, till, first = await _whole()
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
    _, _, before = await _whole()
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
        assert till.looks - looks == (0 if "c4" in _outputs(checkpoint) else 1), halt_at


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
    stage, till, first = await _whole()
    usage = first.usage
    assert (usage.requests, usage.output_tokens) == (3, 3)
    while stage.checkpoints:
        model, later, execution = take_over(stage, till, stage.checkpoints[0])
        await execution.run()
        model.assert_complete()
        assert execution.usage == usage
        stage = later


async def test_a_take_over_asks_for_no_new_disclosure_and_sees_no_danger_twice() -> None:
    stage, till = Stage(), Till()
    persona = cashier(disclosure="I am an AI.")
    await play(stage, ScriptedModel(steps()), persona=persona, tools=till.tools).run()
    assert stage.text.startswith("I am an AI.\n\nOne.")
    _, later, execution = take_over(stage, till, stage.checkpoints[0], persona=persona)
    await execution.run()
    assert "I am" not in later.text
    assert execution.text == f"I am an AI.\n\n{TEXT}"


async def test_a_disclosure_not_yet_spoken_is_kept() -> None:
    stage, till = Stage(), Till()
    persona = cashier(disclosure="I am an AI.")
    silent: list[Any] = [[function_call("look", {"amount": 1}, call_id="c1")], spoken("Done.")]
    await play(stage, ScriptedModel(silent), persona=persona, tools=till.tools).run()
    (checkpoint,) = stage.checkpoints
    assert checkpoint.preface == "I am an AI.\n\n"
    later = Stage()
    taken = play(
        later,
        ScriptedModel(silent[1:]),
        persona=persona,
        tools=till.tools,
        checkpoint=checkpoint,
    )
    await taken.run()
    assert taken.text == later.text == "I am an AI.\n\nDone."


async def test_a_return_that_was_told_is_told_once() -> None:
    stage, till, _ = await _whole()
    before_paying = stage.checkpoints[1]
    _, later, execution = take_over(stage, till, before_paying)
    await execution.run()
    assert "tool.returned" not in later.types
    _, later, execution = take_over(stage, till, before_paying, told=frozenset())
    await execution.run()
    (returned,) = [e for e in later.events if isinstance(e, ToolReturned)]
    assert (returned.call_id, returned.outcome) == (before_paying.calls["c3"][0], "ok")
    assert returned.result == "paid 3"


@pytest.mark.parametrize("crowded", [0, 0.02])
async def test_a_slow_store_is_no_silent_model(crowded: float) -> None:
    stage, till = Stage(slow=0.3, crowded=crowded), Till()
    model = ScriptedModel(steps())
    execution = play(stage, model, persona=cashier(), tools=till.tools, silence=0.15)
    async with asyncio.timeout(10):
        await execution.run()
    assert len(stage.checkpoints) == 3
    check_rules(stage.events)


@pytest.mark.parametrize("crowded", [0, 0.02])
async def test_a_slow_store_at_a_hand_over_is_no_silent_model(crowded: float) -> None:
    handed: list[Any] = [[function_call("transfer_to_tester", {}, call_id="h")], spoken("Hi.")]
    stage = Stage(slow=0.3, crowded=crowded)
    async with asyncio.timeout(10):
        await play(stage, ScriptedModel(handed), persona="guide", silence=0.15).run()
    assert len(stage.checkpoints) == 1


async def test_after_a_slow_store_a_silent_model_is_noticed() -> None:
    async def never(_call: object) -> list[Any]:
        await asyncio.Event().wait()
        return []

    stage, till = Stage(slow=0.1), Till()
    model = ScriptedModel([steps()[0], {"responder": never}])
    execution = play(stage, model, persona=cashier(), tools=till.tools, silence=0.05)
    with pytest.raises(ModelError) as failed:
        await execution.run()
    assert failed.value.code == "model_timeout"
    assert len(stage.checkpoints) == 1


async def test_a_hand_over_is_a_step_and_the_other_goes_on() -> None:
    said: list[Any] = [
        [function_call("transfer_to_tester", {}, call_id="h")],
        [function_call("echo", {"text": "one"}, call_id="t")],
        spoken("Here ", "now."),
    ]
    stage = Stage()
    whole = play(stage, ScriptedModel(said), persona="guide", disclosed=True)
    await whole.run()
    assert [c.speaker for c in stage.checkpoints] == ["tester", "tester"]
    for number, checkpoint in enumerate(stage.checkpoints):
        later, model = Stage(), ScriptedModel(said[number + 1 :])
        taken = play(later, model, persona="guide", disclosed=True, checkpoint=checkpoint)
        await taken.run()
        check_rules(later.events)
        model.assert_complete()
        assert [call.system_instructions for call in model.calls] == ["Answer in tests."] * (
            2 - number
        )
        assert "agent.switched" not in later.types
        assert (taken.text, taken.usage) == (whole.text, whole.usage)
