"""One of everything that is measured, done by a server and two workers."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from assistant.metrics.instruments import Instrument
from tests import client
from tests.chaos.cluster import AGENTS, Cluster, cluster
from tests.client import JSON
from tests.conftest import DATA
from tests.resilience.readers import remote

_BOOK = f"[[tool: book {json.dumps({'what': 'Monday'})}]] [[then]] [[tokens: 3]]"


@asynccontextmanager
async def scene(folder: Path, upstream: str) -> AsyncIterator[tuple[Cluster, dict[str, str]]]:
    """Yield a cluster in which everything has happened, and its metrics by process."""
    agents = folder / "agents"
    await asyncio.to_thread(shutil.copytree, AGENTS, agents)
    await asyncio.to_thread(shutil.copytree, DATA / "talkers" / "talker", agents / "talker")
    settings = remote(upstream) | {"AGENTS_DIR": agents, "DEFAULT_PERSONA": "booker"}
    settings |= {"RUN_MODE": "workers", "WORKER_PORT": 0, "MODEL_RETRIES": 0}
    async with cluster(folder, 1, 2, 1, settings) as made:
        headers = {"X-User": "ann"}
        async with aiohttp.ClientSession(made.door(), headers=headers) as http:
            await _runs(http)
            await _approvals(http)
            await _shared(http)
            await _sockets(http)
            async with http.get("/health") as reply:
                assert (await reply.json())["clinic"] == {"status": "healthy"}
            await _taken_over(made, http)
        yield made, await scrape(made)


async def scrape(made: Cluster) -> dict[str, str]:
    """Return the metrics of all processes that are up."""
    found = {}
    async with aiohttp.ClientSession(headers={"X-Roles": "operator"}) as http:
        for name, member in made.members.items():
            if member.running is not None and member.up.is_set():
                async with http.get(f"{member.running.url}/metrics") as response:
                    assert response.status == 200, await response.text()
                    found[name] = await response.text()
    return found


def samples(texts: Iterable[str]) -> dict[str, float]:
    """Return the sum of each series over processes, by its name and labels."""
    found: dict[str, float] = {}
    for family in families(texts):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()) if v)
            series = f"{sample.name}{{{labels}}}"
            found[series] = found.get(series, 0) + sample.value
    return found


def prometheus_name(row: Instrument) -> str:
    """Return how Prometheus knows an instrument, before `_total`, `_bucket`, `_sum`, `_count`."""
    return row.name.replace(".", "_") + {"s": "_seconds"}.get(row.unit, "")


def families(texts: Iterable[str]) -> list[Metric]:
    """Return what Prometheus' own parser reads."""
    return [family for text in texts for family in text_string_to_metric_families(text)]


async def _runs(http: aiohttp.ClientSession) -> None:
    await client.chat(http, "[[tokens: 8]]")
    await client.chat(http, '[[tool: look_up {"what": "Monday"}]] [[then]] [[tokens: 3]]')
    await client.chat(http, "[[tool: made_up {}]] [[then]] [[tokens: 3]]")
    failed = await client.chat(http, "[[error: 500]]")
    assert failed[-1].data["type"] == "run.failed"
    held = await client.begin(http, "[[hold: 1]] [[tokens: 3]]")
    async with http.post(f"/runs/{held['run_id']}/cancel") as reply:
        assert reply.status == 200
    assert (await client.follow(http, held["run_id"]))[-1].data["type"] == "run.cancelled"
    again = await client.begin(http, "[[tokens: 20]]")
    whole = await client.follow(http, again["run_id"])
    assert await client.follow(http, again["run_id"], whole[1].data["sequence"])


async def _approvals(http: aiohttp.ClientSession) -> None:
    for persona, decision in (("asker", "approve"), ("asker", "reject"), ("hasty", "")):
        body = {"message": _BOOK, "persona_type": persona}
        async with http.post("/chat", json=body, headers=JSON) as reply:
            waiting: dict[str, Any] = await reply.json()
        run, call = waiting["run_id"], waiting["approvals"][0]["call_id"]
        if decision:
            path = f"/runs/{run}/approvals/{call}"
            async with http.post(path, json={"decision": decision}) as reply:
                assert reply.status == 200, await reply.text()
        assert (await client.follow(http, run))[-1].data["type"] == "run.completed"


async def _shared(http: aiohttp.ClientSession) -> None:
    for _ in range(2):
        body = {"question": "[[say: shared]]", "persona_type": "talker"}
        async with http.post("/chat", json=body) as reply:
            await reply.read()
            assert reply.status == 200


async def _sockets(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/ws/talk") as ws:
        await ws.send_json({"type": "chat_message", "message": "[[tokens: 3]]"})
        async for message in ws:
            if json.loads(message.data)["type"] == "response_complete":
                return


async def _taken_over(made: Cluster, http: aiohttp.ClientSession) -> None:
    """Stop a worker's clock in the middle of a run, and let it find that another went on."""
    run = await client.begin(http, "[[tokens: 60]] [[pace: 20]]")
    async with http.get(f"/runs/{run['run_id']}/events") as response:
        async for frame in client.frames(response):
            if frame.data["type"] == "message.delta":
                break
    frozen = await made.executing(run["run_id"])
    await made.freeze(frozen)
    assert (await client.follow(http, run["run_id"]))[-1].data["type"] == "run.completed"
    made.thaw(frozen)
    async with asyncio.timeout(20):
        while samples([(await scrape(made))[frozen]])["assistant_run_leases_lost_total{}"] == 0:
            await asyncio.sleep(0.1)
