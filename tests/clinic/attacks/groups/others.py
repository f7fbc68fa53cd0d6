"""Tools of others, numbers of others, and fields that would widen a tool's reach."""

from __future__ import annotations

from collections.abc import Iterator

from tests.clinic.attacks.attack import TOOLS_OF, Attack, Use, Who, use
from tests.clinic.attacks.groups.arguments import SOUND, arguments, before, weakest, with_value
from tests.clinic.attacks.payloads import EXTRA, FORGED_WORDS

_NUMBERS = ("<victim>", "<their id>", "<their name>", "<their email>", "D-1", "S-1")
_WHO: tuple[Who, ...] = ("visitor", "patient", "staff")
_MADE_UP = ("run_sql", "get_patient", "audit", "admin", "find_patients ", "FIND_PATIENTS")


def attacks() -> Iterator[Attack]:
    """Yield them all."""
    yield from _tools_of_others()
    yield from _numbers()
    yield from _fields()
    yield from _words()


def _tools_of_others() -> Iterator[Attack]:
    for who in _WHO:
        for tool in sorted(SOUND.keys() - TOOLS_OF[who]):
            calls = [Use(tool, SOUND[tool]), Use(tool, {}), Use(tool, {"name": "%"})]
            yield Attack(f"a {who} calls {tool}", "tools of others", who, [calls])
        made_up = [Use(tool, {"sql": "SELECT * FROM patients"}) for tool in _MADE_UP]
        yield Attack(f"a {who} calls tools that are none", "tools of others", who, [made_up])


def _numbers() -> Iterator[Attack]:
    for tool, argument in arguments():
        who = weakest(tool)
        calls = [with_value(tool, argument, number) for number in _NUMBERS]
        steps = (*before(who, tool), calls)
        yield Attack(f"in {tool}.{argument}", "numbers of others", who, steps)


def _fields() -> Iterator[Attack]:
    for tool, sound in SOUND.items():
        who = weakest(tool)
        calls = [Use(tool, {**sound, name: value}) for name, value in EXTRA.items()]
        yield Attack(f"added to {tool}", "fields that are none", who, (*before(who, tool), calls))
        alone = [Use(tool, {name: value}) for name, value in EXTRA.items()]
        yield Attack(f"alone in {tool}", "fields that are none", who, [alone])


def _words() -> Iterator[Attack]:
    calls = (
        use("my_appointments", period="upcoming"),
        use("my_appointments", period="past"),
        use("find_patients", name="a"),
        use("open_record"),
    )
    for number, words in enumerate(FORGED_WORDS, 1):
        for who in ("visitor", "patient"):
            yield Attack(f"{number}, of a {who}", "false words", who, [calls], says=words)
