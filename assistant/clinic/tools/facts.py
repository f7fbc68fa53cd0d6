"""The tool that tells what anybody may know of the clinic: hours, prices, insurance and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select

from assistant.clinic.records import schema
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.directory import Directory, read_directory
from assistant.clinic.schedule.matching import find
from assistant.clinic.schedule.wording import day_words, price, week_words
from assistant.clinic.tools.answers import answer
from assistant.clinic.tools.arguments import Arguments, OptionalName
from assistant.clinic.tools.pieces import EVERYONE, Piece

_CLOSURES = 6
_TEXTS = (160, 80, 40)

Topic = Literal["hours", "locations", "services", "insurance", "other"]
Rows = list[dict[str, Any]]


class Question(Arguments):
    """What somebody wants to know of the clinic."""

    topic: Topic
    about: OptionalName = Field(
        None, description="What of it, in a word: `parking`, `Aetna`; null for everything."
    )


async def clinic_facts(visit: Visit, given: Question) -> str:
    """Tell what is known of a topic, or of what it is about."""
    return _answered(await _known(visit, given.topic), given.about)


async def _known(visit: Visit, topic: Topic) -> Rows:
    match topic:
        case "hours":
            return await _hours(visit, await read_directory(visit))
        case "locations":
            return _locations(await read_directory(visit))
        case "services":
            return _services(await read_directory(visit))
        case "insurance":
            t = schema.insurers.c
            found = await visit.read(select(t.name, t.note).order_by(t.name))
            return [{"insurer": row.name, "note": row.note} for row in found]
        case "other":
            f = schema.facts.c
            found = await visit.read(select(f.title, f.text).order_by(f.title))
            return [{"title": row.title, "text": row.text} for row in found]


def _answered(rows: Rows, about: str | None) -> str:
    chosen = rows if about is None else _about(rows, about)
    if chosen:
        return _fitting(chosen)
    note = "Nothing is known of just that; this is all there is." if rows else "Nothing is known."
    return _fitting(rows, note)


def _about(rows: Rows, about: str) -> Rows:
    # What a row is named comes first; a word somewhere in its text comes after.
    for texts in (_names(rows), _texts(rows)):
        found = find(about, texts)
        if found:
            return [rows[n] for n in found]
    return []


def _names(rows: Rows) -> dict[int, str]:
    return {n: str(next(iter(row.values()))) for n, row in enumerate(rows)}


def _texts(rows: Rows) -> dict[int, str]:
    return {n: " ".join(map(str, row.values())) for n, row in enumerate(rows)}


def _fitting(rows: Rows, note: str = "") -> str:
    """Return all rows, with their texts cut as far as it takes: what is there at all is told."""
    told = answer(rows, note=note)
    for longest in _TEXTS:
        if '"more":' not in told:
            break
        cut = [{name: _cut(value, longest) for name, value in row.items()} for row in rows]
        words = f"{note} Texts are cut; ask with `about` to read one whole.".strip()
        told = answer(cut, note=words)
    return told


def _cut(value: Any, longest: int) -> Any:
    return f"{value[:longest]}…" if isinstance(value, str) and len(value) > longest else value


def _locations(directory: Directory) -> Rows:
    return [
        {"location": place.name, "address": place.address, "phone": place.phone}
        for place in directory.locations.values()
    ]


async def _hours(visit: Visit, directory: Directory) -> Rows:
    t = schema.opening_hours.c
    found = await visit.read(select(t.location_id, t.weekday, t.opens, t.closes))
    closed = await _closed(visit, directory)
    return [
        {
            "location": place.name,
            "phone": place.phone,
            "hours": week_words(
                (row.weekday, row.opens, row.closes) for row in found if row.location_id == key
            ),
            "closed": closed[key],
        }
        for key, place in directory.locations.items()
    ]


async def _closed(visit: Visit, directory: Directory) -> Mapping[str, Sequence[str]]:
    """Return the coming days on which each location is closed."""
    t = schema.closures.c
    today = directory.today(visit.now)
    query = select(t.first_day, t.last_day, t.location_id, t.reason).where(
        t.practitioner_id.is_(None), t.last_day >= today
    )
    found = await visit.read(query.order_by(t.first_day))
    return {
        key: [
            f"{_days(row.first_day, row.last_day)}: {row.reason}"
            for row in found
            if row.location_id in {None, key}
        ][:_CLOSURES]
        for key in directory.locations
    }


def _days(first: date, last: date) -> str:
    return day_words(first) if first == last else f"{day_words(first)} to {day_words(last)}"


def _services(directory: Directory) -> Rows:
    return [
        {
            "service": service.name,
            "description": service.description,
            "minutes": service.minutes,
            "price": price(service.price_cents),
        }
        for service in directory.services.values()
    ]


PIECES = (
    Piece(
        "clinic_facts",
        "Look up the clinic's opening hours and closed days, locations, services with prices, "
        "accepted insurance, or other matters such as parking, billing and prescriptions.",
        Question,
        EVERYONE,
        clinic_facts,
    ),
)
