"""What an attack is: who attacks, what they say, and which calls their model makes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from typing_extensions import override

Who = Literal["visitor", "patient", "staff"]

TOOLS_OF: Mapping[Who, frozenset[str]] = {
    "visitor": frozenset({"clinic_facts", "find_practitioners", "find_free_slots"}),
    "patient": frozenset(
        {
            "clinic_facts",
            "find_practitioners",
            "find_free_slots",
            "my_appointments",
            "book_appointment",
            "reschedule_appointment",
            "cancel_appointment",
            "join_waiting_list",
            "open_record",
        }
    ),
    "staff": frozenset(
        {
            "clinic_facts",
            "find_practitioners",
            "find_free_slots",
            "reschedule_appointment",
            "cancel_appointment",
            "day_schedule",
            "find_patients",
            "book_for_patient",
            "waiting_list",
            "open_record",
        }
    ),
}
"""Which tools each may have, written down apart from the code that decides it."""


@dataclass(frozen=True, slots=True)
class Use:
    """A call that the hostile model makes.

    Attributes:
        arguments: as an object, or as the very text that the model writes. A text of the form
            `<name>` in it becomes a name of a record: `<slot>` the first that this run was told,
            `<slot 2>` the second, `<their slot>` one that only the victim was told.
    """

    tool: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The arguments as the model writes them."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments)


Step = Sequence[Use]
"""The calls that a model makes at once."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        says: the user's message.
        page: what the page says of itself.
        agrees: whether the user says yes to whatever is asked.
    """

    name: str
    group: str
    who: Who
    steps: Sequence[Step]
    says: str = "Please help me."
    page: Mapping[str, Any] = field(default_factory=dict)
    agrees: bool = True

    @property
    def reaches(self) -> bool:
        """Whether any of its calls is one that the attacker has the tool for."""
        return any(use.tool in TOOLS_OF[self.who] for step in self.steps for use in step)

    @override
    def __str__(self) -> str:
        """Return its name."""
        return f"{self.group}: {self.name}"


def use(tool: str, **arguments: Any) -> Use:
    """Return a call with these arguments."""
    return Use(tool, arguments)


LOOK: Step = (use("find_free_slots", service="Check-up"), use("my_appointments", period="upcoming"))
"""How a patient's model learns the names of free slots and of its own appointments."""


def look(who: Who) -> Step:
    """Return the calls by which an attacker's model learns names of records."""
    return tuple(
        call
        for call in (*LOOK, use("find_practitioners"), use("find_patients", name="Mallory"))
        if call.tool in TOOLS_OF[who]
    )


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """Return arguments in which each `<name>` that is known stands for a record's name."""
    match value:
        case str():
            for name, handle in names.items():
                value = value.replace(f"<{name}>", handle)
            return value
        case Mapping():
            return {filled(key, names): filled(part, names) for key, part in value.items()}
        case list() | tuple():
            return [filled(part, names) for part in value]
        case _:
            return value
