"""Fixtures: the world of the attacks on each database, and a server with a hostile model in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from assistant.clinic.records.reach import Reach
from tests.clinic.attacks.houses import House, on_postgresql, on_sqlite
from tests.clinic.attacks.known import look_round
from tests.clinic.attacks.stage import Stage, identify
from tests.clinic.attacks.world import World, a_world
from tests.clinic.postgres import Postgres
from tests.conftest import MakeServer
from tests.loglines import Written, written


@pytest.fixture
def world() -> World:
    """Return a small clinic whose victims' values are canaries."""
    return a_world()


@pytest.fixture
async def on_file(tmp_path: Path, world: World) -> AsyncIterator[House]:
    """Return the world on SQLite."""
    async with on_sqlite(tmp_path / "clinic", world) as house:
        yield house


@pytest.fixture
async def on_server(tmp_path: Path, postgres: Postgres, world: World) -> AsyncIterator[House]:
    """Return the world on PostgreSQL."""
    async with on_postgresql(postgres, world, tmp_path / "clinic") as house:
        yield house


@pytest.fixture
def logged() -> Iterator[Written]:
    """Return what is logged, down to the least of it."""
    with written("DEBUG") as found:
        yield found


@pytest.fixture
async def stage_on_file(on_file: House, make_server: MakeServer, logged: Written) -> Stage:
    """Return a stage on SQLite."""
    return await _stage(on_file, make_server, logged)


@pytest.fixture
async def stage_on_server(on_server: House, make_server: MakeServer, logged: Written) -> Stage:
    """Return a stage on PostgreSQL."""
    return await _stage(on_server, make_server, logged)


@pytest.fixture
def scope_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the application's own scope: whatever is asked of the database is asked of it."""
    monkeypatch.setattr(Reach, "scoped", lambda _self, query: query)
    monkeypatch.setattr(Reach, "rows", lambda _self, _table: [])
    for check in ("check_insert", "check_update", "check_delete"):
        monkeypatch.setattr(Reach, check, lambda _self, _table, _what: None)


async def _stage(house: House, make_server: MakeServer, logged: Written) -> Stage:
    settings = {
        "MODEL_PROVIDER": "demo",
        "LOG_LEVEL": "DEBUG",
        **house.settings,
    }
    server = await make_server(identify=identify, **settings)
    stage = Stage(house.world, server, house.eyes, logged)
    await look_round(stage)
    return stage
