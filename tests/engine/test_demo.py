"""The demo model says the same each time, by rule, turn and page, at the pace it is given."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from assistant.dialogue import Conversation, Heard, Said, Say, Use, Used
from assistant.engine import Job
from assistant.engine.agents import check_dialogue
from assistant.engine.demo import DemoModel, Pace
from assistant.errors import PersonaError
from assistant.models import Principal, Turn
from assistant.persona import DemoScript
from tests.engine.stage import PERSONAS

SCRIPT = PERSONAS["guide"].demo
AT_ONCE = Pace(0, 0)


def model(page: str = "", script: Any = SCRIPT, pace: Pace = AT_ONCE, dialogue: Any = None) -> Any:
    """Return the model for a run on that page."""
    context = {"page": page} if page else {}
    job = Job(
        "run_1", "cor_1", Principal("owner"), PERSONAS["guide"], Turn("", context), model="demo"
    )
    return DemoModel(job, script, pace, dialogue)


async def answer(*asked: str, page: str = "", script: Any = SCRIPT) -> str:
    """Return what the model says to the last of these messages."""
    speaker = model(page, script)
    items: list[dict[str, Any]] = []
    for text in asked:
        items += [{"role": "user", "content": text}, {"role": "assistant", "content": "…"}]
    events = [event async for event in speaker.stream_response(None, items[:-1])]
    told = "".join(event.delta for event in events if event.type.endswith("text.delta"))
    whole = events[-1].response
    assert whole.output[0].content[0].text == told
    assert (await speaker.get_response(None, items[:-1])).output[0].content[0].text == told
    assert whole.usage.output_tokens == len(events) - 2
    return told


@pytest.mark.parametrize(
    ("asked", "page", "told"),
    [
        (["Hello!"], "", "Hello for the first time."),
        (["x", "HELLO"], "", "Hello again."),
        (["hello", "hello", "hello"], "", "And again."),
        (["hello", "hello", "hello", "hello"], "", "And again."),
        (["Where am I?"], "billing/1", "You are on billing/1."),
        (["Where am I?"], "home", "One: Where am I?"),
        (["a", "b"], "", "Two."),
        (["a", "b", "c"], "", "Three."),
        (["a", "b", "c", "d"], "", "One: d"),
        (["a", "hello", "b"], "", "Two."),
        (["y" * 200], "", "One: " + "y" * 60),
        ([], "", "One: "),
    ],
)
async def test_what_it_says(asked: list[str], page: str, told: str) -> None:
    for _ in range(2):
        assert await answer(*asked, page=page) == told


async def test_a_persona_without_a_script_says_how_to_get_a_model() -> None:
    assert "OPENAI_API_KEY" in await answer("hi", script=None)


async def test_content_in_parts_is_understood() -> None:
    parts = [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]
    reply = await model().get_response(None, parts)
    assert reply.output[0].content[0].text == "Hello for the first time."


async def test_its_pace() -> None:
    begun = time.monotonic()
    ticks = [
        time.monotonic() - begun
        async for event in model(pace=Pace(0.1, 0.02)).stream_response(None, "a b c d")
        if event.type.endswith("delta")
    ]
    assert ticks[0] >= 0.1
    assert ticks[-1] >= 0.1 + 0.02 * (len(ticks) - 1)


HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "first"},
    {"type": "function_call", "call_id": "a", "name": "look", "arguments": '{"x": 1}'},
    {"type": "function_call", "call_id": "b", "name": "look", "arguments": "not JSON"},
    {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "b", "output": "B"},
    {"type": "function_call_output", "call_id": "a", "output": [{"type": "t", "text": "A"}]},
    {"type": "function_call_output", "call_id": "nobody's", "output": "?"},
    {"type": "reasoning", "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
    {"role": "user", "content": "second"},
]


class _Look:
    name = "look"


async def test_a_dialogue_comes_before_the_script_and_may_use_tools() -> None:
    seen: list[Conversation] = []

    def dialogue(conversation: Conversation) -> Say | Use | None:
        seen.append(conversation)
        return Use("look", {"at": "it"})

    speaker = model("home", dialogue=dialogue)
    for _ in range(2):
        given = speaker.stream_response(None, HISTORY, None, [_Look()])
        events = [event async for event in given]
        (call,) = events[-1].response.output
        assert (call.name, call.arguments, call.type) == ("look", '{"at": "it"}', "function_call")
        # The same step of the same run has the same id, in another process too.
        assert call.call_id == "run_1.4"
        done = next(e for e in events if e.type == "response.output_item.done")
        assert done.item == call
        assert [e.sequence_number for e in events] == sorted({e.sequence_number for e in events})
    (first, second) = seen
    assert (
        first.entries
        == second.entries
        == (
            *(Heard("first"), Used("look", {}, "B"), Used("look", {"x": 1}, "A"), Said("so")),
            Heard("second"),
        )
    )
    assert first.tools == frozenset({"look"})
    assert first.page == {"page": "home"}


def test_a_dialogue_that_is_not_there_is_named() -> None:
    demo = DemoScript(dialogue="nowhere", otherwise=("Hm.",))
    persona = dataclasses.replace(PERSONAS["guide"], demo=demo)
    told = r"guide/demo\.yaml: dialogue: there is no 'nowhere' \(known: clinic\)"
    with pytest.raises(PersonaError, match=told):
        check_dialogue(persona, {"clinic"})
    check_dialogue(persona, {"clinic", "nowhere"})


async def test_where_a_dialogue_has_nothing_to_say_the_script_speaks() -> None:
    reply = await model(dialogue=lambda _: None).get_response(None, "hello")
    assert reply.output[0].content[0].text == "Hello for the first time."
