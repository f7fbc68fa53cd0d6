"""Who has to wait is told their place, over every wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from assistant.web.keys import PARTS
from assistant.worker import Worker
from tests import client, processes
from tests.web.conftest import MakeSite
from tests.web.site import Site
from tests.web.sockets import connected


async def test_a_place_in_the_queue_is_told(make_site: MakeSite) -> None:
    site = await make_site(MAX_CONCURRENT_REQUESTS=1)
    await site.hold(session_id="one")
    waiting = [await client.begin(site.http, "hello", session_id=f"s{n}") for n in range(3)]
    async with asyncio.TaskGroup() as group:
        views = [group.create_task(client.follow(site.http, run["run_id"])) for run in waiting]
        await site.connected("sse", 3)
        site.journal.release()
    for place, view in enumerate(views):
        frames = [frame.data for frame in view.result()]
        told = [frame for frame in frames if frame["type"] == "run.queued"]
        assert told[0]["ahead"] == place
        assert {frame["status"] for frame in told} == {"processing"}
        places = [frame["ahead"] for frame in told]
        assert places == sorted(places, reverse=True)
        assert frames[-1]["type"] == "run.completed"


async def test_a_place_is_told_anew_as_it_shrinks(make_site: MakeSite) -> None:
    site = await make_site(MAX_CONCURRENT_REQUESTS=1)
    await site.hold(session_id="one")
    first = await client.begin(site.http, "hello", session_id="s1")
    async with connected(site, "s2") as socket:
        await socket.send("chat_message", message="hello")
        while (told := await socket.hear())["type"] != "queued":
            pass
        assert told["ahead"] == 1
        await site.post(f"/runs/{first['run_id']}/cancel", {})
        told = await socket.hear()
        assert (told["type"], told["ahead"]) == ("queued", 0)
        site.journal.release()
        assert (await socket.hear_out())[-1]["type"] == "response_complete"


async def test_a_one_off_question_waits_in_silence(make_site: MakeSite) -> None:
    site = await make_site(MAX_CONCURRENT_REQUESTS=1)
    await site.hold(session_id="one")
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(_statuses(site.http, "hello"))
        await site.connected("sse", 1)
        site.journal.release()
    assert asked.result()[0] == "processing"
    assert asked.result()[-1] == "completed"
    assert asked.result().count("processing") == 1


async def _statuses(http: aiohttp.ClientSession, question: str) -> list[str]:
    async with http.post("/chat", json={"question": question}) as response:
        return [frame.data["status"] async for frame in client.frames(response)]


@pytest.mark.parametrize("looks", [1, 2])
async def test_a_slot_that_is_held_for_nobody_is_for_who_comes(
    tmp_path: Path, make_site: MakeSite, looks: int
) -> None:
    async with processes.redis_server(tmp_path / "redis") as redis:
        site = await make_site(REDIS_URL=redis.url, MAX_CONCURRENT_REQUESTS=1)
        worker = site.server.app[PARTS].worker
        redis.pause()
        worker.wake()
        # One step to look into the queue, where it holds the slot, and one for who comes then.
        await asyncio.sleep(0)
        comes = asyncio.create_task(_has_slot(worker))
        await asyncio.sleep(0)
        if looks > 1:
            worker.wake()
        redis.resume()
        assert await comes


async def test_a_slot_that_was_held_for_nothing_is_given_to_the_queue(make_site: MakeSite) -> None:
    site = await make_site(MAX_CONCURRENT_REQUESTS=1, LEASE_RENEW_SECONDS=60, LEASE_SECONDS=300)
    async with site.server.app[PARTS].worker.reserve() as place:
        assert place.here
        waiting = await client.begin(site.http, "hello")
        assert (await site.get(f"/runs/{waiting['run_id']}"))["status"] == "queued"
    async with asyncio.timeout(5):
        assert (await site.ended(waiting["run_id"]))["status"] == "completed"


async def test_a_run_that_ends_with_nobody_queued_has_nobody_look(make_site: MakeSite) -> None:
    site = await make_site(LEASE_RENEW_SECONDS=60, LEASE_SECONDS=300)
    async with asyncio.timeout(5):
        while not await _looks(site):
            # Each process begins with one.
            await asyncio.sleep(0.01)
    for _ in range(3):
        await site.ask("hello")
    assert await _looks(site) == 1


async def _looks(site: Site) -> int:
    """Return how often anybody has looked into the queue."""
    told = await site.server.app[PARTS].store.redis.call("INFO", "commandstats")
    return int(told.get("cmdstat_zpopmin", {"calls": 0})["calls"])


async def test_no_slot_is_held_while_others_are_told_of_a_run(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, found = await make_site(MAX_CONCURRENT_REQUESTS=2), list[bool]()
    worker = site.server.app[PARTS].worker
    ring = worker.ring

    async def look_and_ring(runs: int = 1) -> None:
        found.append(await _has_slot(worker))
        await ring(runs)

    await site.hold(session_id="one")
    monkeypatch.setattr(worker, "ring", look_and_ring)
    await client.begin(site.http, "hello", session_id="one")
    assert found[0]
    site.journal.release()


async def _has_slot(worker: Worker) -> bool:
    async with worker.reserve() as place:
        return place.here
