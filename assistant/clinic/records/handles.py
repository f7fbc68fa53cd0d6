"""Names of records for one conversation: opaque to the model, and worth nothing elsewhere."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.clinic.records.schema import handles
from assistant.tool import Call

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

LIFE = timedelta(days=1)
_RENEWED = LIFE / 2
_BATCH = 500
# Nothing that is read for something else: no i, l, o and u.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SHAPE = re.compile(rf"[a-z]{{1,14}}_[{_ALPHABET}]{{8}}")


def scope_of(call: Call) -> str:
    """Return the name of a conversation of a principal: SHA-256, in hex."""
    return hashlib.sha256(f"{call.session_id}\n{call.principal.name}".encode()).hexdigest()


class Handles:
    """The names in one conversation, within one transaction."""

    def __init__(self, connection: AsyncConnection, scope: str, now: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._now = now

    async def name(self, kind: str, refs: Sequence[str]) -> list[str]:
        """Return the names of records, in their order; new ones for those that have none."""
        known = await self._known(kind, refs)
        missing = [ref for ref in dict.fromkeys(refs) if ref not in known]
        if missing:
            await self._add(kind, missing)
            known = await self._known(kind, refs)
        return [known[ref] for ref in refs]

    async def resolve(self, kind: str, handle: str) -> str | None:
        """Return what a name of this conversation stands for; None for any other."""
        if not _SHAPE.fullmatch(handle):
            return None
        query = select(handles.c.ref).where(
            handles.c.scope == self._scope,
            handles.c.handle == handle,
            handles.c.kind == kind,
            handles.c.made_at > self._now - LIFE,
        )
        ref: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return ref

    async def _known(self, kind: str, refs: Sequence[str]) -> dict[str, str]:
        asked = list(dict.fromkeys(refs))
        query = select(handles.c.ref, handles.c.handle, handles.c.made_at).where(
            *self._mine(kind, asked)
        )
        rows = (await self._connection.execute(query)).all()
        stale = [row.ref for row in rows if row.made_at <= self._now - _RENEWED]
        if stale:
            # A record that is spoken of again keeps its name.
            renew = update(handles).where(*self._mine(kind, stale)).values(made_at=self._now)
            await self._connection.execute(renew)
        return {row.ref: row.handle for row in rows}

    def _mine(self, kind: str, refs: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        return handles.c.scope == self._scope, handles.c.kind == kind, handles.c.ref.in_(refs)

    async def _add(self, kind: str, refs: Sequence[str]) -> None:
        rows = [
            {
                "scope": self._scope,
                "handle": f"{kind}_{_random()}",
                "kind": kind,
                "ref": ref,
                "made_at": self._now,
            }
            for ref in refs
        ]
        # Two calls of one conversation may name the same record at once: one of the names stays.
        add = _insert(self._connection.dialect.name).on_conflict_do_nothing()
        await self._connection.execute(add, rows)


async def forget(connection: AsyncConnection, now: datetime) -> None:
    """Take some of the names that have expired from the database, whoever's they were."""
    before = now - LIFE
    if connection.dialect.name == "postgresql":
        # Others' names are out of everybody's sight, so this one act is the owner's.
        await connection.execute(select(func.clinic_forget_handles(before, _BATCH)))
        return
    key = handles.c.scope, handles.c.handle
    old = select(*key).where(handles.c.made_at <= before).limit(_BATCH)
    await connection.execute(delete(handles).where(tuple_(*key).in_(old)))


def _insert(dialect: str) -> postgresql.Insert | sqlite.Insert:
    if dialect == "postgresql":
        # The engine has it loaded by now; on SQLite nobody has use for it.
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - as said

        return postgresql.insert(handles)
    return sqlite.insert(handles)


def _random() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))
