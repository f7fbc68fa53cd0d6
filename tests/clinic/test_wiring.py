"""The clinic among the server's parts: its tools, and what may not clash with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from blockbuster import BlockBuster
from pydantic import BaseModel

from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.tool import Call, Tool
from assistant.wiring import open_parts
from tests.conftest import MakeServer, may_block
from tests.loglines import written
from tests.processes import environment


class _Nothing(BaseModel):
    """No arguments."""


async def _do(_call: Call, _given: _Nothing) -> str:
    return ""


def settings(folder: Path, **values: object) -> Settings:
    """Return settings with a data folder."""
    return Settings.from_mapping(environment(folder, **values))


async def test_a_tool_by_the_name_of_one_of_the_clinics_is_refused(
    tmp_path: Path, no_blocking_calls: BlockBuster
) -> None:
    mine = {"book_appointment": Tool("book_appointment", "Mine.", _Nothing, _do)}
    with may_block(no_blocking_calls), pytest.raises(SettingsError, match="rename yours"):
        async with open_parts(settings(tmp_path), mine):
            pass


async def test_workers_without_a_database_that_they_share_are_warned(
    tmp_path: Path, no_blocking_calls: BlockBuster
) -> None:
    alone = settings(tmp_path, RUN_MODE="workers")
    with may_block(no_blocking_calls), written() as log, pytest.raises(SettingsError):
        # There is no Redis either, which is why it goes no further.
        async with open_parts(alone):
            pass
    assert "clinic.not_shared" in log.text


async def test_a_file_that_was_damaged_is_told_by_health(
    make_server: MakeServer, tmp_path: Path
) -> None:
    client = await make_server(DATA_DIR=str(tmp_path))
    # As a disk or somebody's hand may leave it while the server runs.
    (tmp_path / "clinic.db").write_bytes(b"no database" * 1_000)
    async with client.get("/health") as reply:
        health = await reply.json()
    assert (reply.status, health["status"]) == (200, "degraded")
    assert health["clinic"] == {"status": "unreachable"}
