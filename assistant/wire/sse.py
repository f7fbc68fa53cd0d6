"""Server-sent events: one frame for each log entry, numbered by its sequence.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from assistant.events import (
    ApprovalRequested,
    Entry,
    MessageDelta,
    MessageStarted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunStarted,
    type_of,
)
from assistant.models import Run

HEARTBEAT = b": heartbeat\n\n"

_encode = msgspec.json.Encoder().encode


def frame(run: Run, entry: Entry) -> bytes:
    """Return the frame of one entry.

    Every frame has the same eight fields and then the event's own; joining `content` over all
    frames gives the answer.
    """
    event = entry.event
    if isinstance(event, MessageDelta):
        return _delta(run, entry.sequence, event)
    status, content = "streaming", ""
    own: dict[str, Any] = {}
    match event:
        case MessageStarted(index=index):
            content, own = "\n\n" if index else "", msgspec.to_builtins(event)
        case RunStarted() | RunQueued() | ApprovalRequested():
            status, own = "processing", msgspec.to_builtins(event)
        case RunCompleted() | RunCancelled():
            status, own = "completed", msgspec.to_builtins(event)
        case RunFailed(code=code, message=message, retryable=retryable):
            status = "error"
            own = {"error": code, "detail": message, "code": code, "retryable": retryable}
        case _:
            own = msgspec.to_builtins(event)
    body = {
        "type": type_of(event),
        "status": status,
        "content": content,
        "sequence": entry.sequence,
        "is_final": entry.is_terminal,
        "run_id": run.run_id,
        "session_id": run.session_id,
        "correlation_id": run.correlation_id,
    }
    own.pop("type", None)
    return b"id: %d\ndata: %b\n\n" % (entry.sequence, _encode(body | own))


def _delta(run: Run, sequence: int, event: MessageDelta) -> bytes:
    """Return the frame of which a stream has hundreds, put together from what does not change."""
    return (
        b'id: %d\ndata: {"type":"message.delta","status":"streaming","content":%b,"sequence":%d,'
        b'"is_final":false,%b,"item_id":%b}\n\n'
    ) % (
        sequence,
        _encode(event.text),
        sequence,
        _ids(run.run_id, run.session_id, run.correlation_id),
        _encode(event.item_id),
    )


@lru_cache(maxsize=1024)
def _ids(run_id: str, session_id: str | None, correlation_id: str) -> bytes:
    """Return what all frames of a run have in common, without its braces."""
    ids = {"run_id": run_id, "session_id": session_id, "correlation_id": correlation_id}
    return _encode(ids)[1:-1]


def closing(retry_ms: int) -> bytes:
    """Return what ends a stream whose run goes on: come back, by the last id, after a while."""
    return b"retry: %d\n: closing, come back with Last-Event-ID\n\n" % retry_ms
