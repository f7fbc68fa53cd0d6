"""What people write is understood: what they want, when, with whom, and which of a list."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.clinic.dialogue.intents import intent_of
from assistant.clinic.dialogue.subjects import fitting, subjects_of
from assistant.clinic.dialogue.times import Days, NoDay, days_in, part_in, time_in
from assistant.clinic.dialogue.understanding import understand
from assistant.clinic.dialogue.words import plain, spelled
from tests.clinic.phrases import ELSEWHERE, INTENTS

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "wanted"), [(text, intent) for intent in INTENTS for text in INTENTS[intent]]
)
def test_what_is_wanted(text: str, wanted: str) -> None:
    assert understand(text, TODAY).intent == wanted


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_is_nothing_for_the_tools(text: str) -> None:
    assert understand(text, TODAY).intent is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-11-21", None),
        ("tomorow", "2026-11-22", None),
        ("the day after tomorrow", "2026-11-23", None),
        ("on Tuesday", "2026-11-24", None),
        ("this saturday", "2026-11-21", None),
        ("on Saturday", "2026-11-28", None),
        ("next Tuesday", "2026-11-24", None),
        ("next sat", "2026-11-28", None),
        ("wensday", "2026-11-25", None),
        ("24 November", "2026-11-24", None),
        ("the 24th of november", "2026-11-24", None),
        ("November 24, 2027", "2027-11-24", None),
        ("Nov 3", "2027-11-03", None),
        ("2026-12-01", "2026-12-01", None),
        ("12/1", "2026-12-01", None),
        ("24/12/2026", "2026-12-24", None),
        ("in three days", "2026-11-24", None),
        ("this week", "2026-11-21", "2026-11-22"),
        ("next week", "2026-11-23", "2026-11-29"),
        ("the week after next", "2026-11-30", "2026-12-06"),
        ("in two weeks", "2026-12-05", "2026-12-11"),
        ("this weekend", "2026-11-21", "2026-11-22"),
        ("next weekend", "2026-11-28", "2026-11-29"),
        ("next month", "2026-12-01", "2026-12-31"),
        ("in february", "2027-02-01", "2027-02-28"),
        ("29 February", "2028-02-29", None),
        ("yesterday", "2026-11-20", None),
    ],
)
def test_days(text: str, first: str, last: str | None) -> None:
    (found,) = days_in(spelled(plain(text)), TODAY)
    assert isinstance(found, Days)
    assert (f"{found.first}", f"{found.last}") == (first, last or first)


def test_next_week_s_day_from_within_a_week() -> None:
    (this, following) = (days_in(text, date(2026, 11, 23))[0] for text in ("tue", "next tue"))
    assert isinstance(this, Days)
    assert isinstance(following, Days)
    assert (this.first, following.first) == (date(2026, 11, 24), date(2026, 12, 1))


@pytest.mark.parametrize(
    "text", ["30 february", "2026-02-30", "13/13", "31 november", "feb 29 2027"]
)
def test_days_that_no_calendar_has(text: str) -> None:
    (found,) = days_in(text, TODAY)
    assert isinstance(found, NoDay)
    assert understand(f"book a check-up on {text}", TODAY).wrong_day


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("at 10:20", time(10, 20)),
        ("10.20 please", time(10, 20)),
        ("3pm", time(15)),
        ("3:30 p.m.", time(15, 30)),
        ("at 3", time(15)),
        ("around nine", time(9)),
        ("half past three", time(15, 30)),
        ("noon", time(12)),
        ("9 o'clock", time(9)),
        ("12 am", time(0)),
        ("at 99:99", None),
        ("in 3 days", None),
        ("the second one", None),
    ],
)
def test_times(text: str, at: time | None) -> None:
    assert time_in(text) == at


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("tomorrow afternoon", "afternoon"),
        ("in the morning", "morning"),
        ("not in the morning", "afternoon"),
        ("after work", "evening"),
        ("whenever", None),
    ],
)
def test_parts_of_the_day(text: str, part: str | None) -> None:
    assert part_in(text) == part


@pytest.mark.parametrize(
    ("text", "nth"),
    [
        ("the second one", 2),
        ("2", 2),
        ("number 3 please", 3),
        ("#4", 4),
        ("I'll take the first", 1),
        ("the 3rd", 3),
        ("the last one", -1),
        ("option 2 sounds good", 2),
        ("the 2nd of December", None),
        ("in 2 weeks", None),
        ("10:20", None),
        ("the first available appointment", None),
        ("wait a second, which doctor is that?", None),
    ],
)
def test_picks(text: str, nth: int | None) -> None:
    assert understand(text, TODAY).nth == nth


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *((text, "yes") for text in ("yes", "Yes please", "ok", "sure, go ahead", "that works")),
        *((text, "no") for text in ("no", "no thanks", "never mind", "none of those", "don't")),
        *((text, None) for text in ("no later than five", "nobody", "maybe", "yesterday", "notes")),
    ],
)
def test_yes_and_no(text: str, answer: str | None) -> None:
    assert understand(text, TODAY).answer == answer


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("with Dr. Amara Osei on Monday", {"practitioner": "Amara Osei"}),
        ("book with dr osei tomorow", {"practitioner": "osei"}),
        ("Book me in with Łukasz Zieliński", {"practitioner": "Łukasz Zieliński"}),
        ("a doctor who speaks French", {"practitioner": "", "language": "French"}),
        ("see a doctor tomorrow", {"practitioner": ""}),
        ("find José Müller-Lüdenscheidt", {"person": "José Müller-Lüdenscheidt"}),
        ("look up patient O\u2019Neill", {"person": "O\u2019Neill"}),
        ("book a follow-up for Robin Avery on Friday", {"person": "Robin Avery"}),
        ("find 李小龍", {"person": "李小龍"}),
        ("earliest appointment for a flu shot", {"person": ""}),
        ("next week at Lakeside", {"place": "Lakeside"}),
        ("at 10 in December", {"place": ""}),
    ],
)
def test_names(text: str, said: dict[str, str]) -> None:
    found = understand(text, TODAY)
    assert {name: getattr(found, name) for name in said} == said


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("my skin", ["Skin check"]),
        ("a mole", ["Skin check"]),
        ("an annual physical", ["Check-up"]),
        ("checkup", ["Check-up"]),
        ("flu shot", ["Vaccination"]),
        ("physical therapy for my back", ["Physiotherapy"]),
        ("a follow up", ["Follow-up"]),
        ("a check or something", ["Check-up", "Skin check"]),
        ("something else", []),
    ],
)
def test_what_a_service_is_called(text: str, meant: list[str]) -> None:
    names = ["Check-up", "Follow-up", "Skin check", "Vaccination", "Physiotherapy"]
    assert fitting(text, names) == meant


def test_slips_are_mended_and_other_words_left_alone() -> None:
    assert spelled("cancle my apointmnet on wensday") == "cancel my appointment on wednesday"
    for text in ("any chance", "breast cancer", "looking at yours", "patience", "a movie"):
        assert spelled(text) == text


@given(st.text(max_size=300) | st.from_regex(r"(?:\w+ ?[0-9/:.-]*){1,20}", fullmatch=True))
def test_whatever_somebody_writes_is_read(text: str) -> None:
    found: Any = understand(text, TODAY)
    assert found.intent == intent_of(found.text)
    assert found.subjects == subjects_of(text)
