"""Reads days and times as people write them: "next Tuesday", "24 November", "half past three"."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

Part = Literal["morning", "afternoon", "evening"]

_NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = "one two three four five six seven eight nine ten eleven twelve"
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>(?:19|20)\d\d))?\b"
_WEEKDAY = (
    r"(?P<weekday>mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|"
    r"mon|tues?|wed|thu(?:rs?)?|fri|(?<=\b(?:on|or) )(?:sat|sun)|(?<=\b(?:next|this) )(?:sat|sun))"
)


@dataclass(frozen=True, slots=True)
class Days:
    """A day, or all from a first one to a last one, and where in the text they stand."""

    first: date
    last: date
    start: int = 0
    end: int = 0
    dated: bool = False


@dataclass(frozen=True, slots=True)
class NoDay:
    """Words for a day that no calendar has, such as 30 February."""

    words: str
    start: int
    end: int


def days_in(text: str, today: date) -> list[Days | NoDay]:
    """Return the days that a plain text names, in its order."""
    found: list[Days | NoDay] = []
    for pattern, read in _READERS:
        for match in re.finditer(pattern, text):
            if not any(f.start < match.end() and match.start() < f.end for f in found):
                found.append(_placed(match, read, today))
    return sorted(found, key=lambda days: days.start)


def time_in(text: str) -> time | None:
    """Return the time of day that a plain text names; hours from one to six are afternoons."""
    if re.search(r"\b(?:at |by )?(?:noon|midday)\b", text):
        return time(12)
    for pattern in _TIMES:
        match = re.search(pattern, text)
        if match is None:
            continue
        named = match.groupdict()
        hour = int(_NUMBER_WORDS.get(named["hour"], named["hour"]))
        minute = int(named.get("minute") or 0) if "half" not in named else 30
        return _clock(hour, minute, named.get("half_day"))
    return None


def part_in(text: str) -> Part | None:
    """Return the part of the day that a plain text names."""
    for pattern, part in _PARTS:
        if re.search(pattern, text):
            return part
    return None


def _placed(
    match: re.Match[str], read: Callable[[re.Match[str], date], tuple[date, date]], today: date
) -> Days | NoDay:
    try:
        first, last = read(match, today)
    except (ValueError, OverflowError):
        return NoDay(match[0].strip(), match.start(), match.end())
    return Days(first, last, match.start(), match.end(), dated="day" in match.groupdict())


def _on(day: date) -> tuple[date, date]:
    return day, day


def _dated(match: re.Match[str], today: date) -> tuple[date, date]:
    """Read a day and a month, and the year if there is one; else the next such day."""
    month, day = match["month"], int(match["day"])
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1
    if match["year"]:
        return _on(date(int(match["year"]), number, day))
    if (number, day) == (2, 29):
        return _on(_next_leap_day(today))
    this = date(today.year, number, day)
    return _on(this if this >= today else this.replace(year=today.year + 1))


def _next_leap_day(today: date) -> date:
    years = (y for y in range(today.year, today.year + 9) if calendar.isleap(y))
    return next(day for day in (date(y, 2, 29) for y in years) if day >= today)


def _numeric(match: re.Match[str], today: date) -> tuple[date, date]:
    """Read 11/24 as the clinic's country does, and 24/11 as it can only be meant."""
    one, two = int(match["one"]), int(match["day"])
    month, day = (one, two) if one <= len(_MONTHS) else (two, one)
    year = match["year"]
    if year:
        return _on(date(int(year), month, day))
    this = date(today.year, month, day)
    return _on(this if this >= today else this.replace(year=today.year + 1))


def _weekday(match: re.Match[str], today: date) -> tuple[date, date]:
    wanted = _WEEKDAYS.index(match["weekday"][:3])
    monday = today - timedelta(days=today.weekday())
    if match["which"] == "next":
        return _on(monday + timedelta(days=7 + wanted))
    ahead = (wanted - today.weekday()) % 7
    if match["which"] == "this" or ahead:
        return _on(today + timedelta(days=ahead))
    return _on(today + timedelta(days=7))


def _week(match: re.Match[str], today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday())
    weeks = {"this": 0, "next": 1, "following": 1}.get(match["which"] or "", 2)
    first = monday + timedelta(weeks=weeks)
    return max(first, today), first + timedelta(days=6)


def _weekend(match: re.Match[str], today: date) -> tuple[date, date]:
    saturday = today - timedelta(days=today.weekday()) + timedelta(days=5)
    saturday += timedelta(weeks=match["which"] == "next")
    return max(saturday, today), saturday + timedelta(days=1)


def _month(match: re.Match[str], today: date) -> tuple[date, date]:
    if match["month"] == "month":
        ahead = match["which"] == "next"
        year, number = today.year, today.month + ahead
    else:
        number = _MONTHS.index(match["month"][:3]) + 1
        year = today.year + (number < today.month)
    year, number = (year + 1, 1) if number > len(_MONTHS) else (year, number)
    first = date(year, number, 1)
    last = date(year, number, calendar.monthrange(year, number)[1])
    return max(first, today) if last >= today else first, last


def _ahead(match: re.Match[str], today: date) -> tuple[date, date]:
    count = int(_NUMBERS.get(match["count"], 0) or match["count"])
    if match["unit"].startswith("day"):
        return _on(today + timedelta(days=count))
    first = today + timedelta(weeks=count)
    return first, first + timedelta(days=6)


def _near(days: int) -> Callable[[re.Match[str], date], tuple[date, date]]:
    return lambda _match, today: _on(today + timedelta(days=days))


def _clock(hour: int, minute: int, half_day: str | None) -> time | None:
    if half_day:
        hour = hour % 12 + (12 if half_day.startswith("p") else 0)
    elif 1 <= hour <= 6:  # noqa: PLR2004 - no clinic is open at night
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None  # noqa: PLR2004 - a day


def _times() -> Iterator[str]:
    half_day = r" ?(?P<half_day>[ap])\.?m\b"
    yield rf"\b(?P<hour>\d{{1,2}})[:.](?P<minute>\d\d)(?:{half_day})?(?![\d/-])"
    yield rf"\b(?P<hour>\d{{1,2}}){half_day}"
    words = "|".join(_NUMBER_WORDS)
    yield rf"\bhalf(?P<half>) past (?P<hour>\d{{1,2}}|{words})\b"
    yield rf"\b(?P<hour>\d{{1,2}}|{words}) ?o'? ?clock\b"
    yield rf"\b(?:at|around|about|by) (?P<hour>\d{{1,2}}|{words})\b(?! ?(?:[-/:.]?\d|days?|weeks?))"


_NUMBER_WORDS = {word: str(number) for number, word in enumerate(_HOURS.split(), start=1)}
_TIMES = tuple(_times())
_PARTS: tuple[tuple[str, Part], ...] = (
    (r"\b(?:not?|except) (?:in )?(?:the )?mornings?\b", "afternoon"),
    (r"\b(?:not?|except) (?:in )?(?:the )?afternoons?\b", "morning"),
    (r"\b(?:mornings?|before (?:noon|lunch|work)|early)\b", "morning"),
    (r"\b(?:afternoons?|after (?:noon|lunch))\b", "afternoon"),
    (r"\b(?:evenings?|tonight|after work|late in the day)\b", "evening"),
)
_READERS: tuple[tuple[str, Callable[[re.Match[str], date], tuple[date, date]]], ...] = (
    (r"\b(?P<year>(?:19|20)\d\d)-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b", _dated),
    (rf"\b{_DAY} (?:of )?{_MONTH}{_YEAR}", _dated),
    (rf"\b{_MONTH} (?:the )?{_DAY}\b(?!:){_YEAR}", _dated),
    (r"\b(?P<one>\d{1,2})/(?P<day>\d{1,2})(?:/(?P<year>(?:19|20)\d\d))?\b", _numeric),
    (r"\bday after tomorrow\b", _near(2)),
    (r"\btomorrow\b", _near(1)),
    (r"\b(?:today|tonight|right now)\b", _near(0)),
    (r"\byesterday\b", _near(-1)),
    (rf"\b(?:(?P<which>next|this|coming) )?{_WEEKDAY}\b", _weekday),
    (r"\b(?P<which>this|next|following) week\b|\bweek after next\b", _week),
    (r"\b(?:(?P<which>next|this) )?weekend\b", _weekend),
    (r"\bin (?P<count>\d{1,3}|a|one|two|three|four|five|six) (?P<unit>days?|weeks?)\b", _ahead),
    (rf"\b(?:in|during|of|this|next|early|late) {_MONTH}(?! ?\d)", _month),
    (r"\b(?P<which>this|next) (?P<month>month)\b", _month),
)
