"""What one execution tells its sink and leaves behind, however it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

from assistant.engine.narration import sendable
from assistant.errors import LeaseLostError, ModelError
from assistant.tool import Call
from tests.engine.stage import Stage, check_rules, play, refused, run_to_halt, spoken
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
    stage = Stage()
    execution = play(stage, ScriptedModel([[refused("No.")]]))
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
