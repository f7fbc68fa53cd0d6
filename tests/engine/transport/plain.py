"""What a transport comes to as plain data, which compares and prints well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import openai

from assistant.engine import faults
from assistant.events import Event, MessageDelta

Told = dict[str, Any]
_OWNERS = {"openai", "assistant", "agents"}


def response_of(response: Any) -> Told:
    """Return a model's response, less when it was made."""
    # When a response of Chat Completions was made is our own clock's to say.
    dumped = response.model_dump(exclude_unset=True, warnings=False, exclude={"created_at"})
    kinds = [type(item).__name__ for item in response.output]
    return {**dumped, "kinds": kinds, "request": getattr(response, "_request_id", None)}


def dumped(item: Any) -> Any:
    """Return an item of the SDK as the fields that were set."""
    if not hasattr(item, "model_dump"):
        return item
    return item.model_dump(exclude_unset=True, warnings=False)


def error_of(error: BaseException) -> Told:
    """Tell an error; of a broken connection only what we make of it: each client has its own."""
    fault = faults.explain(error)
    told: Told = {"fault": (fault.code, fault.retryable) if fault else ("internal", False)}
    package = type(error).__module__.partition(".")[0]
    if package not in _OWNERS or isinstance(error, openai.APIConnectionError):
        return told
    known = ("status_code", "code", "param", "type", "request_id", "body")
    facts = {name: getattr(error, name, None) for name in known}
    return {**told, **facts, "class": type(error).__name__, "words": str(error)}


def narrated(events: Sequence[Event]) -> list[Told]:
    """Return the events with ids by number, without times, runs of deltas as one."""
    names = dict[str, int]()
    told = list[Told]()
    for event in events:
        plain: Told = msgspec.to_builtins(event)
        plain.pop("duration_ms", None)
        for key in plain.keys() & {"item_id", "call_id"}:
            plain[key] = names.setdefault(plain[key], len(names))
        if isinstance(event, MessageDelta) and told and told[-1]["type"] == plain["type"]:
            told[-1]["text"] += event.text
        else:
            told.append(plain)
    return told
