"""Calls by chance on each database, other ones each time: nobody reaches what is not theirs.

Two thousand on each; `pytest tests/clinic/attacks/test_fuzz.py --calls 10000` makes more of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, given, settings

from assistant.clinic.records.database import open_clinic
from tests.clinic.attacks.attack import Use, Who
from tests.clinic.attacks.fuzzing import Fuzzer, calls, pages
from tests.clinic.attacks.houses import House, on_postgresql, on_sqlite
from tests.clinic.attacks.world import a_world
from tests.clinic.postgres import Postgres
from tests.conftest import may_block

SHARES: Mapping[Who, float] = {"visitor": 0.2, "patient": 0.45, "staff": 0.35}
"""What part of the calls each makes."""

_Played = tuple[asyncio.Runner, Fuzzer]

_SPARE = 1.15
"""A few calls are not of the tool's shape; these are not counted."""


def _fuzz(runner: asyncio.Runner, fuzzer: Fuzzer, count: int) -> None:
    """Play calls until so many have come to a tool's own code."""
    runner.run(fuzzer.begin())

    @settings(
        max_examples=round(count * _SPARE),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(fuzzer.tools.values()), pages(fuzzer.house))
    def play(use: Use, page: Mapping[str, Any]) -> None:
        assert runner.run(fuzzer.play(use, page)) == []

    play()
    assert runner.run(fuzzer.settle()) == []
    assert fuzzer.ran + fuzzer.refused >= count
    # Had all been refused, nothing would be shown: most are, of days long gone and times taken.
    assert fuzzer.ran > count / 8


@contextmanager
def _opened(house: AbstractAsyncContextManager[House], who: Who) -> Iterator[_Played]:
    """Have a clinic open in a loop of its own: Hypothesis calls plain functions."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> Fuzzer:
            entered = await stack.enter_async_context(house)
            clinic = await stack.enter_async_context(open_clinic(entered.options))
            return Fuzzer(entered, clinic, who)

        try:
            yield runner, runner.run(enter())
        finally:
            runner.run(stack.aclose())


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", SHARES)
def test_by_chance_nothing_is_reached(
    who: Who, tmp_path: Path, no_blocking_calls: BlockBuster, pytestconfig: pytest.Config
) -> None:
    with (
        may_block(no_blocking_calls),
        _opened(on_sqlite(tmp_path / "clinic", a_world()), who) as (runner, fuzzer),
    ):
        _fuzz(runner, fuzzer, round(SHARES[who] * pytestconfig.getoption("calls")))


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.postgres
@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", SHARES)
@pytest.mark.usefixtures("scope_gone")
def test_by_chance_nothing_is_reached_where_the_database_is_alone(
    who: Who, tmp_path: Path, postgres: Postgres, pytestconfig: pytest.Config
) -> None:
    with _opened(on_postgresql(postgres, a_world(), tmp_path), who) as (runner, fuzzer):
        fuzzer.strict = False
        _fuzz(runner, fuzzer, round(SHARES[who] * pytestconfig.getoption("calls")))
