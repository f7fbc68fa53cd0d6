"""Fills empty tables with a demo clinic: the same for the same number and day."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, select

from assistant.clinic.records.schema import metadata, patients
from assistant.clinic.schedule.matching import fold
from assistant.clinic.upkeep.demo import Row, Rows, public_rows, read_demo
from assistant.clinic.upkeep.diary import Diary

DEFAULT_SEED = 1
DEMO_PATIENT = "P-100001"
"""The patient whom the demo lets a visitor be."""

_ZONE = ZoneInfo("America/New_York")
_FIRST = 100_001
_WAITING = 7
_NOTED = 0.3


def seed(connection: Connection, number: int, at: datetime) -> None:
    """Fill the tables, in the connection's transaction. Blocks.

    Args:
        connection: to tables that are empty.
        number: another one gives other patients and appointments.
        at: the demo's today is the day of this moment in New York.
    """
    today = at.astimezone(_ZONE).date()
    rows = _rows(number, today)
    for table in metadata.sorted_tables:
        if rows.get(table.name):
            connection.execute(insert(table), rows[table.name])


def fill_empty(connection: Connection, number: int, at: datetime) -> bool:
    """Fill the tables unless there are patients; returns whether there were none. Blocks."""
    if connection.execute(select(func.count()).select_from(patients)).scalar_one():
        return False
    seed(connection, number, at)
    return True


def _rows(number: int, today: date) -> Rows:
    # The day is part of the seed, so that its rows follow from it and from nothing else.
    chance = random.Random(f"{number} {today}")  # noqa: S311 - invented people, no secrets
    demo = read_demo()
    rows = public_rows(demo, today)
    rows["patients"] = _patients(chance, demo, rows["insurers"], today)
    diary = Diary(chance, rows, today, _ZONE, reasons=demo["reasons"])
    diary.book_demo_patient(DEMO_PATIENT)
    diary.book_others([row["id"] for row in rows["patients"] if row["id"] != DEMO_PATIENT])
    return rows | diary.rows | {"waiting": _waiting(chance, rows, diary.midnight)}


def _patients(
    chance: random.Random, demo: Mapping[str, Any], insurers: Sequence[Row], today: date
) -> list[Row]:
    rows = []
    for number, (given, family) in enumerate(demo["people"]):
        address = ".".join(fold(f"{given} {family}").split())
        rows.append(
            {
                "id": f"P-{_FIRST + number}",
                "given_name": given,
                "family_name": family,
                "search_name": fold(f"{given} {family}"),
                "date_of_birth": today - timedelta(days=chance.randrange(400, 33_000)),
                "phone": f"212-555-01{number:02}",
                "email": f"{address if address.isascii() else number}@example.org",
                "insurer_id": chance.choice([*insurers, {"id": None}])["id"],
                "notes": chance.choice(demo["notes"]) if chance.random() < _NOTED else "",
            }
        )
    rows[0]["date_of_birth"] = date(1984, 3, 12)
    return rows


def _waiting(chance: random.Random, rows: Rows, midnight: datetime) -> list[Row]:
    given = rows["practitioner_services"]
    waiting = []
    for number, who in enumerate(chance.sample(rows["patients"][1:], _WAITING), 1):
        wish = chance.choice(given)
        waiting.append(
            {
                "id": f"W-{number:03}",
                "patient_id": who["id"],
                "service_id": wish["service_id"],
                "practitioner_id": chance.choice([None, wish["practitioner_id"]]),
                "since": midnight - timedelta(hours=chance.randrange(10, 300)),
            }
        )
    return waiting
