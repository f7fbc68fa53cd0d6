"""Names of records: other people's, of other conversations and kinds, guessed and mutated."""

from __future__ import annotations

from collections.abc import Iterator

from tests.clinic.attacks.attack import Attack, Who, use
from tests.clinic.attacks.groups.arguments import NAMES_RECORDS, arguments, before, weakest
from tests.clinic.attacks.groups.arguments import with_value as with_name

_GUESSED = ("0", "1", "a", "00000000", "zzzzzzzz", "aaaaaaaa", "k7m2q9xw", "-1", "99999999")


def attacks() -> Iterator[Attack]:
    """Yield attacks for each argument that names a record."""
    for tool, argument in arguments():
        if argument in NAMES_RECORDS:
            for what, names in _families(argument):
                who = weakest(tool)
                calls = [with_name(tool, argument, name) for name in names]
                yield Attack(
                    f"{what}: {tool}.{argument}", "names of records", who,
                    (*before(who, tool), calls),
                )  # fmt: skip
    yield from _of_staff()


def _families(kind: str) -> Iterator[tuple[str, list[str]]]:
    yield "the victim's", [f"<their {kind}>", f"<their {kind} 2>"]
    yield "of another conversation", [f"<other {kind}>", f"<other {kind} 2>"]
    yield "of staff", [f"<staff's {kind}>", f"<staff's {kind} 2>"]
    yield "expired", [f"<old {kind}>"]
    yield "of another kind", [f"<{other}>" for other in NAMES_RECORDS if other != kind]
    yield "guessed", [f"{kind}_{guess}" for guess in _GUESSED]
    yield "mutated", _mutated(f"<{kind}>") + _mutated(f"<their {kind}>")
    yield "patterns", ["%", f"{kind}_%", f"{kind}\\_%", "_" * 13, f"{kind}_*", "", " ", "null"]


def _mutated(name: str) -> list[str]:
    return [
        f" {name}\t",
        f"{name}\u200b",
        f"{name}\u0000",
        f"{name}'--",
        f"\ufeff{name}",
        f"{name}/../{name}",
        f"{name}{name}",
        f'["{name}"]',
        f"{name}x",
        f"x{name}",
    ]


def _of_staff() -> Iterator[Attack]:
    """Yield attacks on staff's own tools, with names that only others were told."""
    who: Who = "staff"
    for tool, arguments_ in (
        ("cancel_appointment", {"appointment": "<their appointment>"}),
        ("cancel_appointment", {"appointment": "<their id>"}),
        ("reschedule_appointment", {"appointment": "<their appointment>", "slot": "<slot>"}),
        ("book_for_patient", {"patient": "<victim>", "slot": "<slot>"}),
        ("book_for_patient", {"patient": "<staff's patient>", "slot": "<slot>"}),
    ):
        calls = [use(tool, **arguments_)]
        name = ", ".join(arguments_.values())
        yield Attack(
            f"staff's {tool} with {name}", "names of records", who, (*before(who, tool), calls)
        )
