"""A table of hard cases with right answers: odd days, names of many languages, the last minute."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from assistant.clinic.tools.finding import Times
from assistant.clinic.tools.staff import Person, Schedule
from assistant.models import Principal
from tests.clinic.house import STAFF, VISITOR
from tests.clinic.practice import Practice
from tests.clinic.records import NOW, ROBIN, local

DAYS = "first_day", "last_day"
NIGHT = {"service": "follow-up", "location": "main"}
FOLLOW = {"service": "follow-up"}
CHECK = {"service": "check-up"}


def on(day: str, last: str | None = None) -> dict[str, str]:
    """Return the arguments for a day, or for days."""
    return dict(zip(DAYS, (day, last or day), strict=True))


FREE: tuple[tuple[str, dict[str, str], str, str], ...] = (
    # Clocks go back on 1 November 2026 at two: half past one comes twice.
    ("2026-10-28 09:00", NIGHT | on("2026-11-01") | {"around": "01:30"}, "01:30 EDT", "04:"),
    ("2026-10-28 09:00", NIGHT | on("2026-11-01") | {"around": "01:30"}, "01:30 EST", "04:"),
    # They go forward on 14 March 2027: ten past two never comes.
    ("2027-03-10 09:00", NIGHT | on("2027-03-14") | {"around": "02:10"}, "01:50", ", 02:"),
    ("2027-03-10 09:00", NIGHT | on("2027-03-14") | {"around": "02:10"}, "03:00", "EDT"),
    # Holidays, and what somebody or some place has for its own.
    ("2026-11-16 09:05", CHECK | on("2026-11-26"), "Nothing is free on Thu 26 Nov", '"slot"'),
    ("2026-11-16 09:05", CHECK | on("2026-11-26"), "(2026-11-30)", '"slot"'),
    ("2026-11-16 09:05", {"service": "skin"} | on("2026-11-19"), "(2026-11-24)", '"slot"'),
    ("2026-11-16 09:05", {"service": "skin"} | on("2026-12-01"), "(2026-12-08)", '"slot"'),
    # Days that are no days to book.
    (
        "2026-11-16 09:05",
        CHECK | on("2026-11-15"),
        "is past: today is Mon 16 Nov 2026.",
        "slot",
    ),
    ("2026-11-16 09:05", CHECK | {"first_day": "2026-11-15"}, "is past", "slot"),
    ("2026-11-16 09:05", CHECK | {"last_day": "1999-12-31"}, "is past", "slot"),
    ("2026-11-16 09:05", CHECK | on("2026-11-20", "2026-11-18"), "turn them round", "slot"),
    ("2026-11-16 09:05", CHECK | on("2026-11-20", "2027-01-22"), "at most 62 days", "slot"),
    ("2026-11-16 09:05", CHECK | on("2027-05-16"), "booked until Sat 15 May 2027.", "slot"),
    ("2026-11-16 09:05", CHECK | on("2100-12-31"), "booked until Sat 15 May 2027.", "slot"),
    # Part of a span may be past, or too far.
    ("2026-11-18 09:05", CHECK | on("2026-11-16", "2026-11-18"), "Wed 18 Nov 2026", "Tue 17"),
    ("2026-11-16 09:05", CHECK | on("2027-05-14", "2027-06-14"), "Fri 14 May 2027", "Mon 17"),
    # A day is over when the clinic's clocks say so: at 22:30 it is tomorrow in Greenwich.
    ("2026-11-16 22:30", CHECK | on("2026-11-16"), "Nothing is free on Mon 16 Nov", "past"),
    # Twenty minutes from half past four on would fit, but nobody books so late.
    ("2026-11-16 16:11", FOLLOW | on("2026-11-16"), "Nothing is free", '"slot"'),
    ("2026-11-16 16:10", FOLLOW | on("2026-11-16"), "16:40", "16:30"),
)


async def test_days(practice: Practice) -> None:
    for now, given, told, not_told in FREE:
        practice.house.clock.now = local(now)
        answered = await practice.use("find_free_slots", **given)
        assert told in answered, given
        assert not_told not in answered.partition('"rows"')[2], given


@pytest.mark.parametrize(
    "day",
    [
        *("2026-02-30", "2027-02-29", "2026-13-01", "2026-00-10", "2026-11-00", "0000-01-01"),
        *("1899-12-31", "2101-01-01", "9999-12-31", "12026-11-24", "-2026-11-24"),
        *("2026-1-5", "20261124", "24/11/2026", "11-24-2026", "2026-W48-2", "2026-11-24T10:20"),
        *(
            "tomorrow",
            "next Tuesday",
            "1764000000",
            "\u0662\u0660\u0662\u0666-11-24",
            "2026-11-24' OR '1'='1",
        ),
    ],
)
def test_what_is_no_day_is_refused_before_anything_is_looked_up(day: str) -> None:
    for arguments, field in (
        (Times, "first_day"),
        (Times, "last_day"),
        (Schedule, "day"),
        (Person, "date_of_birth"),
    ):
        given = (CHECK if arguments is Times else {}) | {field: day}
        with pytest.raises(ValidationError) as refused:
            arguments.model_validate_json(json.dumps(given))
        assert [fault["loc"] for fault in refused.value.errors()] == [(field,)]


ROBIN_AVERY, LUKASZ, SIOBHAN = "Robin Avery", "Łukasz Żółkiewski", "Siobhán O'Neill"
KATHE, LI, ANH = "Käthe Müller-Lüdenscheidt", "小龍 李", "Nguyễn Thị Ánh"


PEOPLE: tuple[tuple[dict[str, str], list[str]], ...] = (
    *(({"name": name}, [LUKASZ]) for name in ("Łukasz", "lukasz", "ZOLKIEWSKI", "żółk")),
    *(({"name": name}, [SIOBHAN]) for name in ("O'Neill", "oneill", "O Neill", "o\u2019neill")),
    *(({"name": name}, [SIOBHAN]) for name in ("Siobhan", "neill siobhán")),
    *(({"name": name}, [KATHE]) for name in ("Müller-Lüdenscheidt", "mueller luedenscheidt")),
    *(({"name": name}, [KATHE]) for name in ("Muller", "Ludenscheidt, Kathe", "Kaethe")),
    *(({"name": name}, [LI]) for name in ("李", "小龍", "李 小龍")),
    *(({"name": name}, [ANH]) for name in ("Anh", "nguyen", "NGUYỄN THỊ ÁNH")),
    ({"name": "Nobody At All"}, []),
    ({"name": "Robin' OR '1'='1"}, []),
    ({"date_of_birth": "1984-03-12"}, [ROBIN_AVERY, LI]),
    ({"date_of_birth": "1984-03-12", "name": "robin"}, [ROBIN_AVERY]),
    ({"date_of_birth": "1984-03-13", "name": "robin"}, []),
    ({"date_of_birth": "2000-02-29"}, [ANH]),
)


async def test_names_of_many_languages(practice: Practice) -> None:
    for given, found in PEOPLE:
        rows = await practice.rows("find_patients", STAFF, **given)
        assert [row["name"] for row in rows] == found, given


async def test_nobody_is_told_everybody(practice: Practice) -> None:
    for name in (None, "", " ", "a", "%", "_", "'", "-", "%%%", "\u202e"):
        told = await practice.use("find_patients", STAFF, name=name)
        assert told == "Give a name of at least two letters, a date of birth, or both."


PHONE = "cannot be changed online. Please phone Main Street: 555-0100."
OVER = "is past or has begun"


CHANGES: tuple[tuple[timedelta, Principal, str], ...] = (
    (timedelta(hours=2), ROBIN, ""),
    (timedelta(hours=1, minutes=59, seconds=59), ROBIN, PHONE),
    (timedelta(seconds=1), ROBIN, PHONE),
    (timedelta(0), ROBIN, OVER),
    (timedelta(hours=-1), ROBIN, OVER),
    (timedelta(hours=1, minutes=59, seconds=59), STAFF, ""),
    (timedelta(seconds=1), STAFF, ""),
    (timedelta(0), STAFF, OVER),
    (timedelta(days=-9), STAFF, OVER),
)


@pytest.mark.parametrize(("before", "who", "told"), CHANGES)
async def test_changes_at_the_last_minute(
    practice: Practice, before: timedelta, who: Principal, told: str
) -> None:
    await practice.book(ROBIN, "2026-11-16 16:00")
    practice.house.clock.now = local("2026-11-16 16:00") - before
    appointment = await _handle(practice, who)
    slot = await practice.slot(who, "2026-12-08 10:20")
    given = {"appointment": appointment}
    moved = await practice.ask("reschedule_appointment", who, slot=slot, **given)
    asked = await practice.ask("cancel_appointment", who, **given)
    done = await practice.use("cancel_appointment", who, **given)
    if told:
        assert told in moved
        assert moved == asked == done
    else:
        assert moved.startswith("Move Follow-up with Dr. Amara Osei, from Mon 16 Nov, 16:00 to ")
        assert asked.startswith("Cancel Follow-up with Dr. Amara Osei on Mon 16 Nov, 16:00, at ")
        assert done.startswith("Cancelled: ")
    await practice.check_whole()


async def _handle(practice: Practice, who: Principal) -> str:
    if who is STAFF:
        (row,) = await practice.rows("day_schedule", STAFF, day="2026-11-16")
        return str(row["appointment"])
    rows = await practice.rows("my_appointments", ROBIN)
    rows += await practice.rows("my_appointments", ROBIN, period="past")
    return str(rows[0]["appointment"])


@pytest.mark.parametrize(
    ("later", "told"),
    [
        (timedelta(minutes=25), "Book Follow-up"),
        (timedelta(minutes=25, seconds=1), "That time is past, or too soon"),
        (timedelta(hours=3), "That time is past, or too soon"),
        (timedelta(hours=24), "There is nothing by that name in this conversation"),
    ],
)
async def test_a_slot_is_worth_something_until_half_an_hour_before(
    practice: Practice, later: timedelta, told: str
) -> None:
    slot = await practice.slot(ROBIN, "2026-11-16 10:00")
    practice.house.clock.now = NOW + later
    assert (await practice.ask("book_appointment", ROBIN, slot=slot)).startswith(told)


async def test_the_clinics_day_is_told_where_the_servers_is_another(practice: Practice) -> None:
    practice.house.clock.now = local("2026-11-16 23:30")  # in Greenwich Tuesday
    told = await practice.use("find_free_slots", VISITOR, **FOLLOW)
    assert "today is Mon 16 Nov 2026" in told
