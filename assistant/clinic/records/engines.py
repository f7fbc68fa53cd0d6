"""Connections to the clinic's database: bounded, with a limit on every wait."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from assistant import tracing
from assistant.clinic.records.measuring import measure
from assistant.clinic.records.options import ClinicOptions

_CONNECTIONS = 10
_CONNECT_SECONDS = 3
_STATEMENT_SECONDS = 5
# A crowd waits in line for a connection, longer than for one statement.
_LINE_SECONDS = 30


def make_engine(options: ClinicOptions) -> AsyncEngine:
    """Return an engine for the server's own work; opens nothing yet.

    Raises:
        SettingsError: when the URL cannot be used.
    """
    url = options.database
    engine = sqlite_engine(options) if url is None else postgresql_engine(url, _CONNECTIONS)
    measure(engine.sync_engine)
    if tracing.is_on():
        # What is only there to be traced is only loaded then.
        from assistant.clinic.records.spans import watch  # noqa: PLC0415 - as said

        watch(engine.sync_engine)
    return engine


def postgresql_engine(url: URL, connections: int) -> AsyncEngine:
    """Return an engine on PostgreSQL; opens nothing yet."""
    limits = {
        "application_name": "persona-assistant",
        "statement_timeout": str(_STATEMENT_SECONDS * 1000),
        "lock_timeout": str(_STATEMENT_SECONDS * 1000),
        "idle_in_transaction_session_timeout": str(_LINE_SECONDS * 1000),
    }
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_LINE_SECONDS,
        # Finds out that the database was away before a transaction begins.
        pool_pre_ping=True,
        # What is bound may be somebody's own: it belongs in no error and no log.
        hide_parameters=True,
        connect_args={
            "timeout": _CONNECT_SECONDS,
            # The server's own limit does not help where the server is silent.
            "command_timeout": _STATEMENT_SECONDS + 1,
            "server_settings": limits,
        },
    )


def sqlite_engine(options: ClinicOptions) -> AsyncEngine:
    """Return an engine on SQLite's file; opens nothing yet."""
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(options.file)),
        # SQLite has one writer, and every visit writes (its audit): waiting in line is fairer, and
        # faster, than trying again and again.
        pool_size=1,
        max_overflow=0,
        pool_timeout=_LINE_SECONDS,
        hide_parameters=True,
        connect_args={"timeout": _STATEMENT_SECONDS},
    )
    arm_sqlite(engine.sync_engine)
    return engine


def arm_sqlite(engine: Any) -> None:
    """Make SQLite keep its foreign keys, and begin every transaction as the one writer."""
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own idea of when a transaction begins leaves reads outside of it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # What a tool has said was done stays done, also when the power goes.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
