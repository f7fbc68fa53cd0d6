"""The clinic's database stopped, frozen and back: said in seconds, and nothing to restart."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from blockbuster import BlockBuster
from sqlalchemy import select

from assistant.clinic.records import audit
from assistant.clinic.records.database import Clinic, open_clinic
from assistant.clinic.records.errors import ClinicUnavailableError, CommitLostError
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.schema import appointments, services, waiting
from assistant.clinic.upkeep.owner import fill, initialise
from assistant.models import now
from tests import processes
from tests.clinic.house import ROBIN, call, eyes_on
from tests.clinic.postgres import APP, OWNER, Postgres
from tests.conftest import may_block

pytestmark = pytest.mark.postgres

SECONDS = 12
"""More than any one wait for a database may take."""


@pytest.fixture
async def server(no_blocking_calls: BlockBuster) -> AsyncIterator[Postgres]:
    """Return a PostgreSQL of one's own, to be stopped, with the demo clinic."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "server")
        server.start()
        try:
            with may_block(no_blocking_calls):
                await server.run(
                    f"CREATE ROLE {OWNER} LOGIN CREATEROLE",
                    f"CREATE ROLE {APP} LOGIN NOINHERIT",
                    f"CREATE DATABASE clinic OWNER {OWNER}",
                )
                await initialise(server.options("clinic"), APP)
                await fill(server.options("clinic"), 1, now())
            yield server
        finally:
            server.stop()


async def seen(clinic: Clinic) -> int:
    """Return how many appointments the demo patient sees."""
    async with clinic.visit(call(ROBIN), "look") as visit:
        return len(await visit.read(select(appointments.c.id)))


async def test_it_is_stopped_and_comes_back(server: Postgres) -> None:
    async with open_clinic(server.options("clinic")) as clinic:
        assert await seen(clinic) == 3
        server.stop()
        async with asyncio.timeout(SECONDS):
            for _ in range(3):
                with pytest.raises(ClinicUnavailableError, match="nothing was changed"):
                    await seen(clinic)
            with pytest.raises(ClinicUnavailableError):
                await clinic.ping()
        server.start()
        assert await seen(clinic) == 3
        await clinic.ping()


async def test_it_says_nothing_any_more_and_goes_on(server: Postgres) -> None:
    async with open_clinic(server.options("clinic")) as clinic:
        assert await seen(clinic) == 3
        server.pause()
        try:
            async with asyncio.timeout(SECONDS):
                with pytest.raises(ClinicUnavailableError):
                    await clinic.ping()
                with pytest.raises(ClinicUnavailableError):
                    await seen(clinic)
        finally:
            server.resume()
        assert await seen(clinic) == 3


async def wait_in_line(server: Postgres, clinic: Clinic) -> None:
    """Add to the waiting list, and lose the database before the end."""
    row = {"id": "W-LOST", "patient_id": "P-100001", "service_id": "S-skin", "since": now()}
    async with clinic.visit(call(ROBIN), "wait") as visit:
        await visit.insert(waiting, row)
        server.stop()


async def test_it_goes_in_the_middle_of_a_visit(server: Postgres) -> None:
    async with open_clinic(server.options("clinic")) as clinic:
        with pytest.raises(ClinicUnavailableError):
            await wait_in_line(server, clinic)
        server.start()
        eyes = await asyncio.to_thread(eyes_on, server.options("clinic"))
        async with eyes.connect() as connection:
            lost = select(waiting).where(waiting.c.id == "W-LOST")
            assert (await connection.execute(lost)).all() == []


async def test_it_goes_while_it_commits(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    record = audit.record

    async def record_and_stop(*arguments: Any, **more: Any) -> None:
        await record(*arguments, **more)
        await asyncio.to_thread(server.stop)

    async with open_clinic(server.options("clinic")) as clinic:
        await seen(clinic)
        monkeypatch.setattr(audit, "record", record_and_stop)
        with pytest.raises(CommitLostError):
            await seen(clinic)


async def fail_without_it(server: Postgres, clinic: Clinic) -> None:
    """Make a mistake after the database has gone."""
    async with clinic.visit(call(ROBIN), "look"):
        server.stop()
        raise ValueError


async def test_what_went_wrong_is_told_also_when_it_cannot_be_written_down(
    server: Postgres,
) -> None:
    async with open_clinic(server.options("clinic")) as clinic:
        with pytest.raises(ValueError):  # noqa: PT011 - this very error, of no words
            await fail_without_it(server, clinic)


async def test_what_was_away_at_the_start_is_looked_at_when_it_is_back(server: Postgres) -> None:
    server.stop()
    # As the superuser, whom no policy holds.
    async with open_clinic(ClinicOptions(server.url("clinic"))) as clinic:
        server.start()
        for _ in range(2):
            with pytest.raises(ClinicUnavailableError):
                await seen(clinic)


async def test_a_server_starts_without_it_and_goes_on_when_it_is_back(
    server: Postgres, tmp_path: Path
) -> None:
    options = server.options("clinic")
    server.stop()
    async with (
        processes.server(tmp_path, DATABASE_URL=options.url) as running,
        aiohttp.ClientSession(running.url) as http,
    ):

        async def health() -> tuple[str, str]:
            async with http.get("/health") as response:
                found = await response.json()
                return found["status"], found["clinic"]["status"]

        assert await health() == ("degraded", "unreachable")
        server.start()
        assert await health() == ("healthy", "healthy")
        server.stop()
        assert await health() == ("degraded", "unreachable")
        assert "P-100001" not in running.log.read_text()


async def test_a_file_that_another_process_keeps_locked(tmp_path: Path) -> None:
    options = ClinicOptions(data_dir=tmp_path)
    async with open_clinic(options) as clinic:
        eyes = await asyncio.to_thread(eyes_on, options)
        async with eyes.begin() as connection:
            await connection.execute(select(services.c.id))
            async with asyncio.timeout(SECONDS):
                with pytest.raises(ClinicUnavailableError):
                    await seen(clinic)
        await eyes.dispose()
        assert await seen(clinic) == 3
