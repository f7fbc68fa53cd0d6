"""Brings a database's tables to this version, or back; and tells which version they are of.

Alembic, which does it, takes a tenth of a second to load: only where there is something to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from assistant.clinic.records.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The revision that this version works with."""

_STEPS = Path(__file__).parent / "migrations"
_VERSIONS = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
_REVISION = text("SELECT version_num FROM alembic_version")


def make(connection: Connection) -> None:
    """Make the tables of this version in SQLite's empty file, as all steps would do. Blocks."""
    metadata.create_all(connection, checkfirst=False)
    walls = (_STEPS / "versions" / "first_sqlite.sql").read_text("utf-8")
    for statement in (*walls.split("\n\n"), _VERSIONS):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))


def upgrade(connection: Connection) -> None:
    """Bring the tables to this version, in the connection's transaction. Blocks."""
    from alembic import command  # noqa: PLC0415 - as said above

    command.upgrade(_config(connection), HEAD)


def downgrade(connection: Connection) -> None:
    """Take all tables away, in the connection's transaction. Blocks."""
    from alembic import command  # noqa: PLC0415 - as said above

    command.downgrade(_config(connection), "base")


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(_REVISION)
    return revision


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as said above

    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
