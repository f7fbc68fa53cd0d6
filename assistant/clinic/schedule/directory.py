"""What anybody may know of the clinic: who works where and when, on what, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from assistant.clinic.records.schema import (
    closures,
    locations,
    practitioner_languages,
    practitioner_services,
    practitioners,
    services,
    working_hours,
)
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.calendar import Closure, Shift


@dataclass(frozen=True, slots=True)
class Location:
    """A place of the clinic; its clocks are its zone's."""

    name: str
    address: str
    phone: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be booked."""

    name: str
    description: str
    minutes: int
    price_cents: int


@dataclass(frozen=True, slots=True)
class Practitioner:
    """Somebody who gives services, which are told by their ids."""

    name: str
    specialty: str
    languages: tuple[str, ...]
    services: frozenset[str]


@dataclass(frozen=True, slots=True)
class Directory:
    """The clinic as its visitors know it, each thing by its id."""

    locations: Mapping[str, Location]
    services: Mapping[str, Service]
    practitioners: Mapping[str, Practitioner]
    shifts: tuple[Shift, ...]
    closures: tuple[Closure, ...]

    def today(self, now: datetime) -> date:
        """Return which day it is at the clinic: the earlier one, where its clocks disagree."""
        return min(now.astimezone(place.zone).date() for place in self.locations.values())


async def read_directory(visit: Visit) -> Directory:
    """Return the whole directory as it is now."""
    return await visit.unchanged("directory", _read)


async def _read(visit: Visit) -> Directory:
    return Directory(
        locations=await _locations(visit),
        services=await _services(visit),
        practitioners=await _practitioners(visit),
        shifts=await _shifts(visit),
        closures=await _closures(visit),
    )


async def _locations(visit: Visit) -> dict[str, Location]:
    t = locations.c
    rows = await visit.read(select(t.id, t.name, t.address, t.phone, t.timezone).order_by(t.name))
    # The first use of a zone reads a file.
    zones = await asyncio.to_thread(lambda: {row.timezone: ZoneInfo(row.timezone) for row in rows})
    return {row.id: Location(row.name, row.address, row.phone, zones[row.timezone]) for row in rows}


async def _services(visit: Visit) -> dict[str, Service]:
    t = services.c
    query = select(t.id, t.name, t.description, t.minutes, t.price_cents).order_by(t.name)
    return {
        row.id: Service(row.name, row.description, row.minutes, row.price_cents)
        for row in await visit.read(query)
    }


async def _practitioners(visit: Visit) -> dict[str, Practitioner]:
    t, spoken, given = practitioners.c, practitioner_languages.c, practitioner_services.c
    languages: dict[str, list[str]] = {}
    for row in await visit.read(select(spoken.practitioner_id, spoken.language)):
        languages.setdefault(row.practitioner_id, []).append(row.language)
    offered: dict[str, set[str]] = {}
    for row in await visit.read(select(given.practitioner_id, given.service_id)):
        offered.setdefault(row.practitioner_id, set()).add(row.service_id)
    return {
        row.id: Practitioner(
            row.name,
            row.specialty,
            tuple(sorted(languages.get(row.id, ()))),
            frozenset(offered.get(row.id, ())),
        )
        for row in await visit.read(select(t.id, t.name, t.specialty).order_by(t.name))
    }


async def _shifts(visit: Visit) -> tuple[Shift, ...]:
    t = working_hours.c
    query = select(t.practitioner_id, t.location_id, t.weekday, t.starts, t.ends)
    return tuple(
        Shift(row.practitioner_id, row.location_id, row.weekday, row.starts, row.ends)
        for row in await visit.read(query)
    )


async def _closures(visit: Visit) -> tuple[Closure, ...]:
    t = closures.c
    query = select(t.first_day, t.last_day, t.location_id, t.practitioner_id)
    return tuple(
        Closure(row.first_day, row.last_day, row.location_id, row.practitioner_id)
        for row in await visit.read(query)
    )
