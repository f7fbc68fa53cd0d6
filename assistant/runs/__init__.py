"""Runs: what a client may do, whichever door it comes through."""

from __future__ import annotations

from assistant.runs.approvals import ApprovalService
from assistant.runs.asks import Ask, Executor, Place, Verdict
from assistant.runs.service import RunService
from assistant.runs.sessions import SessionService

__all__ = ["ApprovalService", "Ask", "Executor", "Place", "RunService", "SessionService", "Verdict"]
