"""Clinics for talks: each a fresh copy of the same world, with a clock that stands still."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from assistant.clinic.records.engines import arm_sqlite
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.upkeep.steps import upgrade
from tests.clinic.house import Clock, House, eyes_on, open_house
from tests.clinic.postgres import Postgres
from tests.clinic.talks.world import fill, now

Clinics = Callable[[], AbstractAsyncContextManager[House]]
"""Opens the next clinic."""


def files(folder: Path) -> Clinics:
    """Return clinics in files of SQLite. Blocks."""
    made = ClinicOptions(data_dir=folder / "made")
    made.data_dir.mkdir()
    engine = create_engine(URL.create("sqlite", database=str(made.file)), poolclass=NullPool)
    arm_sqlite(engine)
    with engine.begin() as connection:
        upgrade(connection)
        fill(connection)
    numbers = count()

    @asynccontextmanager
    async def opened() -> AsyncIterator[House]:
        options = ClinicOptions(data_dir=folder / f"clinic{next(numbers)}")
        options.data_dir.mkdir()
        shutil.copy(made.file, options.file)
        async with open_house(options, Clock(now())) as house:
            yield house

    return opened


async def databases(server: Postgres) -> Clinics:
    """Return clinics in databases of a PostgreSQL."""
    await server.copy("empty", "talks")
    eyes = eyes_on(server.options("talks"))
    async with eyes.begin() as connection:
        await connection.run_sync(fill)
    await eyes.dispose()
    numbers = count()

    @asynccontextmanager
    async def opened() -> AsyncIterator[House]:
        name = f"talk_{next(numbers)}"
        await server.copy("talks", name)
        async with open_house(server.options(name), Clock(now())) as house:
            yield house
        await server.drop(name)

    return opened
