"""The tools of the waiting list: patients join it, staff reads it."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field
from sqlalchemy import select

from assistant.clinic.records.schema import patients, waiting
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.appointments import note
from assistant.clinic.schedule.directory import Directory, read_directory
from assistant.clinic.schedule.wording import day_words
from assistant.clinic.tools.answers import answer, clean
from assistant.clinic.tools.arguments import Arguments, Name, OptionalHandle, OptionalName
from assistant.clinic.tools.pieces import Piece
from assistant.clinic.tools.plans import patient_here
from assistant.clinic.tools.rows import MOST, check_gives, full_name, meant, resolved
from assistant.models import new_id
from assistant.tool import ToolRefusedError


class Wish(Arguments):
    """What to wait for."""

    service: Name = Field(description="What for, by its name: `Follow-up`.")
    practitioner: OptionalHandle = Field(
        None, description="The handle of the only practitioner who will do; null for anybody."
    )


class Filter(Arguments):
    """Whose waiting to tell of."""

    service: OptionalName = Field(None, description="Only for this service, by its name.")


async def join_waiting_list(visit: Visit, given: Wish) -> str:
    """Put the patient whose visit it is on the waiting list."""
    wanted = await _wanted(visit, given)
    row = {
        "id": new_id("wait"),
        "patient_id": wanted.patient,
        "service_id": wanted.service,
        "practitioner_id": wanted.practitioner,
        "since": visit.now,
    }
    await visit.insert(waiting, row)
    told = f"On the waiting list for {wanted.words}."
    await note(visit, wanted.patient, "waiting", told)
    return told


async def ask_to_wait(visit: Visit, given: Wish) -> str:
    """Return the question that the patient is asked before that."""
    return f"Join the waiting list for {(await _wanted(visit, given)).words}?"


async def waiting_list(visit: Visit, given: Filter) -> str:
    """Tell who waits, those who have waited longest first."""
    directory = await read_directory(visit)
    w, p = waiting.c, patients.c
    query = (
        select(p.id, p.given_name, p.family_name, w.service_id, w.practitioner_id, w.since)
        .where(w.patient_id == p.id)
        .order_by(w.since, w.id)
        .limit(MOST)
    )
    if given.service is not None:
        query = query.where(w.service_id == _service(directory, given.service))
    found = await visit.read(query)
    names = await visit.handles("patient", [row.id for row in found])
    zone = next(iter(directory.locations.values())).zone
    rows = [
        {
            "patient": {"patient": name, "name": full_name(row)},
            "service": directory.services[row.service_id].name,
            "practitioner": _anybody(directory, row.practitioner_id),
            "since": day_words(row.since.astimezone(zone)),
        }
        for name, row in zip(names, found, strict=True)
    ]
    return answer(rows, note="" if rows else "Nobody waits.")


class _Wanted(NamedTuple):
    patient: str
    service: str
    practitioner: str | None
    words: str


async def _wanted(visit: Visit, given: Wish) -> _Wanted:
    """Return who would wait and for what, as ids and in words.

    Raises:
        ToolRefusedError: when there is no such thing, or they wait for it already.
    """
    patient = await patient_here(visit)
    directory = await read_directory(visit)
    service, practitioner = _service(directory, given.service), None
    words = clean(directory.services[service].name, 120)
    if given.practitioner is not None:
        practitioner = await resolved(visit, "practitioner", given.practitioner)
        check_gives(directory, practitioner, service)
        words += f" with {clean(directory.practitioners[practitioner].name, 120)}"
    t = waiting.c
    mine = select(t.practitioner_id).where(t.patient_id == patient, t.service_id == service)
    if any(row.practitioner_id in {None, practitioner} for row in await visit.read(mine)):
        message = f"Already on the waiting list for {words}."
        raise ToolRefusedError(message)
    return _Wanted(patient, service, practitioner, words)


def _service(directory: Directory, name: str) -> str:
    return meant("service", name, {key: s.name for key, s in directory.services.items()})


def _anybody(directory: Directory, practitioner: str | None) -> str:
    return "anybody" if practitioner is None else directory.practitioners[practitioner].name


PIECES = (
    Piece(
        "join_waiting_list",
        "Put the patient who is signed in on the waiting list for a service, when nothing is free. "
        "They are asked to confirm it.",
        Wish,
        ("patient",),
        join_waiting_list,
        ask_to_wait,
    ),
    Piece(
        "waiting_list",
        "See who is on the waiting list, longest first.",
        Filter,
        ("staff",),
        waiting_list,
    ),
)
