"""The steps lead to the tables that the code knows, and back, on both databases."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from blockbuster import BlockBuster
from sqlalchemy import CheckConstraint, Connection, inspect

from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.schema import metadata
from assistant.clinic.upkeep import preparing, steps
from assistant.clinic.upkeep.owner import as_owner
from assistant.clinic.upkeep.preparing import prepare_file
from assistant.errors import SettingsError
from assistant.models import now
from tests.conftest import may_block
from tests.processes import ROOT

RACERS = 4
RACE = """
import sys
from pathlib import Path
from assistant.clinic.upkeep.preparing import prepare_file
from assistant.models import now
sys.stdin.readline()
prepare_file(Path(sys.argv[1]), now())
"""


async def on(options: ClinicOptions, act: Callable[[Connection], Any]) -> Any:
    """Do something on a connection of the tables' owner."""
    if options.database is not None:
        async with as_owner(options) as connection:
            return await connection.run_sync(act)

    def here() -> Any:
        with preparing.opened(options.file) as connection:
            return act(connection)

    return await asyncio.to_thread(here)


@pytest.fixture
async def made(options: ClinicOptions) -> ClinicOptions:
    """Return where a demo clinic is, made."""
    if options.database is None:
        await asyncio.to_thread(prepare_file, options.file, now())
    return options


async def test_the_steps_lead_to_the_schema(made: ClinicOptions) -> None:
    def differences(connection: Connection) -> Any:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    def checks(connection: Connection) -> dict[str, set[str]]:
        found = inspect(connection)
        return {
            name: {str(check["name"]) for check in found.get_check_constraints(name)}
            for name in metadata.tables
        }

    assert await on(made, differences) == []
    assert await on(made, checks) == {
        name: {
            str(constraint.name)
            for part in (table, *table.columns)
            for constraint in part.constraints
            if isinstance(constraint, CheckConstraint)
        }
        for name, table in metadata.tables.items()
    }


def test_a_new_file_is_as_the_steps_would_make_it(tmp_path: Path) -> None:
    def made(file: Path) -> tuple[set[Any], str | None]:
        with preparing.opened(file) as connection:
            found = connection.exec_driver_sql(
                "SELECT type, name, tbl_name, sql FROM sqlite_master"
            )
            # Alembic breaks lines elsewhere in the one table that is its own.
            rows = {tuple(re.sub(r"\W+", " ", str(part)) for part in row) for row in found}
            return rows, steps.revision_of(connection)

    preparing.make_tables(tmp_path / "new.db")
    with preparing.opened(tmp_path / "stepped.db") as connection:
        steps.upgrade(connection)
    assert made(tmp_path / "new.db") == made(tmp_path / "stepped.db")


def _down_and_up(connection: Connection) -> tuple[list[str], list[str]]:
    steps.downgrade(connection)
    left = inspect(connection).get_table_names()
    steps.upgrade(connection)
    return left, inspect(connection).get_table_names()


async def test_back_and_forth(made: ClinicOptions, no_blocking_calls: BlockBuster) -> None:
    with may_block(no_blocking_calls):  # a command has nobody who waits
        left, again = await on(made, _down_and_up)
    assert left == ["alembic_version"]
    assert set(again) == {"alembic_version", *metadata.tables}


def test_the_head_that_the_code_works_with_is_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "assistant/clinic/upkeep/migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [steps.HEAD]


async def test_processes_that_start_at_once_share_one_clinic(tmp_path: Path) -> None:
    file = tmp_path / "new" / "clinic.db"
    racers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", RACE, str(file)), cwd=ROOT, stdin=asyncio.subprocess.PIPE
        )
        for _ in range(RACERS)
    ]
    async with asyncio.timeout(30):
        await asyncio.gather(*(racer.communicate(b"\n") for racer in racers))
    assert [racer.returncode for racer in racers] == [0] * RACERS
    assert [path.name for path in file.parent.iterdir()] == ["clinic.db"]
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_an_empty_file_becomes_a_clinic_without_anybody_in_it(tmp_path: Path) -> None:
    file = tmp_path / "clinic.db"
    file.touch()
    prepare_file(file, now())
    with preparing.opened(file) as connection:
        assert steps.revision_of(connection) == steps.HEAD


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "clinic.db"
    prepare_file(file, now())
    with preparing.opened(file) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="newer version"):
        prepare_file(file, now())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"DATA_DIR: .*choose another folder"):
        prepare_file(tmp_path / "file" / "clinic.db", now())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "clinic.db"
    file.write_text("something else entirely, and long enough to be looked at\n" * 100)
    with pytest.raises(SettingsError, match=r"DATA_DIR: .*clinic.db"):
        prepare_file(file, now())
