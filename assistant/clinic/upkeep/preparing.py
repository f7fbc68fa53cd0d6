"""Makes SQLite's file where there is none, and brings an older one up to date."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from assistant.clinic.records.engines import arm_sqlite
from assistant.clinic.upkeep.seeding import DEFAULT_SEED, fill_empty, seed
from assistant.clinic.upkeep.steps import HEAD, make, revision_of, upgrade
from assistant.errors import SettingsError

log = structlog.get_logger(__name__)

_PATIENCE = 30


def prepare_file(file: Path, at: datetime) -> None:
    """Have a demo clinic in a file, as of `at`, unless there is one. Blocks.

    Processes may do so at once: each makes a whole one aside, and the first to put its own in
    place wins. So no crash leaves half a clinic behind either.

    Raises:
        SettingsError: the file is of another version, or cannot be made.
    """

    def demo(connection: Connection) -> None:
        make(connection)
        seed(connection, DEFAULT_SEED, at)

    with _cured(file):
        if not file.exists():
            _make(file, demo)
        _bring_up(file)


def make_tables(file: Path) -> None:
    """Have a file with tables of this version; where there was none, they are empty. Blocks.

    Raises:
        SettingsError: the file is of another version, or cannot be made.
    """
    with _cured(file):
        if not file.exists():
            _make(file, make)
        _bring_up(file)


def fill_file(file: Path, number: int, at: datetime) -> bool:
    """Fill a file without patients, made where there is none; returns whether it was one. Blocks.

    Raises:
        SettingsError: the file is of another version, or cannot be made.
    """
    make_tables(file)
    with opened(file) as connection:
        return fill_empty(connection, number, at)


@contextmanager
def _cured(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, DatabaseError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        detail = f"DATA_DIR: {file} cannot be made or used ({why}); choose another folder"
        raise SettingsError(detail) from None


def _make(file: Path, write: Callable[[Connection], object]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    # Patients' records: for nobody else on this machine.
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with opened(aside) as connection:
            write(connection)
        with suppress(FileExistsError):
            file.hardlink_to(aside)
            log.info("clinic.made", kind="sqlite")
    finally:
        for left in file.parent.glob(f"{aside.name}*"):
            left.unlink(missing_ok=True)


def _bring_up(file: Path) -> None:
    with opened(file) as connection:
        revision = revision_of(connection)
        if revision == HEAD:
            return
        if revision is not None and revision > HEAD:
            detail = (
                f"DATA_DIR: {file} was made by a newer version (revision {revision}, this one "
                f"knows {HEAD}); start that version, or name another folder"
            )
            raise SettingsError(detail)
        upgrade(connection)


@contextmanager
def opened(file: Path) -> Iterator[Connection]:
    """Open a transaction on a file. Blocks."""
    engine = _engine(file)
    try:
        # While readers read, the one writer writes; the file remembers this.
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _engine(file: Path) -> Engine:
    url = URL.create("sqlite", database=str(file))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})
    arm_sqlite(engine)
    return engine
