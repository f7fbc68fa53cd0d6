"""Everyday talks by a sensible model: they reach the right rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from blockbuster import BlockBuster

from assistant.clinic import clinic_tools
from assistant.engine.agents import Agents
from assistant.engine.tools import BUILT_IN
from assistant.web.keys import PARTS
from tests.clinic.postgres import Postgres
from tests.clinic.talks.clinics import Clinics, databases, files
from tests.clinic.talks.holding import Holding, identify
from tests.clinic.talks.mind import Mind
from tests.clinic.talks.table import Talk, talks
from tests.conftest import MakeServer, may_block

# Nothing here is left to chance: a talk that does not get there has found a fault, or has one.
ALL = 1.0


@dataclass(slots=True)
class Stage:
    """A server with the real persona, on which talks are held one after the other.

    Attributes:
        engine: the server's own, which is given each talk's model, and each clinic's tools.
        clinics: opens a fresh clinic for each.
    """

    http: aiohttp.ClientSession
    engine: Any
    clinics: Clinics
    guard: BlockBuster
    _numbers: count[int] = field(default_factory=count)

    async def hold(self, talk: Talk, *, terse: bool = False) -> list[str]:
        """Hold a talk, and return what it did not reach."""
        mind = Mind(terse=terse)
        async with AsyncExitStack() as stack:
            with may_block(self.guard):
                house = await stack.enter_async_context(self.clinics())
            self.engine._models = mind
            tools = {**BUILT_IN, **clinic_tools(house.clinic)}
            self.engine._agents = Agents(tools, self.engine._agents.limits)
            holding = Holding(self.http, house.eyes, mind, talk, next(self._numbers))
            async with asyncio.timeout(20):
                return await holding.faults()

    async def hold_all(self, chosen: Sequence[Talk], *, terse: bool = False) -> float:
        """Hold talks, print which did not reach their rows, and return the share that did."""
        held = {talk.talk: await self.hold(talk, terse=terse) for talk in chosen}
        missed = {name: faults for name, faults in held.items() if faults}
        share = 1 - len(missed) / len(held)
        print(f"\nreached {len(held) - len(missed)} of {len(held)} ({share:.0%})")  # noqa: T201
        for name, faults in missed.items():
            print("", f"not reached: {name}", *faults, sep="\n  ")  # noqa: T201
        return share


@asynccontextmanager
async def _staged(
    make_server: MakeServer, clinics: Clinics, guard: BlockBuster
) -> AsyncIterator[Stage]:
    server = await make_server(identify=identify)
    async with aiohttp.ClientSession(server.make_url("/")) as http:
        yield Stage(http, server.app[PARTS].engine, clinics, guard)


@pytest.fixture
async def stage(
    make_server: MakeServer, tmp_path: Path, no_blocking_calls: BlockBuster
) -> AsyncIterator[Stage]:
    """Return a stage whose clinics are files of SQLite."""
    clinics = await asyncio.to_thread(files, tmp_path)
    async with _staged(make_server, clinics, no_blocking_calls) as found:
        yield found


@pytest.fixture
async def postgres_stage(
    make_server: MakeServer, postgres: Postgres, no_blocking_calls: BlockBuster
) -> AsyncIterator[Stage]:
    """Return a stage whose clinics are databases of PostgreSQL."""
    clinics = await databases(postgres)
    async with _staged(make_server, clinics, no_blocking_calls) as found:
        yield found
    await postgres.drop("talks")


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.timeout(180)
async def test_everyday_talks_reach_their_rows(stage: Stage) -> None:
    chosen = talks()
    assert len(chosen) >= 44
    assert await stage.hold_all(chosen) == ALL


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.postgres
@pytest.mark.timeout(120)
async def test_they_do_so_on_postgresql_and_with_terse_calls(postgres_stage: Stage) -> None:
    chosen = [talk for talk in talks() if talk.both]
    assert await postgres_stage.hold_all(chosen, terse=True) == ALL


async def test_a_talk_that_does_not_reach_its_rows_is_named(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    told = next(talk for talk in talks() if talk.talk == "The first free time, booked")
    (booked,) = told.writes["appointments"]
    later = {"appointments": [booked | {"starts": "2026-11-16 10:40"}]}
    wrong = told.model_copy(update={"talk": "A wrong time", "writes": later})
    quiet = told.model_copy(update={"talk": "A silent change", "writes": {}})
    assert await stage.hold_all([told, wrong, quiet]) == pytest.approx(1 / 3)
    said = capsys.readouterr().out
    assert "reached 1 of 3 (33%)" in said
    assert "not reached: A wrong time\n  leaves new in appointments" in said
    assert "not reached: A silent change\n  leaves new in appointments" in said


async def test_an_answer_with_other_rows_is_named(stage: Stage) -> None:
    told = next(talk for talk in talks() if talk.talk == "Who speaks Polish?")
    (turn,) = told.turns
    (use,) = turn.uses
    other = use.model_copy(update={"rows": [{"name": "Dr. Amara Osei"}]})
    turn = turn.model_copy(update={"calls": [other]})
    (fault,) = await stage.hold(told.model_copy(update={"turns": [turn]}))
    assert "find_practitioners has the rows" in fault
