"""Appointments: reading one, and making, moving and cancelling it with all that hangs on it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from assistant.clinic.records.errors import TakenError
from assistant.clinic.records.schema import appointments, changes, patient_times, taken_times
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.calendar import steps
from assistant.clinic.schedule.directory import Directory
from assistant.clinic.schedule.slots import Slot, SlotGoneError
from assistant.models import new_id
from assistant.tool import ToolRefusedError

# Without letters and digits that are taken for one another.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ELSEWHERE = "There already is an appointment at that time; look for another time."


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment of a patient; `slot` says with whom, for what, where and when."""

    id: str
    patient: str
    slot: Slot
    ends_at: datetime
    state: str

    @property
    def steps(self) -> list[datetime]:
        """The steps of the grid that it holds."""
        return steps(self.slot.starts_at, self.ends_at)


def appointments_query() -> Select[Any]:
    """Return a query for what `appointment_of` needs."""
    t = appointments.c
    return select(
        t.id,
        t.patient_id,
        t.practitioner_id,
        t.service_id,
        t.location_id,
        t.starts_at,
        t.ends_at,
        t.state,
    )


def appointment_of(row: Any) -> Appointment:
    """Return a row of `appointments_query` as an appointment."""
    slot = Slot(row.practitioner_id, row.service_id, row.location_id, row.starts_at)
    return Appointment(row.id, row.patient_id, slot, row.ends_at, row.state)


async def find_appointment(visit: Visit, key: str, *, lock: bool = False) -> Appointment | None:
    """Return an appointment within reach; with `lock` nobody else changes it meanwhile."""
    query = appointments_query().where(appointments.c.id == key)
    rows = await visit.read(query, lock=lock)
    return appointment_of(rows[0]) if rows else None


async def check_at_leisure(
    visit: Visit,
    directory: Directory,
    patient: str,
    slot: Slot,
    *,
    but: Appointment | None = None,
) -> None:
    """Check that a patient is not elsewhere at that time; an appointment that moves counts not.

    Raises:
        ToolRefusedError: when the patient is.
    """
    t = patient_times.c
    wanted = steps(slot.starts_at, _end(directory, slot))
    query = select(t.at, t.appointment_id).where(t.patient_id == patient, t.at.in_(wanted))
    if any(but is None or row.appointment_id != but.id for row in await visit.read(query)):
        raise ToolRefusedError(_ELSEWHERE)


async def add(
    visit: Visit, directory: Directory, patient: str, slot: Slot, *, reason: str, told: str
) -> None:
    """Book a slot for a patient.

    Raises:
        SlotGoneError: when somebody else has it by now.
        ToolRefusedError: when the patient has an appointment at that time.
    """
    key = f"A-{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"
    made = Appointment(key, patient, slot, _end(directory, slot), "booked")
    await visit.insert(
        appointments, _row(made) | {"id": key, "patient_id": patient, "reason": reason}
    )
    await _hold(visit, directory, made, made.steps, made.steps)
    await note(visit, patient, "booked", told, appointment=key)


async def move(
    visit: Visit, directory: Directory, old: Appointment, slot: Slot, *, told: str
) -> None:
    """Give an appointment another slot, and its former time back.

    Raises:
        SlotGoneError: when somebody else has it by now.
        ToolRefusedError: when the patient has another appointment at that time.
    """
    new = Appointment(old.id, old.patient, slot, _end(directory, slot), old.state)
    same = old.slot.practitioner == slot.practitioner
    before, after = set(old.steps), set(new.steps)
    await visit.update(appointments, old.id, **_row(new))
    # The new time is taken before the old one is given back: two that change places then never
    # wait for each other.
    await _hold(
        visit, directory, new, sorted(after - before), sorted(after - before if same else after)
    )
    given_back = before - after if same else before
    t, own = taken_times.c, patient_times.c
    await visit.delete(
        taken_times,
        t.appointment_id == old.id,
        t.practitioner_id == old.slot.practitioner,
        t.at.in_(given_back),
    )
    await visit.delete(patient_times, own.appointment_id == old.id, own.at.in_(before - after))
    await note(visit, old.patient, "moved", told, appointment=old.id)


async def cancel(visit: Visit, appointment: Appointment, *, told: str) -> None:
    """Cancel an appointment and give its time back."""
    key = appointment.id
    await visit.delete(taken_times, taken_times.c.appointment_id == key)
    await visit.delete(patient_times, patient_times.c.appointment_id == key)
    await visit.update(appointments, key, state="cancelled")
    await note(visit, appointment.patient, "cancelled", told, appointment=key)


async def note(
    visit: Visit, patient: str, what: str, told: str, *, appointment: str | None = None
) -> None:
    """Write down what was done, under the key of the call that did it."""
    call = visit.call
    row = {
        "id": new_id("change"),
        "patient_id": patient,
        "appointment_id": appointment,
        "what": what,
        "at": visit.now,
        "by": call.principal.name,
        "run_id": call.run_id,
        "effect_key": call.key,
        "told": told,
    }
    await visit.insert(changes, row)


async def told_before(visit: Visit) -> str | None:
    """Return what the visit's call has told, if it took effect before."""
    query = select(changes.c.told).where(changes.c.effect_key == visit.call.key)
    rows = await visit.read(query)
    return str(rows[0].told) if rows else None


async def _hold(
    visit: Visit,
    directory: Directory,
    appointment: Appointment,
    patients: Sequence[datetime],
    practitioners: Sequence[datetime],
) -> None:
    """Take steps for an appointment: the patient's first, so that one's own clash is told."""
    key, slot = appointment.id, appointment.slot
    own = [{"patient_id": appointment.patient, "at": at, "appointment_id": key} for at in patients]
    taken = [
        {"practitioner_id": slot.practitioner, "at": at, "appointment_id": key}
        for at in practitioners
    ]
    try:
        await visit.insert(patient_times, own)
        await visit.insert(taken_times, taken)
    except TakenError as error:
        if error.whose == "patient":
            raise ToolRefusedError(_ELSEWHERE) from None
        raise SlotGoneError(slot, directory) from None


def _end(directory: Directory, slot: Slot) -> datetime:
    return slot.starts_at + timedelta(minutes=directory.services[slot.service].minutes)


def _row(appointment: Appointment) -> dict[str, Any]:
    slot = appointment.slot
    return {
        "practitioner_id": slot.practitioner,
        "service_id": slot.service,
        "location_id": slot.location,
        "starts_at": slot.starts_at,
        "ends_at": appointment.ends_at,
        "state": appointment.state,
    }
