"""The shorthand of transcripts for Responses: items, from their announcement to their end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_RESPONSE: dict[str, Any] = {
    "id": "resp_recorded",
    "object": "response",
    "created_at": 1_760_000_000,
    "model": "gpt-test-2026-08-01",
    "parallel_tool_calls": True,
    "service_tier": "default",
    "tool_choice": "auto",
    "tools": [],
    "error": None,
    "incomplete_details": None,
    "metadata": {},
}
# A reasoning item's fields: what their events are called, and what counts their parts.
_THOUGHTS = {
    "summary": ("reasoning_summary_text", "summary_index"),
    "content": ("reasoning_text", "content_index"),
}


def dumped(value: Any) -> str:
    """Return JSON as servers send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def listed(value: Any) -> list[Any]:
    """Return a list, which the shorthand may leave out round one thing."""
    return value if isinstance(value, list) else [value]


class Responses:
    """The methods are the words of the shorthand."""

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._sent = 0

    def created(self, _: None) -> Iterator[str]:
        for kind in ("response.created", "response.in_progress"):
            yield self._tell(kind, response=self._response("in_progress"))

    def message(self, given: Mapping[str, Any]) -> Iterator[str]:
        extra = {key: given[key] for key in ("phase",) if key in given}
        head = {"id": given["id"], "type": "message", "role": "assistant", **extra}
        yield self._item("added", {**head, "status": "in_progress", "content": []})
        parts = list[dict[str, Any]]()
        for kind, name in (("output_text", "text"), ("refusal", "refusal")):
            if name in given:
                part: dict[str, Any] = {"type": kind, name: "".join(listed(given[name]))}
                if name == "text":
                    part |= {key: given.get(key, []) for key in ("annotations", "logprobs")}
                yield from self._part(given, part, name, len(parts))
                parts.append(part)
        if not given.get("open"):
            yield self._end({**head, "status": "completed", "content": parts})

    def call(self, given: Mapping[str, Any]) -> Iterator[str]:
        head = {"id": given["id"], "type": "function_call", "call_id": given["call_id"]}
        head |= {"name": given["name"]}
        yield self._item("added", {**head, "status": "in_progress", "arguments": ""})
        place = {"item_id": given["id"], "output_index": len(self._items)}
        pieces = listed(given.get("arguments", []))
        for piece in pieces:
            yield self._tell("response.function_call_arguments.delta", **place, delta=piece)
        whole = {"arguments": "".join(pieces)}
        yield self._tell("response.function_call_arguments.done", **place, **whole)
        yield self._end({**head, "status": "completed", **whole})

    def reasoning(self, given: Mapping[str, Any]) -> Iterator[str]:
        head = {"id": given["id"], "type": "reasoning"}
        yield self._item("added", {**head, "summary": []})
        place = {"item_id": given["id"], "output_index": len(self._items)}
        found: dict[str, Any] = {"summary": []}
        for name, (kind, index) in _THOUGHTS.items():
            if name not in given:
                continue
            for piece in listed(given[name]):
                yield self._tell(f"response.{kind}.delta", **place, **{index: 0}, delta=piece)
            whole = "".join(listed(given[name]))
            yield self._tell(f"response.{kind}.done", **place, **{index: 0}, text=whole)
            part = "summary_text" if name == "summary" else "reasoning_text"
            found[name] = [{"type": part, "text": whole}]
        more = {key: given[key] for key in ("encrypted_content",) if key in given}
        yield self._end({**head, **found, **more})

    def item(self, item: dict[str, Any]) -> Iterator[str]:
        yield self._item("added", item)
        yield self._end(item)

    def event(self, fields: Mapping[str, Any]) -> Iterator[str]:
        yield self._tell(**fields)

    def completed(self, fields: Mapping[str, Any] | None) -> Iterator[str]:
        response = self._response("completed", **{"output": self._items, **(fields or {})})
        yield self._tell("response.completed", response=response)

    def incomplete(self, reason: str) -> Iterator[str]:
        details = {"output": self._items, "incomplete_details": {"reason": reason}}
        response = self._response("incomplete", **details, usage=_used(3, 2))
        yield self._tell("response.incomplete", response=response)

    def failed(self, error: Mapping[str, Any]) -> Iterator[str]:
        response = self._response("failed", error=error)
        yield self._tell("response.failed", response=response)

    def _part(
        self, given: Mapping[str, Any], part: Mapping[str, Any], name: str, index: int
    ) -> Iterator[str]:
        place = {"item_id": given["id"], "output_index": len(self._items), "content_index": index}
        empty = {key: "" if key == name else [] for key in part if key != "type"}
        added = {"type": part["type"], **empty}
        yield self._tell("response.content_part.added", **place, part=added)
        for piece in listed(given[name]):
            yield self._tell(f"response.{part['type']}.delta", **place, delta=piece)
        if not given.get("open"):
            yield self._tell(f"response.{part['type']}.done", **place, **{name: part[name]})
            yield self._tell("response.content_part.done", **place, part=part)

    def _item(self, what: str, item: Mapping[str, Any]) -> str:
        place = {"output_index": len(self._items), "item": item}
        return self._tell(f"response.output_item.{what}", **place)

    def _end(self, item: dict[str, Any]) -> str:
        told = self._item("done", item)
        self._items.append(item)
        return told

    def _response(self, status: str, **fields: Any) -> dict[str, Any]:
        usage = {"output": [], "usage": None} | fields
        return {**_RESPONSE, "status": status, **usage}

    def _tell(self, type: str, **fields: Any) -> str:  # noqa: A002 - as the protocol calls it
        data = {"type": type, "sequence_number": self._sent, **fields}
        self._sent += 1
        return f"event: {type}\ndata: {dumped(data)}\n\n"


def _used(spent: int, made: int) -> dict[str, Any]:
    return {
        "input_tokens": spent,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent + made,
    }
