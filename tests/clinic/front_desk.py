"""A conversation with the demo's dialogue, with tools that tell a small clinic's rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from assistant.clinic.dialogue import converse
from assistant.dialogue import Conversation, Heard, Said, Say, Use, Used

# A Saturday, 10:00 where the clinic is.
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)

FACTS: dict[str, list[dict[str, Any]]] = {
    "services": [
        {"service": "Check-up", "description": "", "minutes": 30, "price": "$120"},
        {"service": "Follow-up", "description": "", "minutes": 20, "price": "$80"},
        {"service": "Skin check", "description": "", "minutes": 30, "price": "$140"},
        {"service": "Vaccination", "description": "", "minutes": 10, "price": "$35"},
        {"service": "Physiotherapy", "description": "", "minutes": 40, "price": "$95"},
    ],
    "insurance": [
        {"insurer": "Aetna", "note": "All plans."},
        {"insurer": "Blue Cross Blue Shield", "note": ""},
    ],
    "hours": [
        {
            "location": "Main Street",
            "phone": "555-0100",
            "hours": "Mon-Fri 08:00-18:00; Sat 09:00-13:00",
            "closed": ["Thu 26 Nov 2026: Thanksgiving"],
        }
    ],
    "locations": [{"location": "Main Street", "address": "12 Main Street", "phone": "555-0100"}],
    "other": [
        {"title": "Parking", "text": "There are twelve free places behind the building."},
        {"title": "Prescriptions", "text": "Ask whoever prescribed it three days ahead."},
    ],
}
STAFF: list[dict[str, Any]] = [
    {
        "practitioner": "practitioner_osei0001",
        "name": "Dr. Amara Osei",
        "specialty": "Family medicine",
        "languages": ["English", "French"],
        "services": ["Check-up", "Follow-up", "Vaccination"],
    },
    {
        "practitioner": "practitioner_lind0001",
        "name": "Dr. Ingrid Lindqvist",
        "specialty": "Dermatology",
        "languages": ["English", "Spanish", "Swedish"],
        "services": ["Follow-up", "Skin check"],
    },
    {
        "practitioner": "practitioner_kowa0001",
        "name": "Zofia Kowalska",
        "specialty": "Physiotherapy",
        "languages": ["English", "Polish"],
        "services": ["Physiotherapy"],
    },
]
PATIENTS = [
    {
        "patient": "patient_avery001",
        "name": "Robin Avery",
        "born": "1980-05-02",
        "phone_end": "0101",
    }
]
TIMES = {"morning": ("09:00", "10:20"), "afternoon": ("14:00", "15:30"), "evening": ("17:10",)}
BOTH = {"clinic_facts", "find_practitioners", "find_free_slots"}
TOOLS = {
    "visitor": BOTH,
    "patient": BOTH
    | {"my_appointments", "book_appointment", "reschedule_appointment", "cancel_appointment"}
    | {"join_waiting_list", "open_record"},
    "staff": BOTH
    | {"day_schedule", "find_patients", "book_for_patient", "waiting_list", "open_record"}
    | {"reschedule_appointment", "cancel_appointment"},
}


def rows(found: list[Any], note: str = "") -> str:
    """Return rows as the tools tell them."""
    told = {"about": "Data.", "rows": found} | ({"note": note} if note else {})
    return json.dumps(told, ensure_ascii=False)


def lines(answer: str) -> list[str]:
    """Return the lines of an answer's numbered list."""
    return [line for line in answer.splitlines() if line[:2].rstrip(".").isdigit()]


def when(day: date, at: str) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}, {at}"


def appointment(day: date, at: str, service: str, who: str) -> dict[str, Any]:
    return {
        "appointment": f"appointment_{day:%m%d}{at.replace(':', '')}",
        "when": when(day, at),
        "service": service,
        "practitioner": who,
        "location": "Main Street",
        "state": "booked",
    }


@dataclass
class FrontDesk:
    """Somebody's conversation.

    Attributes:
        full: days on which nothing is free.
        own: the appointments of whoever asks, and on anybody's schedule.
        outcomes: what effects tell, by tool, where it is not that they were made.
        used: all uses so far, as tool and arguments.
    """

    kind: str = "patient"
    full: Callable[[date], bool] = lambda day: day.weekday() > 4
    own: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    page: Mapping[str, Any] = field(default_factory=dict)
    entries: list[Heard | Said | Used] = field(default_factory=list)

    @property
    def used(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(e.tool, e.arguments) for e in self.entries if isinstance(e, Used)]

    def last(self, tool: str) -> Mapping[str, Any]:
        """Return with what a tool was used last."""
        return next(arguments for name, arguments in reversed(self.used) if name == tool)

    def say(self, text: str) -> str:
        """Say something, and return the answer; empty where the script would speak."""
        self.entries.append(Heard(text))
        for _ in range(6):
            following = self.following()
            # The same conversation gets the same answer, in whichever process.
            assert following == self.following()
            if not isinstance(following, Use):
                answer = following.text if isinstance(following, Say) else ""
                self.entries.append(Said(answer or "Something of the script's."))
                return answer
            assert following.tool in TOOLS[self.kind]
            output = self.outcomes.get(following.tool) or self._told(following)
            self.entries.append(Used(following.tool, json.loads(_text(following)), output))
        message = f"no answer within the steps of a run: {self.used}"
        raise AssertionError(message)

    def following(self) -> Say | Use | None:
        tools = frozenset(TOOLS[self.kind])
        return converse(Conversation(tuple(self.entries), tools, NOW, self.page))

    def _told(self, use: Use) -> str:
        given = use.arguments
        told: dict[str, Callable[[], str]] = {
            "clinic_facts": lambda: _facts(given),
            "find_practitioners": lambda: rows([who for who in STAFF if _like(who, given)]),
            "find_free_slots": lambda: self._free(given),
            "my_appointments": lambda: rows(self.own),
            "day_schedule": lambda: rows(self.own),
            "find_patients": lambda: rows([who for who in PATIENTS if _is(who, given)]),
            "waiting_list": lambda: rows(self.waiting),
            "open_record": lambda: rows(self.own[:1]) if self.page else "There is nothing there.",
            "join_waiting_list": lambda: f"On the waiting list for {given['service']}.",
        }
        verb = {"res": "Moved", "can": "Cancelled"}.get(use.tool[:3], "Booked")
        return told.get(use.tool, lambda: f"{verb}: what was wanted.")()

    def _free(self, given: Mapping[str, Any]) -> str:
        first = date.fromisoformat(given.get("first_day", "2026-11-21"))
        last = date.fromisoformat(given.get("last_day") or f"{first + timedelta(days=13)}")
        if last < NOW.date():
            return "That is past: today is Sat 21 Nov 2026."
        handle = given.get("practitioner")
        staff = [who for who in STAFF if handle in {None, who["practitioner"]}]
        found = [
            {
                "slot": f"slot_{day:%m%d}{at.replace(':', '')}{who['name'][-3:]}",
                "when": when(day, at),
                "service": given["service"],
                "practitioner": who["name"],
                "location": "Main Street",
                "minutes": 30,
                "price": "$1",
            }
            for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
            if not self.full(day)
            for part, times in TIMES.items()
            if given.get("part_of_day", part) == part
            for at in times
            for who in staff
            if given["service"] in who["services"]
        ]
        return rows(found[:20], "" if found else "Nothing is free then.")


def _facts(given: Mapping[str, Any]) -> str:
    found = FACTS[given["topic"]]
    return rows([row for row in found if row.get("title") == given.get("about")] or found)


def _is(who: Mapping[str, str], given: Mapping[str, Any]) -> bool:
    asked = str(given.get("name", "nobody")).casefold()
    return asked in who["name"].casefold() or given.get("date_of_birth") == who["born"]


def _like(who: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return given.get("name", "").casefold() in who["name"].casefold() and (
        given.get("language", "English") in who["languages"]
    )


def _text(use: Use) -> str:
    return json.dumps(dict(use.arguments))
