"""The demo clinic's public side: who works where and when, what is given, when it is closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from importlib.resources import files
from typing import Any

import yaml

from assistant.clinic.upkeep.holidays import holidays

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Rows to add, by the name of their table."""

# By libyaml, where it is there, in a twentieth of the time.
_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_demo() -> Mapping[str, Any]:
    """Return the demo's content as it is written down. Blocks."""
    words = files("assistant.clinic.upkeep").joinpath("demo.yaml").read_text("utf-8")
    content: Mapping[str, Any] = yaml.load(words, Loader=_Loader)  # noqa: S506 - both are safe
    return content


def public_rows(demo: Mapping[str, Any], today: date) -> Rows:
    """Return the rows that anybody may see, as of a day."""
    return {
        "locations": [
            _only(place, "id name address phone timezone") for place in demo["locations"]
        ],
        "opening_hours": list(_opening_hours(demo)),
        "services": [
            _only(given, "id name description minutes") | {"price_cents": given["price"] * 100}
            for given in demo["services"]
        ],
        "practitioners": [_only(who, "id name specialty about") for who in demo["practitioners"]],
        "practitioner_languages": [
            {"practitioner_id": who["id"], "language": language}
            for who in demo["practitioners"]
            for language in who["languages"]
        ],
        "practitioner_services": [
            {"practitioner_id": who["id"], "service_id": service}
            for who in demo["practitioners"]
            for service in who["services"]
        ],
        "working_hours": list(_working_hours(demo)),
        "insurers": [dict(insurer) for insurer in demo["insurers"]],
        "facts": [dict(fact) for fact in demo["facts"]],
        "closures": list(_closures(today)),
    }


def _only(source: Mapping[str, Any], names: str) -> Row:
    return {name: source[name] for name in names.split()}


def _opening_hours(demo: Mapping[str, Any]) -> Iterator[Row]:
    for place in demo["locations"]:
        for weekday, opens, closes in _hours(place["hours"]):
            yield {
                "location_id": place["id"],
                "weekday": weekday,
                "opens": opens,
                "closes": closes,
            }


def _working_hours(demo: Mapping[str, Any]) -> Iterator[Row]:
    for who in demo["practitioners"]:
        for place, hours in who["hours"].items():
            for weekday, starts, ends in _hours(hours):
                yield {
                    "practitioner_id": who["id"],
                    "location_id": place,
                    "weekday": weekday,
                    "starts": starts,
                    "ends": ends,
                }


def _hours(written: Mapping[str, list[list[str]]]) -> Iterator[tuple[int, time, time]]:
    """Yield weekday, start and end of hours such as `{mon-fri: [['09:00', '12:00']]}`."""
    for days, spans in written.items():
        first, _, last = days.partition("-")
        for weekday in range(_WEEK.index(first), _WEEK.index(last or first) + 1):
            for start, end in spans:
                yield weekday, time.fromisoformat(start), time.fromisoformat(end)


def _closures(today: date) -> Iterator[Row]:
    kept = [day for year in (today.year, today.year + 1) for day in holidays(year)]
    away, training = today + timedelta(days=21), today + timedelta(days=35)
    days: list[tuple[str | None, str | None, date, date, str]]
    days = [(None, None, *day) for day in kept]
    days += [
        (None, "D-alvarez", away, away + timedelta(days=4), "Away"),
        ("L-main", None, training, training, "Staff training"),
    ]
    for number, (place, who, first, last, reason) in enumerate(days, 1):
        yield {
            "id": f"C-{number:03}",
            "location_id": place,
            "practitioner_id": who,
            "first_day": first,
            "last_day": last,
            "reason": reason,
        }
