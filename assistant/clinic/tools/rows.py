"""Records as rows for the model: named by handles, in words that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.appointments import Appointment
from assistant.clinic.schedule.directory import Directory
from assistant.clinic.schedule.matching import find
from assistant.clinic.schedule.slots import Slot
from assistant.clinic.schedule.wording import price, when
from assistant.clinic.tools.answers import clean, listed
from assistant.tool import ToolRefusedError

UNKNOWN = "There is nothing by that name in this conversation; look it up again."

MOST = 60
"""How many records are read at most where nobody will be told all of them."""

Row = dict[str, Any]


async def resolved(visit: Visit, kind: str, handle: str) -> str:
    """Return the record that a handle stands for.

    Raises:
        ToolRefusedError: for any handle that was not given out in this conversation.
    """
    ref = await visit.resolve(kind, handle)
    if ref is None:
        raise ToolRefusedError(UNKNOWN)
    return ref


def meant(what: str, wanted: str, names: Mapping[str, str]) -> str:
    """Return the id of the one thing that a name means.

    Raises:
        ToolRefusedError: when it means none, or several; says which there are.
    """
    found = fitting(what, wanted, names)
    if len(found) > 1:
        message = f"Several fit as {what}: {listed(names[key] for key in found)}. Ask which."
        raise ToolRefusedError(message)
    return found[0]


def fitting(what: str, wanted: str, names: Mapping[str, str]) -> list[str]:
    """Return the ids of all that a name may mean.

    Raises:
        ToolRefusedError: when there is nothing by that name; says what there is.
    """
    found = find(wanted, names)
    if not found:
        message = f"There is no {what} by that name. There is: {listed(names.values())}."
        raise ToolRefusedError(message)
    return found


def check_gives(directory: Directory, practitioner: str, service: str) -> None:
    """Check that a practitioner gives a service.

    Raises:
        ToolRefusedError: when not; says what they do give.
    """
    who = directory.practitioners.get(practitioner)
    if who is None:
        raise ToolRefusedError(UNKNOWN)
    if service not in who.services:
        given = listed(directory.services[key].name for key in who.services) or "nothing"
        message = f"They do not give that; they give: {given}. Or look for somebody else."
        raise ToolRefusedError(message)


async def slot_rows(visit: Visit, directory: Directory, slots: Sequence[Slot]) -> list[Row]:
    """Return slots as rows."""
    names = await visit.handles("slot", [slot.ref for slot in slots])
    return [
        {"slot": name} | _slot(directory, slot) for name, slot in zip(names, slots, strict=True)
    ]


async def appointment_rows(
    visit: Visit, directory: Directory, found: Sequence[Appointment]
) -> list[Row]:
    """Return appointments as rows."""
    names = await visit.handles("appointment", [appointment.id for appointment in found])
    return [
        {"appointment": name} | _row(directory, appointment.slot) | {"state": appointment.state}
        for name, appointment in zip(names, found, strict=True)
    ]


async def patient_rows(visit: Visit, found: Sequence[Any]) -> list[Row]:
    """Return patients (id, names, date of birth, phone) as rows with what tells them apart."""
    names = await visit.handles("patient", [row.id for row in found])
    return [
        {
            "patient": name,
            "name": full_name(row),
            "born": row.date_of_birth.isoformat(),
            "phone_end": "".join(c for c in row.phone if c.isdigit())[-4:],
        }
        for name, row in zip(names, found, strict=True)
    ]


def full_name(row: Any) -> str:
    """Return a patient's name in one line."""
    return clean(f"{row.given_name} {row.family_name}", 120)


def told(directory: Directory, slot: Slot, moment: Callable[[datetime, tzinfo], str] = when) -> str:
    """Return a slot in words, such as `Follow-up with Dr. Osei on Tue 24 Nov, at Main Street`."""
    place = directory.locations[slot.location]
    at = moment(slot.starts_at, place.zone)
    return f"{whom(directory, slot)} on {at}, at {clean(place.name, 120)}"


def whom(directory: Directory, slot: Slot) -> str:
    """Return the service and with whom, such as `Follow-up with Dr. Osei`."""
    service, who = directory.services[slot.service], directory.practitioners[slot.practitioner]
    return f"{clean(service.name, 120)} with {clean(who.name, 120)}"


def _slot(directory: Directory, slot: Slot) -> Row:
    service = directory.services[slot.service]
    return _row(directory, slot) | {
        "minutes": service.minutes,
        "price": price(service.price_cents),
    }


def _row(directory: Directory, slot: Slot) -> Row:
    place = directory.locations[slot.location]
    return {
        "when": when(slot.starts_at, place.zone),
        "service": directory.services[slot.service].name,
        "practitioner": directory.practitioners[slot.practitioner].name,
        "location": place.name,
    }
