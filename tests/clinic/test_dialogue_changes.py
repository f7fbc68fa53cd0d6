"""Conversations about what there is already: moved, cancelled, and what staff does all day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.clinic.front_desk import FrontDesk, appointment, lines

FOLLOW_UP = appointment(date(2026, 11, 24), "10:20", "Follow-up", "Dr. Amara Osei")
SKIN = appointment(date(2026, 12, 3), "14:00", "Skin check", "Dr. Ingrid Lindqvist")


def test_cancelling_asks_which_one() -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    assert "Which one shall I cancel?" in desk.say("please cancel my apointment")
    assert "Cancelled" in desk.say("the skin check")
    assert desk.last("cancel_appointment") == {"appointment": SKIN["appointment"]}


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("cancel the one on Tuesday", FOLLOW_UP),
        ("cancel my skin check", SKIN),
        ("cancel the 10:20", FOLLOW_UP),
        ("cancel my appointment with Lindqvist", SKIN),
    ],
)
def test_cancelling_by_what_it_is(text: str, own: dict[str, Any]) -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    assert "Cancelled" in desk.say(text)
    assert desk.last("cancel_appointment") == {"appointment": own["appointment"]}


def test_it_is_what_was_made_just_before() -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    desk.outcomes["book_appointment"] = f"Booked: Skin check on {SKIN['when']}."
    desk.say("book a skin check")
    desk.say("1")
    assert "Cancelled" in desk.say("sorry, cancel it")
    assert desk.last("cancel_appointment") == {"appointment": SKIN["appointment"]}


def test_without_appointments_there_is_nothing_to_change() -> None:
    for text in ("cancel my appointment", "move my appointment to friday"):
        assert "You have no appointment coming up" in FrontDesk().say(text)


def test_moving_step_by_step() -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    assert "Which one shall I move?" in desk.say("I need to reschedule")
    assert "When would suit you better?" in desk.say("the first one")
    told = desk.say("Friday")
    assert all(line[3:].startswith("Fri 27 Nov") for line in lines(told))
    assert desk.last("find_free_slots")["practitioner"] == "practitioner_osei0001"
    assert "Moved" in desk.say("2")
    wanted = {"appointment": FOLLOW_UP["appointment"], "slot": "slot_11271020sei"}
    assert desk.last("reschedule_appointment") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "move my Tuesday appointment to Friday at 2pm",
        "reschedule the follow-up from Tuesday to Friday, 14:00",
        "can you move the one with Dr. Osei to Friday at 14:00?",
    ],
)
def test_moving_at_once(text: str) -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    assert "Moved" in desk.say(text)
    wanted = {"appointment": FOLLOW_UP["appointment"], "slot": "slot_11271400sei"}
    assert desk.last("reschedule_appointment") == wanted


def test_the_new_time_is_not_taken_for_another_appointment_s() -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    desk.say("move the follow-up")
    desk.say("the week after next")
    assert desk.last("find_free_slots")["first_day"] == "2026-11-30"
    assert "Moved" in desk.say("Wednesday at 14:00")
    assert desk.last("reschedule_appointment")["appointment"] == FOLLOW_UP["appointment"]
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    assert "Which one shall I move?" in desk.say("move my appointment to friday at 14:00")


def test_moving_may_turn_into_cancelling_and_a_no_ends_it() -> None:
    desk = FrontDesk(own=[FOLLOW_UP])
    assert "When would suit you better?" in desk.say("I can't make it on Tuesday")
    assert "Cancelled" in desk.say("just cancel it then")
    desk = FrontDesk(own=[FOLLOW_UP])
    desk.say("move it to Friday")
    assert "left it at that" in desk.say("never mind")
    assert desk.say("2") == ""


def test_own_appointments() -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN])
    assert len(lines(desk.say("what are my appointments?"))) == 2
    assert "Cancelled" in desk.say("cancel the second one")
    assert desk.last("cancel_appointment") == {"appointment": SKIN["appointment"]}
    assert "no appointment coming up" in FrontDesk().say("do I have any appointments?")


def test_staff_at_work() -> None:
    whose = {"patient": {"patient": "patient_avery001", "name": "Robin Avery"}, "reason": ""}
    waits = {"patient": whose["patient"], "service": "Check-up", "practitioner": "anybody"}
    waits |= {"since": "Mon 2 Nov 2026"}
    desk = FrontDesk("staff", own=[FOLLOW_UP | whose], waiting=[waits])
    assert "Robin Avery, Follow-up" in desk.say("Tuesday's schedule for Dr. Osei")
    wanted = {"day": "2026-11-24", "practitioner": "practitioner_osei0001"}
    assert desk.last("day_schedule") == wanted
    assert "14:00" in desk.say("move the first one to Friday afternoon")
    assert "Moved" in desk.say("1")
    assert "born 1980-05-02" in desk.say("look up 1980-05-02")
    assert desk.last("find_patients") == {"date_of_birth": "1980-05-02"}
    assert "Robin Avery, Check-up" in desk.say("who is on the waiting list?")


def test_staff_books_for_a_patient() -> None:
    desk = FrontDesk("staff")
    assert desk.say("book a check-up") == ("For which patient? Give me a name or a date of birth.")
    desk.say("Robin Avery")
    desk.say("monday morning")
    assert "Booked" in desk.say("the first one")
    wanted = {"patient": "patient_avery001", "slot": "slot_11230900sei"}
    assert desk.last("book_for_patient") == wanted
    assert "no patient like that" in desk.say("book a follow-up for Xerxes Nguyen")


def test_staff_may_look_first_and_say_for_whom_later() -> None:
    desk = FrontDesk("staff")
    assert "09:00" in desk.say("when is Dr. Osei free for a check-up on monday?")
    assert desk.say("2").startswith("For which patient?")
    desk.outcomes["book_for_patient"] = "They have an appointment then."
    assert desk.say("Robin Avery") == "They have an appointment then."
    assert desk.last("book_for_patient")["slot"] == "slot_11231020sei"
    desk.outcomes.clear()
    assert "Booked" in desk.say("then the third one")
    wanted = {"patient": "patient_avery001", "slot": "slot_11231400sei"}
    assert desk.last("book_for_patient") == wanted


def test_staff_asks_what_is_open() -> None:
    desk = FrontDesk("staff", own=[FOLLOW_UP], page={"appointment": "A-1"})
    assert "Follow-up with Dr. Amara Osei" in desk.say("what's open on my screen?")
    assert "Cancelled" in desk.say("cancel it")
    assert "There is nothing there." in FrontDesk("staff").say("what's open?")


def test_this_is_what_is_open_on_the_page() -> None:
    desk = FrontDesk(own=[FOLLOW_UP, SKIN], page={"appointment": "A-1"})
    assert "Cancelled" in desk.say("cancel this appointment please")
    assert [tool for tool, _ in desk.used] == ["open_record", "cancel_appointment"]
    assert "There is nothing there." in FrontDesk(own=[SKIN]).say("cancel this appointment")
