"""The days on which the demo clinic is closed: holidays of the United States."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6


def holidays(year: int) -> Iterator[tuple[date, date, str]]:
    """Yield first day, last day and name of a year's holidays, in order.

    One that falls on a weekend takes the nearest weekday along, as it is kept on that.
    """
    yield *_kept(date(year, 1, 1)), "New Year's Day"
    yield *_kept(_nth(year, 1, _MONDAY, 3)), "Martin Luther King Jr. Day"
    yield *_kept(_nth(year, 5, _MONDAY, 5)), "Memorial Day"
    yield *_kept(date(year, 6, 19)), "Juneteenth"
    yield *_kept(date(year, 7, 4)), "Independence Day"
    yield *_kept(_nth(year, 9, _MONDAY, 1)), "Labor Day"
    thanksgiving = _nth(year, 11, _THURSDAY, 4)
    yield thanksgiving, thanksgiving + _DAY, "Thanksgiving"
    yield *_kept(date(year, 12, 25)), "Christmas"


def _kept(day: date) -> tuple[date, date]:
    if day.weekday() == _SATURDAY:
        return day - _DAY, day
    return (day, day + _DAY) if day.weekday() == _SUNDAY else (day, day)


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    """Return the nth such weekday of a month; a fifth that is not there is the fourth."""
    first = date(year, month, 1)
    found = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    return found if found.month == month else found - 7 * _DAY
