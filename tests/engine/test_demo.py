"""The demo model says the same each time, by rule, turn and page, at the pace it is given."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assistant.engine.demo import DemoModel, Pace
from tests.engine.stage import PERSONAS

SCRIPT = PERSONAS["guide"].demo


async def answer(*asked: str, page: str = "", script: Any = SCRIPT) -> str:
    """Return what the model says to the last of these messages."""
    model: Any = DemoModel(script, page, Pace(0, 0))
    items: list[dict[str, Any]] = []
    for text in asked:
        items += [{"role": "user", "content": text}, {"role": "assistant", "content": "…"}]
    events = [event async for event in model.stream_response(None, items[:-1])]
    told = "".join(event.delta for event in events if event.type.endswith("text.delta"))
    whole = events[-1].response
    assert whole.output[0].content[0].text == told
    assert (await model.get_response(None, items[:-1])).output[0].content[0].text == told
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
    model: Any = DemoModel(SCRIPT, "", Pace(0, 0))
    parts = [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]
    reply = await model.get_response(None, parts)
    assert reply.output[0].content[0].text == "Hello for the first time."


async def test_its_pace() -> None:
    begun = time.monotonic()
    model: Any = DemoModel(SCRIPT, "", Pace(0.1, 0.02))
    ticks = [
        time.monotonic() - begun
        async for event in model.stream_response(None, "a b c d")
        if event.type.endswith("delta")
    ]
    assert ticks[0] >= 0.1
    assert ticks[-1] >= 0.1 + 0.02 * (len(ticks) - 1)
