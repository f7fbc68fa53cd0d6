"""One short answer as bytes, in both protocols: `Hello`, begun and ended."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.transport.serving import HEAD, frame

APIS = ["chat", "responses"]


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    known = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return frame(b"data: %s\n\n" % json.dumps(known | {"choices": [choice]}).encode())


def event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": 1, **fields}).encode()
    return frame(b"event: %s\ndata: %s\n\n" % (kind.encode(), data))


def delta(text: str) -> bytes:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    return event("response.output_text.delta", delta=text, **place)


def completed(text: str) -> bytes:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    known = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "tools": []}
    known |= {"tool_choice": "auto", "parallel_tool_calls": True, "status": "completed"}
    return event("response.completed", response={**known, "output": [{**item, "content": [part]}]})


BEGUN = {"chat": HEAD + chunk("He"), "responses": HEAD + delta("He")}
MORE = {"chat": chunk("llo"), "responses": delta("llo")}
REST = {
    "chat": chunk("llo", "stop") + frame(b"data: [DONE]\n\n"),
    "responses": delta("llo") + completed("Hello"),
}
