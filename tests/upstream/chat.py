"""Answers in the Chat Completions protocol, streamed and whole."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from tests.upstream.script import Plan, Text
from tests.upstream.wire import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator


class ChatAnswer:
    """One plan, told as `chat.completion` or as its chunks."""

    def __init__(self, body: dict[str, Any], plan: Plan) -> None:
        self._plan = plan
        self._reports_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": body.get("model"),
            "service_tier": "default",
            "system_fingerprint": "fp_upstream",
        }

    @property
    def _finish(self) -> str:
        stopped = self._plan.finish == "stop"
        return "tool_calls" if stopped and self._plan.calls else self._plan.finish

    def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""
        choice = {
            "index": 0,
            "message": self._message(),
            "logprobs": None,
            "finish_reason": self._finish,
        }
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(),
        }

    def frames(self) -> Iterator[Frame]:
        """Yield the stream: role, deltas, finish, usage if it was asked for, and the end mark."""
        has_text = any(isinstance(part, Text) for part in self._plan.parts)
        opening = {"role": "assistant", "content": "" if has_text else None, "refusal": None}
        yield self._chunk(opening)
        calls = 0
        for part in self._plan.parts:
            if isinstance(part, Text):
                field = "refusal" if part.refusal else "content"
                for delta in part.deltas:
                    yield self._chunk({field: delta}, is_delta=True)
                continue
            function = {"name": part.name, "arguments": ""}
            yield self._chunk({"tool_calls": [_call(function, calls)]})
            for delta in part.deltas:
                piece = {"index": calls, "function": {"arguments": delta}}
                yield self._chunk({"tool_calls": [piece]}, is_delta=True)
            calls += 1
        yield self._chunk({}, self._finish)
        if self._reports_usage:
            yield self._frame([], self._usage())
        yield Frame("[DONE]")

    def failure(self, shape: str) -> Iterator[Frame]:
        """Yield what breaks a stream off; this protocol knows one `shape` only."""
        del shape
        error = {"message": "The upstream broke off on request.", "type": "server_error"}
        yield Frame({"error": {**error, "param": None, "code": None}})

    def _message(self) -> dict[str, Any]:
        texts = [part for part in self._plan.parts if isinstance(part, Text)]
        said = "".join(part.whole for part in texts if not part.refusal)
        refused = "".join(part.whole for part in texts if part.refusal)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": said if any(not part.refusal for part in texts) else None,
            "refusal": refused or None,
            "annotations": [],
        }
        if calls := [_call({"name": c.name, "arguments": c.arguments}) for c in self._plan.calls]:
            message["tool_calls"] = calls
        return message

    def _chunk(
        self, delta: dict[str, Any], finish: str | None = None, *, is_delta: bool = False
    ) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._frame([choice], None, is_delta=is_delta)

    def _frame(
        self, choices: list[Any], usage: dict[str, Any] | None, *, is_delta: bool = False
    ) -> Frame:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        if self._reports_usage:
            chunk["usage"] = usage
        return Frame(chunk, is_delta=is_delta)

    def _usage(self) -> dict[str, Any]:
        spent, made = self._plan.input_tokens, self._plan.output_tokens
        return {
            "prompt_tokens": spent,
            "completion_tokens": made,
            "total_tokens": spent + made,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


def _call(function: dict[str, str], index: int | None = None) -> dict[str, Any]:
    call = {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}
    return call if index is None else {"index": index, **call}
