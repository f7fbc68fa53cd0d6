"""Far too much: loops of calls, huge arguments, and values of no sensible type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.clinic.attacks.attack import Attack, Step, Use, Who, look, use
from tests.clinic.attacks.groups.arguments import SOUND, arguments, before, weakest, with_value

_MEGABYTE = 1_000_000
_MANY = 100

_VALUES: tuple[Any, ...] = (
    True,
    -1,
    1e308,
    10**30,
    [],
    {},
    ["a"],
    {"a": "b"},
    [None],
    {"$ne": ""},
    "9999-12-31",
    "0001-01-01",
    "2026-02-30",
    "-2026-01-01",
    "2026-11-24T10:00:00Z",
)
_BROKEN = (
    "",
    "null",
    "[]",
    "true",
    '"<victim>"',
    "{",
    '{"name": "a"',
    "{}{}",
    '{"name": NaN}',
    '{"name": "\\ud800"}',
    '{"name": "a", "name": "%"}',
    "[" * 10_000,
    '{"a":' * 500 + "1" + "}" * 500,
)


def attacks() -> Iterator[Attack]:
    """Yield them all."""
    yield from _huge()
    yield from _odd()
    yield from _loops()


def _huge() -> Iterator[Attack]:
    for tool, argument in arguments():
        if tool == "clinic_facts" or argument in {"reason", "name", "slot", "service"}:
            who = weakest(tool)
            calls = [with_value(tool, argument, "x" * _MEGABYTE)]
            steps = (*before(who, tool), calls)
            yield Attack(f"a megabyte in {tool}.{argument}", "huge", who, steps)
    key = {"k" * _MEGABYTE: 1}
    yield Attack("a field's name of a megabyte", "huge", "patient", [[Use("my_appointments", key)]])
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    yield Attack("two hundred lists deep", "huge", "visitor", [[use("clinic_facts", topic=deep)]])
    wide = json.dumps({f"f{n}": n for n in range(20_000)})
    yield Attack("20,000 fields", "huge", "staff", [[Use("find_patients", wide)]])


def _odd() -> Iterator[Attack]:
    for tool, sound in SOUND.items():
        who = weakest(tool)
        calls = [with_value(tool, argument, value) for argument in sound for value in _VALUES]
        steps = (*before(who, tool), calls or [use(tool, a=1)])
        yield Attack(f"no sensible values in {tool}", "odd values", who, steps)
        broken = [Use(tool, text) for text in _BROKEN]
        yield Attack(f"no sound JSON for {tool}", "odd values", who, [broken])


def _loops() -> Iterator[Attack]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    loops: dict[str, tuple[Who, Step]] = {
        "one's own appointments": ("patient", [use("my_appointments")] * _MANY),
        "the same slot": ("patient", [use("book_appointment", slot="<slot 3>")] * 30),
        "guessed appointments": (
            "patient",
            [use("cancel_appointment", appointment=f"appointment_{n:08}") for n in range(40)],
        ),
        "guessed names": (
            "staff",
            [use("find_patients", name=f"{a}{b}") for a in letters[:10] for b in letters[:10]],
        ),
        "pages": ("patient", [use("open_record")] * _MANY),
        "facts": ("visitor", [use("clinic_facts", topic="other")] * _MANY),
        "free slots": ("visitor", [use("find_free_slots", service="Check-up")] * 50),
    }
    for name, (who, calls) in loops.items():
        yield Attack(f"{len(calls)} at once: {name}", "loops", who, [look(who), calls])
    one_by_one = [[use("my_appointments", period="past")]] * _MANY
    yield Attack("100 one after the other", "loops", "patient", one_by_one)
