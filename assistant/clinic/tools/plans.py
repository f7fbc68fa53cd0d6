"""What a change would be: the slot or appointment that is meant, checked against every rule."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from assistant.clinic.records.schema import patients
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.appointments import Appointment, find_appointment
from assistant.clinic.schedule.directory import Directory
from assistant.clinic.schedule.rules import check_bookable, check_changeable
from assistant.clinic.schedule.slots import Slot, SlotGoneError, is_free
from assistant.clinic.tools.rows import UNKNOWN, resolved
from assistant.tool import ToolRefusedError


async def patient_here(visit: Visit) -> str:
    """Return the number of the patient whose visit it is.

    Raises:
        ToolRefusedError: when the clinic knows nobody by that number.
    """
    t = patients.c
    rows = await visit.read(select(t.id).where(t.id == visit.call.principal.subject))
    if not rows:
        message = "The clinic has no record of who is signed in; please phone the front desk."
        raise ToolRefusedError(message)
    return str(rows[0].id)


async def slot_meant(
    visit: Visit, directory: Directory, handle: str, *, own: Collection[datetime] = ()
) -> Slot:
    """Return the slot that a handle stands for, if it can be booked.

    Raises:
        SlotGoneError: when somebody has it by now.
        ToolRefusedError: when it is not known, not offered any more, or outside the rules.
    """
    slot = Slot.from_ref(await resolved(visit, "slot", handle))
    place = directory.locations.get(slot.location)
    if place is not None:
        check_bookable(slot.starts_at, visit.now, place.zone)
    free = await is_free(visit, directory, slot, own=own)
    if free is None:
        message = "That time is not offered any more. Look for free times again."
        raise ToolRefusedError(message)
    if not free:
        raise SlotGoneError(slot, directory)
    return slot


async def appointment_meant(visit: Visit, directory: Directory, handle: str) -> Appointment:
    """Return the appointment that a handle stands for, if it can be changed; nobody else then can.

    Raises:
        ToolRefusedError: when it is not known, not booked, or outside the rules.
    """
    key = await resolved(visit, "appointment", handle)
    found = await find_appointment(visit, key, lock=True)
    if found is None:
        raise ToolRefusedError(UNKNOWN)
    if found.state != "booked":
        message = f"That appointment is {found.state}; it cannot be changed."
        raise ToolRefusedError(message)
    place = directory.locations[found.slot.location]
    check_changeable(found.slot.starts_at, visit.now, place, staff=visit.kind == "staff")
    return found
