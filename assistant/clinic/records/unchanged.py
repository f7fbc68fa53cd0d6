"""Tells whether what everybody may know has changed since a connection last looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, func, literal_column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.clinic.records.schema import PUBLIC

_WRITTEN: ColumnElement[int] = func.sum(literal_column("xmin::text::bigint"))
_VERSIONS: Mapping[str, Executable] = {
    # Grows with whatever others write to the file; no visit writes to a public table.
    "sqlite": text("PRAGMA data_version"),
    # How many rows each table has, and which transactions wrote them: later ones have higher
    # numbers, so with as many rows as before every change makes their sum greater.
    "postgresql": select(
        *(
            select(func.concat(func.count(), " ", _WRITTEN))
            .select_from(table(name))
            .scalar_subquery()
            for name in sorted(PUBLIC)
        )
    ),
}


class Kept(NamedTuple):
    """What was made of the public tables, of which version, and of how many rows."""

    version: tuple[Any, ...]
    value: Any
    rows: int


async def version_of(connection: AsyncConnection) -> tuple[Any, ...]:
    """Return what is another on this connection whenever a public table was changed."""
    return tuple((await connection.execute(_VERSIONS[connection.dialect.name])).one())


def kept_by(connection: AsyncConnection) -> dict[str, Kept]:
    """Return what is kept as long as the driver's own connection is."""
    kept: dict[str, Kept] = connection.sync_connection.info  # type: ignore[union-attr]
    return kept
