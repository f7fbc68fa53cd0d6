"""Reads the SDK's items as a conversation: what was heard, said and used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.dialogue import Heard, Said, Used


def entries_of(given: object) -> tuple[Heard | Said | Used, ...]:
    """Return what happened so far, oldest first; a call counts where its output came."""
    if isinstance(given, str):
        return (Heard(given),)
    return tuple(_entries(given)) if isinstance(given, list) else ()


def calls_in(given: object) -> int:
    """Return how many calls of tools there are."""
    items = given if isinstance(given, list) else []
    return sum(_field(item, "type") == "function_call" for item in items)


def names_of(tools: Sequence[Any]) -> frozenset[str]:
    """Return the tools' names."""
    return frozenset(str(tool.name) for tool in tools)


def _entries(items: Sequence[Any]) -> Iterator[Heard | Said | Used]:
    called: dict[str, tuple[str, dict[str, Any]]] = {}
    for item in items:
        match _field(item, "type"), _field(item, "role"):
            case "function_call", _:
                name = _field(item, "name")
                called[_field(item, "call_id")] = name, _arguments(_field(item, "arguments"))
            case "function_call_output", _ if _field(item, "call_id") in called:
                name, arguments = called.pop(_field(item, "call_id"))
                yield Used(name, arguments, _text(item.get("output")))
            case _, "user":
                yield Heard(_text(item.get("content")))
            case _, "assistant":
                yield Said(_text(item.get("content")))
            case _:
                pass


def _field(item: Any, name: str) -> str:
    return str(item.get(name) or "") if isinstance(item, dict) else ""


def _text(content: Any) -> str:
    """Return a content's text, which stands there as it is or in parts."""
    if isinstance(content, list):
        return " ".join(_field(part, "text") for part in content)
    return str(content or "")


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
