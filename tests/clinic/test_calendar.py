"""Free times are what is left of working hours, by the clocks on the wall and in true time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.clinic.schedule.calendar import STEP, Closure, Shift, free_starts, steps
from assistant.clinic.schedule.wording import clock, price, soon, week_words, when

NEW_YORK = ZoneInfo("America/New_York")
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)  # when New York's clocks change, at two
ZONES = [
    *(ZoneInfo(name) for name in ("America/New_York", "America/St_Johns", "America/Sao_Paulo")),
    *(ZoneInfo(name) for name in ("Europe/London", "Africa/Casablanca", "Asia/Kathmandu")),
    # Its clocks change by half an hour.
    ZoneInfo("Australia/Lord_Howe"),
]
# Sundays on which clocks change somewhere, and the days around them.
CHANGES = [date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 4)]
CHANGES += [date(2026, 10, 25), date(2026, 11, 1)]
WHO, WHERE = "osei", "main"

days = st.one_of(
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.builds(lambda day, n: day + timedelta(days=n), st.sampled_from(CHANGES), st.integers(-1, 1)),
)
times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 5, 10, 15, 30, 45, 50)))


@st.composite
def weeks(draw: st.DrawFn, day: date) -> list[Shift]:
    """Return shifts of one practitioner at one location, most of them on that day."""
    weekdays = st.sampled_from((day.weekday(), day.weekday(), (day.weekday() + 1) % 7))
    spans = st.one_of(st.tuples(times, times).map(sorted), st.tuples(times, times))
    shifts = st.builds(lambda day, span: Shift(WHO, WHERE, day, *span), weekdays, spans)
    return draw(st.lists(shifts, min_size=1, max_size=3))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_free_is_just_what_is_worked_open_and_not_taken(data: st.DataObject) -> None:
    day = data.draw(days, "day")
    zone = data.draw(st.sampled_from(ZONES), "zone")
    shifts = data.draw(weeks(day), "shifts")
    minutes = data.draw(st.sampled_from((10, 20, 30, 50, 90)), "minutes")
    grid = _grid(day)
    that_day = [at for at in grid if at.astimezone(zone).date() == day]
    taken = data.draw(st.sets(st.sampled_from(that_day), max_size=60), "taken")
    closed = data.draw(st.sampled_from(("no", "other", "yes", "yes, far")), "closed")
    closures = _closures(closed, day)

    found = free_starts(shifts, closures, taken, day, zone=zone, minutes=minutes)

    length = timedelta(minutes=minutes)
    expected = [
        at
        for at in grid
        if not closed.startswith("yes")
        and all(_is_worked(step, shifts, day, zone) for step in steps(at, at + length))
        and taken.isdisjoint(steps(at, at + length))
    ]
    assert found == expected


def _grid(day: date) -> list[datetime]:
    begin = datetime.combine(day, time.min, UTC) - timedelta(days=1)
    return [begin + n * STEP for n in range(3 * 24 * 6)]


def _is_worked(at: datetime, shifts: list[Shift], day: date, zone: ZoneInfo) -> bool:
    """Return whether a step is within one shift, as the clock on the wall shows it."""
    local = at.astimezone(zone)
    wall = local.replace(tzinfo=None)
    return local.date() == day and any(
        shift.weekday == day.weekday()
        and datetime.combine(day, shift.starts) <= wall
        and wall + STEP <= datetime.combine(day, shift.ends)
        for shift in shifts
    )


def _closures(closed: str, day: date) -> list[Closure]:
    week = timedelta(days=7)
    match closed:
        case "other":
            return [
                Closure(day, day, location="lake"),
                Closure(day, day, practitioner="nguyen"),
                Closure(day, day, WHERE, "nguyen"),
                Closure(day - week, day - timedelta(days=1)),
                Closure(day + timedelta(days=1), day + week),
            ]
        case "yes":
            return [Closure(day, day, practitioner=WHO)]
        case "yes, far":
            return [Closure(day - week, day + week, WHERE, WHO)]
        case _:
            return []


def _night(starts: time, ends: time, day: date, minutes: int) -> list[str]:
    shift = Shift(WHO, WHERE, 6, starts, ends)
    found = free_starts([shift], [], set(), day, zone=NEW_YORK, minutes=minutes)
    return [clock(at, NEW_YORK) for at in found]


@pytest.mark.parametrize(
    ("starts", "ends", "day", "minutes", "expected"),
    [
        # In spring no clock shows 02:00 to 02:59: an hour from 01:30 ends at 03:30.
        ("01:30", "03:30", SPRING, 60, ["01:30"]),
        ("01:30", "03:20", SPRING, 60, []),
        ("02:00", "03:00", SPRING, 10, []),
        ("02:30", "03:20", SPRING, 10, ["03:00", "03:10"]),
        ("01:40", "02:30", SPRING, 10, ["01:40", "01:50"]),
        # In autumn every clock shows 01:00 to 01:59 twice, and the zone says which is meant.
        ("00:30", "01:10", AUTUMN, 30, ["00:30", "00:40"]),
        ("01:30", "02:00", AUTUMN, 30, ["01:30 EDT", "01:30 EST"]),
        ("01:50", "02:10", AUTUMN, 20, ["01:50 EST"]),
    ],
)
def test_nights_on_which_the_clocks_change(
    starts: str, ends: str, day: date, minutes: int, expected: list[str]
) -> None:
    found = _night(time.fromisoformat(starts), time.fromisoformat(ends), day, minutes)
    assert found == expected


def test_an_appointment_across_a_change_of_clocks_has_its_true_length() -> None:
    for day in (SPRING, AUTUMN, date(2026, 11, 8)):
        found = free_starts(
            [Shift(WHO, WHERE, 6, time(0), time(4))], [], set(), day, zone=NEW_YORK, minutes=60
        )
        # A night of four hours by the clock has three in spring, and five in autumn.
        held = {at for start in found for at in steps(start, start + timedelta(minutes=60))}
        hours = {SPRING: 3, AUTUMN: 5}.get(day, 4)
        assert max(held) + STEP - min(held) == timedelta(hours=hours)
        assert len(held) == hours * 6


def test_steps_cover_an_appointment() -> None:
    at = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)
    assert steps(at, at + timedelta(minutes=30)) == [at, at + STEP, at + 2 * STEP]
    assert steps(at, at + timedelta(minutes=25)) == [at, at + STEP, at + 2 * STEP]


def test_times_read_as_people_say_them() -> None:
    at = datetime(2026, 11, 3, 15, 20, tzinfo=UTC)
    assert when(at, NEW_YORK) == "Tue 3 Nov 2026, 10:20"
    assert soon(at, NEW_YORK) == "Tue 3 Nov, 10:20"
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert when(first, NEW_YORK) == "Sun 1 Nov 2026, 01:30 EDT"
    assert when(first + timedelta(hours=1), NEW_YORK) == "Sun 1 Nov 2026, 01:30 EST"
    # The hour that spring leaves out makes its neighbours no less clear.
    assert clock(datetime(2026, 3, 8, 7, 0, tzinfo=UTC), NEW_YORK) == "03:00"


def test_prices_and_weeks_read_as_people_say_them() -> None:
    assert [price(12_000), price(9_550), price(5)] == ["$120", "$95.50", "$0.05"]
    day = (time(8), time(18))
    week = [(n, *day) for n in (0, 1, 2, 4)] + [(5, time(9), time(12)), (5, time(13), time(15))]
    told = "Mon-Wed 08:00-18:00; Fri 08:00-18:00; Sat 09:00-12:00 and 13:00-15:00"
    assert week_words(reversed(week)) == told
    assert week_words([]) == ""
