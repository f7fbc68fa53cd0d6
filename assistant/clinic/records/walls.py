"""PostgreSQL's own walls: entered by every visit, and checked before the first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.clinic.records.reach import Reach
from assistant.clinic.upkeep.steps import HEAD
from assistant.errors import SettingsError

PERSONAL = (
    "patients",
    "appointments",
    "patient_times",
    "taken_times",
    "changes",
    "waiting",
    "handles",
    "audit",
)
"""The tables with row-level security."""

ROLES = ("clinic_visitor", "clinic_patient", "clinic_staff")
"""The roles that a visit works as, one for each kind of principal."""

_ENTER = text(
    "SELECT set_config('role', :role, true), set_config('clinic.patient', :patient, true), "
    "set_config('clinic.scope', :scope, true)"
)
_LOOK = text(
    """
    SELECT me.rolname AS name, me.rolsuper OR me.rolbypassrls AS unbound,
      to_regclass('alembic_version') IS NOT NULL AS made,
      (SELECT bool_or(pg_has_role(me.oid, relowner, 'MEMBER')) FROM pg_class
        WHERE oid = to_regclass('patients')) AS owns,
      has_any_column_privilege(me.oid, to_regclass('patients'), 'SELECT') AS holds,
      (SELECT count(*) FROM pg_roles
        WHERE rolname = ANY(:roles) AND pg_has_role(me.oid, oid, 'MEMBER')) AS roles,
      (SELECT count(*) FROM pg_class
        WHERE oid = ANY(SELECT to_regclass(n) FROM unnest(CAST(:tables AS text[])) AS n)
          AND relrowsecurity AND relforcerowsecurity) AS walled
    FROM pg_roles AS me WHERE me.rolname = session_user
    """
)
_INIT = "as the owner of the database run: assistant clinic init --app-user"


async def enter(connection: AsyncConnection, reach: Reach, scope: str) -> None:
    """Begin a transaction that the database itself holds to this reach.

    The role decides on tables and columns, the settings on rows; both end with the transaction.
    """
    if connection.dialect.name != "postgresql":
        return
    patient = reach.subject if reach.kind == "patient" else None
    values = {"role": f"clinic_{reach.kind}", "patient": patient or "", "scope": scope}
    await connection.execute(_ENTER, values)


async def check(connection: AsyncConnection) -> None:
    """Check that the tables are of this version, and that their walls hold for who logs in.

    Raises:
        SettingsError: no; names the cure.
    """
    fault = await find_fault(connection)
    if fault is not None:
        detail = f"DATABASE_URL: {fault}"
        raise SettingsError(detail)


async def find_fault(connection: AsyncConnection) -> str | None:
    """Return what is wrong with tables, walls or role, and its cure; None when all is well."""
    found = await look(connection)
    fault = _fault(found)
    if fault is not None:
        return fault
    revision = await revision_seen(connection)
    if revision == HEAD:
        return None
    newer = revision is not None and revision > HEAD
    cure = "start the newer version" if newer else f"{_INIT} {found.name}"
    return f"its tables are of revision {revision}, and this version works with {HEAD}; {cure}"


async def look(connection: AsyncConnection) -> Row[Any]:
    """Return what who logs in is and may, and whether the walls stand.

    The row has `name`, `unbound` (row-level security does not hold for it), `made` (there are
    tables), `owns`, `holds` (may read without taking on a role), `roles` (how many of `ROLES` it
    can take on), `walled` (how many of `PERSONAL` have forced row-level security).
    """
    values = {"roles": list(ROLES), "tables": list(PERSONAL)}
    return (await connection.execute(_LOOK, values)).one()


async def revision_seen(connection: AsyncConnection) -> str | None:
    """Return the revision of the tables, as a visitor sees it."""
    await connection.execute(text("SELECT set_config('role', 'clinic_visitor', true)"))
    query = text("SELECT version_num FROM alembic_version")
    revision: str | None = (await connection.execute(query)).scalar_one_or_none()
    return revision


def _fault(found: Row[Any]) -> str | None:
    """Return what is wrong, and its cure; None when all is well."""
    name = found.name
    unbound = (
        f"row-level security does not hold for the role {name} (superuser or BYPASSRLS); log in as "
        f"one of its own: CREATE ROLE clinic_app LOGIN NOINHERIT PASSWORD '…'; then {_INIT} "
        "clinic_app"
    )
    owns = (
        f"the role {name} owns the tables, so it could take their walls down; log in as another "
        f"one, made with LOGIN NOINHERIT; then {_INIT} clinic_app"
    )
    holds = (
        f"the role {name} may read patients by itself, so a mistake could read them all; run "
        f"ALTER ROLE {name} NOINHERIT, revoke what it was granted, then {_INIT} {name}"
    )
    faults = (
        (found.unbound, unbound),
        (not found.made, f"there are no tables yet; {_INIT} {name}"),
        (found.owns, owns),
        (found.roles < len(ROLES), f"the role {name} lacks the clinic's roles; {_INIT} {name}"),
        (found.holds, holds),
        (found.walled < len(PERSONAL), "row-level security is off for a table; restore a backup"),
    )
    return next((words for is_so, words in faults if is_so), None)
