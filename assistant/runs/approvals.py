"""What people decide: yes or no to a tool call that waits for one."""

from __future__ import annotations

import msgspec
import structlog

from assistant.errors import ApprovalClosedError, ForbiddenError, NotFoundError
from assistant.models import Approval, Principal, Run, now
from assistant.runs.asks import Executor
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

    async def decide(
        self,
        run_id: str,
        call_id: str,
        principal: Principal,
        *,
        approve: bool,
        reason: str = "",
        arguments_hash: str | None = None,
    ) -> Approval:
        """Record a decision; the run goes on, wherever a worker is free.

        Args:
            run_id: the run that waits.
            call_id: the call it waits for.
            principal: who decides.
            approve: yes or no.
            reason: told to the model and to the user.
            arguments_hash: of the arguments that were seen; another is refused.

        Raises:
            NotFoundError: when there is no such call for this principal.
            ForbiddenError: when the run is theirs, but the decision is not.
            ApprovalClosedError: when it is decided, over, or about other arguments.
        """
        approval = await self._approvals.get(run_id, call_id)
        if approval is None:
            raise _absent()
        if not approval.may_be_decided_by(principal):
            if approval.owner != principal.name:
                raise _absent()
            detail = f"This decision is for {approval.by.replace(':', ' ')}, not for you."
            raise ForbiddenError(detail)
        decided = msgspec.structs.replace(
            approval,
            decision="approved" if approve else "rejected",
            decided_by=principal.name,
            decided_at=now(),
            reason=reason,
        )
        what = await self._approvals.decide(decided, arguments_hash=arguments_hash or "")
        if what in _REFUSALS:
            log.info("approval.refused", run_id=run_id, call_id=call_id, why=what)
            raise ApprovalClosedError(_REFUSALS[what])
        log.info("approval.decided", run_id=run_id, call_id=call_id, decision=decided.decision)
        if what == "resumed":
            await self._executor.ring()
        return decided


def _absent() -> NotFoundError:
    detail = "There is no such approval, or it is no longer kept."
    return NotFoundError(detail)
