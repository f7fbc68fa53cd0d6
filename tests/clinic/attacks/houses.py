"""The world in a real database, which the server opens as its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from assistant.clinic.records import schema
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.upkeep.steps import upgrade
from tests.clinic.attacks.world import World
from tests.clinic.house import eyes_on
from tests.clinic.postgres import Postgres


@dataclass(frozen=True, slots=True)
class House:
    """A clinic's database.

    Attributes:
        eyes: sees and may do everything, past all walls.
        settings: make a server open it.
    """

    world: World
    eyes: AsyncEngine
    options: ClinicOptions
    settings: Mapping[str, object] = field(default_factory=dict)


@asynccontextmanager
async def on_sqlite(folder: Path, world: World) -> AsyncIterator[House]:
    """Have the world in a file of SQLite."""
    options = ClinicOptions(data_dir=folder)
    await asyncio.to_thread(_make_file, options.file, world)
    url = URL.create("sqlite+aiosqlite", database=str(options.file))
    eyes = create_async_engine(url, poolclass=NullPool)
    try:
        yield House(world, eyes, options, {"DATA_DIR": folder})
    finally:
        await eyes.dispose()


def _make_file(file: Path, world: World) -> None:
    file.parent.mkdir(parents=True)
    engine = create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.begin() as connection:
        upgrade(connection)
        fill(connection, world)


@asynccontextmanager
async def on_postgresql(server: Postgres, world: World, folder: Path) -> AsyncIterator[House]:
    """Have the world in a database of PostgreSQL."""
    name = f"attacks_{secrets.token_hex(4)}"
    await server.copy("empty", name)
    options = server.options(name)
    eyes = eyes_on(options)
    try:
        async with eyes.begin() as connection:
            await connection.run_sync(fill, world)
        yield House(world, eyes, options, {"DATABASE_URL": options.url, "DATA_DIR": folder})
    finally:
        await eyes.dispose()
        await server.drop(name)


def fill(connection: Connection, world: World) -> None:
    """Write the world into empty tables."""
    for table in schema.metadata.sorted_tables:
        if rows := world.rows.get(table.name):
            connection.execute(insert(table), rows)
