"""Who may do what with which table and column; on PostgreSQL the roles' grants say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Table

from assistant.clinic.records import schema

Kind = Literal["visitor", "patient", "staff"]
Columns = Mapping[str, frozenset[str]]


def _all(*tables: Table) -> Columns:
    return {table.name: frozenset(table.columns.keys()) for table in tables}


_PUBLIC = _all(*(schema.metadata.tables[name] for name in schema.PUBLIC))
_BUSY = frozenset({"practitioner_id", "at"})
_OWN = _all(schema.appointments, schema.patient_times, schema.changes, schema.waiting)
_MOVED = frozenset(
    {"state", "starts_at", "ends_at", "practitioner_id", "location_id", "service_id"}
)

READS: Mapping[Kind, Columns] = {
    "visitor": {**_PUBLIC, "taken_times": _BUSY},
    "patient": {
        **_PUBLIC,
        **_OWN,
        "taken_times": _BUSY,
        # What the clinic notes about somebody is not for a model to tell them.
        "patients": frozenset(
            {"id", "given_name", "family_name", "date_of_birth", "phone", "email", "insurer_id"}
        ),
    },
    "staff": {
        **_PUBLIC,
        **_OWN,
        **_all(schema.taken_times),
        "patients": frozenset(
            {"id", "given_name", "family_name", "search_name", "date_of_birth", "phone"}
        ),
    },
}
"""The columns that may stand in a query, by table."""

_INSERTS = frozenset({"appointments", "taken_times", "patient_times", "changes", "waiting"})
_DELETES = frozenset({"taken_times", "patient_times", "waiting"})

INSERTS: Mapping[Kind, frozenset[str]] = {
    "visitor": frozenset(),
    "patient": _INSERTS,
    "staff": _INSERTS,
}
"""The tables that may be added to."""

UPDATES: Mapping[Kind, Columns] = {
    "visitor": {},
    "patient": {"appointments": _MOVED},
    "staff": {"appointments": _MOVED},
}
"""The columns that may be changed, by table."""

DELETES: Mapping[Kind, frozenset[str]] = {
    "visitor": frozenset(),
    "patient": _DELETES,
    "staff": _DELETES,
}
"""The tables that rows may be taken from."""
