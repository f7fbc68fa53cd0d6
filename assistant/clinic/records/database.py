"""Opens the clinic's database, and lets visits to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from assistant import tracing
from assistant.clinic.records import audit, handles, walls
from assistant.clinic.records.engines import make_engine
from assistant.clinic.records.errors import ClinicUnavailableError, CommitLostError
from assistant.clinic.records.faults import told
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.reach import Reach
from assistant.clinic.records.visit import Visit
from assistant.clinic.upkeep.preparing import prepare_file
from assistant.errors import SettingsError
from assistant.models import now
from assistant.tool import Call

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

_PING_SECONDS = 2
_FORGET_EVERY = timedelta(minutes=10)


class Clinic:
    """The clinic's records; whoever wants anything of them makes a visit."""

    def __init__(self, engine: AsyncEngine, clock: Clock = now) -> None:
        self._engine = engine
        self._clock = clock
        self._checked = self.kind == "sqlite"
        self._forgotten_at: datetime | None = None

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]:
        """Which database it is."""
        return "postgresql" if self._engine.dialect.name == "postgresql" else "sqlite"

    @asynccontextmanager
    async def visit(self, call: Call, action: str) -> AsyncIterator[Visit]:
        """Open one transaction on behalf of the call's principal.

        Everything in it is within the principal's reach, is written to the audit, and stands only
        if the block ends without an error. Visits do not go inside one another.

        Raises:
            ClinicUnavailableError: the database does not answer; nothing was changed.
            CommitLostError: it went away at the very end; whether anything was changed is open.
        """
        reach = Reach.of(call.principal)
        try:
            async with self._begun(reach, call) as connection:
                visit = Visit(connection, call, reach, self._clock())
                yield visit
                visit.check()
                with told():
                    await self._close(visit, connection, action)
        except BaseException as error:
            if not isinstance(error, (ClinicUnavailableError, CommitLostError)):
                await self._record_broken(call, reach, action, error)
            raise

    async def check(self) -> None:
        """Check that the database is there, of this version, and that its walls hold.

        Raises:
            ClinicUnavailableError: it does not answer.
            SettingsError: it is not as it must be; names the cure.
        """
        with told():
            async with self._engine.connect() as connection:
                await walls.check(connection)
        self._checked = True

    async def ping(self) -> None:
        """Return when the database answers.

        Raises:
            ClinicUnavailableError: when it does not within two seconds, or is not as it must be.
        """
        with told(), tracing.unseen():
            async with asyncio.timeout(_PING_SECONDS):
                await self._make_sure()
                async with self._engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))

    async def _make_sure(self) -> None:
        """Make up for the check of a database that was away at the start."""
        if self._checked:
            return
        try:
            await self.check()
        except SettingsError as error:
            log.warning("clinic.refused", fault=error.detail)
            raise ClinicUnavailableError from None

    @asynccontextmanager
    async def _begun(self, reach: Reach, call: Call) -> AsyncIterator[AsyncConnection]:
        await self._make_sure()
        with told():
            connection = await self._engine.connect()
        try:
            with told():
                await walls.enter(connection, reach, handles.scope_of(call))
            yield connection
            await _commit(connection)
        finally:
            # Gives the connection back, and takes back what was not committed.
            with suppress(SQLAlchemyError, OSError):
                await asyncio.shield(connection.close())

    async def _close(self, visit: Visit, connection: AsyncConnection, action: str) -> None:
        await audit.record(
            connection,
            visit.call,
            visit.kind,
            action,
            at=visit.now,
            outcome="ok",
            rows_read=visit.rows_read,
            rows_written=visit.rows_written,
        )
        last = self._forgotten_at
        if last is None or abs(visit.now - last) > _FORGET_EVERY:
            self._forgotten_at = visit.now
            await handles.forget(connection, visit.now)

    async def _record_broken(
        self, call: Call, reach: Reach, action: str, error: BaseException
    ) -> None:
        """Write down a visit that came to nothing, in a transaction of its own."""
        outcome = audit.outcome_of(error)
        try:
            async with self._begun(reach, call) as connection:
                with told():
                    await audit.record(
                        connection, call, reach.kind, action, at=self._clock(), outcome=outcome
                    )
        except (ClinicUnavailableError, CommitLostError):
            # Its rows are as they were, so nothing was done that the audit does not hold.
            log.warning("clinic.audit_missed", action=action, outcome=outcome, run_id=call.run_id)


@asynccontextmanager
async def open_clinic(options: ClinicOptions, clock: Clock = now) -> AsyncIterator[Clinic]:
    """Open the clinic's records.

    SQLite's file is made, and filled with a demo clinic, where there is none. PostgreSQL is taken
    as it is; while it does not answer, visits raise `ClinicUnavailableError`.

    Raises:
        SettingsError: the database is not as it must be; names the cure.
    """
    # Reads files: the driver's code, and the current folder.
    engine = await asyncio.to_thread(make_engine, options)
    clinic = Clinic(engine, clock)
    try:
        if options.database is None:
            await asyncio.to_thread(prepare_file, options.file, clock())
        else:
            with suppress(ClinicUnavailableError):
                await clinic.check()
        log.info("clinic.opened", kind=clinic.kind)
        yield clinic
    finally:
        await engine.dispose()


async def _commit(connection: AsyncConnection) -> None:
    try:
        with told():
            await connection.commit()
    except ClinicUnavailableError as error:
        raise CommitLostError from error
