"""What happens to runs is in `/metrics`, of a server and of workers, and no instrument is dead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.openmetrics import parser

from assistant.metrics import TABLE
from tests.chaos.cluster import Cluster
from tests.telemetry.metrics_scene import families, prometheus_name, samples, scene
from tests.telemetry.promtool import checked, promtool

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

_BY_DECISION = "assistant_approval_wait_seconds_count"
_CALLS = "assistant_tool_calls_total"
_RUNS = "assistant_runs_total"
_TOLD = {
    f"{_RUNS}{{outcome=cancelled,persona=booker}}": 1,
    f"{_RUNS}{{error_type=model_unavailable,outcome=failed,persona=booker}}": 1,
    f"{_RUNS}{{outcome=completed,persona=asker}}": 2,
    f"{_CALLS}{{gen_ai_tool_name=look_up,outcome=ok}}": 1,
    f"{_CALLS}{{gen_ai_tool_name=other,outcome=error}}": 1,
    f"{_CALLS}{{gen_ai_tool_name=book,outcome=ok}}": 1,
    f"{_CALLS}{{gen_ai_tool_name=book,outcome=rejected}}": 1,
    f"{_CALLS}{{gen_ai_tool_name=book,outcome=expired}}": 1,
    "assistant_run_takeovers_total{}": 1,
    "assistant_run_leases_lost_total{}": 1,
    "assistant_approvals_requested_total{by=user}": 3,
    f"{_BY_DECISION}{{decision=approved}}": 1,
    f"{_BY_DECISION}{{decision=rejected}}": 1,
    f"{_BY_DECISION}{{decision=expired}}": 1,
    "assistant_cache_lookups_total{result=hit}": 1,
    "assistant_cache_lookups_total{result=miss}": 1,
    "assistant_stream_resume_gap_count{}": 1,
    "assistant_streams_open{kind=sse}": 0,
    "assistant_store_up{}": 3,
}


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Watch nothing: the servers are processes of their own here."""


async def test_everything_is_told_once(tmp_path: Path, upstream: str) -> None:
    async with scene(tmp_path, upstream) as (made, texts):
        found = samples(texts.values())
        assert {name: found.get(name) for name in _TOLD} == _TOLD
        known = {family.name for family in families(texts.values())}
        assert [row.name for row in TABLE if prometheus_name(row) not in known] == []
        if promtool() is not None:
            for text in texts.values():
                assert await checked("check", "metrics", stdin=text) == ""
        await _in_both_formats(made)
        await _asked_for_once_a_second(made)
        await _without_the_store(made)


async def _in_both_formats(made: Cluster) -> None:
    url = f"{made.door()}/metrics"
    operator = {"X-Roles": "operator"}
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as response:
            assert response.status == 403
        async with http.get(url, headers=operator | {"Accept": "text/html, */*"}) as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        asked = (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        )
        async with http.get(url, headers=operator | {"Accept": asked}) as response:
            kind = response.headers["Content-Type"]
            assert kind.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
            text = await response.text()
    assert text.endswith("# EOF\n")
    assert "assistant_approval_wait_seconds" in _openmetrics(text)


def _openmetrics(text: str) -> set[str]:
    found = parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {family.name for family in found}


async def _asked_for_once_a_second(made: Cluster) -> None:
    async def looks() -> int:
        return int((await made.raw.info("commandstats"))["cmdstat_scard"]["calls"])

    loop = asyncio.get_running_loop()
    before, begun = await looks(), loop.time()
    async with aiohttp.ClientSession(headers={"X-Roles": "operator"}) as http:
        await asyncio.gather(*(_asked(made, http) for _ in range(20)))
    assert await looks() - before <= 2 + loop.time() - begun


async def _without_the_store(made: Cluster) -> None:
    """Tell what there is, and soon, while the store says nothing."""
    made.redis.pause()
    try:
        async with aiohttp.ClientSession(headers={"X-Roles": "operator"}) as http:
            async with asyncio.timeout(10):
                while (up := await _asked(made, http)).get("assistant_store_up{}") != 0:
                    await asyncio.sleep(0.1)
    finally:
        made.redis.resume()
    assert not any(name.startswith(("assistant_queue_depth", "assistant_workers")) for name in up)
    assert up["assistant_worker_slots{}"] == 0


async def _asked(made: Cluster, http: aiohttp.ClientSession) -> dict[str, float]:
    begun = asyncio.get_running_loop().time()
    async with http.get(f"{made.door()}/metrics") as response:
        assert response.status == 200
        found = samples([await response.text()])
    assert asyncio.get_running_loop().time() - begun < 3
    return found
