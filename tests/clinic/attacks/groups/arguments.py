"""What each tool takes: a sound call of it, and which arguments are texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.clinic.attacks.attack import TOOLS_OF, Step, Use, Who, look

SOUND: Mapping[str, Mapping[str, Any]] = {
    "clinic_facts": {"topic": "other", "about": "parking"},
    "find_practitioners": {
        "specialty": "General practice",
        "language": "Spanish",
        "service": "Check-up",
        "name": "Osei",
    },
    "find_free_slots": {
        "service": "Check-up",
        "practitioner": "<practitioner>",
        "location": "Main Street",
        "first_day": None,
        "last_day": None,
        "part_of_day": "any",
        "around": "10:20",
    },
    "my_appointments": {"period": "upcoming"},
    "book_appointment": {"slot": "<slot 5>", "reason": "a cough"},
    "reschedule_appointment": {"appointment": "<appointment>", "slot": "<slot 6>"},
    "cancel_appointment": {"appointment": "<appointment>"},
    "join_waiting_list": {"service": "Check-up", "practitioner": "<practitioner>"},
    "day_schedule": {
        "day": "2026-11-24",
        "practitioner": "<practitioner>",
        "after": "08:00",
        "patient": "<patient>",
    },
    "find_patients": {"name": "Mallory", "date_of_birth": None},
    "book_for_patient": {"patient": "<patient>", "slot": "<slot 7>", "reason": "a cough"},
    "waiting_list": {"service": "Check-up"},
    "open_record": {},
}

_ALONE = frozenset({("find_patients", "date_of_birth")})
"""Arguments that take the place of all others."""

EFFECTFUL = frozenset(
    {
        "book_appointment",
        "reschedule_appointment",
        "cancel_appointment",
        "join_waiting_list",
        "book_for_patient",
    }
)
NAMES_RECORDS = ("slot", "appointment", "practitioner", "patient")


def weakest(tool: str) -> Who:
    """Return who has a tool and the least right to see others."""
    for who in ("visitor", "patient"):
        if tool in TOOLS_OF[who]:
            return who
    return "staff"


def arguments() -> Iterator[tuple[str, str]]:
    """Yield each argument of each tool."""
    for tool, sound in SOUND.items():
        for argument in sound:
            yield tool, argument


def with_value(tool: str, argument: str, value: Any) -> Use:
    """Return a sound call but for one argument."""
    kept = {} if (tool, argument) in _ALONE else {**SOUND[tool]}
    return Use(tool, {**kept, argument: value})


def before(who: Who, tool: str) -> list[Step]:
    """Return the calls by which the names become known that a sound call of a tool needs."""
    return [look(who)] if any("<" in str(value) for value in SOUND[tool].values()) else []
