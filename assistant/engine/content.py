"""What was said, as the GenAI conventions write it on a span: JSON of bounded length."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant.engine.halves import mended

_LONGEST = 8_000  # characters of one text
_DEEPEST = 200  # brackets: what may be nested deeper is shown as text
_LONGEST_NAME = 200
_MOST = 64  # messages: the latest
_CUT = "… ({} characters left out)"

Message = dict[str, Any]


def system_instructions(text: str) -> str:
    """Return `gen_ai.system_instructions`."""
    return _dumped([_text(text)])


def input_messages(given: str | Sequence[Any]) -> str:
    """Return `gen_ai.input.messages` of the SDK's input items, the latest of them."""
    if isinstance(given, str):
        return _dumped([_message("user", _text(given))])
    return _dumped([found for item in given[-_MOST:] if (found := _of(_plain(item)))])


def output_messages(made: Sequence[Any]) -> str:
    """Return `gen_ai.output.messages` of the items that a model answered with."""
    parts = [part for item in made if (found := _of(_plain(item))) for part in found["parts"]]
    return _dumped([{"role": "assistant", "parts": parts}])


def as_json(raw: str) -> str:
    """Return what a model wrote as a tool's arguments, which need not be JSON."""
    if len(raw) > _LONGEST or raw.count("[") + raw.count("{") > _DEEPEST:
        return _dumped(as_text(raw))
    try:
        return _dumped(json.loads(raw))
    except ValueError:
        return _dumped(raw)


def as_text(value: object) -> str:
    """Return a text, cut where it is too long."""
    text = mended(str(value))
    left = len(text) - _LONGEST
    return text if left <= 0 else text[:_LONGEST] + _CUT.format(left)


def name(made_up: str) -> str:
    """Return a name that a model or its server gave, as far as it is one."""
    return mended(made_up)[:_LONGEST_NAME]


def _of(item: Mapping[str, Any]) -> Message | None:
    match item.get("type", "message"):
        case "message":
            return _message(str(item.get("role", "assistant")), *_texts(item.get("content")))
        case "function_call":
            call = {"type": "tool_call", "id": item.get("call_id"), "name": item.get("name")}
            raw = str(item.get("arguments") or "{}")
            return _message("assistant", {**call, "arguments": json.loads(as_json(raw))})
        case "function_call_output":
            answer = {"type": "tool_call_response", "id": item.get("call_id")}
            return _message("tool", {**answer, "response": as_text(item.get("output", ""))})
        case _:
            return None


def _texts(content: object) -> Iterator[Message]:
    if isinstance(content, str):
        yield _text(content)
    elif isinstance(content, Sequence):
        for part in map(_plain, content):
            yield _text(str(part.get("text") or part.get("refusal") or ""))


def _message(role: str, *parts: Message) -> Message:
    return {"role": role, "parts": list(parts)}


def _text(content: str) -> Message:
    return {"type": "text", "content": as_text(content)}


def _plain(item: Any) -> Mapping[str, Any]:
    if isinstance(item, Mapping):
        return item
    dumped: Mapping[str, Any] = item.model_dump() if hasattr(item, "model_dump") else {}
    return dumped


def _dumped(value: object) -> str:
    return mended(json.dumps(value, ensure_ascii=False))
