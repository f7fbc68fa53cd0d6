"""Measures the statements that the clinic's database is given."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from assistant.clinic.records.faults import kind_of
from assistant.metrics import parts

_BEGUN = "assistant.begun"


def measure(engine: Engine) -> None:
    """Have an engine's statements measured: how long they took, and whether they failed."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(connection: Any, *_: Any) -> None:
    connection.info[_BEGUN] = time.monotonic()


def _end(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    _record(connection, statement, None)


def _fail(failed: ExceptionContext) -> None:
    # What fails before there is a connection is no statement; it shows where it is missed.
    if failed.connection is not None and failed.statement is not None:
        error = failed.sqlalchemy_exception or failed.original_exception
        _record(failed.connection, failed.statement, kind_of(error))


def _record(connection: Any, statement: str, error: str | None) -> None:
    begun = connection.info.pop(_BEGUN, None)
    if begun is not None:
        parts.QUERIES.record(
            time.monotonic() - begun,
            system=connection.dialect.name,
            operation=statement.split(None, 1)[0].upper(),
            error=error,
        )
