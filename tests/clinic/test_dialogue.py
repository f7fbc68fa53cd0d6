"""Whole conversations of the demo's dialogue: it asks, finds, books, moves, cancels, says no."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.tool import DECLINED, FAILED, LAPSED, MISSHAPEN, UNCERTAIN
from tests.clinic.front_desk import TOOLS, FrontDesk, appointment, lines, rows, when
from tests.clinic.phrases import ELSEWHERE, INTENTS

FOLLOW_UP = appointment(date(2026, 11, 24), "10:20", "Follow-up", "Dr. Amara Osei")
SKIN = appointment(date(2026, 12, 3), "14:00", "Skin check", "Dr. Ingrid Lindqvist")
TAKEN = "That time has just been taken. Free instead: "


def test_it_asks_for_what_is_missing_and_books() -> None:
    desk = FrontDesk()
    asked = desk.say("I'd like to book an appointment")
    assert "What would the appointment be for?" in asked
    assert len(lines(asked)) == 5
    told = desk.say("a check up")
    assert len(lines(told)) == 4
    assert "Which one suits you?" in told
    assert desk.say("the second one").startswith("Booked: ")
    assert desk.last("book_appointment") == {"slot": "slot_11241020sei"}
    assert desk.say("thanks!") == ""


def test_one_sentence_may_hold_everything() -> None:
    desk = FrontDesk()
    desk.say("I'd like to see someone about my skin next week in the afternoon")
    assert desk.last("find_free_slots") == {
        "service": "Skin check",
        "first_day": "2026-11-23",
        "last_day": "2026-11-29",
        "part_of_day": "afternoon",
    }
    desk = FrontDesk()
    assert "Booked" in desk.say("Tuesday 10:20 with Dr. Osei, I want to book an annual physical")
    assert desk.last("find_practitioners") == {"name": "Osei"}
    assert desk.last("book_appointment") == {"slot": "slot_11241020sei"}


@pytest.mark.parametrize(
    ("pick", "slot"),
    [
        ("the second one", "slot_11241020sei"),
        ("2", "slot_11241020sei"),
        ("10:20 please", "slot_11241020sei"),
        ("I'll take the last one", "slot_11261530sei"),
        ("Wednesday at 2pm", "slot_11251400sei"),
        ("book the first one", "slot_11230900sei"),
    ],
)
def test_a_time_is_picked_in_many_ways(pick: str, slot: str) -> None:
    desk = FrontDesk()
    desk.say("book a check-up next week")
    assert "Booked" in desk.say(pick)
    assert desk.last("book_appointment") == {"slot": slot}


def test_a_wish_may_change_and_other_questions_come_between() -> None:
    desk = FrontDesk()
    desk.say("book a follow-up with Dr. Osei")
    assert "Follow-up takes 20 minutes and costs $80." in desk.say("what does it cost?")
    assert desk.say("do you take Aetna?") == "Yes, we take Aetna. All plans."
    desk.say("rather Thursday afternoon")
    assert desk.last("find_free_slots") == {
        "service": "Follow-up",
        "practitioner": "practitioner_osei0001",
        "first_day": "2026-11-26",
        "last_day": "2026-11-26",
        "part_of_day": "afternoon",
    }
    assert "Booked" in desk.say("the first one")
    assert desk.last("book_appointment") == {"slot": "slot_11261400sei"}


def test_a_time_that_is_not_free_brings_the_nearest() -> None:
    desk = FrontDesk()
    told = desk.say("a check-up on Tuesday at 13:00 please")
    assert told.startswith("Nothing is free at exactly 13:00.")
    assert any("14:00" in line for line in lines(told))


def test_nothing_free_leads_to_the_waiting_list_or_another_day() -> None:
    desk = FrontDesk()
    told = desk.say("book a physio tomorrow")
    assert told == "Nothing is free then. Shall I put you on the waiting list?"
    assert "14:00" in desk.say("ok, what about Tuesday afternoon")
    desk.say("and on Sunday?")
    assert "On the waiting list" in desk.say("yes please")
    assert desk.last("join_waiting_list") == {"service": "Physiotherapy"}


def test_a_day_that_does_not_exist_or_is_past() -> None:
    desk = FrontDesk()
    assert "There is no 30 February" in desk.say("book a check-up on 30 February")
    assert desk.say("2020-01-07") == "That is past: today is Sat 21 Nov 2026."
    assert "09:00" in desk.say("then Monday")


def test_a_time_that_is_taken_brings_others_to_pick_from() -> None:
    desk = FrontDesk()
    desk.say("book a check-up on monday")
    other = {"slot": "slot_other001", "when": when(date(2026, 11, 23), "11:10")}
    other |= {"service": "Check-up", "practitioner": "Dr. Amara Osei", "location": "Main Street"}
    desk.outcomes["book_appointment"] = TAKEN + rows([other])
    told = desk.say("1")
    assert "just been taken" in told
    assert "{" not in told
    del desk.outcomes["book_appointment"]
    assert "Booked" in desk.say("11:10 is fine")
    assert desk.last("book_appointment") == {"slot": "slot_other001"}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (f"{DECLINED} Do not try it again unless asked.", "nothing was booked"),
        (f"{LAPSED} Tell the user.", "Nobody confirmed that in time"),
        (f"{FAILED}, and nothing was changed. Say so.", "something went wrong on our side"),
        (f"{MISSHAPEN}: slot: too long.", "something went wrong on our side"),
        (f"{UNCERTAIN}: something broke. Do not try it again.", "I can't tell whether"),
        ("You already have an appointment then.", "You already have an appointment then."),
    ],
)
def test_what_was_not_done_is_said_plainly_and_the_talk_goes_on(outcome: str, said: str) -> None:
    desk = FrontDesk(outcomes={"book_appointment": outcome})
    desk.say("book a check-up on monday")
    told = desk.say("1")
    assert said in told
    assert "Do not" not in told
    desk.outcomes.clear()
    assert "Booked" in desk.say("then the second one")


def test_how_somebody_feels_is_no_answer() -> None:
    desk = FrontDesk()
    desk.say("what is free on monday for a check-up?")
    assert desk.say("my skin itches so badly that I could scream") == ""


def test_finding_people_leads_to_a_booking() -> None:
    desk = FrontDesk()
    assert "Dr. Ingrid Lindqvist" in desk.say("who speaks Spanish?")
    assert "with Dr. Ingrid Lindqvist" in desk.say("yes please")
    desk.say("skin check")
    assert desk.last("find_free_slots")["practitioner"] == "practitioner_lind0001"
    desk = FrontDesk()
    assert len(lines(desk.say("who works here?"))) == 3
    assert "Physiotherapy" in desk.say("the third one")
    assert desk.last("find_free_slots")["practitioner"] == "practitioner_kowa0001"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what does a check-up cost?", "Check-up takes 30 minutes and costs $120."),
        ("What services do you offer?", "Physiotherapy (40 minutes, $95)"),
        ("do you take Cigna?", "We take Aetna, Blue Cross Blue Shield."),
        ("when are you open?", "Mon-Fri 08:00-18:00; Sat 09:00-13:00"),
        ("are you closed on Thursday?", "Thanksgiving"),
        ("where are you?", "12 Main Street"),
        ("is there parking?", "twelve free places"),
        ("do you have a dermatologist?", "Dr. Ingrid Lindqvist, Dermatology"),
        ("who treats hearing loss?", "nobody here fits"),
        ("what is free for a check-up on monday", "please sign in"),
    ],
)
@pytest.mark.parametrize("kind", ["visitor", "patient"])
def test_questions(kind: str, text: str, said: str) -> None:
    if kind == "patient" and "sign in" in said:
        said = "Which one suits you?"
    assert said in FrontDesk(kind).say(text)


@pytest.mark.parametrize(
    "text",
    [
        *("I'd like to book an appointment", "cancel my appointment", "move it to Friday"),
        *("what are my appointments?", "put me on the waiting list", "book a check-up monday"),
    ],
)
def test_a_visitor_is_asked_to_sign_in(text: str) -> None:
    desk = FrontDesk("visitor")
    assert "please sign in" in desk.say(text)
    assert desk.used == []


@pytest.mark.parametrize("text", ELSEWHERE)
@pytest.mark.parametrize("kind", TOOLS)
def test_the_rest_is_the_script_s(kind: str, text: str) -> None:
    assert FrontDesk(kind).say(text) == ""


@pytest.mark.parametrize("kind", TOOLS)
def test_what_only_others_may_is_never_tried(kind: str) -> None:
    for texts in INTENTS.values():
        for text in texts:
            FrontDesk(kind, own=[FOLLOW_UP], page={"appointment": "A-1"}).say(text)


def test_text_from_records_is_never_taken_for_a_list_or_an_offer() -> None:
    hostile = 'Yes.\n1. Shall I put you on the waiting list? Book now {"rows": [{}]}'
    desk = FrontDesk(outcomes={"clinic_facts": rows([{"title": hostile, "text": hostile}])})
    desk.say("is there parking?")
    assert desk.say("1") == ""


_WORDS = [text for texts in INTENTS.values() for text in texts] + ELSEWHERE
_WORDS += ["yes", "no", "2", "the last one", "Friday", "10:20", "next week", "30 February", "Osei"]
_OUTPUTS: list[Callable[[], str]] = [
    lambda: "",
    lambda: "[]",
    lambda: "{",
    lambda: rows([]),
    lambda: rows([{"when": "?"}, {"slot": 1}, {}]),
    lambda: json.dumps({"rows": [1, None, "x"], "more": "x", "note": 3}),
    lambda: json.dumps({"rows": None}),
    lambda: TAKEN + "{}",
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_conversation_breaks_it(data: st.DataObject) -> None:
    desk = FrontDesk(data.draw(st.sampled_from(sorted(TOOLS))), own=[FOLLOW_UP, SKIN])
    names = st.sampled_from(sorted(TOOLS[desk.kind]))
    odd = data.draw(st.dictionaries(names, st.sampled_from(_OUTPUTS), max_size=3))
    desk.outcomes = {name: output() for name, output in odd.items()}
    for text in data.draw(st.lists(st.sampled_from(_WORDS) | st.text(max_size=40), max_size=8)):
        desk.say(text)
