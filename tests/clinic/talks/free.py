"""What is free in the world of the talks: counted by hand's rules, not by the clinic's code."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from tests.clinic.talks.world import Row, held, now, spans, world, zone

_LEAD = timedelta(minutes=30)


def is_free(told: Row, appointments: Collection[Row]) -> bool:
    """Return whether a slot that the model was told of is one, beside these appointments."""
    service = _named("services", told["service"])
    who = _named("practitioners", told["practitioner"])
    place = _named("locations", told["location"])
    local = datetime.strptime(told["when"], "%a %d %b %Y, %H:%M")  # noqa: DTZ007 - a wall time
    ends = local + timedelta(minutes=service["minutes"])
    begins = local.replace(tzinfo=zone(place["id"]))
    held_by_others = {
        at for row in appointments if row["practitioner_id"] == who["id"] for at in held(row)
    }
    wanted = {begins + timedelta(minutes=m) for m in range(0, service["minutes"], 10)}
    return (
        service["id"] in who["services"]
        and begins >= now() + _LEAD
        and not _closed(local.date(), who["id"], place["id"])
        and not wanted & held_by_others
        and any(
            (day, first <= local.time(), ends.time() <= last) == (local.weekday(), True, True)
            for day, first, last in spans(who["hours"].get(place["id"], {}))
        )
    )


def _named(kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in world()[kind] if each["name"] == name)
    return found


def _closed(day: date, practitioner: str, location: str) -> bool:
    return any(
        closure["first_day"] <= day.isoformat() <= closure["last_day"]
        and closure.get("practitioner_id", practitioner) == practitioner
        and closure.get("location_id", location) == location
        for closure in world()["closures"]
    )
