"""What clients are sent as JSON: answers, runs, and what waits for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from assistant import tracing
from assistant.models import Approval, Principal, Run


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


class ApprovalReply(BaseModel):
    """A tool call that waits for a human's yes, or waited."""

    run_id: str
    call_id: str
    session_id: str | None
    name: str = Field(description="The tool.")
    summary: str = Field(description="What the call would do.")
    arguments: dict[str, Any]
    arguments_hash: str = Field(description="Names exactly these arguments; send it back.")
    by: str = Field(description="Who decides: `user`, or `role:` and the name of a role.")
    requested_at: datetime
    expires_at: datetime
    decision: Literal["approved", "rejected", "expired"] | None = Field(
        description="Null for as long as it waits."
    )
    decided_by: str
    reason: str
    may_decide: bool = Field(description="Whether it waits for a decision of the caller's.")


class ApprovalsReply(BaseModel):
    """What waits for the caller's decision, what expires first at the front."""

    approvals: list[ApprovalReply]
    count: int


class WaitingReply(BaseModel):
    """A run that has no answer before somebody decides; follow it, or ask again."""

    status: Literal["waiting"] = "waiting"
    message_id: str
    session_id: str | None
    run_id: str
    approvals: list[ApprovalReply]


class UnfinishedReply(
    RootModel[Annotated[AcceptedReply | WaitingReply, Field(discriminator="status")]]
):
    """A run that goes on after this reply."""


class RunReply(BaseModel):
    """A run and how far it is."""

    run_id: str
    session_id: str | None
    message_id: str
    status: Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]
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
    trace_id: str | None = Field(
        description="Its trace at the collector, by which to look it up; null when not traced."
    )
    approvals: list[ApprovalReply]


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


def run_reply(run: Run, approvals: Iterable[Approval], caller: Principal) -> RunReply:
    """Return a run, with all that it waits or waited for, as the caller sees it."""
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
        trace_id=tracing.trace_id(run.trace),
        approvals=approval_replies(approvals, caller, over=not run.is_open),
    )


def approval_reply(approval: Approval, caller: Principal, *, over: bool = False) -> ApprovalReply:
    """Return an approval as the caller sees it; `over` when its run has ended."""
    waits = approval.decision is None and not over
    return ApprovalReply(
        run_id=approval.run_id,
        call_id=approval.call_id,
        session_id=approval.session_id,
        name=approval.name,
        summary=approval.summary,
        arguments=approval.arguments,
        arguments_hash=approval.arguments_hash,
        by=approval.by,
        requested_at=approval.requested_at,
        expires_at=approval.expires_at,
        decision=approval.decision,
        decided_by=approval.decided_by,
        reason=approval.reason,
        may_decide=waits and approval.may_be_decided_by(caller),
    )


def approval_replies(
    approvals: Iterable[Approval], caller: Principal, *, over: bool = False
) -> list[ApprovalReply]:
    """Return several approvals as the caller sees them."""
    return [approval_reply(approval, caller, over=over) for approval in approvals]
