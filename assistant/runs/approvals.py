"""What people decide: yes or no to a tool call that waits for one."""

from __future__ import annotations

import msgspec
import structlog

from assistant import tracing
from assistant.errors import ApprovalClosedError, ForbiddenError, NotFoundError
from assistant.models import Approval, Principal, Run, now
from assistant.runs.asks import Executor, Verdict
from assistant.store import Store

log = structlog.get_logger(__name__)

_REFUSALS = {
    "missing": "There is no such approval any more.",
    "decided": "This was decided already; a decision counts once.",
    "ended": "The run does not wait any more.",
    "changed": "The arguments are not those that were shown; look at the run again.",
    "late": "The time to decide is over.",
}


class ApprovalService:
    """Approvals as those see them who may decide."""

    def __init__(self, store: Store, executor: Executor) -> None:
        self._approvals = store.approvals
        self._executor = executor

    async def of(self, run: Run) -> list[Approval]:
        """Return all approvals of a run, decided ones included, oldest first."""
        return await self._approvals.of(run.run_id)

    async def waiting_for(self, principal: Principal) -> list[Approval]:
        """Return what waits for this principal's decision, what expires first at the front."""
        return [a for a in await self._approvals.open() if a.may_be_decided_by(principal)]

    async def get(self, run_id: str, call_id: str, principal: Principal) -> Approval:
        """Return an approval that the principal may decide, decided or not.

        Raises:
            NotFoundError: when there is no such call for this principal.
            ForbiddenError: when the run is theirs, but the decision is not.
        """
        approval = await self._approvals.get(run_id, call_id)
        if approval is not None and approval.may_be_decided_by(principal):
            return approval
        if approval is not None and approval.owner == principal.name:
            detail = f"This decision is for {approval.by.replace(':', ' ')}, not for you."
            raise ForbiddenError(detail)
        detail = "There is no such approval, or it is no longer kept."
        raise NotFoundError(detail)

    async def decide(
        self, run_id: str, call_id: str, principal: Principal, verdict: Verdict
    ) -> Approval:
        """Record a principal's verdict on a call; the run goes on, wherever a worker is free.

        Raises:
            NotFoundError, ForbiddenError: when it is not theirs to decide.
            ApprovalClosedError: when it is decided, over, or about other arguments.
        """
        decided = msgspec.structs.replace(
            await self.get(run_id, call_id, principal),
            decision="approved" if verdict.approve else "rejected",
            decided_by=principal.name,
            decided_at=now(),
            reason=verdict.reason,
            trace=tracing.carrier(),
        )
        shown = verdict.arguments_hash or ""
        what = await self._approvals.decide(decided, arguments_hash=shown)
        if what in _REFUSALS:
            log.info("approval.refused", run_id=run_id, call_id=call_id, why=what)
            raise ApprovalClosedError(_REFUSALS[what])
        log.info("approval.decided", run_id=run_id, call_id=call_id, decision=decided.decision)
        if what == "resumed":
            await self._executor.ring()
        return decided
