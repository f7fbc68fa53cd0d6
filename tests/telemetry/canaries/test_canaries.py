"""Nothing that people say, and no key, is shown anywhere: at every level, in each form of log."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.telemetry.canaries.stage import Report, Stand, perform
from tests.telemetry.canaries.turn import Turn
from tests.telemetry.canaries.turns import TURNS, models, talk
from tests.telemetry.canaries.turns.doors import ROUTES

FORMS = ("json", "console")
LEVELS = ("INFO", "WARNING", "ERROR")
_SHARES = len(LEVELS) * len(FORMS)
# Two at DEBUG, the shares, two for each mode that asks who it is, and one that logs all.
_SERVERS = 2 + _SHARES + 4 + 1
_CAPTURES = {("DEBUG", "console"), ("WARNING", "json")}
_SEEN = (
    *("run.accepted", "tool.failed", "model.failed", "socket.refused", "mischief.done"),
    *("thread.crashed", "loop.fault", "process.unraisable", "python.warning"),
)
"""Events that show that the faults were played: where nothing is logged, nothing leaks."""
_KEPT = ("turn-1", "run_", "ses_", "/runs/{run_id}/events", "[email]", "[card]", "misbehave")
"""What an operator needs, and what stands in place of what was taken out."""

pytestmark = [pytest.mark.long, pytest.mark.no_cover, pytest.mark.timeout(180)]


def _share(number: int) -> list[Turn]:
    """Return a share of the turns in which every way to fail is, and all shares are all turns."""
    paths: dict[str, list[Turn]] = defaultdict(list)
    for turn in TURNS:
        paths[turn.path].append(turn)
    return [turn for turns in paths.values() for turn in turns[number::_SHARES] or turns[:1]]


async def _both(level: str, folder: Path, shares: Sequence[Sequence[Turn]]) -> list[Report]:
    """Play a share on a server with each form of the log, both at once."""
    stands = [Stand(level, form, captures=(level, form) in _CAPTURES) for form in FORMS]
    plays = [
        perform(stand, folder / stand.name, turns)
        for stand, turns in zip(stands, shares, strict=True)
    ]
    return await asyncio.gather(*plays)


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest) -> Iterator[dict[str, Report]]:
    """Return where all servers' reports are gathered; at the end tell in a line what they say."""
    gathered: dict[str, Report] = {}
    yield gathered
    every = list(gathered.values())
    turns, paths = sum(report.turns for report in every), {turn.path for turn in TURNS}
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stdout.write(
            f"\n{turns} turns, {len(TURNS)} of them different, over {len(ROUTES)} routes and "
            f"{len(paths)} ways to fail, on {len(every)} servers ({', '.join(gathered)}): "
            f"{sum(report.searched for report in every):,} characters searched for "
            f"{sum(report.sought for report in every):,} canaries, "
            f"{sum(len(report.leaks) for report in every)} leaks\n"
        )
    if len(every) == _SERVERS:
        assert turns > 2 * len(TURNS) + _SERVERS


def test_there_are_turns_enough_each_by_its_own_name() -> None:
    assert len({turn.name for turn in TURNS}) == len(TURNS) >= 300
    assert {turn for number in range(_SHARES) for turn in _share(number)} == set(TURNS)


async def test_at_debug_every_turn_is_played(tmp_path: Path, reports: dict[str, Report]) -> None:
    found = await _both("DEBUG", tmp_path, [TURNS, TURNS])
    reports |= {f"DEBUG {form}": report for form, report in zip(FORMS, found, strict=True)}
    for report in found:
        report.check()
        assert [word for word in _SEEN + _KEPT if word not in report.written] == []
        assert report.spans > report.turns
    # What is captured on purpose is there: what people said, and what a tool read of them.
    assert found[0].places["content of spans"] == 0
    assert {"said, stream=True", talk.RECORDS} <= found[1].told


@pytest.mark.parametrize("level", LEVELS)
async def test_at_other_levels_every_way_to_fail(
    tmp_path: Path, level: str, reports: dict[str, Report]
) -> None:
    first = LEVELS.index(level) * len(FORMS)
    found = await _both(level, tmp_path, [_share(first), _share(first + 1)])
    reports |= {f"{level} {form}": report for form, report in zip(FORMS, found, strict=True)}
    for report in found:
        report.check()


@pytest.mark.parametrize("mode", ["api_key", "jwt"])
async def test_where_the_server_asks_who_it_is(
    tmp_path: Path, mode: str, reports: dict[str, Report]
) -> None:
    for stand in (Stand("DEBUG", "console", mode), Stand("INFO", "json", mode)):
        report = reports[stand.name] = await perform(stand, tmp_path / stand.name, TURNS)
        report.check()


async def test_where_libraries_are_told_to_log_all(
    tmp_path: Path, reports: dict[str, Report]
) -> None:
    stand = Stand("DEBUG", "console", captures=True, blabs=True)
    # asyncio's own debugging makes each of them slow.
    turns = (*models.TURNS, *talk.TURNS)[::3]
    report = reports[stand.name] = await perform(stand, tmp_path, turns)
    report.check()
