"""Tells how the clinic's database is: its version, what it holds, whether its walls stand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from assistant.clinic.records import walls
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.schema import metadata
from assistant.clinic.upkeep import preparing, steps
from assistant.clinic.upkeep.owner import as_owner
from assistant.errors import SettingsError


@dataclass(frozen=True, slots=True)
class State:
    """How the database is; holds numbers and names of tables and roles, and nothing personal.

    Attributes:
        where: which database.
        revision: of its tables; None where there are none.
        fault: what is wrong, with its cure; None when all is well.
        rows: how many rows each table has; empty where that cannot be seen.
        role: what who logs in may do; empty for SQLite, which knows no roles.
    """

    where: str
    revision: str | None
    fault: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    role: str = ""


async def find_state(options: ClinicOptions) -> State:
    """Look at the database without changing anything.

    Raises:
        SettingsError: the database cannot be reached; names the cure.
    """
    if options.database is None:
        return await asyncio.to_thread(_state_of_file, options)
    rows = {}
    if options.owner_url is not None:
        async with as_owner(options) as connection:
            rows = await connection.run_sync(_count)
    return await _state_of_server(options, rows)


def _state_of_file(options: ClinicOptions) -> State:
    where = f"SQLite, {options.file}"
    if not options.file.exists():
        return State(where, None, "there is no file yet; the server makes one when it starts")
    with preparing.opened(options.file) as connection:
        revision = steps.revision_of(connection)
        rows = _count(connection) if revision is not None else {}
    older = f"its tables are of revision {revision}, and this version works with {steps.HEAD}"
    return State(where, revision, None if revision == steps.HEAD else older, rows)


async def _state_of_server(options: ClinicOptions, rows: Mapping[str, int]) -> State:
    url = options.database
    assert url is not None  # noqa: S101 - the caller has looked
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            found = await walls.look(connection)
            fault = await walls.find_fault(connection)
            may = found.made and found.roles
            revision = await walls.revision_seen(connection) if may else None
    except (SQLAlchemyError, OSError) as error:
        detail = f"DATABASE_URL: the database cannot be reached or used ({type(error).__name__})"
        raise SettingsError(detail) from None
    finally:
        await engine.dispose()
    alone = "read patients" if found.holds else "nothing"
    role = (
        f"{found.name} may take on {found.roles} of {len(walls.ROLES)} roles, and {alone} by "
        f"itself; {found.walled} of {len(walls.PERSONAL)} personal tables have forced row security"
    )
    return State(f"PostgreSQL, {url.host}/{url.database}", revision, fault, rows, role)


def _count(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }
