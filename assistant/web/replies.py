"""What clients are sent as JSON: sessions, personas, and the server itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from assistant.models import Message, Session


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


class ClinicHealth(BaseModel):
    """Whether the clinic's records can be reached, and are as they must be."""

    status: Literal["healthy", "unreachable"]


class WorkersHealth(BaseModel):
    """Who executes: how many processes, their slots, and how many of these are taken."""

    processes: int
    slots: int
    executing: int


class HealthReply(BaseModel):
    """How the server is."""

    status: Literal["healthy", "degraded"]
    timestamp: datetime
    version: str
    store: StoreHealth
    clinic: ClinicHealth
    model: ModelHealth
    workers: WorkersHealth | None


class StateReply(BaseModel):
    """Whether the process lives, or is ready for work."""

    status: str


class AuthReply(BaseModel):
    """How to say who one is; with the demo switch, `X-Demo-As` is heard."""

    mode: Literal["none", "api_key", "jwt", "application"]
    demo_switch: bool


class ServiceReply(BaseModel):
    """What this service is, and where to go from here."""

    service: str
    version: str
    links: dict[str, str]
    auth: AuthReply
    active_connections: dict[str, int]
    trace_url: str | None = Field(
        description="Where a run's trace can be looked at; null where there are no traces."
    )


class StatsReply(BaseModel):
    """Counts since the store began, and latencies of this process's latest runs."""

    sessions: int
    runs: dict[str, int]
    connections: dict[str, dict[str, int]]
    tokens: dict[str, int]
    latency: dict[str, dict[str, float | None]]
    cache: dict[str, int]


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
