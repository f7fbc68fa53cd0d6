"""A visit: within reach and nothing else, all or nothing, and written down, on both databases."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from assistant.clinic.records.errors import OutOfReachError, TakenError, UnusableTextError
from assistant.clinic.records.grants import READS, Kind
from assistant.clinic.records.schema import (
    appointments,
    audit,
    changes,
    metadata,
    patient_times,
    patients,
    taken_times,
    waiting,
)
from assistant.models import Principal
from assistant.tool import ToolRefusedError
from tests.clinic.house import OTHER, ROBIN, STAFF, VISITOR, House, call

PEOPLE: dict[Kind, Principal] = {"visitor": VISITOR, "patient": ROBIN, "staff": STAFF}
AT = datetime(2031, 5, 5, 14, 0, tzinfo=UTC)
OWN = {
    "patients": patients.c.id,
    "appointments": appointments.c.patient_id,
    "patient_times": patient_times.c.patient_id,
    "changes": changes.c.patient_id,
    "waiting": waiting.c.patient_id,
}


def booking(key: str, patient: str = "P-100001", at: datetime = AT) -> dict[str, Any]:
    """Return an appointment's row."""
    return {
        "id": key,
        "patient_id": patient,
        "practitioner_id": "D-osei",
        "service_id": "S-follow-up",
        "location_id": "L-main",
        "starts_at": at,
        "ends_at": at + timedelta(minutes=20),
        "state": "booked",
        "reason": "",
    }


async def appointment_of(house: House, patient: str) -> str:
    """Return the number of an appointment of a patient's that is to come."""
    mine = appointments.c.patient_id == patient, appointments.c.state == "booked"
    rows = await house.look(select(appointments.c.id).where(*mine))
    return str(rows[0].id)


async def outcomes(house: House) -> list[tuple[str, str, str]]:
    """Return principal, action and outcome of all that the audit holds."""
    columns = audit.c.principal, audit.c.action, audit.c.outcome
    return [tuple(row) for row in await house.look(select(*columns).order_by(audit.c.at))]


@pytest.mark.parametrize("kind", PEOPLE)
async def test_every_column_is_read_or_refused_as_the_grants_say(house: House, kind: Kind) -> None:
    told = {}
    for table in metadata.sorted_tables:
        for column in table.columns:
            try:
                async with house.clinic.visit(call(PEOPLE[kind]), "look") as visit:
                    await visit.read(select(column).limit(1))
                told[table.name, column.name] = True
            except OutOfReachError:
                told[table.name, column.name] = False
    assert {key for key, seen in told.items() if seen} == {
        (table, column) for table, columns in READS[kind].items() for column in columns
    }
    assert not told["audit", "action"]
    assert not told["patients", "notes"]


@pytest.mark.parametrize("table", OWN)
async def test_a_patient_sees_own_rows_and_staff_see_all(house: House, table: str) -> None:
    query = select(OWN[table])
    await house.put(waiting, *({"id": f"W-{n}", "patient_id": p, "service_id": "S-skin",
                                "practitioner_id": None, "since": AT}
                               for n, p in ((901, "P-100001"), (902, "P-100002"))))  # fmt: skip
    everybody = {row[0] for row in await house.look(query)}
    async with house.clinic.visit(call(ROBIN), "look") as visit:
        assert {row[0] for row in await visit.read(query)} == {"P-100001"}
        assert {row[0] for row in await visit.read(query.where(OWN[table] != "P-100001"))} == set()
        count = await visit.read(select(func.count()).select_from(metadata.tables[table]))
        assert count[0][0] == len(await visit.read(query))
    async with house.clinic.visit(call(STAFF), "look") as visit:
        assert {row[0] for row in await visit.read(query)} == everybody
    assert len(everybody) > 1


async def test_a_join_is_narrowed_on_every_personal_table_in_it(house: House) -> None:
    query = select(patients.c.given_name, appointments.c.id).join_from(
        patients, appointments, appointments.c.patient_id != patients.c.id, isouter=True
    )
    async with house.clinic.visit(call(ROBIN), "look") as visit:
        assert list(await visit.read(query)) == []


async def test_words_from_a_model_are_values_and_nothing_else(house: House) -> None:
    for words in ("' OR 1=1 --", "x' UNION SELECT notes FROM patients --", "%", "\\", "\x00"):
        # PostgreSQL has no place for the last.
        with suppress(UnusableTextError):
            async with house.clinic.visit(call(STAFF), "look") as visit:
                query = select(patients.c.id).where(patients.c.search_name == words)
                assert not await visit.read(query)


async def test_whoever_is_neither_patient_nor_staff_is_a_visitor(house: House) -> None:
    for roles in ({"patient"}, {"operator"}, {"billing"}):
        nobody = Principal("odd", frozenset(roles))
        async with house.clinic.visit(call(nobody), "look") as visit:
            assert visit.kind == "visitor"
            with pytest.raises(OutOfReachError):
                await visit.read(select(appointments.c.id))


async def test_what_others_have_cannot_be_changed(house: House) -> None:
    theirs = await appointment_of(house, "P-100002")
    before = await house.look(select(appointments).where(appointments.c.patient_id == "P-100002"))
    async with house.clinic.visit(call(ROBIN), "try") as visit:
        assert await visit.update(appointments, theirs, state="cancelled") == 0
        assert await visit.delete(taken_times, taken_times.c.appointment_id == theirs) == 0
        assert await visit.delete(patient_times, patient_times.c.appointment_id == theirs) == 0
        assert await visit.delete(patient_times, patient_times.c.at < AT) == 6
    after = await house.look(select(appointments).where(appointments.c.patient_id == "P-100002"))
    assert before == after


FOREIGN: dict[str, tuple[Table, dict[str, Any]]] = {
    "appointment": (appointments, booking("A-X", "P-100002")),
    "time": (taken_times, {"practitioner_id": "D-osei", "at": AT, "appointment_id": "THEIRS"}),
    "own time": (patient_times, {"patient_id": "P-100001", "at": AT, "appointment_id": "THEIRS"}),
    "patient": (patients, {"id": "P-1"}),
    "nobody's": (waiting, {"id": "W-9", "service_id": "S-skin", "since": AT}),
    "audit": (audit, {"id": "aud_1"}),
}


@pytest.mark.parametrize("what", FOREIGN)
async def test_nothing_is_added_for_others(house: House, what: str) -> None:
    table, row = FOREIGN[what]
    theirs = await appointment_of(house, "P-100002")
    row = {name: theirs if value == "THEIRS" else value for name, value in row.items()}
    before = await house.look(select(func.count()).select_from(table))
    with pytest.raises(OutOfReachError):
        async with house.clinic.visit(call(ROBIN), "try") as visit:
            await visit.insert(table, row)
    grown = table is audit  # by the row that says that this was refused
    assert (await house.look(select(func.count()).select_from(table)))[0][0] == before[0][0] + grown
    assert ("patient:P-100001", "try", "refused") in await outcomes(house)


async def test_an_error_takes_back_everything_but_its_mark_in_the_audit(house: House) -> None:
    for error, outcome in (
        (ToolRefusedError("no"), "refused"),
        (ValueError("oh"), "failed"),
        (asyncio.CancelledError(), "failed"),
    ):
        with pytest.raises(type(error)):
            await broken_off(house, f"book:{outcome}", error)
        assert (await outcomes(house))[-1] == ("patient:P-100001", f"book:{outcome}", outcome)
    assert await house.look(select(appointments).where(appointments.c.id == "A-GONE")) == []


async def test_the_audit_says_who_for_which_run_and_how_much(house: House) -> None:
    made = call(ROBIN)
    async with house.clinic.visit(made, "look") as visit:
        read = len(await visit.read(select(appointments.c.id)))
        await visit.insert(appointments, booking("A-NEW"))
    row = (await house.look(select(audit)))[-1]
    assert (row.principal, row.kind, row.action) == ("patient:P-100001", "patient", "look")
    assert (row.run_id, row.call_id) == (made.run_id, made.call_id)
    assert (row.correlation_id, row.outcome) == (made.correlation_id, "ok")
    assert (row.rows_read, row.rows_written, row.at) == (read, 1, house.clock.now)


async def broken_off(house: House, action: str, error: BaseException) -> None:
    """Book, and meet an error."""
    async with house.clinic.visit(call(ROBIN), action) as visit:
        await visit.insert(appointments, booking("A-GONE"))
        raise error


async def booked(house: House, who: Principal, key: str, table: Table) -> None:
    """Book the same time of the same practitioner, and take no notice where it is taken."""
    row = {"at": AT, "appointment_id": key}
    row["practitioner_id" if table is taken_times else "patient_id"] = (
        "D-osei" if table is taken_times else str(who.subject)
    )
    async with house.clinic.visit(call(who), "book") as visit:
        await visit.insert(appointments, booking(key, str(who.subject)))
        with suppress(TakenError):
            await visit.insert(table, row)


async def test_no_time_is_taken_twice(house: House) -> None:
    await booked(house, ROBIN, "A-1", taken_times)
    await booked(house, ROBIN, "A-2", patient_times)
    # Who takes no notice cannot keep what came before either.
    with pytest.raises(TakenError) as taken:
        await booked(house, OTHER, "A-3", taken_times)
    assert taken.value.whose == "practitioner"
    with pytest.raises(TakenError) as taken:
        await booked(house, ROBIN, "A-4", patient_times)
    assert taken.value.whose == "patient"
    kept = await house.look(select(appointments.c.id).where(appointments.c.starts_at == AT))
    assert sorted(row.id for row in kept) == ["A-1", "A-2"]
    assert [row[2] for row in await outcomes(house)] == ["ok", "ok", "refused", "refused"]


async def undone(house: House, who: Principal, key: str) -> None:
    """Change an appointment that is over, and take no notice where this is refused."""
    async with house.clinic.visit(call(who), "undo") as visit:
        with suppress(OutOfReachError):
            await visit.update(appointments, key, state="booked")


async def test_what_is_closed_stays_closed(house: House) -> None:
    over = appointments.c.patient_id == "P-100001", appointments.c.state == "completed"
    key = (await house.look(select(appointments.c.id).where(*over)))[0].id
    for who in (ROBIN, STAFF):
        with pytest.raises(OutOfReachError):
            await undone(house, who, key)


@pytest.mark.parametrize("statement", ["UPDATE {} SET at = at", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["audit", "changes"])
async def test_what_was_done_stays_written(house: House, table: str, statement: str) -> None:
    async with house.clinic.visit(call(ROBIN), "look"):
        pass
    with pytest.raises(Exception, match="only ever added to"):
        await house.do(statement.format(table))
