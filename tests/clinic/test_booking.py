"""What books, moves and cancels does so once, whole or not at all, and only for its own."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from assistant.clinic.records import schema
from assistant.tool import ToolRefusedError
from tests.clinic.house import STAFF, call
from tests.clinic.practice import Practice, rows_in
from tests.clinic.records import LUKASZ, ROBIN, local, patient

AT = "2026-11-24 10:20"
UNKNOWN = "There is nothing by that name in this conversation; look it up again."


async def test_a_booking_is_asked_for_made_and_written_down(practice: Practice) -> None:
    slot = await practice.slot(ROBIN, AT, "check-up")
    asked = await practice.ask("book_appointment", ROBIN, slot=slot, reason="knee")
    words = "Check-up with Dr. Amara Osei on Tue 24 Nov"
    assert asked == f"Book {words}, 10:20, at Main Street?"
    assert await practice.house.look(select(schema.appointments)) == []
    told = await practice.use("book_appointment", ROBIN, slot=slot, reason=" knee\n\x00 hurts")
    assert told == f"Booked: {words} 2026, 10:20, at Main Street."
    t = schema.appointments.c
    query = select(t.patient_id, t.starts_at, t.state, t.reason, t.service_id)
    (row,) = await practice.house.look(query)
    assert tuple(row) == ("P-100001", local(AT), "booked", "knee hurts", "check")
    (change,) = await practice.house.look(select(schema.changes))
    assert (change.what, change.by, change.told) == ("booked", "patient:P-100001", told)
    await practice.check_whole()


async def test_the_same_call_is_found_again_and_never_made_twice(practice: Practice) -> None:
    tool = practice.tool("book_appointment")
    assert tool.check is not None
    slot = await practice.slot(ROBIN, AT)
    made, given = call(ROBIN), {"slot": slot}
    arguments = tool.arguments(**given)
    assert await tool.check(made, arguments) is None
    told = await practice.make(made, "book_appointment", **given)
    assert await tool.check(made, arguments) == told
    assert await tool.check(call(ROBIN), arguments) is None
    # A process that was frozen and comes back with the same call changes nothing.
    with pytest.raises(ToolRefusedError):
        await practice.make(made, "book_appointment", **given)
    assert len(await practice.house.look(select(schema.changes))) == 1


async def test_a_slot_that_is_gone_is_told_with_what_is_free_instead(practice: Practice) -> None:
    slot = await practice.slot(ROBIN, AT, "check-up")
    late = await practice.slot(LUKASZ, "2026-11-24 10:40", "check-up")
    assert (await practice.use("book_appointment", ROBIN, slot=slot)).startswith("Booked")
    # It only overlaps, and is gone all the same; for the question as for the booking.
    told = await practice.use("book_appointment", LUKASZ, slot=late)
    assert await practice.ask("book_appointment", LUKASZ, slot=late) == told
    assert told.startswith("That time has just been taken. Free instead: {")
    instead = rows_in(told)
    times = [row["when"].removeprefix("Tue 24 Nov 2026, ") for row in instead]
    assert times == ["11:00", "11:10", "11:20"]
    told = await practice.use("book_appointment", LUKASZ, slot=instead[0]["slot"])
    assert told.startswith("Booked: Check-up with Dr. Amara Osei on Tue 24 Nov 2026, 11:00")
    await practice.check_whole()


async def test_nobody_is_in_two_places_at_once(practice: Practice) -> None:
    (nguyen,) = await practice.rows("find_practitioners", ROBIN, name="nguyen")
    (osei,) = await practice.rows("find_practitioners", ROBIN, name="osei")
    one = await practice.slot(ROBIN, AT, practitioner=nguyen["practitioner"])
    other = await practice.slot(ROBIN, AT, practitioner=osei["practitioner"])
    assert (await practice.use("book_appointment", ROBIN, slot=one)).startswith("Booked")
    told = "There already is an appointment at that time; look for another time."
    assert await practice.use("book_appointment", ROBIN, slot=other) == told
    assert await practice.ask("book_appointment", ROBIN, slot=other) == told
    await practice.check_whole()


async def test_an_appointment_moves_with_all_its_time(practice: Practice) -> None:
    handle = await practice.book(ROBIN, AT)
    # By ten minutes: half of the new time is the old one's.
    slot = await practice.slot(ROBIN, "2026-11-24 10:40")
    assert await practice.slot(LUKASZ, "2026-11-24 10:40") != slot
    for at, when in (("10:40", "10:20"), ("11:00", "10:40"), ("10:20", "11:00")):
        slot = await practice.slot(ROBIN, f"2026-11-24 {at}")
        told = await practice.use("reschedule_appointment", ROBIN, appointment=handle, slot=slot)
        assert told.startswith("Moved: Follow-up with Dr. ")
        assert f", from Tue 24 Nov 2026, {when} to Tue 24 Nov 2026, {at}, at Main Street." in told
        await practice.check_whole()
    assert len(await practice.rows("my_appointments", ROBIN)) == 1


async def test_an_appointment_can_move_into_its_own_time(practice: Practice) -> None:
    early = await practice.slot(ROBIN, "2026-11-25 09:00", "check-up")
    later = await practice.slot(ROBIN, "2026-11-25 09:20", "check-up")
    await practice.use("book_appointment", ROBIN, slot=early)
    handle = await practice.appointment(ROBIN, "2026-11-25 09:00")
    given = {"appointment": handle, "slot": later}
    assert (await practice.ask("reschedule_appointment", ROBIN, **given)).startswith("Move Check")
    assert (await practice.use("reschedule_appointment", ROBIN, **given)).startswith("Moved")
    await practice.check_whole()
    told = await practice.use("reschedule_appointment", ROBIN, **given)
    assert told == "That is the time which the appointment has already."


async def test_a_move_that_fails_leaves_all_as_it_was(practice: Practice) -> None:
    handle = await practice.book(ROBIN, AT)
    wrong = await practice.slot(ROBIN, "2026-11-25 09:00", "check-up")
    told = await practice.use("reschedule_appointment", ROBIN, appointment=handle, slot=wrong)
    assert told == "That time is for another service. Look for free times for Follow-up."
    slot = await practice.slot(ROBIN, "2026-11-25 09:00")
    await practice.book(LUKASZ, "2026-11-25 09:00")
    told = await practice.use("reschedule_appointment", ROBIN, appointment=handle, slot=slot)
    assert told.startswith("That time has just been taken. Free instead: ")
    await practice.check_whole()
    assert (await practice.rows("my_appointments", ROBIN))[0]["when"] == "Tue 24 Nov 2026, 10:20"


async def test_a_cancelled_time_is_free_for_somebody_else(practice: Practice) -> None:
    handle = await practice.book(ROBIN, AT)
    told = await practice.use("cancel_appointment", ROBIN, appointment=handle)
    assert told.startswith("Cancelled: Follow-up with ")
    await practice.check_whole()
    await practice.book(LUKASZ, AT)
    told = await practice.use("cancel_appointment", ROBIN, appointment=handle)
    assert told == "That appointment is cancelled; it cannot be changed."
    assert await practice.rows("my_appointments", ROBIN) == []
    (past,) = await practice.rows("my_appointments", ROBIN, period="past")
    assert past["state"] == "cancelled"


async def test_whoever_signs_in_without_a_record_is_told_so(practice: Practice) -> None:
    stranger = patient(99)
    told = "The clinic has no record of who is signed in; please phone the front desk."
    slot = await practice.slot(stranger, AT)
    assert await practice.ask("book_appointment", stranger, slot=slot) == told
    assert await practice.use("book_appointment", stranger, slot=slot) == told
    assert await practice.rows("my_appointments", stranger) == []


async def test_a_slot_that_is_offered_no_more_is_not_booked(practice: Practice) -> None:
    slot = await practice.slot(ROBIN, AT)
    await practice.house.do("DELETE FROM working_hours")
    told = await practice.use("book_appointment", ROBIN, slot=slot)
    assert told == "That time is not offered any more. Look for free times again."


@pytest.mark.parametrize("name", ["reschedule_appointment", "cancel_appointment"])
async def test_anothers_appointment_is_as_good_as_none(practice: Practice, name: str) -> None:
    handle = await practice.book(ROBIN, AT)
    (row,) = await practice.house.look("SELECT id FROM appointments")
    given = {}
    if name == "reschedule_appointment":
        given["slot"] = await practice.slot(LUKASZ, "2026-11-25 09:00")
    for wrong in (handle, row.id, "appointment_00000000", "slot_00000000", "x'; DROP TABLE"):
        assert await practice.use(name, LUKASZ, appointment=wrong, **given) == UNKNOWN
    # Neither in another conversation of one's own.
    given |= {"appointment": handle}
    assert await practice.told(call(ROBIN, session="ses_2"), name, **given) == UNKNOWN
    # Nor as the handle of something else.
    given["appointment"] = await practice.slot(ROBIN, "2026-11-25 09:20")
    assert await practice.use(name, ROBIN, **given) == UNKNOWN
    await practice.check_whole()


async def test_staff_books_moves_and_cancels_for_a_patient(practice: Practice) -> None:
    (found,) = await practice.rows("find_patients", STAFF, name="lukasz")
    slot = await practice.slot(STAFF, AT)
    given = {"patient": found["patient"], "slot": slot, "reason": "by phone"}
    asked = await practice.ask("book_for_patient", STAFF, **given)
    assert asked.endswith("10:20, at Main Street, for Łukasz Żółkiewski?")
    assert (await practice.use("book_for_patient", STAFF, **given)).startswith("Booked: Follow-up")
    (row,) = await practice.rows("day_schedule", STAFF, day="2026-11-24")
    assert row["patient"] == {"patient": found["patient"], "name": "Łukasz Żółkiewski"}
    other = await practice.slot(STAFF, "2026-11-25 09:00")
    told = await practice.use(
        "reschedule_appointment", STAFF, appointment=row["appointment"], slot=other
    )
    assert told.startswith("Moved: ")
    (mine,) = await practice.rows("my_appointments", LUKASZ)
    assert mine["when"] == "Wed 25 Nov 2026, 09:00"
    given = {"appointment": row["appointment"]}
    assert (await practice.use("cancel_appointment", STAFF, **given)).startswith("Cancelled")
    by = await practice.house.look(select(schema.changes.c.by, schema.changes.c.patient_id))
    assert {tuple(row) for row in by} == {("staff:sam", "P-100002")}


async def test_two_changes_of_one_appointment_at_once_leave_it_whole(practice: Practice) -> None:
    for n, at in enumerate(("10:20", "11:20")):
        handle = await practice.book(ROBIN, f"2026-11-24 {at}")
        slots = [await practice.slot(ROBIN, f"2026-11-25 {9 + n:02}:{m}0") for m in (0, 2, 4)]
        calls = [practice.use("cancel_appointment", ROBIN, appointment=handle)]
        calls += [
            practice.use("reschedule_appointment", ROBIN, appointment=handle, slot=slot)
            for slot in slots
        ]
        told = await asyncio.gather(*calls)
        assert all(t.startswith(("Cancelled", "Moved", "That appointment is")) for t in told)
        await practice.check_whole()


async def test_two_that_change_places_do_not_wait_for_each_other(practice: Practice) -> None:
    places = (ROBIN, "2026-11-25 09:00"), (LUKASZ, "2026-11-25 10:00")
    held = [await practice.book(who, at) for who, at in places]
    # What the other has is offered to nobody, so each comes with the handle of an earlier look.
    ref = "osei|follow|main|{}"
    calls = []
    for (who, _), (_, wanted), handle in zip(places, reversed(places), held, strict=True):
        made = call(who)
        async with practice.house.clinic.visit(made, "look") as visit:
            (slot,) = await visit.handles("slot", [ref.format(local(wanted).isoformat())])
        calls.append(practice.told(made, "reschedule_appointment", appointment=handle, slot=slot))
    for told in await asyncio.gather(*calls):
        assert told.startswith("That time has just been taken.")
    await practice.check_whole()


async def test_a_booking_that_breaks_off_leaves_nothing(practice: Practice) -> None:
    slot = await practice.slot(ROBIN, AT)
    tool = practice.tool("book_appointment")
    made = call(ROBIN)
    # The change is the last to be written: with its key taken, all before it is undone.
    first = await practice.slot(ROBIN, "2026-11-25 09:00")
    await tool.run(made, tool.arguments(slot=first))
    with pytest.raises(IntegrityError):
        await tool.run(made, tool.arguments(slot=slot))
    assert len(await practice.house.look(select(schema.appointments))) == 1
    await practice.check_whole()
    audited = await practice.house.look(
        select(schema.audit.c.outcome).where(schema.audit.c.run_id == made.run_id)
    )
    assert sorted(row.outcome for row in audited) == ["failed", "ok"]
