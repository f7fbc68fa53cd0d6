"""Approvals as records: requested when a run begins to wait, decided once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from assistant import events
from assistant.events import ApprovalRequested, ApprovalResolved
from assistant.metrics import work
from assistant.models import Approval, now
from assistant.store import keys
from assistant.store.bells import Bells
from assistant.store.client import Client
from assistant.store.leases import Leases, lost
from assistant.store.pen import Pen
from assistant.store.scripts import DECIDE, SUSPEND, Scripts

Decided = Literal["missing", "decided", "ended", "changed", "late", "noted", "resumed"]

_decode = msgspec.json.Decoder(Approval).decode
_MOST = 1_000


class Approvals:
    """The tool calls that wait for a human's yes."""

    def __init__(self, redis: Client, bells: Bells, leases: Leases, *, keep: timedelta) -> None:
        self._redis = redis
        self._bells = bells
        self._leases = leases
        self._scripts = Scripts(redis)
        self._keep = keep

    async def request(
        self,
        pen: Pen,
        checkpoint: bytes,
        wanted: Sequence[Approval],
        session_ends: datetime | None = None,
    ) -> None:
        """Log the requests, keep the checkpoint and let the run go, all or nothing.

        `session_ends` is when the session is to end, which waits as long.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        run, sid = pen.run, pen.run.session_id or ""
        longest = max(approval.expires_at for approval in wanted) - now() + self._keep
        rows: list[Any] = []
        for approval in wanted:
            asked = events.encode(_asked(approval))
            expiry = int(approval.expires_at.timestamp() * 1000)
            rows += [asked, approval.call_id, msgspec.json.encode(approval), expiry]
        what = await self._scripts.run(
            SUSPEND,
            [
                *(keys.session(sid), keys.messages(sid), keys.session_runs(sid)),
                *(keys.owner(run.owner), keys.cast(run.cast)),
            ],
            *(run.run_id, pen.token, self._leases.lease_ms, pen.next_sequence, checkpoint),
            *(
                int(longest.total_seconds() * 1000),
                session_ends.isoformat() if session_ends else "",
                *rows,
            ),
        )
        if what != b"ok":
            raise lost(run.run_id)
        self._bells.ring(pen.channel)

    async def get(self, run_id: str, call_id: str) -> Approval | None:
        """Return one approval, or None where there is none."""
        raw = await self._redis.call("HGET", keys.approvals(run_id), call_id)
        return _decode(raw) if raw else None

    async def of(self, run_id: str) -> list[Approval]:
        """Return all approvals of a run, decided ones included, oldest first."""
        found = [_decode(raw) for raw in await self._redis.call("HVALS", keys.approvals(run_id))]
        return sorted(found, key=lambda approval: approval.requested_at)

    async def open(self) -> list[Approval]:
        """Return those that wait for a decision, the one that expires first at the front."""
        return await self._found(await self._redis.call("ZRANGE", keys.DUE, 0, _MOST - 1))

    async def expired(self) -> list[Approval]:
        """Return those that nobody decided in time."""
        due = int(now().timestamp() * 1000)
        index = [keys.DUE, "-inf", due, "LIMIT", 0, _MOST]
        return await self._found(await self._redis.call("ZRANGEBYSCORE", *index))

    async def decide(self, decided: Approval, *, arguments_hash: str = "") -> Decided:
        """Record a decision, once, and log it; queues the run when it was the last one.

        Args:
            decided: the approval with its decision.
            arguments_hash: the arguments that whoever decided has seen; empty where not said.
        """
        event = ApprovalResolved(
            decided.call_id,
            decided.name,
            decided.decision or "expired",
            decided.decided_by,
            decided.reason,
        )
        reply = await self._scripts.run(
            DECIDE,
            [],
            *(decided.run_id, decided.call_id, int(now().timestamp() * 1000), arguments_hash),
            *(msgspec.json.encode(decided), events.encode(event)),
            int(decided.decision == "expired"),
        )
        what: Decided = reply.decode()
        if what in {"noted", "resumed"}:
            waited = (now() - decided.requested_at).total_seconds()
            work.APPROVAL_WAIT.record(waited, decision=event.decision)
        self._bells.ring(keys.channel(decided.session_id, decided.run_id))
        return what

    async def _found(self, members: Sequence[bytes]) -> list[Approval]:
        pairs = [member.decode().split(" ", 1) for member in members]
        async with self._redis.pipeline(transaction=False) as pipe:
            for run_id, call_id in pairs:
                pipe.hget(keys.approvals(run_id), call_id)
            raws = await pipe.execute() if pairs else []
        return [_decode(raw) for raw in raws if raw]


def _asked(approval: Approval) -> ApprovalRequested:
    return ApprovalRequested(
        call_id=approval.call_id,
        name=approval.name,
        summary=approval.summary,
        arguments=approval.arguments,
        arguments_hash=approval.arguments_hash,
        by=approval.by,
        expires_at=approval.expires_at,
    )
