"""What to offer instead of a slot that has just gone."""

from __future__ import annotations

from datetime import timedelta

from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.directory import Directory
from assistant.clinic.schedule.rules import AHEAD, LEAD
from assistant.clinic.schedule.slots import Search, Slot, find_slots
from assistant.clinic.tools.answers import answer
from assistant.clinic.tools.rows import slot_rows

_DAYS = timedelta(days=6)
_OFFERED = 3
_LOOKED_AT = 200
# Somebody else at the same hour counts as much as the same practitioner this much later.
_SOMEBODY_ELSE = timedelta(hours=2)


async def alternatives(visit: Visit, directory: Directory, gone: Slot) -> str:
    """Return that a slot is taken, and what is free near it."""
    search = _near(visit, directory, gone)
    free = await find_slots(visit, directory, search, a_day=_LOOKED_AT, most=_LOOKED_AT)

    def distance(slot: Slot) -> timedelta:
        other = slot.practitioner != gone.practitioner
        return abs(slot.starts_at - gone.starts_at) + other * _SOMEBODY_ELSE

    nearest = sorted(sorted(free, key=distance)[:_OFFERED], key=lambda slot: slot.starts_at)
    if not nearest:
        return "That time has just been taken, and nothing else is free near it. Look further on."
    rows = await slot_rows(visit, directory, nearest)
    return f"That time has just been taken. Free instead: {answer(rows)}"


def _near(visit: Visit, directory: Directory, gone: Slot) -> Search:
    day = gone.starts_at.astimezone(directory.locations[gone.location].zone).date()
    earliest, latest = visit.now + LEAD, visit.now + AHEAD
    return Search(
        gone.service,
        frozenset(directory.practitioners),
        frozenset(directory.locations),
        max(day - _DAYS / 2, earliest.date()),
        day + _DAYS,
        earliest,
        latest,
    )
