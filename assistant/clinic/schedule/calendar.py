"""Free times: what is left of working hours after closures and what is taken, in true time.

A local day is looked at in steps of the grid, each an instant in UTC, and each step counts by what
the clock on the wall shows at it. So an hour that a change of clocks leaves out is never offered,
an hour that comes twice is two hours, and an appointment across the change has its true length.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

STEP = timedelta(minutes=10)
"""The grid: appointments begin at multiples of it, in UTC, and last multiples of it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shift:
    """When a practitioner works at a location, each week.

    Attributes:
        weekday: 0 is Monday.
        starts: on the location's clocks, as is `ends`; a shift ends on the day it begins.
    """

    practitioner: str
    location: str
    weekday: int
    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class Closure:
    """Days on which nothing is given: at a location, by a practitioner; None means any."""

    first_day: date
    last_day: date
    location: str | None = None
    practitioner: str | None = None

    def closes(self, shift: Shift, day: date) -> bool:
        """Return whether the shift falls out on that day."""
        return (
            self.first_day <= day <= self.last_day
            and self.location in (None, shift.location)
            and self.practitioner in (None, shift.practitioner)
        )


def steps(starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """Return the steps that an appointment holds, in order."""
    return [starts_at + n * STEP for n in range(-(-(ends_at - starts_at) // STEP))]


def free_starts(
    shifts: Iterable[Shift],
    closures: Sequence[Closure],
    taken: Container[datetime],
    day: date,
    *,
    zone: tzinfo,
    minutes: int,
) -> list[datetime]:
    """Return when an appointment can begin on a local day, in UTC and in order.

    Args:
        shifts: of one practitioner at one location.
        closures: of anybody; those that do not concern a shift are passed over.
        taken: the practitioner's steps that are somebody's already, in UTC.
        day: the day on the location's calendar.
        zone: the location's.
        minutes: how long the appointment takes.
    """
    free = {
        step
        for shift in shifts
        if shift.weekday == day.weekday() and not any(c.closes(shift, day) for c in closures)
        for step in _worked(shift, day, zone)
        if step not in taken
    }
    length = timedelta(minutes=minutes)
    return sorted(at for at in free if free.issuperset(steps(at, at + length)))


def _worked(shift: Shift, day: date, zone: tzinfo) -> Iterable[datetime]:
    """Yield the steps that lie within a shift by the clock on the wall."""
    opens, closes = datetime.combine(day, shift.starts), datetime.combine(day, shift.ends)
    # Where the clocks change, a wall time stands for two instants, or for none; both readings
    # of it bound what has to be looked at.
    at = min(_instants(opens, zone))
    last = max(_instants(closes, zone))
    at -= (at - _EPOCH) % STEP
    while at < last:
        wall = at.astimezone(zone).replace(tzinfo=None)
        if opens <= wall and wall + STEP <= closes:
            yield at
        at += STEP


def _instants(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    aware = wall.replace(tzinfo=zone)
    return aware.replace(fold=0).astimezone(UTC), aware.replace(fold=1).astimezone(UTC)
