"""Calls made up by chance from the tools' own schemas, and a player that judges each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from itertools import chain, count
from typing import Any

from hypothesis import strategies as st

from assistant.clinic.records.database import Clinic
from assistant.clinic.tools import clinic_tools
from assistant.engine.tools import parse
from assistant.models import Principal, now
from assistant.tool import Call, Tool, ToolRefusedError
from tests.clinic.attacks import snapshot
from tests.clinic.attacks.attack import Use, Who, look
from tests.clinic.attacks.campaign import MOST_BYTES, MOST_ROWS
from tests.clinic.attacks.canaries import Canary, Search
from tests.clinic.attacks.groups.arguments import NAMES_RECORDS
from tests.clinic.attacks.groups.pages import PAGES
from tests.clinic.attacks.hostile import names_in, rows_in
from tests.clinic.attacks.houses import House
from tests.clinic.attacks.known import numbers, tellers
from tests.clinic.attacks.payloads import REASONS, SQL
from tests.clinic.attacks.rights import hidden_from
from tests.clinic.attacks.world import PRINCIPALS

_BLOCK = 250
"""Calls between two looks at all rows."""

_FITTING: Mapping[str, tuple[str, ...]] = {
    "service": ("Check-up", "check up", "Vaccination", "vacc"),
    "specialty": ("General practice", "general"),
    "language": ("Spanish", "english"),
    "location": ("Main Street", "main"),
    "name": ("Osei", "Ben", "Mallory", "Moss", "mall"),
    "about": ("Aster", "parking", "Main Street", "Check-up"),
}
_WALL_TIMES = frozenset({"after", "around"})
_WORDS = tuple(chain.from_iterable((*_FITTING.values(), *SQL.values())))
_NAME = re.compile(r"<(own|their) (\w+) (\d+)>")
_run = count(1)


@dataclass(slots=True)
class Fuzzer:
    """Plays calls as one principal in one conversation.

    Attributes:
        tools: those that the principal has.
    """

    house: House
    clinic: Clinic
    who: Who
    ran: int = 0
    refused: int = 0
    misshapen: int = 0
    faults: list[str] = field(default_factory=list)
    own: dict[str, list[str]] = field(default_factory=dict)
    their: dict[str, list[str]] = field(default_factory=dict)
    strict: bool = True
    tools: Mapping[str, Tool[Any]] = field(init=False)
    _runs: set[str] = field(default_factory=set)
    _effects: int = 0
    _rows: snapshot.Tables | None = None
    _search: Search = field(init=False)
    _typed: set[Canary] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Know what to play with, and what to look for."""
        found = clinic_tools(self.clinic)
        self.tools = {name: tool for name, tool in found.items() if tool.allows(self.principal)}
        self._search = Search(self.house.world.canaries)

    @property
    def principal(self) -> Principal:
        """Who attacks."""
        return PRINCIPALS[self.who]

    async def begin(self) -> None:
        """Have others told of their records, and the attacker of its own."""
        for who, told_by in tellers(self.house.world):
            for use in told_by:
                told = await self._told(clinic_tools(self.clinic)[use.tool], use, who, "theirs")
                _learn(self.their, told)
        for use in look(self.who):
            _learn(self.own, await self._told(self.tools[use.tool], use, self.principal, "fuzz"))
        self._rows, self._runs, self._effects = await snapshot.taken(self.house.eyes), set(), 0
        self.ran = self.refused = self.misshapen = 0

    async def play(self, use: Use, page: Mapping[str, Any]) -> list[str]:
        """Make a call, and return what is wrong with what came of it."""
        tool, search = self.tools[use.tool], self._search
        text = self._filled(use.text)
        self._typed |= search.find(f"{text}{page}")
        told = await self._told(tool, Use(use.tool, text), self.principal, "fuzz", page)
        _learn(self.own, told)
        hidden = hidden_from(self.principal)
        found = [
            f"{use}: tells the {canary}"
            for canary in search.find(told) - self._typed
            if hidden(canary)
        ]
        if len(told.encode()) > MOST_BYTES or len(rows_in(told)) > MOST_ROWS:
            found.append(f"{use}: tells {len(told.encode())} bytes")
        if (self.ran + self.refused) % _BLOCK == 0:
            found += await self.settle()
        return found

    async def settle(self) -> list[str]:
        """Look at all rows, and return what was done since the last look that may not be."""
        assert self._rows is not None
        after = await snapshot.taken(self.house.eyes)
        guard = snapshot.Guard(
            self._rows, after, self.principal, frozenset(self._runs), self._effects, now()
        )
        calls, rows = len(self._runs), len(after["audit"]) - len(self._rows["audit"])
        self._rows, self._runs, self._effects = after, set(), 0
        return guard.faults() + ([f"{calls} calls, {rows} accesses"] if rows < calls else [])

    async def _told(
        self,
        tool: Tool[Any],
        use: Use,
        who: Principal,
        session: str,
        page: Mapping[str, Any] | None = None,
    ) -> str:
        number = next(_run)
        call = Call(f"k{number}", f"r{number}", "c", "cor", who, session, page=page or {})
        try:
            given = parse(tool, use.text)
        except ValueError as error:
            self.misshapen += 1
            return str(error)
        self._runs.add(call.run_id)
        self._effects += tool.effectful
        try:
            if tool.summarise is not None and number % 2:
                await tool.summarise(call, given)
            told = await tool.run(call, given)
        except ToolRefusedError as error:
            self.refused += 1
            return str(error)
        except Exception:
            if self.strict:
                raise
            self.refused += 1
            return ""
        self.ran += 1
        return told

    def _filled(self, text: str) -> str:
        def named(match: re.Match[str]) -> str:
            known = (self.own if match[1] == "own" else self.their).get(match[2], ["none_00000000"])
            return known[int(match[3]) % len(known)]

        return _NAME.sub(named, text)


def _learn(known: dict[str, list[str]], told: str) -> None:
    for name, handle in names_in([told]).items():
        kind, _, number = name.partition(" ")
        if number and handle not in known.setdefault(kind, []):
            known[kind].append(handle)


def calls(tools: Iterable[Tool[Any]]) -> st.SearchStrategy[Use]:
    """Return calls of these tools: mostly of the right shape, with anything inside."""
    return st.one_of([_call(tool) for tool in tools])


def pages(house: House) -> st.SearchStrategy[Mapping[str, Any]]:
    """Return what a page may say of itself."""
    known = numbers(house.world)
    told = [json.loads(_with(json.dumps(page), known)) for page in PAGES.values()]
    return st.sampled_from([{}, {"appointment": "A-MALLORY1"}, *told])


def _with(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"<{name}>", value)
    return text


def _call(tool: Tool[Any]) -> st.SearchStrategy[Use]:
    schema = tool.arguments.model_json_schema()
    needed = set(schema.get("required", []))
    parts = {name: _value(name, part) for name, part in schema.get("properties", {}).items()}
    whole = st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in needed},
        optional={name: part for name, part in parts.items() if name not in needed},
    )
    return whole.map(lambda given: Use(tool.name, given))


def _value(name: str, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    return st.one_of([_plain(name, part) for part in schema.get("anyOf", [schema])])


def _plain(name: str, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if name in _WALL_TIMES and schema.get("type") == "string":
        return st.times(time.min, time.max).map(lambda at: f"{at:%H:%M}")
    match schema.get("type"), schema.get("format"):
        case "null", _:
            return st.none()
        case _, "date":
            return st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(date.isoformat)
        case _:
            return _names(name) if name in NAMES_RECORDS else _texts(name)


def _names(kind: str) -> st.SearchStrategy[str]:
    whose = st.sampled_from(["own", "own", "own", "their"])
    kinds = st.sampled_from([kind] * 6 + list(NAMES_RECORDS))
    name = st.builds("<{} {} {}>".format, whose, kinds, st.integers(0, 40))
    odd = st.one_of(name.map(lambda text: f"{text}x"), st.text(min_size=1, max_size=40))
    return st.one_of(name, name, name, odd)


def _texts(name: str) -> st.SearchStrategy[str]:
    if name == "reason":
        return st.one_of(st.sampled_from(REASONS), st.text(max_size=200))
    fitting = st.sampled_from(_FITTING.get(name, _WORDS))
    odd = st.one_of(
        st.text(min_size=1, max_size=80), st.text("%_'\\*\x00a", min_size=1, max_size=12)
    )
    return st.one_of(fitting, fitting, st.sampled_from(_WORDS).map(lambda word: word[:80]), odd)
