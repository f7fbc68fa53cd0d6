"""The tools that find practitioners, and times at which they are free."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Literal

from pydantic import Field

from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.directory import Directory, read_directory
from assistant.clinic.schedule.rules import AHEAD, LEAD, SPAN
from assistant.clinic.schedule.slots import Search, find_slots
from assistant.clinic.schedule.wording import day_words
from assistant.clinic.tools.answers import answer
from assistant.clinic.tools.arguments import (
    Arguments,
    Name,
    OptionalDay,
    OptionalHandle,
    OptionalName,
    OptionalTime,
)
from assistant.clinic.tools.pieces import EVERYONE, Piece
from assistant.clinic.tools.rows import check_gives, fitting, meant, resolved, slot_rows
from assistant.tool import ToolRefusedError

# As many as fit into one answer, whatever their names.
_ROWS = 10
_A_DAY = 3
_AROUND = 6
_UNASKED = timedelta(days=13)
_PARTS = {
    "any": (time.min, time.max),
    "morning": (time.min, time(12)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), time.max),
}


class Whom(Arguments):
    """What a practitioner should be like; null where it does not matter."""

    specialty: OptionalName = Field(None, description="Such as `dermatology`.")
    language: OptionalName = Field(None, description="Such as `Spanish`.")
    service: OptionalName = Field(None, description="What they should give: `check-up`.")
    name: OptionalName = Field(None, description="Their name, or a part of it.")


async def find_practitioners(visit: Visit, given: Whom) -> str:
    """Tell which practitioners are like that."""
    directory = await read_directory(visit)
    found = [
        (key, who) for key, who in directory.practitioners.items() if key in _like(directory, given)
    ]
    names = await visit.handles("practitioner", [key for key, _ in found])
    rows = [
        {
            "practitioner": name,
            "name": who.name,
            "specialty": who.specialty,
            "languages": list(who.languages),
            "services": sorted(directory.services[s].name for s in who.services),
        }
        for name, (_, who) in zip(names, found, strict=True)
    ]
    return answer(rows, note="" if rows else "Nobody is like all of that; leave something out.")


def _like(directory: Directory, given: Whom) -> frozenset[str]:
    """Return the ids of those who are as wanted.

    Raises:
        ToolRefusedError: when the clinic knows nothing by one of the names.
    """
    staff = directory.practitioners
    fits = set(staff)
    if given.name is not None:
        fits &= set(
            fitting("practitioner", given.name, {key: who.name for key, who in staff.items()})
        )
    if given.specialty is not None:
        known = {who.specialty: who.specialty for who in staff.values()}
        wanted = fitting("specialty", given.specialty, known)
        fits = {key for key in fits if staff[key].specialty in wanted}
    if given.language is not None:
        spoken = {name: name for who in staff.values() for name in who.languages}
        wanted = fitting("language", given.language, spoken)
        fits = {key for key in fits if not set(wanted).isdisjoint(staff[key].languages)}
    if given.service is not None:
        known = {key: service.name for key, service in directory.services.items()}
        wanted = fitting("service", given.service, known)
        fits = {key for key in fits if not staff[key].services.isdisjoint(wanted)}
    return frozenset(fits)


class Times(Arguments):
    """Which free times are wanted; null where it does not matter."""

    service: Name = Field(description="What for, by its name: `Follow-up`.")
    practitioner: OptionalHandle = Field(
        None, description="The handle of a practitioner from find_practitioners."
    )
    location: OptionalName = Field(None, description="The name of a location.")
    first_day: OptionalDay = Field(
        None, description="The first day, such as 2026-11-24; null for today."
    )
    last_day: OptionalDay = Field(
        None, description="The last day, included; the same as first_day for just that day."
    )
    part_of_day: Literal["any", "morning", "afternoon", "evening"] | None = None
    around: OptionalTime = Field(None, description="The time of day that is best, such as 10:20.")


async def find_free_slots(visit: Visit, given: Times) -> str:
    """Tell at which times a service is free to book, spread over the days that are asked for."""
    directory = await read_directory(visit)
    search = await _search(visit, directory, given)
    single = search.first_day == search.last_day
    # All that lie around a time must fit: the latest is cut first, and may be the very one.
    one_day = _ROWS if given.around is None else _AROUND
    a_day = one_day if single else _A_DAY
    slots = await find_slots(visit, directory, search, a_day=a_day, most=_ROWS)
    rows = await slot_rows(visit, directory, slots[:_ROWS])
    if not rows:
        return answer((), note=await _none(visit, directory, search))
    today = day_words(visit.now.astimezone(directory.locations[slots[0].location].zone))
    more = "There may be others: ask for one day, or around a time."
    return answer(rows, note=f"Local times; today is {today}. {more}")


async def _search(visit: Visit, directory: Directory, given: Times) -> Search:
    """Return what is searched for.

    Raises:
        ToolRefusedError: when there is no such thing, or no such days.
    """
    names = {key: service.name for key, service in directory.services.items()}
    service = meant("service", given.service, names)
    who = frozenset(directory.practitioners)
    if given.practitioner is not None:
        key = await resolved(visit, "practitioner", given.practitioner)
        check_gives(directory, key, service)
        who = frozenset({key})
    where = frozenset(directory.locations)
    if given.location is not None:
        places = {key: place.name for key, place in directory.locations.items()}
        where = frozenset({meant("location", given.location, places)})
    today = min(visit.now.astimezone(directory.locations[key].zone).date() for key in where)
    first, last = _between(given.first_day, given.last_day, today)
    return Search(
        service,
        who,
        where,
        first,
        last,
        earliest=visit.now + LEAD,
        latest=visit.now + AHEAD,
        hours=_PARTS[given.part_of_day or "any"],
        around=given.around,
    )


def _between(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """Return the first and the last day to look at.

    Raises:
        ToolRefusedError: when they are past, too far away, or the wrong way round.
    """
    fault = ""
    if (last or first or today) < today:
        fault = f"That is past: today is {day_words(today)}."
    elif first and last and last < first:
        fault = "The last day comes before the first; turn them round."
    elif (first or today) > today + AHEAD:
        fault = f"Appointments can be booked until {day_words(today + AHEAD)}."
    elif last and last - max(first or today, today) > SPAN:
        fault = f"That is too long a time at once: ask for at most {SPAN.days} days."
    if fault:
        raise ToolRefusedError(fault)
    begin = max(first or today, today)
    return begin, min(last or begin + _UNASKED, today + AHEAD)


async def _none(visit: Visit, directory: Directory, search: Search) -> str:
    """Return that nothing is free, and when something is."""
    span = f"{day_words(search.first_day)} to {day_words(search.last_day)}"
    single = search.first_day == search.last_day
    told = f"Nothing is free {f'on {day_words(search.first_day)}' if single else f'from {span}'}."
    begin = search.last_day + timedelta(days=1)
    later = replace(search, first_day=begin, last_day=begin + SPAN)
    following = await find_slots(visit, directory, later, a_day=1, most=1)
    if not following:
        return f"{told} Nor in the {SPAN.days} days after; offer the waiting list."
    zone = directory.locations[following[0].location].zone
    day = following[0].starts_at.astimezone(zone).date()
    return f"{told} The next day with a free time is {day_words(day)} ({day.isoformat()})."


PIECES = (
    Piece(
        "find_practitioners",
        "Find the clinic's practitioners by specialty, language, service or name.",
        Whom,
        EVERYONE,
        find_practitioners,
    ),
    Piece(
        "find_free_slots",
        "Find free times for a service: by default within 14 days, at most 62 days at once.",
        Times,
        EVERYONE,
        find_free_slots,
    ),
)
