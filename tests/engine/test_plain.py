"""A persona without tools is answered without the runner, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import openai
import pytest
from agents.exceptions import _mark_error_to_drain_stream_events
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from agents.usage import Usage as SdkUsage
from openai.types.responses import ResponseReasoningItem
from openai.types.responses.response_reasoning_item import Summary

from assistant.engine import plain
from assistant.errors import ModelError
from assistant.events import MessageCompleted, MessageStarted, ToolReturned, Usage
from assistant.persona import Persona
from tests.engine.stage import PERSONAS, Stage, check_rules, play, refused, run_to_halt, spoken

_THOUGHT = ResponseReasoningItem(
    id="r", type="reasoning", summary=[Summary(text="Hm.", type="summary_text")]
)
_GONE = openai.APIConnectionError(request=httpx2.Request("POST", "http://model"))
_CUT = ModelError("model_cut", "It broke.", retryable=True)
# As our models do, lest the runner loses what came before it.
_mark_error_to_drain_stream_events(_CUT)
_COUNTED = ModelStep(
    [assistant_message("Counted.")],
    usage=SdkUsage(requests=1, input_tokens=7, output_tokens=2, total_tokens=9),
)

SCRIPTS: dict[str, Callable[[], list[Any]]] = {
    "words": lambda: [spoken("It ", "is ", "", "one.")],
    "counted": lambda: [_COUNTED],
    "two messages": lambda: [
        [assistant_message("One.", item_id="m1"), assistant_message("Two.", item_id="m2")]
    ],
    "a thought": lambda: [[_THOUGHT, assistant_message("Yes.")]],
    "a thought alone": lambda: [[_THOUGHT]],
    "a refusal": lambda: [[refused("No.")]],
    "nothing": lambda: [[]],
    "blanks": lambda: [[assistant_message("  \n")]],
    "a made-up tool": lambda: [
        [assistant_message("Wait."), function_call("made_up", {}, call_id="t")],
        spoken("None such."),
    ],
    "only made-up tools": lambda: [[function_call("made_up", {}, call_id="t")]] * 9,
    "asked twice for a made-up tool": lambda: [
        ModelStep(error=_GONE),
        [function_call("made_up", {}, call_id="t")],
        _COUNTED,
    ],
    "asked twice": lambda: [ModelStep(error=_GONE), _COUNTED],
    "gone for good": lambda: [ModelStep(error=_GONE)] * 9,
    "broken before": lambda: [spoken(error=_CUT)] * 2,
    "broken within": lambda: [spoken("It ", "is", error=_CUT)],
}

_HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hello to you."},
]
_OF_OTHERS: list[dict[str, Any]] = [
    *_HISTORY,
    {"type": "function_call", "call_id": "c", "name": "echo", "arguments": "{}", "id": "f"},
    {"type": "function_call_output", "call_id": "c", "output": "one"},
    {"type": "function_call_output", "call_id": "c", "output": "two"},
]


@dataclass
class Played:
    """All that can be told of an execution, but for ids and times of our own."""

    told: list[Any]
    text: str
    items: list[dict[str, Any]]
    usage: Usage
    code: str | None
    asked: list[Any]


def wordy(**changes: Any) -> Persona:
    """Return a persona that has no tools."""
    tester = PERSONAS["tester"]
    return replace(tester, file=tester.file.model_copy(update={"tools": [], **changes}))


async def played(script: list[Any], **job: Any) -> Played:
    stage, model, code = Stage(), ScriptedModel(script), None
    execution = play(stage, model, persona=wordy(), retries=1, **job)
    try:
        await execution.run()
    except ModelError as error:
        code = error.code
    execution.close()
    check_rules(stage.events)
    told = [
        getattr(event, "text", None) or (type(event).__name__, getattr(event, "outcome", None))
        for event in stage.events
    ]
    asked = [
        (call.system_instructions, call.input, replace(call.model_settings, retry=None), call.tools)
        for call in model.calls
    ]
    return Played(told, execution.text, execution.items, execution.usage, code, asked)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("history", [_HISTORY, _OF_OTHERS], ids=["words", "calls"])
async def test_it_is_as_the_runner_would_have_it(
    name: str, history: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await played(SCRIPTS[name](), history=history)
    monkeypatch.setattr(plain, "suits", lambda _agent: False)
    theirs = await played(SCRIPTS[name](), history=history)
    # A server that counts no tokens was asked all the same.
    assert ours.usage.requests >= theirs.usage.requests
    assert replace(ours, usage=theirs.usage) == theirs
    if name == "counted":
        assert ours.usage == theirs.usage == Usage(7, 2, 9, 1)
    if name.startswith("asked twice for"):
        assert ours.usage == theirs.usage
    if name == "asked twice":
        assert ours.usage == theirs.usage == Usage(7, 2, 9, 2)


async def test_a_made_up_tool_is_the_runners_to_answer() -> None:
    model, stage = ScriptedModel(SCRIPTS["a made-up tool"]()), Stage()
    execution = play(stage, model, persona=wordy())
    await execution.run()
    # What was answered is not asked for again.
    assert len(model.calls) == 2
    assert execution.text == "Wait.\n\nNone such."
    assert [e.outcome for e in stage.events if isinstance(e, ToolReturned)] == ["error"]


async def test_it_asks_with_nothing_of_a_tool_and_says_its_disclosure_first() -> None:
    model, stage = ScriptedModel([spoken("Hi.")]), Stage()
    execution = play(stage, model, persona=wordy(disclosure="I am an AI."))
    await execution.run()
    (call,) = model.calls
    assert (call.tools, call.handoffs, call.streamed) == ([], [], True)
    assert execution.text == "I am an AI.\n\nHi."


async def test_wherever_it_is_stopped_everything_is_closed() -> None:
    for halt_at in range(1, 4):
        stage = Stage(halt_at=halt_at)
        execution = play(stage, ScriptedModel([spoken("a ", "b ", "c")]), persona=wordy())
        await run_to_halt(stage, execution)
        assert stage.halted.is_set()
        check_rules(stage.events)
        assert isinstance(stage.events[0], MessageStarted)
        assert isinstance(stage.events[-1], MessageCompleted)
        assert execution.text == stage.text
        assert execution.items == [{"role": "assistant", "content": execution.text}]
