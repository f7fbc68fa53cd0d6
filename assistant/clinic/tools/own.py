"""The tools for what is one's own, or open before one: appointments and the page's record."""

from __future__ import annotations

import re
from typing import Literal

from sqlalchemy import and_, or_, select

from assistant.clinic.records.schema import appointments, patients
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.appointments import (
    appointment_of,
    appointments_query,
    find_appointment,
)
from assistant.clinic.schedule.directory import read_directory
from assistant.clinic.tools.answers import answer
from assistant.clinic.tools.arguments import Arguments
from assistant.clinic.tools.pieces import Piece
from assistant.clinic.tools.rows import MOST, appointment_rows, patient_rows
from assistant.tool import ToolRefusedError

_ID = re.compile(r"[A-Z]-[0-9A-Z]{1,20}")


class Period(Arguments):
    """Which appointments."""

    period: Literal["upcoming", "past"] | None = None


class Nothing(Arguments):
    """No arguments."""


async def my_appointments(visit: Visit, given: Period) -> str:
    """Tell the patient's own appointments: those to come, or those past and cancelled."""
    directory = await read_directory(visit)
    t = appointments.c
    query = appointments_query().where(t.patient_id == visit.call.principal.subject).limit(MOST)
    past = given.period == "past"
    if past:
        query = query.where(or_(t.ends_at <= visit.now, t.state != "booked"))
        query = query.order_by(t.starts_at.desc())
    else:
        query = query.where(and_(t.ends_at > visit.now, t.state == "booked")).order_by(t.starts_at)
    found = [appointment_of(row) for row in await visit.read(query)]
    rows = await appointment_rows(visit, directory, found)
    return answer(rows, note="" if rows else f"No {'past' if past else 'upcoming'} appointments.")


async def open_record(visit: Visit, _given: Nothing) -> str:
    """Tell what is open on the user's page, as far as the user may see it."""
    page = visit.call.page
    for kind in ("appointment", "patient"):
        key = page.get(kind)
        # Whoever asks may have written this: it names a record, and gives no right to it.
        if isinstance(key, str) and _ID.fullmatch(key):
            rows = await (_appointment if kind == "appointment" else _patient)(visit, key)
            if rows:
                return answer(rows)
    message = "There is nothing there: no record is open on the page that could be looked up."
    raise ToolRefusedError(message)


async def _appointment(visit: Visit, key: str) -> list[dict[str, object]]:
    found = await find_appointment(visit, key)
    if found is None:
        return []
    return await appointment_rows(visit, await read_directory(visit), [found])


async def _patient(visit: Visit, key: str) -> list[dict[str, object]]:
    t = patients.c
    query = select(t.id, t.given_name, t.family_name, t.date_of_birth, t.phone).where(t.id == key)
    return await patient_rows(visit, await visit.read(query))


PIECES = (
    Piece(
        "my_appointments",
        "See the patient's own appointments: upcoming (the default), or past and cancelled.",
        Period,
        ("patient",),
        my_appointments,
    ),
    Piece(
        "open_record",
        "Look up the appointment or patient that is open on the page the user is looking at.",
        Nothing,
        ("patient", "staff"),
        open_record,
    ),
)
