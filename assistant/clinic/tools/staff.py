"""The tools that only staff has: the day's schedule, finding a patient, booking for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select

from assistant.clinic.records.schema import appointments, patients
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule import appointments as making
from assistant.clinic.schedule.appointments import appointment_of, appointments_query
from assistant.clinic.schedule.directory import Directory, read_directory
from assistant.clinic.schedule.matching import fold, spellings
from assistant.clinic.schedule.wording import day_words, soon
from assistant.clinic.tools.answers import answer, clean
from assistant.clinic.tools.arguments import (
    Arguments,
    Handle,
    OptionalDay,
    OptionalHandle,
    OptionalName,
    OptionalReason,
    OptionalTime,
)
from assistant.clinic.tools.booking import book
from assistant.clinic.tools.pieces import Piece
from assistant.clinic.tools.plans import slot_meant
from assistant.clinic.tools.rows import (
    MOST,
    UNKNOWN,
    appointment_rows,
    full_name,
    patient_rows,
    resolved,
    told,
)
from assistant.tool import ToolRefusedError

_DAY = timedelta(days=1)
_QUOTED = 80
_NOBODY = "No patient fits; try a part of the name, another spelling, or the date of birth."
_NARROW = "Ask with `after`, or for one practitioner, to see the others."


class Schedule(Arguments):
    """Which part of the schedule."""

    day: OptionalDay = Field(
        None, description="Such as 2026-11-24; null for today, or for all to come of a patient."
    )
    practitioner: OptionalHandle = Field(None, description="Only this one's; null for all.")
    patient: OptionalHandle = Field(None, description="Only this one's; null for all.")
    after: OptionalTime = Field(None, description="Only from this local time on, such as 14:00.")


class Person(Arguments):
    """Who is looked for; by name, date of birth or both."""

    name: OptionalName = Field(None, description="Name, or parts of it.")
    date_of_birth: OptionalDay = Field(None, description="Such as 1984-03-12.")


class BookingFor(Arguments):
    """What to book, and for whom."""

    patient: Handle = Field(description="The handle of a patient from find_patients.")
    slot: Handle = Field(description="The handle of a free slot from find_free_slots.")
    reason: OptionalReason = Field(None, description="Why, in the patient's few words.")


async def day_schedule(visit: Visit, given: Schedule) -> str:
    """Tell appointments in order: of a day on the clinic's calendar, or of a patient's to come."""
    directory = await read_directory(visit)
    day = given.day
    if day is None and given.patient is None:
        day = directory.today(visit.now)
    found = [row for row in await _around(visit, day, given) if _is_on(directory, row, day, given)]
    rows = await appointment_rows(visit, directory, [appointment_of(row) for row in found])
    names = await visit.handles("patient", [row.patient_id for row in found])
    for row, name, record in zip(rows, names, found, strict=True):
        row["patient"] = {"patient": name, "name": full_name(record)}
        reason = clean(record.reason, _QUOTED)
        row["reason"] = f"the patient said: “{reason}”" if reason else ""
    none = "Nothing to come." if day is None else f"Nothing on {day_words(day)}."
    return answer(rows, note="" if rows else none, narrow=_NARROW)


async def _around(visit: Visit, day: date | None, given: Schedule) -> Sequence[Any]:
    """Read the appointments to come, or of that day, wherever on earth it is lived through."""
    t, p = appointments.c, patients.c
    query = (
        appointments_query()
        .add_columns(t.reason, p.given_name, p.family_name)
        .where(t.patient_id == p.id, t.state != "cancelled")
        .order_by(t.starts_at, t.id)
    )
    if day is None:
        query = query.where(t.ends_at > visit.now)
    else:
        midnight = datetime.combine(day, time.min, UTC)
        query = query.where(t.starts_at >= midnight - _DAY, t.starts_at < midnight + 2 * _DAY)
    if given.practitioner is not None:
        key = await resolved(visit, "practitioner", given.practitioner)
        query = query.where(t.practitioner_id == key)
    if given.patient is not None:
        query = query.where(t.patient_id == await resolved(visit, "patient", given.patient))
    return await visit.read(query)


def _is_on(directory: Directory, row: Any, day: date | None, given: Schedule) -> bool:
    local = row.starts_at.astimezone(directory.locations[row.location_id].zone)
    return day in {None, local.date()} and bool(local.time() >= (given.after or time.min))


async def find_patients(visit: Visit, given: Person) -> str:
    """Tell which patients have that name or date of birth, and no more than tells them apart."""
    t = patients.c
    query = select(t.id, t.given_name, t.family_name, t.date_of_birth, t.phone)
    conditions = list(_conditions(given))
    if not conditions:
        message = "Give a name of at least two letters, a date of birth, or both."
        raise ToolRefusedError(message)
    query = query.where(*conditions).order_by(t.family_name, t.given_name, t.id).limit(MOST)
    rows = await patient_rows(visit, await visit.read(query))
    return answer(rows, note="" if rows else _NOBODY, narrow="Ask for more of the name.")


def _conditions(given: Person) -> Iterator[ColumnElement[bool]]:
    t = patients.c
    words = fold(given.name or "").split()
    # One letter would list half of everybody; in Chinese it is a family name.
    if len("".join(words)) > 1 or not "".join(words).isascii():
        for word in words:
            yield or_(*(t.search_name.contains(w, autoescape=True) for w in spellings(word)))
    if given.date_of_birth is not None:
        yield t.date_of_birth == given.date_of_birth


async def book_for_patient(visit: Visit, given: BookingFor) -> str:
    """Book a slot for a patient."""
    directory = await read_directory(visit)
    slot = await slot_meant(visit, directory, given.slot)
    patient = await _patient(visit, given.patient)
    return await book(visit, directory, patient.id, slot, given.reason)


async def ask_to_book_for(visit: Visit, given: BookingFor) -> str:
    """Return the question that is asked before it is booked."""
    directory = await read_directory(visit)
    slot = await slot_meant(visit, directory, given.slot)
    patient = await _patient(visit, given.patient)
    await making.check_at_leisure(visit, directory, patient.id, slot)
    return f"Book {told(directory, slot, soon)}, for {full_name(patient)}?"


async def _patient(visit: Visit, handle: str) -> Any:
    t = patients.c
    key = await resolved(visit, "patient", handle)
    rows = await visit.read(select(t.id, t.given_name, t.family_name).where(t.id == key))
    if not rows:
        raise ToolRefusedError(UNKNOWN)
    return rows[0]


PIECES = (
    Piece(
        "day_schedule",
        "See a day's appointments in order, of one practitioner or of all; or all to come of one "
        "patient.",
        Schedule,
        ("staff",),
        day_schedule,
    ),
    Piece(
        "find_patients",
        "Find patients by name, date of birth or both.",
        Person,
        ("staff",),
        find_patients,
    ),
    Piece(
        "book_for_patient",
        "Book a free slot for a patient. The user is asked to confirm it.",
        BookingFor,
        ("staff",),
        book_for_patient,
        ask_to_book_for,
    ),
)
