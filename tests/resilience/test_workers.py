"""Servers that only accept, workers that execute: waiting for one, fairness, health, draining."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from tests import client, processes
from tests.resilience.readers import browser, remote

pytestmark = pytest.mark.long


def _settings(upstream: str, redis: processes.RedisProcess, **more: object) -> dict[str, object]:
    return remote(upstream) | {"REDIS_URL": redis.url, "RUN_MODE": "workers"} | more


async def _told(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as reply:
        return await reply.json()


async def _rest(http: aiohttp.ClientSession, run: dict[str, Any]) -> list[client.Frame]:
    async with asyncio.timeout(20):
        return await client.follow(http, run["run_id"])


async def test_what_was_accepted_waits_for_a_worker_and_is_answered_in_fair_turns(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = _settings(upstream, redis, MAX_CONCURRENT_REQUESTS=1)
    async with (
        processes.server(tmp_path / "server", **settings) as server,
        browser(server.url) as http,
    ):
        assert (await _told(http, "/health"))["status"] == "degraded"
        assert (await _told(http, "/health/ready")) == {"status": "ready"}
        many = [await client.begin(http, f"ann {n}", user_id="ann") for n in range(10)]
        few = await client.begin(http, "bob", user_id="bob")
        waiting = (await _told(http, "/stats"))["runs"]["waiting"]
        assert waiting == 11
        async with processes.worker(tmp_path / "worker", **settings):
            found = await _rest(http, few)
            assert client.text_of(found) == "turn 1: bob"
            queued = [f.data["ahead"] for f in found if f.data["type"] == "run.queued"]
            assert queued[0] <= 1, "ten runs of another come before this one"
            for n, run in enumerate(many):
                assert client.text_of(await _rest(http, run)) == f"turn 1: ann {n}"
            ahead = [
                [f.data["ahead"] for f in await _rest(http, run) if f.data["type"] == "run.queued"]
                for run in many
            ]
            assert [told[0] for told in ahead][:2] == [0, 1]
            assert all(told == sorted(told, reverse=True) for told in ahead)
            started = [(await _told(http, f"/runs/{r['run_id']}"))["started_at"] for r in many]
            bob = (await _told(http, f"/runs/{few['run_id']}"))["started_at"]
            assert sum(at < bob for at in started) <= 1
            assert (await _told(http, "/health"))["status"] == "healthy"


async def test_nobody_has_to_ring(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    """The stream of rings is lost with all in it, and again and again; the queue is not."""
    settings = _settings(upstream, redis)
    async with (
        processes.server(tmp_path / "server", **settings) as server,
        processes.worker(tmp_path / "worker", **settings),
        browser(server.url) as http,
        Redis.from_url(redis.url) as raw,
    ):
        await raw.delete("assistant:dispatch")
        runs = [await client.begin(http, f"n {n}") for n in range(5)]
        await raw.delete("assistant:dispatch")
        for n, run in enumerate(runs):
            assert client.text_of(await _rest(http, run)) == f"turn 1: n {n}"


async def test_a_worker_tells_its_health_and_finishes_what_it_has(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = _settings(upstream, redis)
    async with (
        processes.server(tmp_path / "server", **settings) as server,
        processes.worker(tmp_path / "one", WORKER_PORT=0, **settings) as leaving,
        browser(server.url) as http,
        browser(leaving.url) as health,
    ):
        assert await _told(health, "/health/live") == {"status": "alive"}
        assert await _told(health, "/health/ready") == {"status": "ready"}
        async with health.get("/personas") as reply:
            assert reply.status == 404
        held = await client.begin(http, "[[hold: 2]] [[tokens: 4]]", session_id="s")
        async with http.get(f"{upstream}/../_stats?held=1") as reply:
            assert reply.status == 200
        behind = await client.begin(http, "behind", session_id="s")
        ending = asyncio.create_task(leaving.terminate())
        async with asyncio.timeout(5):
            while (await _told(health, "/health/ready")).get("status") == "ready":
                await asyncio.sleep(0.02)
        async with processes.worker(tmp_path / "two", **settings):
            async with http.post(f"{upstream}/../_release"):
                pass
            found = await _rest(http, held)
            assert client.text_of(found) == "w0 w1 w2 w3"
            assert not [f for f in found if f.data["type"] == "message.discarded"]
            assert await ending == 0
            assert client.text_of(await _rest(http, behind)) == "turn 2: behind"


@asynccontextmanager
async def _doors(
    tmp_path: Path, settings: dict[str, object]
) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    async with (
        processes.server(tmp_path / "one", **settings) as one,
        processes.server(tmp_path / "two", **settings) as two,
        processes.worker(tmp_path / "three", **settings),
        processes.worker(tmp_path / "four", **settings),
        browser(one.url) as here,
        browser(two.url) as there,
    ):
        yield here, there


async def test_two_runs_in_one_session_across_processes(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    long = "[[tokens: 200]] [[pace: 50]]"
    async with _doors(tmp_path, _settings(upstream, redis)) as (here, there):
        first = await client.begin(here, long, session_id="s")
        async with there.post(
            "/chat", json={"message": "no", "session_id": "s", "if_busy": "reject"}
        ) as reply:
            assert reply.status == 409
            assert first["run_id"] in (await reply.json())["detail"]
        second = await client.begin(there, "second", session_id="s")
        loop = asyncio.get_running_loop()
        before = loop.time()
        answer = await client.chat(there, "at once", session_id="s", if_busy="interrupt")
        assert loop.time() - before < 5
        assert answer[-1].data["type"] == "run.completed"
        for run in (first, second):
            assert (await _rest(here, run))[-1].data["type"] == "run.cancelled"
        third = await client.begin(here, "[[tokens: 20]] [[pace: 20]] third", session_id="s")
        fourth = await client.begin(there, "fourth", session_id="s")
        assert (await _rest(here, fourth))[-1].data["type"] == "run.completed"
        last = await _told(here, f"/runs/{third['run_id']}")
        assert last["status"] == "completed"
        assert last["ended_at"] <= (await _told(here, f"/runs/{fourth['run_id']}"))["started_at"]


@pytest.mark.parametrize(
    ("command", "settings", "told"),
    [
        ("worker", {}, "RUN_MODE: a worker needs RUN_MODE=workers"),
        ("worker", {"RUN_MODE": "workers"}, "RUN_MODE: workers need a store that they share"),
        ("serve", {"RUN_MODE": "workers"}, "RUN_MODE: workers need a store that they share"),
        ("serve", {"RUN_MODE": "threads"}, "RUN_MODE: must be 'inline' or 'workers'"),
    ],
)
async def test_a_deployment_that_cannot_work_says_so(
    tmp_path: Path, command: str, settings: dict[str, str], told: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", "--env-file", os.devnull, command),
        env=processes.environment(tmp_path, **settings),
        cwd=processes.ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert told in said.decode().splitlines()[-1]
    assert "Traceback" not in said.decode()
