"""WebSocket messages: one JSON text for each log entry that this protocol has a name for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, assert_never

import msgspec

from assistant.events import (
    AgentSwitched,
    ApprovalRequested,
    ApprovalResolved,
    Entry,
    MessageCompleted,
    MessageDelta,
    MessageDiscarded,
    MessageStarted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunStarted,
    SafetyFlagged,
    Step,
    ToolCalled,
    ToolReturned,
)
from assistant.models import Approval, Run

_encode = msgspec.json.Encoder().encode


def frame(run: Run, entry: Entry) -> bytes:
    """Return the message of one entry, as UTF-8; every entry has one."""
    event = entry.event
    if isinstance(event, MessageDelta):
        return _delta(run, entry.sequence, event)
    kind, own = _shape(event)
    ids = {
        "run_id": run.run_id,
        "session_id": run.session_id,
        "sequence": entry.sequence,
        "correlation_id": run.correlation_id,
    }
    return _encode({"type": kind} | own | ids)


def _delta(run: Run, sequence: int, event: MessageDelta) -> bytes:
    """Return the message of which a run has hundreds, put together from what does not change."""
    before, after = _ids(run.run_id, run.session_id, run.correlation_id)
    return b'{"type":"response_chunk","content":%b,"item_id":%b,%b,"sequence":%d,%b}' % (
        _encode(event.text),
        _encode(event.item_id),
        before,
        sequence,
        after,
    )


@lru_cache(maxsize=1024)
def _ids(run_id: str, session_id: str | None, correlation_id: str) -> tuple[bytes, bytes]:
    """Return what all messages of a run have in common, before their number and after it."""
    ids = {"run_id": run_id, "session_id": session_id}
    return _encode(ids)[1:-1], _encode({"correlation_id": correlation_id})[1:-1]


def _shape(event: Step) -> tuple[str, dict[str, Any]]:  # noqa: C901, PLR0911, PLR0912 - one case an event
    match event:
        case MessageStarted(item_id=item_id, index=index):
            # Joining `content` over all chunks gives the answer, blank lines included.
            return "response_chunk", {"content": "\n\n" if index else "", "item_id": item_id}
        case RunStarted():
            return "response_start", _own(event)
        case RunCompleted(text=text, usage=usage):
            return "response_complete", {"content": text, "usage": usage}
        case RunFailed(code=code, message=message, retryable=retryable):
            return "error", {"message": message, "code": code, "retryable": retryable}
        case RunCancelled(by=by):
            return "cancelled", {"by": by}
        case RunQueued():
            return "queued", _own(event)
        case ApprovalRequested():
            return "approval_request", _own(event)
        case ApprovalResolved():
            return "approval_resolved", _own(event)
        case ToolCalled():
            return "tool_call", _own(event)
        case ToolReturned():
            return "tool_result", _own(event)
        case SafetyFlagged():
            return "safety", _own(event)
        case MessageCompleted(item_id=item_id):
            return "message_completed", {"item_id": item_id}
        case MessageDiscarded(item_id=item_id):
            return "message_discarded", {"item_id": item_id}
        case AgentSwitched():
            return "agent_switched", _own(event)
        case _:
            assert_never(event)


def _own(event: Step) -> dict[str, Any]:
    own: dict[str, Any] = msgspec.to_builtins(event)
    del own["type"]
    return own


def decided(approval: Approval, correlation_id: str) -> bytes:
    """Return the message that tells a decision to whoever made it without following its run."""
    body = {
        "type": "approval_resolved",
        "call_id": approval.call_id,
        "name": approval.name,
        "decision": approval.decision,
        "by": approval.decided_by,
        "reason": approval.reason,
        "run_id": approval.run_id,
        "session_id": approval.session_id,
        "correlation_id": correlation_id,
    }
    return _encode(body)


def error(message: str, code: str, correlation_id: str, **ids: Any) -> bytes:
    """Return the message that tells a client what was wrong with its own."""
    body = {"type": "error", "message": message, "code": code, "correlation_id": correlation_id}
    return _encode(body | ids)
