"""Turns the database's errors into the clinic's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ResourceClosedError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from assistant.clinic.records.errors import (
    ClinicUnavailableError,
    OutOfReachError,
    TakenError,
    UnusableTextError,
)

log = structlog.get_logger(__name__)

_FORBIDDEN = "42501"
_DATA = "22"
_SILENT = (PoolTimeoutError, TimeoutError, OSError)
# Classes of PostgreSQL's codes: connection, resources, operator intervention, system, deadlock; a
# lock that could not be had; a role or database that is not let in.
_AWAY = ("08", "53", "57", "58", "40", "55P03", "28", "3D")
# A file of SQLite's that is damaged.
_BROKEN = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


@contextmanager
def told() -> Iterator[None]:
    """Tell errors of the database in terms of the clinic.

    Raises:
        ClinicUnavailableError: it does not answer, or not in time.
        OutOfReachError: it refuses what our own scoping would have refused.
        TakenError: a time is taken.
        UnusableTextError: a value is too long, or has characters that cannot be kept.
    """
    try:
        yield
    except IntegrityError as error:
        raise _collision(error) or _refusal(error) or error from None
    except _SILENT as error:
        raise _away(error) from error
    except (DBAPIError, ResourceClosedError) as error:
        code = code_of(error)
        if code == _FORBIDDEN:
            raise OutOfReachError("the database refuses this to its principal") from error
        if code.startswith(_DATA):
            raise UnusableTextError from error
        if _is_away(error, code):
            raise _away(error) from error
        raise


def code_of(error: BaseException) -> str:
    """Return PostgreSQL's code of an error, or an empty text."""
    origin = getattr(error, "orig", None)
    return str(getattr(origin, "sqlstate", None) or "")


def kind_of(error: BaseException | None) -> str:
    """Return in one word what went wrong with a statement, for who counts such faults."""
    code = code_of(error) if error else ""
    match error:
        case IntegrityError():
            return "constraint"
        case DBAPIError() if code == _FORBIDDEN:
            return "refused"
        case DBAPIError() if code.startswith(_DATA):
            return "data"
        case Exception() if isinstance(error, _SILENT) or _is_away(error, code):
            return "unavailable"
        case asyncio.CancelledError():
            return "cancelled"
        case _:
            return "internal"


def _is_away(error: Exception, code: str) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    known = isinstance(error, (OperationalError, InterfaceError, ResourceClosedError))
    broken = getattr(getattr(error, "orig", None), "sqlite_errorname", "") in _BROKEN
    return code.startswith(_AWAY) if code else known or broken


def _away(error: Exception) -> ClinicUnavailableError:
    log.warning("clinic.unavailable", error=type(error).__name__, code=code_of(error))
    return ClinicUnavailableError()


def _collision(error: IntegrityError) -> TakenError | None:
    words = str(error.orig)
    if "taken_times" in words and _is_double(error):
        return TakenError("practitioner")
    if "patient_times" in words and _is_double(error):
        return TakenError("patient")
    return None


def _refusal(error: IntegrityError) -> OutOfReachError | None:
    """Return what a trigger of SQLite's says no by; PostgreSQL's have a code for it."""
    by_trigger = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_TRIGGER"
    return OutOfReachError("the database refuses this to everybody") if by_trigger else None


def _is_double(error: IntegrityError) -> bool:
    return code_of(error) == "23505" or "UNIQUE constraint failed" in str(error.orig)
