"""A yes that comes hours later, to other processes than those that asked for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import client
from tests.chaos.cluster import Cluster, cluster
from tests.client import JSON, Frame
from tests.resilience.readers import remote

pytestmark = [pytest.mark.long, pytest.mark.no_cover, pytest.mark.timeout(120)]

BOOK = f"[[tool: book {json.dumps({'what': 'Monday'})}]] [[then]] [[tokens: 3]]"


@asynccontextmanager
async def _http(made: Cluster, user: str, roles: str = "") -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"X-User": user, "X-Roles": roles}
    async with aiohttp.ClientSession(made.door(), headers=headers) as http:
        yield http


async def _ask(http: aiohttp.ClientSession, persona: str) -> dict[str, Any]:
    """Send a message, and return what waits for a yes once it does."""
    body = {"message": BOOK, "persona_type": persona}
    async with http.post("/chat", json=body, headers=JSON) as reply:
        assert reply.status == 202, await reply.text()
        waiting: dict[str, Any] = await reply.json()
    assert waiting["status"] == "waiting"
    return waiting


async def _decide(
    http: aiohttp.ClientSession, run: str, call: str, decision: str = "approve", **more: str
) -> int:
    path = f"/runs/{run}/approvals/{call}"
    async with http.post(path, json={"decision": decision, **more}) as reply:
        return reply.status


async def _rest(http: aiohttp.ClientSession, run: str, after: int = -1) -> list[Frame]:
    async with asyncio.timeout(20):
        return await client.follow(http, run, after)


def _outcome(frames: list[Frame]) -> Mapping[str, Any]:
    returned = [f.data for f in frames if f.data["type"] == "tool.returned"]
    assert len(returned) == 1
    return returned[0]


async def _all_anew(made: Cluster) -> None:
    """End every process, the store included, and start them again."""
    made.revives = False
    for name in made.members:
        await made.terminate(name)
    await made.redis.stop()
    await made.redis.start()
    for name in made.members:
        await made.start(name)


@pytest.fixture
async def made(tmp_path: Path, upstream: str) -> AsyncIterator[Cluster]:
    settings: dict[str, object] = {
        name: value
        for name, value in remote(upstream).items()
        if name not in {"AGENTS_DIR", "DEFAULT_PERSONA"}
    }
    settings |= {"RUN_MODE": "workers", "LEASE_SECONDS": 1, "LEASE_RENEW_SECONDS": 0.2}
    async with cluster(tmp_path, 1, 1, 1, settings) as made:
        yield made


async def test_a_yes_after_everything_was_restarted_is_carried_out_once(made: Cluster) -> None:
    async with _http(made, "ann") as http:
        waiting = await _ask(http, "asker")
    run, (approval,) = waiting["run_id"], waiting["approvals"]
    call = approval["call_id"]
    assert made.database.effects() == []
    await _all_anew(made)
    async with _http(made, "bob") as http:
        assert await _decide(http, run, call) == 404, "of somebody else's there is nothing to see"
    async with _http(made, "ann") as http:
        async with http.get(f"/runs/{run}") as reply:
            assert (await reply.json())["status"] == "waiting"
        seen = await _until_asked(http, run)
        assert await _decide(http, run, "call_forged") == 404
        assert await _decide(http, "run_forged", call) == 404
        assert await _decide(http, run, call, arguments_hash="0" * 64) == 409
        assert made.database.calls() == []
        shown = approval["arguments_hash"]
        decisions = [_decide(http, run, call, arguments_hash=shown) for _ in range(20)]
        assert sorted(await asyncio.gather(*decisions)) == [200] + [409] * 19
        found = await _rest(http, run, seen[-1].data["sequence"])
        assert found[0].data["type"] == "approval.resolved"
        assert _outcome(found)["outcome"] == "ok"
        assert found[-1].data["type"] == "run.completed"
        assert await _decide(http, run, call) == 409, "a decision counts once"
        whole = await _rest(http, run)
        assert [f.id for f in whole] == list(range(len(whole)))
        assert not [f for f in whole if f.data["type"] == "message.discarded"]
    assert [row.tool for row in made.database.effects()] == ["book"]
    assert made.database.calls_of(run) == {"book": 1}


async def _until_asked(http: aiohttp.ClientSession, run: str) -> list[Frame]:
    """Read what there is before the run waits."""
    found = []
    async with http.get(f"/runs/{run}/events") as response:
        async for frame in client.frames(response):
            found.append(frame)
            if frame.data["type"] == "approval.requested":
                return found
    raise AssertionError("it never asked")


async def test_a_yes_that_comes_too_late_changes_nothing(made: Cluster) -> None:
    async with _http(made, "ann") as http:
        waiting = await _ask(http, "hasty")
        run, call = waiting["run_id"], waiting["approvals"][0]["call_id"]
        found = await _rest(http, run)
        resolved = [f.data for f in found if f.data["type"] == "approval.resolved"]
        assert [r["decision"] for r in resolved] == ["expired"]
        assert _outcome(found)["outcome"] == "expired"
        assert found[-1].data["type"] == "run.completed"
        assert await _decide(http, run, call) == 409
    assert made.database.calls() == []


async def test_a_no_is_told_to_the_model_and_to_the_user(made: Cluster, upstream: str) -> None:
    async with _http(made, "ann") as http:
        waiting = await _ask(http, "asker")
        run, call = waiting["run_id"], waiting["approvals"][0]["call_id"]
        assert await _decide(http, run, call, "reject", reason="Tuesday is better") == 200
        found = await _rest(http, run)
        resolved = next(f.data for f in found if f.data["type"] == "approval.resolved")
        assert (resolved["decision"], resolved["by"]) == ("rejected", "ann")
        assert resolved["reason"] == "Tuesday is better"
        assert _outcome(found)["outcome"] == "rejected"
        async with http.get(f"{upstream}/../_requests") as reply:
            last = (await reply.json())[-1]["body"]["messages"][-1]
        assert last["role"] == "tool"
        assert "declined" in last["content"]
        assert "Tuesday is better" in last["content"]
    assert made.database.calls() == []


async def test_the_decision_is_a_roles_where_the_persona_says_so(made: Cluster) -> None:
    async with _http(made, "ann") as ann, _http(made, "dan", "desk") as dan:
        waiting = await _ask(ann, "desk")
        run, call = waiting["run_id"], waiting["approvals"][0]["call_id"]
        assert await _decide(ann, run, call) == 403
        async with dan.get("/approvals") as reply:
            assert [a["call_id"] for a in (await reply.json())["approvals"]] == [call]
        assert await _decide(dan, run, call) == 200
        assert _outcome(await _rest(ann, run))["outcome"] == "ok"
    assert [row.run_id for row in made.database.effects()] == [run]


async def _executing(http: aiohttp.ClientSession) -> int:
    async with http.get("/health") as reply:
        return int((await reply.json())["workers"]["executing"])


async def test_a_run_that_waits_can_be_cancelled_and_holds_up_nobody(made: Cluster) -> None:
    async with _http(made, "ann") as http:
        waiting = [await _ask(http, "asker") for _ in range(3)]
        async with asyncio.timeout(5):
            while await _executing(http):  # told once in a round
                await asyncio.sleep(0.05)
        run, session = waiting[0]["run_id"], waiting[0]["session_id"]
        behind = await client.begin(http, "[[tokens: 2]]", session_id=session)
        async with http.post(f"/runs/{run}/cancel") as reply:
            assert (await reply.json())["status"] == "cancelled"
        assert (await _rest(http, behind["run_id"]))[-1].data["type"] == "run.completed"
        assert await _decide(http, run, waiting[0]["approvals"][0]["call_id"]) == 409
    assert made.database.calls() == []


async def test_a_decision_outlives_the_process_that_took_it(made: Cluster) -> None:
    """Nobody rings for the run that may go on; whoever tends finds it."""
    async with _http(made, "ann") as http:
        waiting = await _ask(http, "asker")
        made.revives = False
        for name in made.names("worker"):
            await made.kill(name)
        run, call = waiting["run_id"], waiting["approvals"][0]["call_id"]
        assert await _decide(http, run, call) == 200
    for name in made.names("server"):
        await made.kill(name)
    for name in made.members:
        await made.start(name)
    async with _http(made, "ann") as http:
        assert _outcome(await _rest(http, run))["outcome"] == "ok"
    assert made.database.calls_of(run) == {"book": 1}
