"""Checkpoints: after each completed step, and what comes before one is never done again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from agents.testing import ScriptedModel, function_call

from assistant.errors import ModelError
from assistant.events import MessageStarted, ToolCalled, ToolReturned
from assistant.models import Turn
from tests.engine.stage import Stage, check_rules, play, spoken
from tests.engine.takeovers import TEXT, begin, outputs, steps, take_over, whole
from tests.engine.till import Till, cashier


@pytest.mark.parametrize("crowded", [0, 0.02])
async def test_there_is_one_after_each_step_and_before_each_effect(crowded: float) -> None:
    stage, _, execution = await whole(crowded=crowded)
    check_rules(stage.events)
    after_looks, before_paying, after_paying = stage.checkpoints
    assert [c.said for c in stage.checkpoints] == [["One."], ["One.", "Two."], ["One.", "Two."]]
    assert after_looks.calls == after_paying.calls == {}
    ours = [e.call_id for e in stage.events if isinstance(e, ToolCalled) and e.name == "pay"]
    assert before_paying.calls == {"c3": (ours[0], "pay")}
    assert [outputs(c) for c in stage.checkpoints] == [
        ["c1", "c2"],
        ["c1", "c2", "c4"],
        ["c1", "c2", "c4", "c3"],
    ]
    assert {(c.speaker, c.preface) for c in stage.checkpoints} == {("tester", "")}
    assert execution.checkpoint is not None
    assert execution.text == TEXT


@pytest.mark.parametrize("crowded", [0, 0.02])
async def test_each_covers_exactly_what_it_says(crowded: float) -> None:
    stage, _, _ = await whole(crowded=crowded)
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
