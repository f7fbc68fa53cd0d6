"""Brings a database's tables to this version, or back; and tells which version they are of."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

HEAD = "0001"
"""The revision that this version works with."""


def upgrade(connection: Connection) -> None:
    """Bring the tables to this version, in the connection's transaction. Blocks."""
    command.upgrade(_config(connection), HEAD)


def downgrade(connection: Connection) -> None:
    """Take all tables away, in the connection's transaction. Blocks."""
    command.downgrade(_config(connection), "base")


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
