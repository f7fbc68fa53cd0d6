"""What clients are sent as JSON: the shape of every reply."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from assistant.models import Message, Run, Session


class UsageReply(BaseModel):
    """Tokens that an answer consumed."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    requests: int


class ChatReply(BaseModel):
    """A whole answer."""

    response: str
    session_id: str | None
    run_id: str
    message_id: str
    persona_type: str
    usage: UsageReply | None
    correlation_id: str


class AcceptedReply(BaseModel):
    """A run that goes on in the background."""

    status: Literal["streaming"] = "streaming"
    message_id: str
    session_id: str | None
    run_id: str


class RunReply(BaseModel):
    """A run and how far it is."""

    run_id: str
    session_id: str | None
    message_id: str
    status: Literal["queued", "running", "completed", "failed", "cancelled"]
    persona_type: str
    persona_version: str
    model: str
    attempt: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    usage: UsageReply | None
    text: str | None
    error: str | None
    correlation_id: str


class SessionReply(BaseModel):
    """A session."""

    session_id: str
    persona_type: str
    user_id: str | None
    context: dict[str, Any]
    created_at: datetime
    expires_at: datetime


class SessionsReply(BaseModel):
    """A page of sessions; `next` goes into the next request's `after`."""

    sessions: list[SessionReply]
    count: int
    next: str | None


class MessageReply(BaseModel):
    """One turn of a history."""

    id: str
    role: Literal["user", "assistant"]
    content: str
    created_at: datetime
    run_id: str | None
    status: Literal["completed", "cancelled", "failed"]


class HistoryReply(BaseModel):
    """A session's history, oldest first."""

    session_id: str
    messages: list[MessageReply]
    count: int


class DoneReply(BaseModel):
    """A deletion that was carried out."""

    status: Literal["success"] = "success"
    message: str


class PersonaReply(BaseModel):
    """What a client may know of a persona; `provider` says what kind of model answers."""

    name: str
    display_name: str
    title: str
    description: str
    greeting: str
    starters: list[str]
    notice: str
    version: str
    model: str
    provider: Literal["openai", "demo", "local"]
    is_default: bool


class PersonasReply(BaseModel):
    """All personas."""

    personas: list[PersonaReply]


class ModelHealth(BaseModel):
    """Which model answers."""

    provider: Literal["openai", "demo", "local"]
    name: str


class StoreHealth(BaseModel):
    """Where the data is, and whether it can be reached."""

    kind: Literal["redis", "embedded"]
    reachable: bool
    fallback: bool


class HealthReply(BaseModel):
    """How the server is."""

    status: Literal["healthy", "degraded"]
    timestamp: datetime
    version: str
    store: StoreHealth
    model: ModelHealth


class StateReply(BaseModel):
    """Whether the process lives, or is ready for work."""

    status: str


class ServiceReply(BaseModel):
    """What this service is, and where to go from here."""

    service: str
    version: str
    links: dict[str, str]
    active_connections: dict[str, int]


class StatsReply(BaseModel):
    """Counts since the store began, and latencies of this process's latest runs."""

    sessions: int
    runs: dict[str, int]
    connections: dict[str, dict[str, int]]
    tokens: dict[str, int]
    latency: dict[str, dict[str, float | None]]
    cache: dict[str, int]


def usage_reply(run: Run) -> UsageReply | None:
    """Return what a run consumed, where that is known."""
    used = run.usage
    if used is None:
        return None
    return UsageReply(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        total_tokens=used.total_tokens,
        requests=used.requests,
    )


def run_reply(run: Run) -> RunReply:
    """Return a run as clients see it."""
    return RunReply(
        run_id=run.run_id,
        session_id=run.session_id,
        message_id=run.message_id,
        status=run.status,
        persona_type=run.persona,
        persona_version=run.version,
        model=run.model,
        attempt=run.attempt,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        usage=usage_reply(run),
        text=run.text,
        error=run.error,
        correlation_id=run.correlation_id,
    )


def session_reply(session: Session) -> SessionReply:
    """Return a session as clients see it."""
    return SessionReply(
        session_id=session.session_id,
        persona_type=session.persona_type,
        user_id=session.user_id,
        context=session.context,
        created_at=session.created_at,
        expires_at=session.expires_at,
    )


def history_reply(session_id: str, messages: list[Message]) -> HistoryReply:
    """Return a history as clients see it."""
    shown = [
        MessageReply(
            id=message.id,
            role=message.role,
            content=message.content,
            created_at=message.created_at,
            run_id=message.run_id,
            status=message.status,
        )
        for message in messages
    ]
    return HistoryReply(session_id=session_id, messages=shown, count=len(shown))
