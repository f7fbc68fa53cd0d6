"""What a persona's file makes of an execution: who speaks, what is said first, what is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from agents.testing import ScriptedModel, function_call

from assistant.engine.narration import sendable
from assistant.errors import ModelError
from assistant.events import (
    AgentSwitched,
    MessageDelta,
    SafetyFlagged,
    ToolCalled,
    ToolReturned,
)
from tests.engine.stage import PERSONAS, Stage, check_rules, play, spoken
from tests.engine.test_execution import MESSAGE, story


@pytest.mark.parametrize(("shown", "arguments"), [(True, {"text": "one"}), (False, None)])
async def test_clients_see_of_tools_what_the_persona_lets_them(
    *, shown: bool, arguments: object
) -> None:
    stage, tester = Stage(), PERSONAS["tester"]
    file = tester.file.model_copy(update={"show_tools": shown})
    await play(stage, story(), persona=replace(tester, file=file)).run()
    called = {e.name: e for e in stage.events if isinstance(e, ToolCalled)}
    returned = {e.name: e for e in stage.events if isinstance(e, ToolReturned)}
    assert called["echo"].arguments == arguments
    assert returned["echo"].result == ("one" if shown else None)
    assert (returned["echo"].outcome, returned["breaks"].outcome) == ("ok", "error")
    assert "secret" not in str(returned)


async def test_a_hand_over_is_told_and_its_tools_follow_the_new_speaker() -> None:
    stage = Stage()
    model = ScriptedModel(
        [
            [function_call("transfer_to_tester", {}, call_id="h")],
            [function_call("echo", {"text": "one"}, call_id="t")],
            spoken("Here ", "now."),
        ]
    )
    execution = play(stage, model, persona="guide", disclosed=True)
    await execution.run()
    check_rules(stage.events)
    assert stage.events[0] == AgentSwitched("guide", "tester")
    # `guide` hides its tools, `tester` shows them.
    assert [e.arguments for e in stage.events if isinstance(e, ToolCalled)] == [{"text": "one"}]
    assert execution.text == "Here now."
    assert model.calls[1].system_instructions == "Answer in tests."
    assert sendable(execution.items) == execution.items


@pytest.mark.parametrize(
    ("disclosed", "text"), [(False, "I am an AI.\n\nHi there."), (True, "Hi there.")]
)
async def test_the_disclosure_is_spoken_once(*, disclosed: bool, text: str) -> None:
    stage = Stage()
    execution = play(
        stage, ScriptedModel([spoken("Hi ", "there.")]), persona="guide", disclosed=disclosed
    )
    await execution.run()
    check_rules(stage.events)
    assert execution.text == stage.text == text
    assert len([e for e in stage.events if isinstance(e, MessageDelta)]) == 2


async def test_a_model_that_fails_leaves_no_disclosure_behind() -> None:
    stage = Stage()
    execution = play(
        stage, ScriptedModel([spoken(error=ModelError("x", "y", retryable=True))]), persona="guide"
    )
    with pytest.raises(ModelError):
        await execution.run()
    execution.close()
    assert (stage.events, execution.text, execution.items) == ([], "", [])


@pytest.mark.parametrize("padding", ["", " and so on" * 200])
async def test_danger_is_answered_without_the_model(padding: str) -> None:
    stage, model = Stage(), ScriptedModel([spoken("Never said.")])
    execution = play(stage, model, "Help, it BURNS" + padding, persona="guide")
    await execution.run()
    check_rules(stage.events)
    assert stage.types == ["safety.flagged", *MESSAGE]
    assert isinstance(stage.events[0], SafetyFlagged)
    assert stage.events[0].category == "fire"
    assert stage.events[0].resources[0].contact == "112"
    assert execution.text == "Leave the house, then call 112."
    assert model.calls == ()
    assert execution.items == [{"role": "assistant", "content": execution.text}]


async def test_a_figure_of_speech_is_no_danger() -> None:
    execution = play(
        Stage(), ScriptedModel([spoken("Good.")]), "Running: it burns calories", persona="guide"
    )
    await execution.run()
    assert execution.text.endswith("Good.")


async def test_history_comes_before_the_message() -> None:
    model = ScriptedModel([spoken("Yes.")])
    earlier = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    await play(Stage(), model, "c", history=earlier).run()
    assert [item["content"] for item in model.calls[0].input] == ["a", "b", "c"]
