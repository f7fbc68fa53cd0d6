"""The shorthand of transcripts: lists in YAML to the server-sent events that they stand for.

Both protocols know

    wire: characters, exactly as they are sent
    json: the data of an event, exactly

Chat Completions: each of these is a chunk, or several

    role              says who speaks, with empty content
    text: words       or a list of them, a chunk each
    delta: {...}      any other delta
    call: {index, id, name, arguments: [pieces]}
    finish: stop      the last chunk of a choice
    usage: [3, 2]     tokens in and out, without a choice
    chunk: {...}      fields that are laid over the usual head
    done              the mark at the end

Responses: each of these is the events from an item's announcement to its end

    created
    message: {id, text: [pieces], refusal: [pieces], annotations: [...], phase: ..., open: true}
    call: {id, call_id, name, arguments: [pieces]}
    reasoning: {id, summary: [pieces], content: [pieces], encrypted_content: text}
    item: {...}       announced and ended as it is
    event: {...}      one event
    completed: {...}  the end, with all items so far and fields of the response
    incomplete: reason
    failed: {...}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.engine.transport.spelling_items import Responses, dumped, listed

_HEAD: dict[str, Any] = {
    "id": "chatcmpl-recorded",
    "object": "chat.completion.chunk",
    "created": 1_760_000_000,
    "model": "gpt-test-2026-08-01",
    "service_tier": "default",
    "system_fingerprint": "fp_recorded",
}
# What a server answers that has come to its senses.
AT_LAST: dict[str, list[Any]] = {
    "chat": ["role", {"text": ["At", " last."]}, {"finish": "stop"}, {"usage": [9, 2]}, "done"],
    "responses": ["created", {"message": {"id": "msg_1", "text": ["At", " last."]}}, "completed"],
}


def spell(protocol: str, stream: Sequence[Any]) -> list[str]:
    """Return the events of a stream, each as the characters that are sent."""
    speller = _Chat() if protocol == "chat" else Responses()
    return [event for line in stream for event in _spelled(speller, line)]


def _spelled(speller: _Chat | Responses, line: Any) -> Iterator[str]:
    kind, value = next(iter(line.items())) if isinstance(line, dict) else (line, None)
    match kind:
        case "wire":
            yield str(value)
        case "json":
            yield f"data: {dumped(value)}\n\n"
        case _:
            yield from getattr(speller, kind)(value)


class _Chat:
    """The methods are the words of the shorthand."""

    def role(self, _: None) -> Iterator[str]:
        yield from self.delta({"role": "assistant", "content": "", "refusal": None})

    def text(self, words: str | list[str]) -> Iterator[str]:
        for word in listed(words):
            assert isinstance(word, str), f"put {word!r} in quotes, else it is no text in YAML"
            yield from self.delta({"content": word})

    def delta(self, delta: Mapping[str, Any], finish: str | None = None) -> Iterator[str]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        yield from self.chunk({"choices": [choice]})

    def call(self, call: Mapping[str, Any]) -> Iterator[str]:
        place = {"index": call.get("index", 0)}
        function = {"name": call["name"], "arguments": ""}
        opening = {**place, "id": call["id"], "type": "function", "function": function}
        yield from self.delta({"tool_calls": [opening]})
        for piece in listed(call.get("arguments", [])):
            yield from self.delta({"tool_calls": [{**place, "function": {"arguments": piece}}]})

    def finish(self, reason: str) -> Iterator[str]:
        yield from self.delta({}, reason)

    def usage(self, tokens: Sequence[int]) -> Iterator[str]:
        spent, made = tokens
        usage = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}
        yield from self.chunk({"choices": [], "usage": usage})

    def chunk(self, fields: Mapping[str, Any]) -> Iterator[str]:
        yield f"data: {dumped({**_HEAD, **fields})}\n\n"

    def done(self, _: None) -> Iterator[str]:
        yield "data: [DONE]\n\n"
