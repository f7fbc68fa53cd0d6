"""`assistant clinic`: from an empty database to a served clinic, as an operator types it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from assistant.cli import main
from tests.clinic.postgres import APP, OWNER, Postgres
from tests.conftest import may_block


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Clinic = Callable[..., Awaitable[Told]]


@pytest.fixture
def clinic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_blocking_calls: BlockBuster
) -> Clinic:
    """Return a function that runs `assistant clinic ...` with settings from a file."""

    async def run(*words: str, **settings: str) -> Told:
        file = tmp_path / "settings"
        values = {"DATA_DIR": str(tmp_path)} | settings
        file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        with may_block(no_blocking_calls):  # a command has nobody who waits
            code = await asyncio.to_thread(main, ["--env-file", str(file), "clinic", *words])
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return run


async def test_a_file_is_made_filled_and_described(clinic: Clinic, tmp_path: Path) -> None:
    told = await clinic("status")
    assert (told.code, "there is no file yet" in told.err) == (1, True)
    assert not (tmp_path / "clinic.db").exists()
    assert (await clinic("init")).code == 0
    told = await clinic("status")
    assert (told.code, "     0  patients" in told.out) == (0, True)
    assert (await clinic("seed", "--seed", "7")).code == 0
    told = await clinic("status")
    assert "    60  patients" in told.out
    assert "Avery" not in told.out + told.err
    again = await clinic("seed")
    assert (again.code, "nothing was changed" in again.err) == (1, True)


@pytest.fixture
async def empty(postgres: Postgres) -> AsyncIterator[str]:
    """Return the name of an empty database on PostgreSQL, which the owner owns."""
    name = f"cli_{secrets.token_hex(4)}"
    await postgres.run(f"CREATE DATABASE {name} OWNER {OWNER}")
    yield name
    await postgres.drop(name)


@pytest.mark.postgres
async def test_postgresql_is_made_filled_and_described(
    postgres: Postgres, empty: str, clinic: Clinic
) -> None:
    server = {"DATABASE_URL": postgres.url(empty, APP)}
    owner = {"DATABASE_OWNER_URL": postgres.url(empty, OWNER)}
    told = await clinic("status", **server)
    assert (told.code, f"assistant clinic init --app-user {APP}" in told.err) == (1, True)
    told = await clinic("seed", **server, **owner)
    assert (told.code, "first run: assistant clinic init" in told.err) == (2, True)
    for _ in range(2):
        assert (await clinic("init", "--app-user", APP, **server, **owner)).code == 0
    assert (await clinic("seed", **server, **owner)).code == 0
    assert (await clinic("seed", **server, **owner)).code == 1
    told = await clinic("status", **server)
    assert (told.code, told.err) == (0, "")
    assert "revision  0001" in told.out
    assert "may take on 3 of 3 roles, and nothing by itself" in told.out
    assert "8 of 8 personal tables have forced row security" in told.out
    assert "set DATABASE_OWNER_URL" in told.out
    told = await clinic("status", **server, **owner)
    assert "    60  patients" in told.out
    assert "Avery" not in told.out


@pytest.mark.postgres
async def test_what_an_operator_gets_wrong_is_named_with_its_cure(
    postgres: Postgres, empty: str, clinic: Clinic
) -> None:
    server = {"DATABASE_URL": postgres.url(empty, APP)}
    owner = {"DATABASE_OWNER_URL": postgres.url(empty, OWNER)}
    eager = f"eager_{empty}"
    await postgres.run(f"CREATE ROLE {eager} LOGIN INHERIT")
    cases = (
        (("init",), server, "DATABASE_OWNER_URL: this command works as the role that owns"),
        (("init", "--app-user", "nobody_at_all"), server | owner, "CREATE ROLE"),
        (("init", "--app-user", eager), server | owner, f'ALTER ROLE "{eager}" NOINHERIT'),
        (("init",), server | {"DATABASE_OWNER_URL": server["DATABASE_URL"]}, "own the database"),
        (("init",), server | {"DATABASE_OWNER_URL": "postgresql://a@127.0.0.1:1/x"}, "reached"),
        (("status",), {"DATABASE_URL": "postgresql://a@127.0.0.1:1/x"}, "DATABASE_URL: the"),
    )
    for words, settings, cure in cases:
        told = await clinic(*words, **settings)
        assert (told.code, cure in told.err) == (2, True), told
        assert told.err.count("\n") == 1
    await postgres.run(f"DROP ROLE {eager}")
