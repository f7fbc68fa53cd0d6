"""What the owner of the clinic's database does: make its tables, let the server in, fill them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from assistant.clinic.records.faults import code_of
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.walls import ROLES
from assistant.clinic.upkeep import preparing, steps
from assistant.clinic.upkeep.seeding import fill_empty
from assistant.errors import SettingsError

_CONNECT_SECONDS = 5
_FORBIDDEN = "42501"
# Any number, the same for all: two of these commands do not run at once.
_TURN = 4_104_233


async def initialise(options: ClinicOptions, app_user: str | None = None) -> None:
    """Make the tables, or bring them up to this version; let a role of the server in.

    Args:
        options: of SQLite, its file is made; of PostgreSQL, work is done as the owner.
        app_user: the role that the server logs in as; PostgreSQL only.

    Raises:
        SettingsError: it cannot be done; names the cure.
    """
    if options.database is None:
        await asyncio.to_thread(preparing.make_tables, options.file)
        return
    async with as_owner(options) as connection:
        await connection.run_sync(steps.upgrade)
        if app_user is not None:
            await _let_in(connection, app_user)


async def fill(options: ClinicOptions, number: int, at: datetime) -> bool:
    """Fill empty tables with a demo clinic; returns whether they were empty.

    Raises:
        SettingsError: there are no tables, or they cannot be reached; names the cure.
    """
    if options.database is None:
        return await asyncio.to_thread(preparing.fill_file, options.file, number, at)
    async with as_owner(options) as connection:
        if await connection.run_sync(steps.revision_of) != steps.HEAD:
            detail = "the tables are not of this version; first run: assistant clinic init"
            raise SettingsError(detail)
        return await connection.run_sync(fill_empty, number, at)


@asynccontextmanager
async def as_owner(options: ClinicOptions) -> AsyncIterator[AsyncConnection]:
    """Open a transaction of the tables' owner, who says that this is upkeep.

    Raises:
        SettingsError: something cannot be done; names the cure.
    """
    engine = create_async_engine(
        options.owned_database,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": _CONNECT_SECONDS},
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT set_config('clinic.upkeep', 'on', true)"))
            await connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise SettingsError(_cure(error)) from error
    finally:
        await engine.dispose()


async def _let_in(connection: AsyncConnection, name: str) -> None:
    """Let a role take on the clinic's roles, each for one transaction at a time."""
    query = text("SELECT rolinherit FROM pg_roles WHERE rolname = :name")
    inherits = (await connection.execute(query, {"name": name})).scalar_one_or_none()
    quoted = connection.dialect.identifier_preparer.quote_identifier(name)
    if inherits is None:
        detail = f"--app-user: no role {name}; CREATE ROLE {quoted} LOGIN NOINHERIT PASSWORD '…'"
        raise SettingsError(detail)
    if inherits:
        detail = (
            f"--app-user: the role {name} would have all rights at once; "
            f"run ALTER ROLE {quoted} NOINHERIT, then this command again"
        )
        raise SettingsError(detail)
    await connection.execute(text(f"GRANT {', '.join(ROLES)} TO {quoted}"))


def _cure(error: Exception) -> str:
    if isinstance(error, DBAPIError) and code_of(error) == _FORBIDDEN:
        roles = "; ".join(f"CREATE ROLE {role} NOLOGIN" for role in ROLES)
        return (
            "DATABASE_OWNER_URL: this role may not do that; it needs to own the database and to "
            f"have CREATEROLE. Or a superuser runs, once: {roles}; and grants them"
        )
    return (
        f"DATABASE_OWNER_URL: the database cannot be reached or used ({type(error).__name__}); "
        "check the URL, and that the server runs"
    )
