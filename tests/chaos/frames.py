"""What each wire has to say of each stored event: the contract, written down a second time."""

from __future__ import annotations

from typing import Any

_ENVELOPE = ("status", "sequence", "is_final", "run_id", "session_id", "correlation_id")
_SOCKET_NAMES = {
    "run.started": "response_start",
    "run.queued": "queued",
    "agent.switched": "agent_switched",
    "message.started": "response_chunk",
    "message.delta": "response_chunk",
    "message.completed": "message_completed",
    "message.discarded": "message_discarded",
    "tool.called": "tool_call",
    "tool.returned": "tool_result",
    "approval.requested": "approval_request",
    "approval.resolved": "approval_resolved",
    "safety.flagged": "safety",
    "run.completed": "response_complete",
    "run.failed": "error",
    "run.cancelled": "cancelled",
}
TERMINAL = frozenset({"run.completed", "run.failed", "run.cancelled"})


def content_of(event: dict[str, Any]) -> str:
    """Return the text that an event appends to the answer."""
    if event["type"] == "message.delta":
        return str(event["text"])
    return "\n\n" if event["type"] == "message.started" and event["index"] else ""


def sse(event: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event's SSE frame, but for those that every frame has."""
    own = {**event, "content": content_of(event)}
    match event["type"]:
        case "message.delta":
            del own["text"]
        case "run.failed":
            own |= {"error": own["code"], "detail": own.pop("message")}
        case _:
            pass
    return own


def socket(event: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event's WebSocket message, but for those that every one has."""
    own = {**event, "type": _SOCKET_NAMES[event["type"]]}
    match event["type"]:
        case "message.started" | "message.delta":
            own = {"type": own["type"], "item_id": event["item_id"], "content": content_of(event)}
        case "message.completed":
            del own["text"]
        case "run.completed":
            own["content"] = own.pop("text")
        case _:
            pass
    return own


def own_fields(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a client was told, without the fields that every frame has."""
    return {name: value for name, value in data.items() if name not in _ENVELOPE}
