"""How times, prices and lists read to people: in plain words, without the server's locale."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_words(day: date) -> str:
    """Return a day such as `Tue 24 Nov 2026`."""
    return f"{_day(day)} {day.year}"


def when(at: datetime, zone: tzinfo) -> str:
    """Return a moment on a location's clocks, such as `Tue 24 Nov 2026, 10:20`."""
    return f"{day_words(at.astimezone(zone))}, {clock(at, zone)}"


def soon(at: datetime, zone: tzinfo) -> str:
    """Return a moment of the coming months, such as `Tue 24 Nov, 10:20`."""
    return f"{_day(at.astimezone(zone))}, {clock(at, zone)}"


def clock(at: datetime, zone: tzinfo) -> str:
    """Return a time such as `10:20`; in an hour that comes twice, `01:30 EDT` says which."""
    local = at.astimezone(zone)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M} {local.tzname()}" if twice else f"{local:%H:%M}"


def price(cents: int) -> str:
    """Return a price such as `$120` or `$37.50`."""
    dollars, rest = divmod(cents, 100)
    return f"${dollars}.{rest:02}" if rest else f"${dollars}"


def week_words(hours: Iterable[tuple[int, time, time]]) -> str:
    """Return weekly hours such as `Mon-Fri 08:00-18:00; Sat 09:00-13:00`.

    Args:
        hours: weekday (0 is Monday), opening and closing time.
    """
    by_day: dict[int, list[str]] = {}
    for weekday, opens, closes in sorted(hours):
        by_day.setdefault(weekday, []).append(f"{opens:%H:%M}-{closes:%H:%M}")
    spans: list[tuple[int, int, str]] = []
    for weekday, times in by_day.items():
        told = " and ".join(times)
        if spans and spans[-1][1:] == (weekday - 1, told):
            spans[-1] = (spans[-1][0], weekday, told)
        else:
            spans.append((weekday, weekday, told))
    return "; ".join(f"{_span(first, last)} {told}" for first, last, told in spans)


def _span(first: int, last: int) -> str:
    return DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}"


def _day(day: date) -> str:
    return f"{DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"
