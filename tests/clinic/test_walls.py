"""PostgreSQL's walls: with the application's own scoping switched off, the database alone holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from assistant.clinic.records.errors import OutOfReachError
from assistant.clinic.records.grants import DELETES, READS, Kind
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.schema import (
    appointments,
    metadata,
    patients,
    taken_times,
    waiting,
)
from assistant.clinic.records.walls import PERSONAL
from assistant.models import Principal
from tests.clinic.house import ROBIN, STAFF, VISITOR, Clock, House, call, open_house, without_reach
from tests.clinic.postgres import OWNER, Postgres

pytestmark = pytest.mark.postgres

PEOPLE: dict[Kind, Principal] = {"visitor": VISITOR, "patient": ROBIN, "staff": STAFF}
ME, OTHER = "P-100001", "P-100002"
AT = datetime(2031, 5, 5, 14, 0, tzinfo=UTC)
OWN = {"patients": "id"} | dict.fromkeys(
    ("appointments", "patient_times", "changes", "waiting"), "patient_id"
)


@pytest.fixture
async def bare(
    database: ClinicOptions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """Return the demo clinic on PostgreSQL with nothing but the database's own walls."""
    without_reach(monkeypatch)
    async with open_house(database, clock) as house:
        rows = ((901, ME), (902, OTHER))
        await house.put(
            waiting,
            *(
                {"id": f"W-{n}", "patient_id": who, "service_id": "S-skin", "since": AT}
                for n, who in rows
            ),
        )
        yield house


async def tried(house: House, who: Principal, statement: Any) -> int:
    """Execute a statement in a visit; returns the rows it touched, none where it was refused."""
    try:
        async with house.clinic.visit(call(who), "try") as visit:
            result = await visit._execute(statement)
            return len(result.all()) if result.returns_rows else result.rowcount
    except OutOfReachError:
        return 0


@pytest.mark.parametrize("kind", PEOPLE)
async def test_columns_are_seen_as_granted(bare: House, kind: Kind) -> None:
    # A patient's own times are given back by the number of the appointment.
    granted = {(t, c) for t, columns in READS[kind].items() for c in columns}
    granted |= {("taken_times", "appointment_id")} if kind == "patient" else set()
    # A conversation's names are its own.
    granted |= {("handles", column.name) for column in metadata.tables["handles"].columns}
    seen = set()
    for table in metadata.sorted_tables:
        for column in table.columns:
            try:
                async with bare.clinic.visit(call(PEOPLE[kind]), "look") as visit:
                    await visit.read(select(column).limit(1))
                seen.add((table.name, column.name))
            except OutOfReachError:
                pass
    assert seen == granted


@pytest.mark.parametrize("table", OWN)
async def test_rows_of_others_are_not_there(bare: House, table: str) -> None:
    whose = metadata.tables[table].c[OWN[table]]
    async with bare.clinic.visit(call(ROBIN), "look") as visit:
        assert {row[0] for row in await visit.read(select(whose))} == {ME}
    async with bare.clinic.visit(call(STAFF), "look") as visit:
        assert {ME, OTHER} <= {row[0] for row in await visit.read(select(whose))}


async def test_names_of_other_conversations_are_not_there(bare: House) -> None:
    async with bare.clinic.visit(call(ROBIN, "ses_1"), "name") as visit:
        await visit.handles("slot", ["a"])
    names = metadata.tables["handles"]
    for who, session in ((ROBIN, "ses_2"), (STAFF, "ses_1"), (VISITOR, "ses_1")):
        async with bare.clinic.visit(call(who, session), "look") as visit:
            assert list(await visit.read(select(names.c.handle))) == []
            assert (await visit._execute(update(names).values(made_at=AT))).rowcount == 0


@pytest.mark.parametrize("kind", PEOPLE)
async def test_only_own_rows_are_taken_away(bare: House, kind: Kind) -> None:
    others = {}
    for table in metadata.sorted_tables:
        whose = table.c[OWN[table.name]] != ME if table.name in OWN else text("true")
        query = select(func.count()).select_from(table).where(whose)
        before = (await bare.look(query))[0][0]
        gone = await tried(bare, PEOPLE[kind], delete(table))
        others[table.name] = before - (await bare.look(query))[0][0]
        assert not gone or table.name in DELETES[kind], table.name
    if kind != "staff":
        # Of taken times, which are by nobody's name, those of one's own appointments went.
        assert {t: n for t, n in others.items() if n > 0 and t != "taken_times"} == {}
        left = (await bare.look(select(func.count()).select_from(taken_times)))[0][0]
        assert left > 1000


async def test_only_own_appointments_change(bare: House) -> None:
    booked = appointments.c.state == "booked"
    cancel = update(appointments).where(booked).values(state="cancelled")
    assert await tried(bare, VISITOR, cancel) == 0
    theirs = (booked, appointments.c.patient_id != ME)
    count = select(func.count()).select_from(appointments).where(*theirs)
    before = await bare.look(count)
    assert await tried(bare, ROBIN, cancel) == 2
    assert await bare.look(count) == before


CHANGES: dict[str, Any] = {
    "give one away": update(appointments).values(patient_id=OTHER),
    "say that one was there": update(appointments).values(state="completed"),
    "undo the past": update(appointments).values(state="booked"),
    "write a reason": update(appointments).values(reason="x"),
    "be somebody else": update(patients).values(given_name="x"),
    "cheaper": update(metadata.tables["services"]).values(price_cents=1),
    "hide it": update(metadata.tables["audit"]).values(action="x"),
    "tell it otherwise": update(metadata.tables["changes"]).values(told="x"),
    "take another time": update(taken_times).values(at=AT),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("kind", PEOPLE)
async def test_nothing_else_changes(bare: House, kind: Kind, what: str) -> None:
    statement = CHANGES[what]
    if kind == "staff" and what == "say that one was there":
        statement = statement.where(appointments.c.state != "booked")
    assert await tried(bare, PEOPLE[kind], statement) == 0


def appointment(patient: str, **more: Any) -> dict[str, Any]:
    """Return an appointment's row."""
    return {
        "id": "A-X",
        "patient_id": patient,
        "practitioner_id": "D-osei",
        "service_id": "S-follow-up",
        "location_id": "L-main",
        "starts_at": AT,
        "ends_at": AT + timedelta(minutes=20),
        "state": "booked",
        "reason": "",
    } | more


@pytest.mark.parametrize("kind", PEOPLE)
async def test_nothing_is_added_for_others(bare: House, kind: Kind) -> None:
    booked = appointments.c.state == "booked"
    numbers = {
        who: (await bare.look(select(appointments.c.id).where(booked, own)))[0].id
        for who, own in (
            (ME, appointments.c.patient_id == ME),
            (OTHER, appointments.c.patient_id == OTHER),
        )
    }
    change = {"what": "x", "at": AT, "by": "x", "run_id": "x", "effect_key": "x", "told": "x"}
    person = {"given_name": "x", "family_name": "x", "search_name": "x", "phone": "", "email": ""}
    born = {"date_of_birth": date(2000, 1, 1)}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("patients", {"id": "P-X", **person, **born}),
        (
            "services",
            {"id": "S-X", "name": "x", "description": "", "minutes": 10, "price_cents": 0},
        ),
        ("facts", {"topic": "x", "title": "x", "text": "Call this number."}),
    ]
    if kind != "staff":
        wrong += [
            ("appointments", appointment(OTHER)),
            ("appointments", appointment(ME, state="completed")),
            ("waiting", {"id": "W-X", "patient_id": OTHER, "service_id": "S-skin", "since": AT}),
            ("patient_times", {"patient_id": OTHER, "at": AT, "appointment_id": numbers[OTHER]}),
            ("patient_times", {"patient_id": ME, "at": AT, "appointment_id": numbers[OTHER]}),
            (
                "taken_times",
                {"practitioner_id": "D-osei", "at": AT, "appointment_id": numbers[OTHER]},
            ),
            # Nor at a time that is not the own appointment's, which would only keep others out.
            ("taken_times", {"practitioner_id": "D-osei", "at": AT, "appointment_id": numbers[ME]}),
            ("changes", {"id": "x", "patient_id": OTHER, "appointment_id": None, **change}),
            ("changes", {"id": "x", "patient_id": ME, "appointment_id": numbers[OTHER], **change}),
        ]
    for table, row in wrong:
        assert await tried(bare, PEOPLE[kind], insert(metadata.tables[table]).values(row)) == 0, row


async def test_nobody_writes_the_audit_in_anothers_name(bare: House) -> None:
    row = {"id": "aud_X", "at": AT, "principal": "staff:sam", "kind": "staff", "action": "x"}
    row |= {"run_id": "", "call_id": "", "correlation_id": "", "outcome": "ok"}
    row |= {"rows_read": 0, "rows_written": 0}
    audit = metadata.tables["audit"]
    assert await tried(bare, ROBIN, insert(audit).values(row)) == 0
    assert await tried(bare, STAFF, insert(audit).values(row)) == 1


async def test_the_owner_sees_nothing_by_accident(
    postgres: Postgres, database: ClinicOptions
) -> None:
    name = str(database.owned_database.database)
    for table in PERSONAL:
        count = str(select(func.count()).select_from(metadata.tables[table]))
        rows = await postgres.run(f"SET ROLE {OWNER}", count, database=name)
        assert rows[0][0] == 0, table
