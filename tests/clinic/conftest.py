"""Fixtures: the clinic on SQLite and on a real PostgreSQL, and eyes that see all of it."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from assistant.clinic.records.database import Clinic
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.upkeep.owner import fill, initialise
from assistant.models import now
from tests.clinic.house import Clock, House, open_house
from tests.clinic.postgres import APP, OWNER, Postgres
from tests.clinic.practice import Practice, open_practice
from tests.conftest import may_block

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL with the databases `empty` and `seeded` to make copies of."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Postgres(Path(folder) / "server")
        Path(folder).chmod(0o711)
        server.start()
        try:
            asyncio.run(_prepare(server))
            yield server
        finally:
            server.stop()


async def _prepare(server: Postgres) -> None:
    await server.run(
        f"CREATE ROLE {OWNER} LOGIN CREATEROLE",
        f"CREATE ROLE {APP} LOGIN NOINHERIT",
        f"CREATE DATABASE empty OWNER {OWNER}",
    )
    await initialise(server.options("empty"), APP)
    await server.run("CREATE DATABASE seeded TEMPLATE empty")
    await fill(server.options("seeded"), 1, now())


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[ClinicOptions]:
    """Return a PostgreSQL database of one's own, with the demo clinic."""
    name = f"clinic_{secrets.token_hex(4)}"
    await postgres.copy("seeded", name)
    yield postgres.options(name)
    await postgres.drop(name)


@pytest.fixture(params=DATABASES)
def options(
    request: pytest.FixtureRequest, tmp_path: Path, no_blocking_calls: BlockBuster
) -> ClinicOptions:
    """Return where a demo clinic of one's own is, on each database in turn."""
    if request.param == "sqlite":
        return ClinicOptions(data_dir=tmp_path)
    with may_block(no_blocking_calls):
        found: ClinicOptions = request.getfixturevalue("database")
    return found


@pytest.fixture
def clock() -> Clock:
    """Return the clinic's clock, which stands still at the time of the test's start."""
    return Clock(now())


@pytest.fixture
async def house(options: ClinicOptions, clock: Clock) -> AsyncIterator[House]:
    """Return the demo clinic, open, with eyes that see all of it, on each database in turn."""
    async with open_house(options, clock) as opened:
        yield opened


@pytest.fixture
async def clinic(house: House) -> Clinic:
    """Return the demo clinic, open, on each database in turn."""
    return house.clinic


@pytest.fixture(params=DATABASES)
def server(request: pytest.FixtureRequest, no_blocking_calls: BlockBuster) -> Postgres | None:
    """Return the PostgreSQL to use; None means SQLite."""
    if request.param == "sqlite":
        return None
    with may_block(no_blocking_calls):
        found: Postgres = request.getfixturevalue("postgres")
    return found


@pytest.fixture
async def practice(
    server: Postgres | None, tmp_path: Path, no_blocking_calls: BlockBuster
) -> AsyncIterator[Practice]:
    """Return a small clinic that a test knows by heart, on each database in turn."""
    async with AsyncExitStack() as stack:
        with may_block(no_blocking_calls):
            opened = await stack.enter_async_context(open_practice(server, tmp_path))
        yield opened
