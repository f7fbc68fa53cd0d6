"""Answers in the Responses protocol, streamed and whole."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from tests.upstream.script import Call, Plan, Text
from tests.upstream.wire import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesAnswer:
    """One plan, told as a `response` or as the events that build it up."""

    def __init__(self, body: dict[str, Any], plan: Plan) -> None:
        self._plan = plan
        self._sequence = 0
        self._created = int(time.time())
        self._echo = _echo(body)
        self._ids = [_id("fc" if isinstance(p, Call) else "msg") for p in plan.parts]
        self._call_ids = [_id("call") for _ in plan.parts]
        self._id = _id("resp")

    @property
    def _closing(self) -> str:
        return "incomplete" if self._plan.finish in _REASONS else "completed"

    def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""
        return self._response(
            self._closing,
            output=[self._item(at, self._status(at)) for at in range(len(self._ids))],
            usage=self._usage(),
        )

    def frames(self) -> Iterator[Frame]:
        """Yield the stream from `response.created` to the event that ends it."""
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, {"response": self._response("in_progress")})
        for at, part in enumerate(self._plan.parts):
            begun = {"output_index": at, "item": self._item(at, "in_progress")}
            yield self._event("response.output_item.added", begun)
            yield from self._called(at, part) if isinstance(part, Call) else self._said(at, part)
            ended = {"output_index": at, "item": self._item(at, self._status(at))}
            yield self._event("response.output_item.done", ended)
        yield self._event(f"response.{self._closing}", {"response": self.whole()})

    def failure(self, shape: str) -> Iterator[Frame]:
        """Yield what breaks a stream off, in place of the frame that `frames` yielded last.

        Args:
            shape: `nested` for an error event with an inner object, as some servers send it;
                `failed` for `response.failed` alone; else the error event as it is specified,
                and `response.failed` after it.
        """
        self._sequence -= 1
        error = {"code": "server_error", "message": "The upstream broke off on request."}
        if shape == "nested":
            inner = {**error, "type": "server_error", "param": None}
            yield self._event("error", {"error": inner})
        elif shape != "failed":
            yield self._event("error", {**error, "param": None})
        failed = self._response("failed", error=error)
        yield self._event("response.failed", {"response": failed})

    def _called(self, at: int, call: Call) -> Iterator[Frame]:
        where = {"item_id": self._ids[at], "output_index": at}
        base = "response.function_call_arguments"
        for delta in call.deltas:
            yield self._event(f"{base}.delta", {**where, "delta": delta}, is_delta=True)
        yield self._event(f"{base}.done", {**where, "arguments": call.arguments})

    def _said(self, at: int, part: Text) -> Iterator[Frame]:
        where = {"item_id": self._ids[at], "output_index": at, "content_index": 0}
        base = "response.refusal" if part.refusal else "response.output_text"
        extra: dict[str, Any] = {} if part.refusal else {"logprobs": []}
        begun, ended = _content(part, ""), _content(part, part.whole)
        yield self._event("response.content_part.added", {**where, "part": begun})
        for delta in part.deltas:
            yield self._event(f"{base}.delta", {**where, "delta": delta, **extra}, is_delta=True)
        whole = {"refusal" if part.refusal else "text": part.whole}
        yield self._event(f"{base}.done", {**where, **whole, **extra})
        yield self._event("response.content_part.done", {**where, "part": ended})

    def _event(self, kind: str, fields: dict[str, Any], *, is_delta: bool = False) -> Frame:
        data = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return Frame(data, kind, is_delta)

    def _status(self, at: int) -> str:
        """Return how an item ends: of an answer that was cut off, the last one is incomplete."""
        return self._closing if at == len(self._ids) - 1 else "completed"

    def _item(self, at: int, status: str) -> dict[str, Any]:
        part, begun = self._plan.parts[at], status == "in_progress"
        if isinstance(part, Text):
            content = [] if begun else [_content(part, part.whole)]
            fields = {"type": "message", "role": "assistant", "content": content}
        else:
            fields = {
                "type": "function_call",
                "call_id": self._call_ids[at],
                "name": part.name,
                "arguments": "" if begun else part.arguments,
            }
        return {"id": self._ids[at], "status": status, **fields}

    def _response(self, status: str, **fields: object) -> dict[str, Any]:
        reason = _REASONS.get(self._plan.finish) if status == "incomplete" else None
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": [],
            "usage": None,
            **self._echo,
            **fields,
        }

    def _usage(self) -> dict[str, Any]:
        spent, made = self._plan.input_tokens, self._plan.output_tokens
        return {
            "input_tokens": spent,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": spent + made,
        }


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(16)}"


def _content(part: Text, text: str) -> dict[str, Any]:
    if part.refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _echo(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a response repeats of its request, with the API's defaults."""
    defaults: dict[str, Any] = {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": None,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }
    return {name: body.get(name, default) for name, default in defaults.items()}
