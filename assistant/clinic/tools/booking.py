"""The tools with which patients book, move and cancel; staff moves and cancels with them too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from pydantic import Field
from sqlalchemy import select

from assistant.clinic.records.grants import Kind
from assistant.clinic.records.schema import patients
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule import appointments
from assistant.clinic.schedule.appointments import Appointment
from assistant.clinic.schedule.directory import Directory, read_directory
from assistant.clinic.schedule.slots import Slot
from assistant.clinic.schedule.wording import soon, when
from assistant.clinic.tools.answers import clean
from assistant.clinic.tools.arguments import Arguments, Handle, OptionalReason
from assistant.clinic.tools.pieces import Piece
from assistant.clinic.tools.plans import appointment_meant, patient_here, slot_meant
from assistant.clinic.tools.rows import full_name, told, whom
from assistant.tool import ToolRefusedError

_PATIENT: tuple[Kind, ...] = ("patient",)
_BOTH: tuple[Kind, ...] = ("patient", "staff")
_SLOT = "The handle of a free slot from find_free_slots."
_APPOINTMENT = "The handle of an appointment."


class Booking(Arguments):
    """What to book."""

    slot: Handle = Field(description=_SLOT)
    reason: OptionalReason = Field(None, description="Why, in the patient's few words.")


class Move(Arguments):
    """Which appointment to move, and where to."""

    appointment: Handle = Field(description=_APPOINTMENT)
    slot: Handle = Field(description=f"{_SLOT} For the same service.")


class Cancellation(Arguments):
    """Which appointment to cancel."""

    appointment: Handle = Field(description=_APPOINTMENT)


async def book_appointment(visit: Visit, given: Booking) -> str:
    """Book a slot for the patient whose visit it is."""
    directory, slot, patient = await _booking(visit, given)
    return await book(visit, directory, patient, slot, given.reason)


async def ask_to_book(visit: Visit, given: Booking) -> str:
    """Return the question that the patient is asked before it is booked."""
    directory, slot, patient = await _booking(visit, given)
    await appointments.check_at_leisure(visit, directory, patient, slot)
    return f"Book {told(directory, slot, soon)}?"


async def book(
    visit: Visit, directory: Directory, patient: str, slot: Slot, reason: str | None
) -> str:
    """Book a slot for a patient, and return what is told of it."""
    words = f"Booked: {told(directory, slot)}."
    await appointments.add(
        visit, directory, patient, slot, reason=clean(reason or "", 200), told=words
    )
    return words


async def _booking(visit: Visit, given: Booking) -> tuple[Directory, Slot, str]:
    patient = await patient_here(visit)
    directory = await read_directory(visit)
    return directory, await slot_meant(visit, directory, given.slot), patient


async def reschedule_appointment(visit: Visit, given: Move) -> str:
    """Move an appointment to another slot for the same service."""
    directory, old, slot = await _move(visit, given)
    words = f"Moved: {_moved(directory, old.slot, slot, when)}."
    await appointments.move(visit, directory, old, slot, told=words)
    return words


async def ask_to_reschedule(visit: Visit, given: Move) -> str:
    """Return the question that somebody is asked before it is moved."""
    directory, old, slot = await _move(visit, given)
    await appointments.check_at_leisure(visit, directory, old.patient, slot, but=old)
    return f"Move {_moved(directory, old.slot, slot, soon)}{await _whose(visit, old)}?"


async def cancel_appointment(visit: Visit, given: Cancellation) -> str:
    """Cancel an appointment."""
    directory = await read_directory(visit)
    found = await appointment_meant(visit, directory, given.appointment)
    words = f"Cancelled: {told(directory, found.slot)}."
    await appointments.cancel(visit, found, told=words)
    return words


async def ask_to_cancel(visit: Visit, given: Cancellation) -> str:
    """Return the question that somebody is asked before it is cancelled."""
    directory = await read_directory(visit)
    found = await appointment_meant(visit, directory, given.appointment)
    return f"Cancel {told(directory, found.slot, soon)}{await _whose(visit, found)}?"


async def _whose(visit: Visit, appointment: Appointment) -> str:
    """Return for whom an appointment is, where staff is asked, who may have meant another's."""
    if visit.kind != "staff":
        return ""
    t = patients.c
    query = select(t.given_name, t.family_name).where(t.id == appointment.patient)
    return "".join(f", for {full_name(row)}" for row in await visit.read(query))


async def _move(visit: Visit, given: Move) -> tuple[Directory, Appointment, Slot]:
    directory = await read_directory(visit)
    old = await appointment_meant(visit, directory, given.appointment)
    slot = await slot_meant(visit, directory, given.slot, own=old.steps)
    if slot.service != old.slot.service:
        name = clean(directory.services[old.slot.service].name, 120)
        message = f"That time is for another service. Look for free times for {name}."
        raise ToolRefusedError(message)
    if slot == old.slot:
        message = "That is the time which the appointment has already."
        raise ToolRefusedError(message)
    return directory, old, slot


def _moved(
    directory: Directory, old: Slot, slot: Slot, moment: Callable[[datetime, tzinfo], str]
) -> str:
    before, place = directory.locations[old.location], directory.locations[slot.location]
    other = clean(directory.practitioners[slot.practitioner].name, 120)
    now_with = f" with {other}" if slot.practitioner != old.practitioner else ""
    return (
        f"{whom(directory, old)}, from {moment(old.starts_at, before.zone)} "
        f"to {moment(slot.starts_at, place.zone)}{now_with}, at {clean(place.name, 120)}"
    )


PIECES = (
    Piece(
        "book_appointment",
        "Book a free slot for the patient who is signed in. They are asked to confirm it.",
        Booking,
        _PATIENT,
        book_appointment,
        ask_to_book,
    ),
    Piece(
        "reschedule_appointment",
        "Move an appointment to a free slot for the same service. The user is asked to confirm it.",
        Move,
        _BOTH,
        reschedule_appointment,
        ask_to_reschedule,
    ),
    Piece(
        "cancel_appointment",
        "Cancel an appointment. The user is asked to confirm it.",
        Cancellation,
        _BOTH,
        cancel_appointment,
        ask_to_cancel,
    ),
)
