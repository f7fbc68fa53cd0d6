"""The short form: three servers and three workers on one Redis bear what the long form does longer.

All tests share one cluster, and each checks all that the store and the database hold by then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import client
from tests.chaos import asks
from tests.chaos.clients import Talker, Told
from tests.chaos.cluster import Cluster
from tests.chaos.report import Report
from tests.chaos.scenarios import kill_in_turn, replace_in_turn
from tests.chaos.storm import Storm, Weather, installation, verdict
from tests.resilience.readers import browser

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
    pytest.mark.no_cover,
    pytest.mark.timeout(180),
]

_WEATHER = Weather(runs=25, kills=8, lease=2, at_once=5, crashes=0.3, pause=0.5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with installation(tmp_path_factory.mktemp("chaos"), _WEATHER) as made:
        yield made


def _check(report: Report) -> None:
    assert not report.violations, str(report)


async def test_begun_on_one_server_followed_on_another_cancelled_on_a_third(house: Cluster) -> None:
    urls = [house.members[name].url for name in house.names("server")]
    for turn in range(3):
        one, two, three = (urls[(turn + at) % 3] for at in range(3))
        async with browser(one) as here, browser(two) as there, browser(three) as elsewhere:
            run = await client.begin(here, asks.talk(f"cancelled {turn}", words=500))
            async with there.get(f"/runs/{run['run_id']}/events") as response:
                stream = client.frames(response)
                found = [await anext(stream) for _ in range(10)]
                asked = time.monotonic()
                async with elsewhere.post(f"/runs/{run['run_id']}/cancel") as reply:
                    assert reply.status == 200
                found += [frame async for frame in stream]
                assert time.monotonic() - asked < 2
        assert found[-1].data["type"] == "run.cancelled"
        assert [frame.id for frame in found] == list(range(len(found)))
    _check(await verdict(house, []))


async def test_a_worker_frozen_past_its_lease_writes_nothing_more(house: Cluster) -> None:
    told = Told("sse", "frozen", asks.talk("frozen", words=100, pace=40), "frozen")
    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        group.create_task(Talker(house.door, silence=5).tell(told))
        await told.until(lambda now: len(now.seen) > 10)
        frozen = await house.executing(told.run_id)
        await house.freeze(frozen)
        await told.until(lambda now: _attempts(now) == 2 and _is_talking(now))
        house.thaw(frozen)
    running = house.members[frozen].running
    assert running is not None
    async with asyncio.timeout(10):
        while f'"{told.run_id}"' not in _lost(running.log.read_text()):
            await asyncio.sleep(0.05)
    assert _attempts(told) == 2
    assert told.seen[-1].data["text"] == " ".join(f"w{n}" for n in range(100))
    _check(await verdict(house, [told]))


def _attempts(told: Told) -> int:
    return max((seen.data.get("attempt", 1) for seen in told.seen), default=0)


def _is_talking(told: Told) -> bool:
    return bool(told.seen[-1].data["type"] == "message.delta")


def _lost(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if '"run.lease.lost"' in line)


async def test_each_process_is_killed_in_turn_while_conversations_go_on(house: Cluster) -> None:
    report = await kill_in_turn(house, 4)
    _check(report)
    killed = report.tallies["Blows"]
    assert (killed["server killed"], killed["worker killed"]) == (3, 3), str(report)


async def test_a_rolling_restart_is_noticed_by_nobody(house: Cluster) -> None:
    _check(await replace_in_turn(house, 4))


async def test_a_small_storm(house: Cluster) -> None:
    house.blows.clear()
    report = await Storm(house, _WEATHER).rage()
    _check(report)
    assert report.checked["accepted messages have an end"] >= _WEATHER.runs
    kills = report.tallies["Blows"]
    assert sum(n for what, n in kills.items() if "killed" in what) >= _WEATHER.kills, str(report)
