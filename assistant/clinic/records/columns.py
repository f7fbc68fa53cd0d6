"""What the clinic's columns have in common: moments, numbers of rows, and names of constraints."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, ForeignKey, String, TypeDecorator
from sqlalchemy.engine import Dialect
from typing_extensions import override

NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""What constraints and indexes are called; the migrations rely on it."""


class Instant(TypeDecorator[datetime]):
    """A moment: aware on our side, UTC in the database, also where that keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def own_id(name: str = "id") -> Column[str]:
    """Return the column of a row's own number."""
    return Column(name, String(40), primary_key=True)


def id_of(target: str, *, null: bool = False, key: bool = False) -> Column[str]:
    """Return a column that points to a row of another table."""
    table = target.partition(".")[0]
    name = f"{table.rstrip('s')}_id"
    return Column(name, String(40), ForeignKey(target), nullable=null, primary_key=key)
