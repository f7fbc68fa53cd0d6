"""The records that outlive a request: sessions, runs and messages."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from assistant.events import Usage
from assistant.tracing import ATTEMPT, CONVERSATION_ID, PERSONA_VERSION, RUN_ID, Carrier, Facts

RunStatus = Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]
MessageStatus = Literal["completed", "cancelled", "failed"]
Role = Literal["user", "assistant"]
IfBusy = Literal["reject", "enqueue", "interrupt"]

Decision = Literal["approved", "rejected", "expired"]

OPERATOR = "operator"
"""The role of whoever runs the server: sees its numbers, and no more of people's records."""

OPEN: frozenset[str] = frozenset({"queued", "running", "waiting"})


class Principal(msgspec.Struct, frozen=True):
    """On whose behalf a request is made, as its authentication says.

    Attributes:
        name: owns what it makes.
        roles: what it may do besides, such as `staff`.
        subject: whom the records behind the tools know it as, such as a patient's number.
    """

    name: str
    roles: frozenset[str] = frozenset()
    subject: str | None = None

    @property
    def is_anyone(self) -> bool:
        """Whether it reaches nothing that not every visitor reaches."""
        return self.subject is None and not self.roles - {OPERATOR}


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

    Attributes:
        session_id: None for a one-off question.
        principal: whose it is; what its tools reach follows from this alone.
        cast: names the exact personas that play in it, kept with the run.
        user: whose fair share of the workers it uses.
        cache_key: the name under which its answer may be shared.
        trace: where it stands in the trace of the request that began it.
        text: the answer, once there is one.
    """

    run_id: str
    session_id: str | None
    principal: Principal
    persona: str
    version: str
    model: str
    message_id: str
    correlation_id: str
    turn: Turn
    created_at: datetime
    cast: str = ""
    user: str = ""
    cache_key: str | None = None
    trace: Carrier = msgspec.field(default_factory=dict)
    status: RunStatus = "queued"
    attempt: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    usage: Usage | None = None
    text: str | None = None
    error: str | None = None

    @property
    def owner(self) -> str:
        """The name of whose it is."""
        return self.principal.name

    @property
    def facts(self) -> Facts:
        """What every span of it says."""
        known: dict[str, str | int] = {
            RUN_ID: self.run_id,
            PERSONA_VERSION: self.version,
            ATTEMPT: self.attempt,
        }
        return known | ({CONVERSATION_ID: self.session_id} if self.session_id else {})

    @property
    def is_open(self) -> bool:
        """Whether the run has yet to reach its terminal event."""
        return self.status in OPEN


class Approval(msgspec.Struct, frozen=True):
    """A tool call that waits for a human's yes, or waited.

    Attributes:
        call_id: ours, as clients see it.
        by: who may decide: `user`, the run's owner, or `role:<name>`.
        arguments_hash: SHA-256 over name and arguments, to which a decision is bound.
        decided_by: the name of whoever decided; empty where the time ran out.
        trace: where in a trace the decision was made.
    """

    run_id: str
    call_id: str
    owner: str
    name: str
    summary: str
    arguments: dict[str, Any]
    arguments_hash: str
    by: str
    requested_at: datetime
    expires_at: datetime
    session_id: str | None = None
    decision: Decision | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    trace: Carrier = msgspec.field(default_factory=dict)

    def may_be_decided_by(self, principal: Principal) -> bool:
        """Return whether the decision is this principal's."""
        kind, _, role = self.by.partition(":")
        return role in principal.roles if kind == "role" else principal.name == self.owner


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """Return a fresh id such as `run_3f9a…`: 96 random bits, safe in paths and logs."""
    return f"{prefix}_{secrets.token_hex(12)}"
