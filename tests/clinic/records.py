"""The records of a small clinic: every hour, closure and name in it is known by heart."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from assistant.clinic.records import schema
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.schedule.matching import fold
from assistant.clinic.upkeep.owner import initialise
from assistant.models import Principal
from tests.clinic.house import House
from tests.clinic.postgres import Postgres

ZONE = ZoneInfo("America/New_York")
LAKE_ZONE = ZoneInfo("America/Chicago")
WEEKDAYS = range(5)


def local(text: str, zone: ZoneInfo = ZONE) -> datetime:
    """Return the instant of a local time such as `2026-11-24 10:20`."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


NOW = local("2026-11-16 09:05")  # a Monday


def patient(number: int) -> Principal:
    """Return a patient by a number from 1."""
    key = f"P-{100_000 + number}"
    return Principal(f"patient:{key}", frozenset({"patient"}), key)


ROBIN, LUKASZ = patient(1), patient(2)

PATIENTS = (
    ("Robin", "Avery", date(1984, 3, 12)),
    ("Łukasz", "Żółkiewski", date(1990, 7, 1)),
    ("Siobhán", "O'Neill", date(1971, 12, 24)),
    ("Käthe", "Müller-Lüdenscheidt", date(1955, 2, 28)),
    ("小龍", "李", date(1984, 3, 12)),
    ("Nguyễn Thị", "Ánh", date(2000, 2, 29)),
)

_LOCATIONS = (
    ("main", "Main Street", "1 Main Street, Linden", "555-0100", "America/New_York"),
    ("lake", "Lakeside", "9 Lake Road, Linden", "555-0101", "America/Chicago"),
)
_SERVICES = (
    ("follow", "Follow-up", "A short visit after an earlier one.", 20, 6_000),
    ("check", "Check-up", "A yearly look at everything.", 40, 12_000),
    ("skin", "Skin check", "Moles, rashes and the like.", 30, 9_550),
)
_PRACTITIONERS = (
    ("osei", "Dr. Amara Osei", "General medicine", ("English", "French"), ("follow", "check")),
    ("nguyen", "Dr. Thảo Nguyễn", "Dermatology", ("English", "Spanish"), ("follow", "skin")),
    ("haddad", "Dr. Noor Haddad", "Night clinic", ("Arabic", "English"), ("follow",)),
)
_SHIFTS = (
    *(("osei", "main", day, time(9), time(12)) for day in WEEKDAYS),
    *(("osei", "main", day, time(13), time(17)) for day in WEEKDAYS),
    ("nguyen", "main", 1, time(10), time(14)),
    ("nguyen", "lake", 3, time(13), time(19)),
    ("haddad", "main", 6, time(0, 30), time(4)),
)
_CLOSURES = (
    (None, None, date(2026, 11, 26), date(2026, 11, 27), "Thanksgiving"),
    ("lake", None, date(2026, 11, 19), date(2026, 11, 19), "Works"),
    (None, "nguyen", date(2026, 12, 1), date(2026, 12, 4), "Away"),
)


@asynccontextmanager
async def bare(server: Postgres | None, folder: Path) -> AsyncIterator[ClinicOptions]:
    """Return where a clinic without records is: in a file, or in a PostgreSQL."""
    if server is None:
        options = ClinicOptions(data_dir=folder)
        await initialise(options)
        yield options
        return
    name = f"clinic_{secrets.token_hex(4)}"
    await server.copy("empty", name)
    try:
        yield server.options(name)
    finally:
        await server.drop(name)


async def fill(house: House) -> None:
    """Write the clinic's records into empty tables."""
    tables = schema
    await house.put(tables.locations, *_named("id name address phone timezone", _LOCATIONS))
    await house.put(
        tables.opening_hours,
        *(
            {"location_id": place, "weekday": day, "opens": time(9), "closes": time(17)}
            for place in ("main", "lake")
            for day in WEEKDAYS
        ),
    )
    await house.put(tables.services, *_named("id name description minutes price_cents", _SERVICES))
    for key, name, specialty, languages, services in _PRACTITIONERS:
        row = {"id": key, "name": name, "specialty": specialty, "about": ""}
        await house.put(tables.practitioners, row)
        spoken = ({"practitioner_id": key, "language": language} for language in languages)
        await house.put(tables.practitioner_languages, *spoken)
        given = ({"practitioner_id": key, "service_id": service} for service in services)
        await house.put(tables.practitioner_services, *given)
    shifts = _named("practitioner_id location_id weekday starts ends", _SHIFTS)
    await house.put(tables.working_hours, *shifts)
    closures = _named("location_id practitioner_id first_day last_day reason", _CLOSURES)
    await house.put(tables.closures, *({"id": f"c{n}", **row} for n, row in enumerate(closures)))
    await house.put(tables.insurers, *_named("id name note", (("aetna", "Aetna", "All plans."),)))
    facts = (("parking", "Parking", "Behind the house."), ("bills", "Billing", "Pay by card."))
    await house.put(tables.facts, *_named("topic title text", facts))
    await add_patients(house, PATIENTS)


async def add_patients(
    house: House, people: Sequence[tuple[str, str, date]], first: int = 1
) -> None:
    """Add patients, numbered from `first`."""
    rows = [
        {
            "id": patient(number).subject,
            "given_name": given,
            "family_name": family,
            "search_name": fold(f"{given} {family}"),
            "date_of_birth": born,
            "phone": f"555-01{number:02}",
            "email": f"p{number}@example.org",
            "notes": "A NOTE THAT NOBODY IS TOLD",
        }
        for number, (given, family, born) in enumerate(people, start=first)
    ]
    await house.put(schema.patients, *rows)


def _named(names: str, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names.split(), row, strict=True)) for row in rows]
