"""What one execution tells its sink and leaves behind, however it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses import ResponseOutputMessage, ResponseOutputRefusal

from assistant.engine.narration import sendable
from assistant.errors import LeaseLostError, ModelError
from assistant.events import (
    AgentSwitched,
    MessageDelta,
    SafetyFlagged,
    ToolCalled,
    ToolReturned,
)
from assistant.tool import Call
from tests.engine.stage import PERSONAS, Stage, check_rules, play, run_to_halt, spoken
from tests.engine.talks import TOOLS, Words

MESSAGE = ["message.started", "message.delta", "message.completed"]


def story() -> ScriptedModel:
    """Return a model that speaks, calls two tools, speaks, and calls no more."""
    return ScriptedModel(
        [
            [
                assistant_message("Let me look."),
                function_call("echo", {"text": "one"}, call_id="theirs_1"),
                function_call("breaks", {}, call_id="theirs_2"),
            ],
            spoken("It ", "is ", "", "one."),
        ]
    )


async def test_the_whole_story_in_order() -> None:
    stage = Stage()
    execution = play(stage, story())
    await execution.run()
    check_rules(stage.events)
    assert stage.types[:3] == MESSAGE
    assert sorted(stage.types[3:7]) == ["tool.called"] * 2 + ["tool.returned"] * 2
    assert stage.types[7:] == [MESSAGE[0], *[MESSAGE[1]] * 3, MESSAGE[2]]
    assert execution.text == stage.text == "Let me look.\n\nIt is one."
    assert execution.usage.requests == 2
    assert [i.get("type", "message") for i in execution.items] == [
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
    ]
    count = len(stage.events)
    execution.close()
    assert len(stage.events) == count


@pytest.mark.parametrize("error", [None, LeaseLostError("another worker")])
async def test_wherever_it_is_stopped_everything_is_closed(error: Exception | None) -> None:
    for halt_at in range(1, 12):
        stage = Stage(halt_at=halt_at, error=error)
        execution = play(stage, story())
        await run_to_halt(stage, execution)
        assert stage.halted.is_set()
        check_rules(stage.events)
        assert execution.text == stage.text
        assert sendable(execution.items) == execution.items
        assert not any("id" in item for item in execution.items)
        if execution.text:
            assert execution.items[-1] == {"role": "assistant", "content": execution.text}


async def test_wherever_the_model_fails_everything_is_closed() -> None:
    words = ("a ", "b ", "c")
    for after in range(len(words) + 1):
        for before in ([], [story_step()]):
            stage = Stage()
            step = spoken(
                *words[:after], error=ModelError("model_cut", "It broke.", retryable=True)
            )
            execution = play(stage, ScriptedModel([*before, step]))
            with pytest.raises(ModelError, match="It broke"):
                await execution.run()
            execution.close()
            check_rules(stage.events)
            assert execution.text == stage.text
            assert sendable(execution.items) == execution.items


def story_step() -> list[Any]:
    return [assistant_message("Wait."), function_call("echo", {"text": "x"}, call_id="t")]


async def test_calls_that_share_an_id_are_two_calls_or_none() -> None:
    twice = [function_call("echo", {"text": text}, call_id="same") for text in ("a", "b")]
    stage = Stage()
    execution = play(stage, ScriptedModel([twice, spoken("done")]))
    try:
        await execution.run()
    except ModelError:
        execution.close()
    check_rules(stage.events)


async def test_messages_of_one_reply_are_parted_by_a_blank_line() -> None:
    both = [assistant_message("One.", item_id="m1"), assistant_message("Two.", item_id="m2")]
    stage = Stage()
    execution = play(stage, ScriptedModel([both]))
    await execution.run()
    check_rules(stage.events)
    assert stage.types == MESSAGE * 2
    assert execution.text == stage.text == "One.\n\nTwo."


async def test_a_refusal_is_the_answer() -> None:
    refusal = ResponseOutputMessage(
        id="m",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputRefusal(type="refusal", refusal="No.")],
    )
    stage = Stage()
    execution = play(stage, ScriptedModel([[refusal]]))
    await execution.run()
    assert (stage.types, execution.text) == (MESSAGE, "No.")
    assert len(execution.items) == 1


@pytest.mark.parametrize("nothing", [[], [assistant_message("")], [assistant_message("  \n")]])
async def test_an_empty_answer_is_none(nothing: list[Any]) -> None:
    stage = Stage()
    execution = play(stage, ScriptedModel([nothing]))
    with pytest.raises(ModelError) as failed:
        await execution.run()
    execution.close()
    assert failed.value.code == "model_nonsense"
    check_rules(stage.events)


async def test_an_error_of_our_own_is_not_blamed_on_the_model() -> None:
    execution = play(Stage(), ScriptedModel([ModelStep.raise_error(ZeroDivisionError("ours"))]))
    with pytest.raises(ZeroDivisionError):
        await execution.run()


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


async def test_a_silent_model_is_not_waited_for() -> None:
    async def never(_call: object) -> list[Any]:
        await asyncio.Event().wait()
        return []

    stage = Stage()
    execution = play(stage, ScriptedModel([ModelStep.respond(never)]), silence=0.05)
    with pytest.raises(ModelError) as failed:
        await execution.run()
    assert failed.value.code == "model_timeout"


async def test_a_slow_tool_is_not_a_silent_model() -> None:
    async def slow(_call: Call, given: Words) -> str:
        await asyncio.sleep(0.3)
        return given.text

    stage = Stage()
    await play(stage, story(), silence=0.15, tools={"echo": replace(TOOLS["echo"], run=slow)}).run()
    check_rules(stage.events)
    assert stage.text.endswith("It is one.")


async def test_a_cancelled_run_stops_its_tools() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call, given: Words) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return given.text

    stage = Stage(halted=begun)
    tools = {"echo": replace(TOOLS["echo"], run=slow)}
    execution = play(stage, ScriptedModel([story_step()]), tools=tools)
    await run_to_halt(stage, execution)
    async with asyncio.timeout(2):
        await ended.wait()
    check_rules(stage.events)
    assert stage.types == [*MESSAGE, "tool.called", "tool.returned"]
    assert execution.items == [{"role": "assistant", "content": "Wait."}]


def _call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def _output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


@pytest.mark.parametrize(
    ("items", "kept"),
    [
        ([], []),
        ([_call("a"), _output("a")], [0, 1]),
        ([_call("a"), _call("b"), _output("b")], [1, 2]),
        ([_output("a"), {"role": "user", "content": "x"}], [1]),
        ([_call("a")], []),
    ],
)
def test_only_calls_with_a_result_are_sendable(
    items: list[dict[str, Any]], kept: list[int]
) -> None:
    assert sendable(items) == [items[i] for i in kept]
