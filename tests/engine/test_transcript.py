"""What a run leaves for the next one's model: plain text where it was nothing else."""

from __future__ import annotations

from typing import Any, cast

import pytest
from agents.testing import ScriptedModel, assistant_message
from openai.types.responses import ResponseOutputMessage

from tests.engine.stage import Stage, play, spoken

ITEM = cast("ResponseOutputMessage", assistant_message("Good day."))


def _with(**more: Any) -> ResponseOutputMessage:
    return ITEM.model_copy(update=more)


async def _left(*output: Any) -> list[dict[str, Any]]:
    execution = play(Stage(), ScriptedModel([list(output)]))
    await execution.run()
    return execution.items


async def test_an_answer_of_nothing_but_text_is_left_as_that() -> None:
    assert await _left(ITEM) == [{"role": "assistant", "content": "Good day."}]


async def test_so_is_one_with_a_note_of_whose_it_is() -> None:
    noted = _with(provider_data={"model": "gpt-test", "response_id": "chatcmpl-1"})
    assert await _left(noted) == [{"role": "assistant", "content": "Good day."}]


@pytest.mark.parametrize(
    "output",
    [
        [_with(phase="final_answer")],
        [_with(content=[*ITEM.content, *ITEM.content])],
        [ITEM, ITEM],
    ],
    ids=["more is said of it", "two parts", "two messages"],
)
async def test_one_of_more_than_that_is_left_whole(output: list[Any]) -> None:
    left = await _left(*output)
    assert [item["type"] for item in left] == ["message"] * len(output)
    told = [part["text"] for item in left for part in item["content"]]
    assert set(told) == {"Good day."}
    assert len(told) == sum(len(item.content) for item in output)
    assert [item.get("phase") for item in left] == [getattr(o, "phase", None) for o in output]


async def test_the_next_run_s_model_is_given_it_so() -> None:
    model = ScriptedModel([spoken("And", " you?")])
    given = [{"role": "user", "content": "hi"}, *await _left(ITEM)]
    await play(Stage(), model, "well", history=given).run()
    (call,) = model.calls
    assert call.input == [*given, {"role": "user", "content": "well"}]
