"""Writes down who looked at or changed what, and for which run; never what was read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.clinic.records.errors import OutOfReachError, TakenError
from assistant.clinic.records.grants import Kind
from assistant.clinic.records.schema import audit
from assistant.models import new_id
from assistant.tool import Call, ToolRefusedError

Outcome = Literal["ok", "refused", "failed"]


async def record(
    connection: AsyncConnection,
    call: Call,
    kind: Kind,
    action: str,
    *,
    at: datetime,
    outcome: Outcome,
    rows_read: int = 0,
    rows_written: int = 0,
) -> None:
    """Add one row to the audit, in the transaction of `connection`."""
    row = {
        "id": new_id("aud"),
        "at": at,
        "principal": _fitting("principal", call.principal.name),
        "kind": kind,
        "action": _fitting("action", action),
        "run_id": _fitting("run_id", call.run_id),
        "call_id": _fitting("call_id", call.call_id),
        "correlation_id": _fitting("correlation_id", call.correlation_id),
        "outcome": outcome,
        "rows_read": rows_read,
        "rows_written": rows_written,
    }
    await connection.execute(insert(audit), row)


def outcome_of(error: BaseException) -> Outcome:
    """Return how a visit ended that an error broke off."""
    said_no = isinstance(error, (ToolRefusedError, TakenError, OutOfReachError))
    return "refused" if said_no else "failed"


def _fitting(column: str, text: str) -> str:
    """Return what the column can hold of a text that may come from a model or a client."""
    length: int = audit.c[column].type.length  # type: ignore[attr-defined]
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:length]
