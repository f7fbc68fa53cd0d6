"""What is done to a cluster in an orderly way: each process killed in turn, or replaced in turn."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from tests.chaos.cluster import Cluster
from tests.chaos.crowd import Crowd, Manners
from tests.chaos.report import Report
from tests.chaos.storm import Weather, installation, verdict

# What an orderly end looks like to clients: streams are told to come back.
ORDERLY = frozenset({"sse: told to come back", "ws: closed with 1001"})


async def kill_in_turn(house: Cluster, size: int) -> Report:
    """Kill each process, one after the other, while so many conversations go on."""
    crowd = Crowd(house, "in-turn", size, Manners(cancels=0.02))
    async with crowd.talking():
        for name in sorted(house.members, key=_number):
            await house.all_up(house.members[name].kind)
            await crowd.moved_on()
            await house.kill(name)
        await house.all_up()
        await crowd.moved_on()
    return await verdict(house, crowd.told)


async def replace_in_turn(house: Cluster, size: int) -> Report:
    """Stop and start all processes as a deployment does; nobody who talks may notice."""
    crowd = Crowd(house, "replaced", size, Manners())
    async with crowd.talking():
        for _, names in itertools.groupby(sorted(house.members, key=_number), _number):
            await crowd.moved_on()
            await asyncio.gather(*(_replace(house, name) for name in names))
        await crowd.moved_on()
    report = await verdict(house, crowd.told)
    for told in crowd.told:
        where = f"{told.wire} {told.run_id}"
        rude = [incident for incident in told.incidents if incident not in ORDERLY]
        report.check("clients noticed nothing", holds=not rude, where=where, found=rude)
        last = told.seen[-1].data if told.seen else told.answer
        ended = last.get("type") in {"run.completed", "response_complete"} or "response" in last
        report.check("clients have the full text", holds=ended, where=where, found=last)
    return report


def _number(name: str) -> str:
    return name.rpartition("-")[2]


async def _replace(house: Cluster, name: str) -> None:
    code = await house.terminate(name)
    if code:
        house.faults.append(f"{name} ended with code {code}")
    await house.start(name)


async def scene(name: str, folder: Path, weather: Weather) -> Report:
    """Start a cluster, play a scene on it, and report."""
    play = {"kill-in-turn": kill_in_turn, "replace-in-turn": replace_in_turn}[name]
    async with installation(folder, weather) as house:
        return await play(house, weather.at_once)
