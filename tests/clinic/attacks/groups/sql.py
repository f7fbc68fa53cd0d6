"""SQL in every argument of every tool."""

from __future__ import annotations

from collections.abc import Iterator

from tests.clinic.attacks.attack import Attack
from tests.clinic.attacks.groups.arguments import arguments, before, weakest, with_value
from tests.clinic.attacks.payloads import SQL


def attacks() -> Iterator[Attack]:
    """Yield an attack for each argument and each family of payloads."""
    for tool, argument in arguments():
        who = weakest(tool)
        for family, payloads in SQL.items():
            calls = [with_value(tool, argument, payload) for payload in payloads]
            yield Attack(f"{family} in {tool}.{argument}", "SQL", who, (*before(who, tool), calls))
