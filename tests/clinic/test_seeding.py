"""The demo clinic: the same for the same number and day, plausible, and always with free times."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from assistant.clinic.records.schema import metadata, patients
from assistant.clinic.schedule.calendar import Closure, Shift, free_starts, steps
from assistant.clinic.upkeep import preparing, seeding
from assistant.clinic.upkeep.demo import Rows
from assistant.clinic.upkeep.holidays import holidays
from tests.clinic.house import ROBIN

ZONE = ZoneInfo("America/New_York")
# All days of a year, some of them: no weekday, holiday or change of clocks is always missed.
DAYS = [date(2026, 11, 21) + timedelta(days=9 * n) for n in range(41)]


def rows_of(today: date, number: int = 1) -> Rows:
    """Return the rows of a demo clinic."""
    return seeding._rows(number, today)


def at_noon(day: date) -> datetime:
    """Return noon of a day in New York."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_every_service_has_free_times_in_the_coming_week(today: date) -> None:
    rows = rows_of(today)
    closures = [
        Closure(row["first_day"], row["last_day"], row["location_id"], row["practitioner_id"])
        for row in rows["closures"]
    ]
    minutes = {row["id"]: row["minutes"] for row in rows["services"]}
    free: Counter[str] = Counter()
    for given in rows["practitioner_services"]:
        who = given["practitioner_id"]
        taken = {row["at"] for row in rows["taken_times"] if row["practitioner_id"] == who}
        shifts = [
            Shift(who, row["location_id"], row["weekday"], row["starts"], row["ends"])
            for row in rows["working_hours"]
            if row["practitioner_id"] == who
        ]
        for offset in range(1, 8):
            day, length = today + timedelta(days=offset), minutes[given["service_id"]]
            found = free_starts(shifts, closures, taken, day, zone=ZONE, minutes=length)
            free[given["service_id"]] += len(found)
    assert set(free) == set(minutes)
    assert min(free.values()) >= 5, free


@pytest.mark.parametrize("today", DAYS[::8], ids=str)
def test_nobody_is_anywhere_twice_or_outside_of_hours(today: date) -> None:
    rows = rows_of(today)
    for table, whose in (("taken_times", "practitioner_id"), ("patient_times", "patient_id")):
        held = Counter((row[whose], row["at"]) for row in rows[table])
        assert max(held.values()) == 1
    minutes = {row["id"]: row["minutes"] for row in rows["services"]}
    given = {(row["practitioner_id"], row["service_id"]) for row in rows["practitioner_services"]}
    for row in rows["appointments"]:
        starts, ends = (row[name].astimezone(ZONE) for name in ("starts_at", "ends_at"))
        assert (row["ends_at"] - row["starts_at"]).seconds == minutes[row["service_id"]] * 60
        assert (row["practitioner_id"], row["service_id"]) in given
        assert any(
            shift["practitioner_id"] == row["practitioner_id"]
            and shift["location_id"] == row["location_id"]
            and shift["weekday"] == starts.weekday()
            and shift["starts"] <= starts.time() < ends.time() <= shift["ends"]
            for shift in rows["working_hours"]
        )
        assert (row["state"] == "booked") <= (starts.date() >= today)
    kept = {row["id"]: row for row in rows["appointments"] if row["state"] != "cancelled"}
    times = {
        (key, at) for key, row in kept.items() for at in steps(row["starts_at"], row["ends_at"])
    }
    assert {(row["appointment_id"], row["at"]) for row in rows["taken_times"]} == times
    assert {(row["appointment_id"], row["at"]) for row in rows["patient_times"]} == times


def test_the_same_number_and_day_give_the_same_clinic() -> None:
    today = date(2026, 11, 21)
    assert rows_of(today) == rows_of(today)
    assert rows_of(today)["appointments"] != rows_of(today, 2)["appointments"]
    assert rows_of(today)["appointments"] != rows_of(today + timedelta(days=1))["appointments"]


@pytest.mark.parametrize("today", DAYS[::5], ids=str)
def test_the_demo_patient_has_one_appointment_behind_and_two_ahead(today: date) -> None:
    rows = rows_of(today)
    own = [row for row in rows["appointments"] if row["patient_id"] == ROBIN.subject]
    assert [row["state"] for row in own] == ["completed", "booked", "booked"]
    first = rows["patients"][0]
    assert (first["id"], first["given_name"], first["family_name"]) == (
        seeding.DEMO_PATIENT,
        "Robin",
        "Avery",
    )
    assert all(row["starts_at"] > at_noon(today) + timedelta(days=2) for row in own[1:])


def test_people_are_many_and_plainly_invented() -> None:
    found = rows_of(date(2026, 11, 21))
    people = found["patients"]
    assert len({row["id"] for row in people}) == len({row["phone"] for row in people}) == 60
    assert all(re.fullmatch(r"212-555-01\d\d", row["phone"]) for row in people)
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.org", row["email"]) for row in people)
    names = " ".join(f"{row['given_name']} {row['family_name']}" for row in people)
    assert not names.isascii()
    assert {"'", "-"} < set(names)
    assert 5 < sum(bool(row["notes"]) for row in people) < 40
    assert len(found["appointments"]) > 300
    assert {"booked", "cancelled", "completed", "missed"} == {
        row["state"] for row in found["appointments"]
    }


def test_every_row_fits_its_table() -> None:
    # PostgreSQL holds to these lengths, SQLite does not.
    rows = rows_of(date(2026, 11, 21))
    for name, found in rows.items():
        for column in metadata.tables[name].columns:
            length: Any = getattr(column.type, "length", None)
            longest = max(len(str(row.get(column.name) or "")) for row in found)
            assert length is None or longest <= length, (name, column.name)


def test_a_clinic_with_patients_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "clinic.db"
    assert preparing.fill_file(file, 1, at_noon(date(2026, 11, 21)))
    assert not preparing.fill_file(file, 2, at_noon(date(2026, 11, 21)))
    with preparing.opened(file) as connection:
        assert len(connection.execute(select(patients.c.id)).all()) == 60


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 1), "New Year's Day"),
        (date(2026, 1, 19), "Martin Luther King Jr. Day"),
        (date(2026, 5, 25), "Memorial Day"),
        (date(2027, 5, 31), "Memorial Day"),
        (date(2027, 6, 18), "Juneteenth"),  # a Saturday, kept on Friday
        (date(2026, 7, 3), "Independence Day"),
        (date(2027, 7, 5), "Independence Day"),  # a Sunday, kept on Monday
        (date(2026, 9, 7), "Labor Day"),
        (date(2026, 11, 26), "Thanksgiving"),
        (date(2026, 11, 27), "Thanksgiving"),
        (date(2026, 12, 25), "Christmas"),
    ],
)
def test_holidays_fall_on_their_days(day: date, name: str) -> None:
    assert [n for first, last, n in holidays(day.year) if first <= day <= last] == [name]
