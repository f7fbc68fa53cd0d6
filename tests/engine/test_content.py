"""What was said, in the conventions' shapes: whatever it is, it is JSON, and bounded."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assistant.engine import content

_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "function_call", "function_call_output", "reasoning"]),
        "role": st.sampled_from(["user", "assistant", "system"]),
        "content": _ANY,
        "call_id": st.text(),
        "name": st.text(),
        "arguments": st.text(st.characters()),
        "output": _ANY,
    },
)


@given(st.text(st.characters()) | st.lists(_ITEM, max_size=80))
def test_any_input_is_messages(asked: str | list[dict[str, Any]]) -> None:
    written = content.input_messages(asked)
    written.encode()
    for message in json.loads(written):
        assert message.keys() == {"role", "parts"}
        for part in message["parts"]:
            assert part["type"] in {"text", "tool_call", "tool_call_response"}


@given(st.text(st.characters()))
def test_any_arguments_are_json(raw: str) -> None:
    written = content.as_json(raw)
    written.encode()
    json.loads(written)


def test_what_is_nested_without_end_is_text() -> None:
    deep = "[" * 4_000 + "]" * 4_000
    assert json.loads(content.as_json(deep)) == deep
    call = {"type": "function_call", "call_id": "c", "name": "n", "arguments": deep}
    ((part,),) = [message["parts"] for message in json.loads(content.input_messages([call]))]
    assert part["arguments"] == deep


def test_half_a_character_does_no_harm() -> None:
    assert json.loads(content.as_json('{"a": "\\ud800"}')) == {"a": "\ufffd"}
    assert content.name("resp\ud800") == "resp\ufffd"
    assert json.loads(content.output_messages([{"content": "a\udc00"}]))[0]["parts"] == [
        {"type": "text", "content": "a\ufffd"}
    ]


def test_long_texts_and_long_talks_are_cut() -> None:
    long = content.input_messages("x" * 9_000)
    assert json.loads(long)[0]["parts"][0]["content"].endswith("(1000 characters left out)")
    many = content.input_messages([{"role": "user", "content": str(n)} for n in range(100)])
    assert json.loads(many)[0]["parts"][0]["content"] == "36"
    assert len(content.as_json('{"a": "' + "x" * 100_000 + '"}')) < 8_100
    assert len(content.name("x" * 1_000)) == 200
