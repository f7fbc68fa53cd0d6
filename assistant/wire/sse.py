"""Server-sent events: one frame for each log entry, numbered by its sequence.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

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
    status, content = "streaming", ""
    own: dict[str, Any] = {}
    match event:
        case MessageDelta(item_id=item_id, text=text):
            content, own = text, {"item_id": item_id}
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


def closing(retry_ms: int) -> bytes:
    """Return what ends a stream whose run goes on: come back, by the last id, after a while."""
    return b"retry: %d\n: closing, come back with Last-Event-ID\n\n" % retry_ms
