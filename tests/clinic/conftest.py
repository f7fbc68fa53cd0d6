"""Fixtures: the clinic on SQLite and on a real PostgreSQL, and eyes that see all of it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from assistant.clinic.records.database import Clinic
from assistant.clinic.records.options import ClinicOptions
from assistant.models import now
from tests.clinic.house import Clock, House, open_house
from tests.clinic.postgres import Postgres
from tests.clinic.practice import Practice, open_practice
from tests.conftest import may_block

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


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
