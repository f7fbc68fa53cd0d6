"""Free slots: the calendar's free times over the clinic's records, chosen so that they help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from assistant.clinic.records.schema import taken_times
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.calendar import free_starts
from assistant.clinic.schedule.directory import Directory
from assistant.tool import ToolRefusedError

_DAY = timedelta(days=1)
_CHUNK = 7 * _DAY
_Taken = defaultdict[str, set[datetime]]


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which somebody gives a service somewhere."""

    practitioner: str
    service: str
    location: str
    starts_at: datetime

    @property
    def ref(self) -> str:
        """The slot in one text, as its handle stands for it."""
        at = self.starts_at.astimezone(UTC).isoformat()
        return f"{self.practitioner}|{self.service}|{self.location}|{at}"

    @classmethod
    def from_ref(cls, ref: str) -> Slot:
        """Return the slot that `ref` stands for."""
        practitioner, service, location, at = ref.split("|")
        return cls(practitioner, service, location, datetime.fromisoformat(at))


@dataclass(frozen=True, slots=True)
class Search:
    """What kind of slots are wanted.

    Attributes:
        practitioners: their ids, and `locations` those where it may be.
        first_day: on the locations' calendars, as is `last_day`, which is included.
        earliest: the first instant at which a slot may begin; `latest` is the last.
        hours: between which wall times it may begin; the second is excluded.
        around: the wall time that is liked best.
    """

    service: str
    practitioners: frozenset[str]
    locations: frozenset[str]
    first_day: date
    last_day: date
    earliest: datetime
    latest: datetime
    hours: tuple[time, time] = (time.min, time.max)
    around: time | None = None


class SlotGoneError(ToolRefusedError):
    """A slot is somebody else's by now.

    Attributes:
        directory: in which something else may be found.
    """

    def __init__(self, slot: Slot, directory: Directory) -> None:
        super().__init__("That time has just been taken.")
        self.slot = slot
        self.directory = directory


async def find_slots(
    visit: Visit, directory: Directory, search: Search, *, a_day: int, most: int
) -> list[Slot]:
    """Return free slots in order of time: at most `a_day` of each day, spread over it.

    Looks no further than it takes to find `most`; the last day found is told as a whole.
    """
    found: list[Slot] = []
    first = search.first_day
    while first <= search.last_day and len(found) < most:
        last = min(first + _CHUNK - _DAY, search.last_day)
        taken = await _taken(visit, search.practitioners, first, last)
        for day in _days(first, last):
            free = free_on(day, directory, search, taken)
            found += _chosen(free, a_day, directory, search.around)
            if len(found) >= most:
                break
        first = last + _DAY
    return found


async def is_free(
    visit: Visit, directory: Directory, slot: Slot, *, own: Collection[datetime] = ()
) -> bool | None:
    """Return whether a slot is free; None where it is none at all, by hours and closures.

    Steps of the practitioner's that the one who asks would give back (`own`) count as free.
    """
    place = directory.locations.get(slot.location)
    who = directory.practitioners.get(slot.practitioner)
    if place is None or who is None or slot.service not in directory.services:
        return None
    day = slot.starts_at.astimezone(place.zone).date()
    here, at = frozenset({slot.location}), slot.starts_at
    only = Search(slot.service, frozenset({slot.practitioner}), here, day, day, at, at)
    if slot not in free_on(day, directory, only, defaultdict(set)):
        return None
    taken = await _taken(visit, only.practitioners, day, day)
    taken[slot.practitioner].difference_update(own)
    return slot in free_on(day, directory, only, taken)


def free_on(day: date, directory: Directory, search: Search, taken: _Taken) -> list[Slot]:
    """Return all slots of a local day that fit, in order of time."""
    found = [
        Slot(practitioner, search.service, location, at)
        for practitioner in search.practitioners
        if search.service in directory.practitioners[practitioner].services
        for location in search.locations
        for at in _starts(directory, search, day, (practitioner, location), taken[practitioner])
    ]
    return sorted(found, key=_order)


async def _taken(visit: Visit, practitioners: Iterable[str], first: date, last: date) -> _Taken:
    """Read what is taken in these days, wherever on earth they are lived through."""
    begin = datetime.combine(first, time.min, UTC) - _DAY
    end = datetime.combine(last, time.min, UTC) + 2 * _DAY
    t = taken_times.c
    query = select(t.practitioner_id, t.at).where(
        t.practitioner_id.in_(sorted(practitioners)), t.at >= begin, t.at < end
    )
    taken: _Taken = defaultdict(set)
    for row in await visit.read(query):
        taken[row.practitioner_id].add(row.at)
    return taken


def _days(first: date, last: date) -> Iterable[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))


def _starts(
    directory: Directory,
    search: Search,
    day: date,
    pair: tuple[str, str],
    busy: Container[datetime],
) -> Iterable[datetime]:
    """Yield when a practitioner can begin at a location: `pair` names both."""
    zone = directory.locations[pair[1]].zone
    after, before = search.hours
    starts = free_starts(
        (shift for shift in directory.shifts if (shift.practitioner, shift.location) == pair),
        directory.closures,
        busy,
        day,
        zone=zone,
        minutes=directory.services[search.service].minutes,
    )
    for at in starts:
        if search.earliest <= at <= search.latest and after <= at.astimezone(zone).time() < before:
            yield at


def _order(slot: Slot) -> tuple[datetime, str, str]:
    return slot.starts_at, slot.practitioner, slot.location


def _chosen(
    free: Sequence[Slot], most: int, directory: Directory, around: time | None
) -> list[Slot]:
    """Return at most `most` of a day's slots: those next to `around`, else spread over the day."""
    if len(free) <= most:
        return list(free)
    if around is None:
        gaps = max(most - 1, 1)
        return [free[n * (len(free) - 1) // gaps] for n in range(most)]

    def away(slot: Slot) -> int:
        wall = slot.starts_at.astimezone(directory.locations[slot.location].zone)
        return abs((wall.hour - around.hour) * 60 + wall.minute - around.minute)

    return sorted(sorted(free, key=away)[:most], key=_order)
