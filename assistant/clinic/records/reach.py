"""What a principal reaches: the one place that narrows every query and every change to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, select

from assistant.clinic.records import schema
from assistant.clinic.records.errors import OutOfReachError
from assistant.clinic.records.grants import DELETES, INSERTS, READS, UPDATES, Kind
from assistant.clinic.records.plain import columns_of, tables_of
from assistant.models import Principal

_WHOSE: Mapping[str, Column[Any]] = {
    "patients": schema.patients.c.id,
    "appointments": schema.appointments.c.patient_id,
    "patient_times": schema.patient_times.c.patient_id,
    "changes": schema.changes.c.patient_id,
    "waiting": schema.waiting.c.patient_id,
}


def kind_of(principal: Principal) -> Kind:
    """Return what somebody is to the clinic."""
    if "staff" in principal.roles:
        return "staff"
    return "visitor" if principal.subject is None else "patient"


@dataclass(frozen=True, slots=True)
class Reach:
    """What one principal may see and change.

    Attributes:
        kind: decides on tables and columns.
        subject: the number of the patient whose rows are within reach, where `kind` says so.
    """

    kind: Kind
    subject: str | None

    @classmethod
    def of(cls, principal: Principal) -> Reach:
        """Return the reach of a principal."""
        return cls(kind_of(principal), principal.subject)

    def scoped(self, query: Select[Any]) -> Select[Any]:
        """Return the query, narrowed to the rows within reach.

        Raises:
            OutOfReachError: when it names a column that this kind has no part in, or is built so
                that not every table in it can be told.
        """
        allowed = READS[self.kind]
        for column in columns_of(query, narrowed=self._is_narrowed):
            if column.name not in allowed.get(column.table.name, ()):
                raise _out_of_reach(self.kind, "read", f"{column.table.name}.{column.name}")
        for table in tables_of(query):
            if table.name not in allowed:
                raise _out_of_reach(self.kind, "read", table.name)
            # Which times are taken everybody may know, and by nobody's name.
            if table is not schema.taken_times:
                query = query.where(*self.rows(table))
        return query

    def rows(self, table: Table) -> list[ColumnElement[bool]]:
        """Return the conditions that a row of this table must meet to be within reach."""
        if self.kind != "patient":
            return []
        if table is schema.taken_times:
            mine = select(schema.appointments.c.id).where(*self.rows(schema.appointments))
            return [table.c.appointment_id.in_(mine)]
        return [_WHOSE[table.name] == self.subject] if table.name in _WHOSE else []

    def check_insert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Check that rows may be added to a table.

        Raises:
            OutOfReachError: not by this kind, or not for this patient.
        """
        if table.name not in INSERTS[self.kind]:
            raise _out_of_reach(self.kind, "insert into", table.name)
        if self.kind == "patient" and table.name in _WHOSE:
            whose = _WHOSE[table.name].name
            if any(row.get(whose) != self.subject for row in rows):
                raise _out_of_reach(self.kind, "insert for others into", table.name)

    def check_update(self, table: Table, columns: Iterable[str]) -> None:
        """Check that columns of a table may be changed.

        Raises:
            OutOfReachError: not by this kind.
        """
        if not set(columns) <= UPDATES[self.kind].get(table.name, frozenset()):
            raise _out_of_reach(self.kind, "update", table.name)

    def check_delete(self, table: Table, where: Sequence[ColumnElement[bool]]) -> None:
        """Check that rows may be taken from a table.

        Raises:
            OutOfReachError: not by this kind, or by conditions that say nothing or name others.
        """
        if table.name not in DELETES[self.kind] or not where:
            raise _out_of_reach(self.kind, "delete from", table.name)
        for part in where:
            if any(column.table is not table for column in columns_of(part)):
                raise _out_of_reach(self.kind, "delete by another table from", table.name)

    def _is_narrowed(self, table: Table) -> bool:
        return self.kind == "patient" and table.name in _WHOSE


def _out_of_reach(kind: Kind, act: str, what: str) -> OutOfReachError:
    return OutOfReachError(f"a {kind} may not {act} {what}; see assistant/clinic/records/grants.py")
