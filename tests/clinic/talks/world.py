"""The clinic of the talks: read from a file, written with plain statements, compared later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import Connection, Table, select

from assistant.clinic.records import schema
from assistant.clinic.schedule.matching import fold

Row = dict[str, Any]

HERE = Path(__file__).parent
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WATCHED = (schema.appointments, schema.waiting)
_STEP = timedelta(minutes=schema.GRID)


class _Loader(yaml.SafeLoader):
    """Leaves days as they are written: talks are also about days that there are none of."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> Any:
    """Return what a file of YAML says, with days as text."""
    return yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a safe one with less in it


@cache
def world() -> Mapping[str, Any]:
    """Return what `world.yaml` says."""
    found: dict[str, Any] = read(HERE / "world.yaml")
    return found


def zone(location: str) -> ZoneInfo:
    """Return a location's time zone."""
    return ZoneInfo(next(p["timezone"] for p in world()["locations"] if p["id"] == location))


def moment(text: str, location: str = "main") -> datetime:
    """Return the moment of a local time such as `2026-11-16 09:05`."""
    return datetime.fromisoformat(text).replace(tzinfo=zone(location)).astimezone(UTC)


def now() -> datetime:
    """Return when all talks take place: the clinic's clock stands still."""
    return moment(world()["now"])


def spans(week: Mapping[str, list[str]]) -> Iterator[tuple[int, time, time]]:
    """Yield the weekday, the beginning and the end of each span of weekly hours."""
    for day, times in week.items():
        for span in times:
            begins, _, ends = span.partition("-")
            yield DAYS.index(day), time.fromisoformat(begins), time.fromisoformat(ends)


def appointment(told: Mapping[str, Any]) -> Row:
    """Return the row of an appointment as the world tells it."""
    service = next(s for s in world()["services"] if s["id"] == told["service"])
    starts = moment(told["starts"], told["location"])
    return {
        "id": told["id"],
        "patient_id": told["patient"],
        "practitioner_id": told["practitioner"],
        "service_id": told["service"],
        "location_id": told["location"],
        "starts_at": starts,
        "ends_at": starts + timedelta(minutes=service["minutes"]),
        "state": told.get("state", "booked"),
        "reason": told.get("reason", ""),
    }


def held(row: Mapping[str, Any]) -> list[datetime]:
    """Return the times of the grid that an appointment holds."""
    if row["state"] == "cancelled":
        return []
    count = (row["ends_at"] - row["starts_at"]) // _STEP
    return [row["starts_at"] + step * _STEP for step in range(count)]


def fill(database: Connection) -> None:
    """Write the world into an empty clinic."""
    for table, rows in _tables():
        database.execute(table.insert(), rows)
    for told in world()["appointments"]:
        book(database, told)


def book(database: Connection, told: Mapping[str, Any]) -> None:
    """Write an appointment with the times that it holds, as somebody else would book it."""
    row = appointment(told)
    database.execute(schema.appointments.insert(), [row])
    for times, key in (
        (schema.taken_times, "practitioner_id"),
        (schema.patient_times, "patient_id"),
    ):
        rows = [{key: row[key], "at": at, "appointment_id": row["id"]} for at in held(row)]
        if rows:
            database.execute(times.insert(), rows)


def _tables() -> Iterator[tuple[Table, list[Row]]]:
    found = world()
    yield schema.locations, found["locations"]
    yield (
        schema.opening_hours,
        [
            {"location_id": location, "weekday": day, "opens": opens, "closes": closes}
            for location, week in found["opening_hours"].items()
            for day, opens, closes in spans(week)
        ],
    )
    for table in (schema.services, schema.insurers, schema.facts):
        yield table, found[table.name]
    yield from _practitioners()
    yield schema.closures, [_closure(told) for told in found["closures"]]
    yield schema.patients, [_patient(told) for told in found["patients"]]
    yield (
        schema.waiting,
        [
            waiting | {"practitioner_id": None, "since": moment(waiting["since"])}
            for waiting in found["waiting"]
        ],
    )


def _practitioners() -> Iterator[tuple[Table, list[Row]]]:
    people = world()["practitioners"]
    names = ("id", "name", "specialty", "about")
    yield schema.practitioners, [{name: p[name] for name in names} for p in people]
    yield (
        schema.practitioner_languages,
        [{"practitioner_id": p["id"], "language": each} for p in people for each in p["languages"]],
    )
    yield (
        schema.practitioner_services,
        [
            {"practitioner_id": p["id"], "service_id": each}
            for p in people
            for each in p["services"]
        ],
    )
    yield (
        schema.working_hours,
        [
            {
                "practitioner_id": p["id"],
                "location_id": location,
                "weekday": day,
                "starts": starts,
                "ends": ends,
            }
            for p in people
            for location, week in p["hours"].items()
            for day, starts, ends in spans(week)
        ],
    )


def _closure(told: Mapping[str, Any]) -> Row:
    days = {name: date.fromisoformat(told[name]) for name in ("first_day", "last_day")}
    return {"location_id": None, "practitioner_id": None, **told, **days}


def _patient(told: Mapping[str, Any]) -> Row:
    return {
        **told,
        "date_of_birth": date.fromisoformat(told["date_of_birth"]),
        "search_name": fold(f"{told['given_name']} {told['family_name']}"),
        "email": f"{told['id'].lower()}@example.org",
        "notes": "Not for anybody's eyes.",
    }


def kept(database: Connection) -> dict[str, list[Row]]:
    """Return all rows of the tables that talks may change."""
    found = {}
    for table in (*_WATCHED, schema.taken_times, schema.patient_times):
        rows = database.execute(select(table))
        found[table.name] = [dict(row._mapping) for row in rows]
    return found


def changes(
    before: Mapping[str, list[Row]], after: Mapping[str, list[Row]]
) -> dict[str, list[Row]]:
    """Return the rows that are new or others than they were, by table, as the world tells them."""
    return {
        table.name: [_told(row) for row in after[table.name] if row not in before[table.name]]
        for table in _WATCHED
    }


def lost(before: Mapping[str, list[Row]], after: Mapping[str, list[Row]]) -> list[str]:
    """Return the ids of the rows that are no longer there."""
    return [
        row["id"]
        for table in _WATCHED
        for row in before[table.name]
        if row["id"] not in {other["id"] for other in after[table.name]}
    ]


def astray(after: Mapping[str, list[Row]]) -> list[str]:
    """Return what is wrong with the times that are held: too many, too few, or double."""
    wrong = []
    for times, key in (("taken_times", "practitioner_id"), ("patient_times", "patient_id")):
        held_now = sorted((row[key], row["at"]) for row in after[times])
        wanted = sorted((row[key], at) for row in after["appointments"] for at in held(row))
        if held_now != wanted:
            wrong.append(f"{times} do not hold exactly what the appointments need")
    return wrong


def _told(row: Row) -> Row:
    if "starts_at" not in row:
        names = {
            "patient_id": "patient",
            "service_id": "service",
            "practitioner_id": "practitioner",
        }
        return {names.get(name, name): value for name, value in row.items() if name != "since"}
    local = row["starts_at"].astimezone(zone(row["location_id"]))
    named = {name: row[f"{name}_id"] for name in ("patient", "practitioner", "service", "location")}
    rest = {name: row[name] for name in ("id", "state", "reason")}
    return named | rest | {"starts": f"{local:%Y-%m-%d %H:%M}"}
