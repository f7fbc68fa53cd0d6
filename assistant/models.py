"""The records that outlive a request: sessions, runs and messages."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from assistant.events import Usage

RunStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
MessageStatus = Literal["completed", "cancelled", "failed"]
Role = Literal["user", "assistant"]
IfBusy = Literal["reject", "enqueue", "interrupt"]

OPEN: frozenset[str] = frozenset({"queued", "running"})


class Session(msgspec.Struct, frozen=True):
    """One conversation between one owner and one persona.

    `expires_at` moves on with every run; after it the session has ended, while its
    history can be read until the history's own end.
    """

    session_id: str
    persona_type: str
    owner: str
    created_at: datetime
    expires_at: datetime
    user_id: str | None = None
    context: dict[str, Any] = msgspec.field(default_factory=dict)


class Message(msgspec.Struct, frozen=True):
    """One turn of the history as people read it."""

    id: str
    role: Role
    content: str
    created_at: datetime
    run_id: str | None = None
    status: MessageStatus = "completed"


class Turn(msgspec.Struct, frozen=True):
    """What a run is to answer; fixed when it is accepted, stored with it."""

    text: str
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    user_id: str | None = None
    max_tokens: int | None = None


class Run(msgspec.Struct, frozen=True):
    """One answer being made, or made.

    `session_id` is None for a one-off question. `text` is the answer once there is one, and
    `cache_key` the name under which it may be shared.
    """

    run_id: str
    session_id: str | None
    owner: str
    persona: str
    version: str
    model: str
    message_id: str
    correlation_id: str
    turn: Turn
    created_at: datetime
    cache_key: str | None = None
    status: RunStatus = "queued"
    attempt: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    usage: Usage | None = None
    text: str | None = None
    error: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the run has yet to reach its terminal event."""
        return self.status in OPEN


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """Return a fresh id such as `run_3f9a…`: 96 random bits, safe in paths and logs."""
    return f"{prefix}_{secrets.token_hex(12)}"
