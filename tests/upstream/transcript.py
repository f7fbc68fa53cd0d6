"""What a request's input says, in one shape for both protocols, checked as the real API does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tests.upstream.directives import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Item:
    """One thing in the input; `key` is the call id, `name` the tool's name."""

    kind: Literal["user", "call", "output", "other"]
    text: str = ""
    key: str = ""
    name: str = ""


@dataclass(frozen=True)
class Transcript:
    """All that an answer depends on.

    Attributes:
        turns: how many user messages the input holds.
        last_user: the text of the last of them.
        outputs: name and text of each tool output after it.
        words: how many words the input holds; they stand for its tokens.
        limit: the most tokens that the answer may have.
    """

    turns: int
    last_user: str
    outputs: tuple[tuple[str, str], ...]
    words: int
    limit: int | None


def from_chat(body: dict[str, Any]) -> Transcript:
    """Read the body of a Chat Completions request.

    Raises:
        RequestError: when messages are missing, malformed, or leave a tool call unanswered.
    """
    items = [item for message in _listed(body, "messages") for item in _chat_items(message)]
    _check_calls(items, adjacent=True)
    return _transcript(items, body.get("max_completion_tokens") or body.get("max_tokens"))


def from_responses(body: dict[str, Any]) -> Transcript:
    """Read the body of a Responses request.

    Raises:
        RequestError: when the input is missing, malformed, refers to a stored response, or
            leaves a function call unanswered.
    """
    if previous := body.get("previous_response_id"):
        message = f"Nothing is stored here, so there is no response {previous!r}."
        raise RequestError(message, "previous_response_not_found")
    given = body.get("input")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else None
    items = [_response_item(item) for item in messages or _listed(body, "input")]
    _check_calls(items, adjacent=False)
    items.append(Item("other", body.get("instructions") or ""))
    return _transcript(items, body.get("max_output_tokens"))


def _listed(body: dict[str, Any], field: str) -> list[dict[str, Any]]:
    value = body.get(field)
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        message = f"'{field}' must be a non-empty array of objects."
        raise RequestError(message, "missing_required_parameter")
    return value


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return str(content or "")


def _chat_items(message: dict[str, Any]) -> Iterator[Item]:
    text = _text(message.get("content"))
    match message.get("role"):
        case "user":
            yield Item("user", text)
        case "tool":
            yield Item("output", text, key=str(message.get("tool_call_id")))
        case "assistant" | "system" | "developer":
            yield Item("other", text)
        case role:
            problem = f"Invalid role: {role!r}."
            raise RequestError(problem, "invalid_value")
    for call in message.get("tool_calls") or ():
        yield Item("call", key=call["id"], name=call["function"]["name"])


def _response_item(item: dict[str, Any]) -> Item:
    match item.get("type", "message"), item.get("role"):
        case "message", "user":
            return Item("user", _text(item.get("content")))
        case "function_call", _:
            return Item("call", key=item["call_id"], name=item["name"])
        case "function_call_output", _:
            return Item("output", _text(item.get("output")), key=item["call_id"])
        case _:
            return Item("other", _text(item.get("content")))


def _check_calls(items: list[Item], *, adjacent: bool) -> None:
    """Refuse an input whose tool calls and outputs do not pair up, as the real API does."""
    pending: set[str] = set()
    for item in items:
        if item.kind == "call":
            pending.add(item.key)
        elif item.kind == "output":
            if item.key not in pending:
                message = f"The output for {item.key} follows no tool call of that id."
                raise RequestError(message)
            pending.remove(item.key)
        elif pending and adjacent:
            break
    if pending:
        message = f"No tool output found for tool calls: {', '.join(sorted(pending))}."
        raise RequestError(message)


def _transcript(items: list[Item], limit: int | None) -> Transcript:
    users = [at for at, item in enumerate(items) if item.kind == "user"]
    last = users[-1] if users else 0
    names = {item.key: item.name for item in items if item.kind == "call"}
    outputs = [(names[i.key], i.text) for i in items[last:] if i.kind == "output"]
    return Transcript(
        turns=len(users),
        last_user=items[last].text if users else "",
        outputs=tuple(outputs),
        words=sum(len(item.text.split()) for item in items),
        limit=limit,
    )
