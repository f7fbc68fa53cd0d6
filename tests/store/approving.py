"""Approvals for tests: as a run asks for them, and as they are decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from assistant.models import Approval, Run, now
from assistant.store import Claim
from tests.store.records import Worker


def an_approval(run: Run, call_id: str = "call_1", **changes: Any) -> Approval:
    """Return what a run asks for."""
    at = now()
    approval = Approval(
        run_id=run.run_id,
        session_id=run.session_id,
        call_id=call_id,
        owner=run.owner,
        name="book",
        summary="Book it",
        arguments={"day": 1},
        arguments_hash=f"hash of {call_id}",
        by="user",
        requested_at=at,
        expires_at=at + timedelta(minutes=1),
    )
    return msgspec.structs.replace(approval, **changes)


def decided(approval: Approval, decision: str = "approved", by: str = "visitor") -> Approval:
    """Return an approval with its decision."""
    changes = {"decision": decision, "decided_by": by, "decided_at": now(), "reason": "so"}
    return msgspec.structs.replace(approval, **changes)


async def waiting(worker: Worker, run: Run, *call_ids: str, **changes: Any) -> list[Approval]:
    """Accept a run and have it wait for decisions about these calls."""
    claim: Claim = await worker.claim(run)
    wanted = [an_approval(run, call_id, **changes) for call_id in call_ids]
    await worker.store.approvals.request(worker.store.log.open_pen(claim), b"so far", wanted)
    return wanted
