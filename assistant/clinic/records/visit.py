"""One transaction on behalf of one principal: all that a tool can do to the clinic's records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, Row, Select, Table, delete, insert, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.clinic.records.errors import OutOfReachError
from assistant.clinic.records.faults import told
from assistant.clinic.records.grants import Kind
from assistant.clinic.records.handles import Handles, scope_of
from assistant.clinic.records.reach import Reach
from assistant.clinic.records.schema import appointments
from assistant.clinic.records.unchanged import Kept, kept_by, version_of
from assistant.tool import Call

_Known = TypeVar("_Known")


class Visit:
    """Reads and changes within one principal's reach; made by `Clinic.visit`.

    What it does stands when the visit ends well, and not at all when it ends in an error.
    Every method raises `ClinicUnavailableError` where the database does not answer, and
    `OutOfReachError` for what its principal has no part in.

    Attributes:
        call: on whose behalf, and for which run.
        now: when the visit began.
        rows_read: how many rows it has read so far.
        rows_written: how many it has added, changed or taken away.
    """

    def __init__(
        self, connection: AsyncConnection, call: Call, reach: Reach, now: datetime
    ) -> None:
        self.call = call
        self.now = now
        self.rows_read = 0
        self.rows_written = 0
        self._connection = connection
        self._reach = reach
        self._names = Handles(connection, scope_of(call), now)
        self._refused: Exception | None = None

    @property
    def kind(self) -> Kind:
        """What the principal is to the clinic."""
        return self._reach.kind

    async def read(self, query: Select[Any], *, lock: bool = False) -> Sequence[Row[Any]]:
        """Return the rows of a query that are within reach.

        The query names tables and columns plainly: conditions for the principal are added here.
        With `lock` nobody else changes these rows until the visit ends.
        """
        narrowed = self._reach.scoped(query)
        rows = (await self._execute(narrowed.with_for_update() if lock else narrowed)).all()
        self.rows_read += len(rows)
        return rows

    async def unchanged(self, name: str, read: Callable[[Visit], Awaitable[_Known]]) -> _Known:
        """Return what `read` makes of the public tables: anew only when somebody changed them.

        It makes it of what a visitor may read, so that what is kept is in everybody's reach.
        """
        with self._going_on():
            version, kept = await version_of(self._connection), kept_by(self._connection)
            known = kept.get(name)
            if known is None or known.version != version:
                public = Visit(self._connection, self.call, Reach("visitor", None), self.now)
                known = kept[name] = Kept(version, await read(public), public.rows_read)
        # It is looked at, wherever it was kept.
        self.rows_read += known.rows
        value: _Known = known.value
        return value

    async def insert(
        self, table: Table, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> None:
        """Add rows to a table; what is somebody's own must be of somebody within reach.

        Raises:
            TakenError: the time is taken. The visit can then do no more, and must end.
        """
        added = [rows] if isinstance(rows, Mapping) else list(rows)
        self._reach.check_insert(table, added)
        await self._check_appointments(table, added)
        if added:
            await self._execute(insert(table), added)
        self.rows_written += len(added)

    async def update(self, table: Table, row_id: str, **values: object) -> int:
        """Change a row; returns how many were changed: none where it is missing or out of reach."""
        self._reach.check_update(table, values)
        change = update(table).where(table.c.id == row_id, *self._reach.rows(table))
        return await self._change(change.values(**values))

    async def delete(self, table: Table, *where: ColumnElement[bool]) -> int:
        """Take away the rows within reach that meet the conditions; returns how many."""
        self._reach.check_delete(table, where)
        return await self._change(delete(table).where(*where, *self._reach.rows(table)))

    async def handles(self, kind: str, refs: Sequence[str]) -> list[str]:
        """Return names for records, such as "slot_k7m2q9xw", in their order.

        They mean something in this conversation of this principal alone, for a day from when they
        were last given out; a record keeps its name there.
        """
        with self._going_on():
            return await self._names.name(kind, refs)

    async def resolve(self, kind: str, handle: str) -> str | None:
        """Return which record a name stands for; None for any that was not given out here."""
        with self._going_on():
            return await self._names.resolve(kind, handle)

    def check(self) -> None:
        """Check that the visit can go on: the database has refused nothing in it.

        Raises:
            TakenError: it asked for a time that is taken; or whatever else was refused.
        """
        if self._refused is not None:
            raise self._refused

    async def _check_appointments(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Check that rows about an appointment are about one within reach."""
        mine = self._reach.rows(appointments)
        named = {row["appointment_id"] for row in rows if row.get("appointment_id") is not None}
        if not mine or not named:
            return
        query = select(appointments.c.id).where(appointments.c.id.in_(sorted(named)), *mine)
        if len((await self._execute(query)).all()) < len(named):
            raise OutOfReachError(f"{table.name}: an appointment that is not within reach")

    async def _change(self, statement: Executable) -> int:
        changed = (await self._execute(statement)).rowcount
        self.rows_written += changed
        return changed

    async def _execute(
        self, statement: Executable, rows: list[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        with self._going_on():
            return await self._connection.execute(statement, rows)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Tell the database's errors, and remember them: its transaction is over with the first."""
        self.check()
        try:
            with told():
                yield
        except Exception as error:
            self._refused = error
            raise
