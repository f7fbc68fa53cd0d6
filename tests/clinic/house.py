"""The clinic as tests have it: its doors, its clock, and eyes that see all of its records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Executable, Row, Select, Table, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from assistant.clinic.records.database import Clinic, open_clinic
from assistant.clinic.records.engines import sqlite_engine
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.reach import Reach
from assistant.models import Principal
from assistant.tool import Call

VISITOR = Principal("visitor")
ROBIN = Principal("patient:P-100001", frozenset({"patient"}), "P-100001")
OTHER = Principal("patient:P-100002", frozenset({"patient"}), "P-100002")
STAFF = Principal("staff:sam", frozenset({"staff"}))

_numbers = count(1)


@dataclass(slots=True)
class Clock:
    """Tells the time that a test says it is."""

    now: datetime

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


@dataclass(frozen=True, slots=True)
class House:
    """An open clinic.

    Attributes:
        eyes: connections that no scope narrows: SQLite's file, or PostgreSQL's superuser.
    """

    clinic: Clinic
    clock: Clock
    options: ClinicOptions
    eyes: AsyncEngine

    async def look(self, query: Select[Any] | str) -> Sequence[Row[Any]]:
        """Return all rows of a query, whoever's they are."""
        async with self.eyes.connect() as connection:
            asked = text(query) if isinstance(query, str) else query
            return (await connection.execute(asked)).all()

    async def put(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Add rows, whoever's they are."""
        await self.do(insert(table).values(list(rows)))

    async def do(self, statement: Executable | str) -> None:
        """Execute a statement as nobody in particular."""
        async with self.eyes.begin() as connection:
            await connection.execute(text(statement) if isinstance(statement, str) else statement)


@asynccontextmanager
async def open_house(options: ClinicOptions, clock: Clock) -> AsyncIterator[House]:
    """Open the clinic where `options` say, and eyes on it."""
    async with open_clinic(options, clock) as clinic:
        eyes = await asyncio.to_thread(eyes_on, options)
        try:
            yield House(clinic, clock, options, eyes)
        finally:
            await eyes.dispose()


def eyes_on(options: ClinicOptions) -> AsyncEngine:
    """Return an engine that sees everything."""
    if options.database is None:
        return sqlite_engine(options)
    return create_async_engine(options.database.set(username="postgres"), poolclass=NullPool)


def call(
    principal: Principal = VISITOR, session: str = "ses_1", page: Mapping[str, Any] | None = None
) -> Call:
    """Return a fresh call of a tool by somebody."""
    number = next(_numbers)
    return Call(
        key=f"run_{number}:call:0:0",
        run_id=f"run_{number}",
        call_id=f"call_{number}",
        correlation_id=f"corr-{number}",
        principal=principal,
        session_id=session,
        page=page or {},
    )


def without_reach(patch: pytest.MonkeyPatch) -> None:
    """Switch the application's own scoping off, so that the database stands alone."""
    patch.setattr(Reach, "scoped", lambda _self, query: query)
    patch.setattr(Reach, "rows", lambda _self, _table: [])
    for check in ("check_insert", "check_update", "check_delete"):
        patch.setattr(Reach, check, lambda *_arguments: None)
