"""The server does not work on a PostgreSQL whose walls would not hold, and says what to do."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import String, column, table, update

from assistant.clinic.records.database import open_clinic
from assistant.clinic.records.options import ClinicOptions
from assistant.errors import SettingsError
from tests.clinic.postgres import APP, OWNER, Postgres

pytestmark = pytest.mark.postgres
ROLES = "clinic_visitor, clinic_patient, clinic_staff"
LETS_IN = "assistant clinic init --app-user"


@pytest.fixture
async def role(postgres: Postgres) -> AsyncIterator[str]:
    """Return the name of a new role that may log in, and no more."""
    name = f"role_{secrets.token_hex(4)}"
    await postgres.run(f"CREATE ROLE {name} LOGIN NOINHERIT")
    yield name
    await postgres.run(f"DROP ROLE {name}")


async def refusal(server: Postgres, database: ClinicOptions, role: str) -> str:
    """Return why the server does not start as a role."""
    url = server.url(str(database.owned_database.database), role)
    with pytest.raises(SettingsError) as refused:
        async with open_clinic(ClinicOptions(url)):
            pass
    assert refused.value.detail.startswith("DATABASE_URL: ")
    return refused.value.detail


@pytest.mark.parametrize("right", ["SUPERUSER", "BYPASSRLS"])
async def test_a_role_that_no_policy_holds(
    postgres: Postgres, database: ClinicOptions, role: str, right: str
) -> None:
    await postgres.run(f"ALTER ROLE {role} {right}", f"GRANT {ROLES} TO {role}")
    assert "row-level security does not hold" in await refusal(postgres, database, role)


async def test_the_owner_of_the_tables(postgres: Postgres, database: ClinicOptions) -> None:
    assert "owns the tables" in await refusal(postgres, database, OWNER)


async def test_a_role_that_may_become_the_owner(
    postgres: Postgres, database: ClinicOptions, role: str
) -> None:
    await postgres.run(f"GRANT {OWNER}, {ROLES} TO {role}")
    assert "owns the tables" in await refusal(postgres, database, role)


async def test_a_role_that_was_not_let_in(
    postgres: Postgres, database: ClinicOptions, role: str
) -> None:
    assert f"{LETS_IN} {role}" in await refusal(postgres, database, role)
    await postgres.run(f"GRANT clinic_visitor TO {role}")
    assert f"{LETS_IN} {role}" in await refusal(postgres, database, role)


async def test_a_role_that_has_all_rights_at_once(
    postgres: Postgres, database: ClinicOptions, role: str
) -> None:
    await postgres.run(f"GRANT {ROLES} TO {role}", f"ALTER ROLE {role} INHERIT")
    assert f"ALTER ROLE {role} NOINHERIT" in await refusal(postgres, database, role)


async def test_a_role_with_rights_of_its_own(
    postgres: Postgres, database: ClinicOptions, role: str
) -> None:
    name = str(database.owned_database.database)
    grant = f"GRANT SELECT (id) ON patients TO {role}"
    await postgres.run(f"GRANT {ROLES} TO {role}", grant, database=name)
    assert "revoke what it was granted" in await refusal(postgres, database, role)
    await postgres.run(f"REVOKE ALL ON patients FROM {role}", database=name)


async def test_a_wall_that_was_taken_down(postgres: Postgres, database: ClinicOptions) -> None:
    name = str(database.owned_database.database)
    await postgres.run("ALTER TABLE waiting NO FORCE ROW LEVEL SECURITY", database=name)
    assert "row-level security is off" in await refusal(postgres, database, APP)


@pytest.mark.parametrize(("revision", "cure"), [("0000", LETS_IN), ("9999", "the newer version")])
async def test_tables_of_another_version(
    postgres: Postgres, database: ClinicOptions, revision: str, cure: str
) -> None:
    name = str(database.owned_database.database)
    tables = table("alembic_version", column("version_num", String))
    words = (
        update(tables).values(version_num=revision).compile(compile_kwargs={"literal_binds": True})
    )
    await postgres.run(str(words), database=name)
    assert cure in await refusal(postgres, database, APP)


async def test_a_database_without_tables(postgres: Postgres) -> None:
    options = ClinicOptions(owner_url=postgres.url("postgres"))
    assert f"no tables yet; as the owner of the database run: {LETS_IN}" in await refusal(
        postgres, options, APP
    )


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://localhost", "postgresql", "://"])
async def test_a_url_that_names_no_database_of_postgresql(url: str) -> None:
    with pytest.raises(SettingsError, match="must be a database of PostgreSQL"):
        async with open_clinic(ClinicOptions(url)):
            pass
