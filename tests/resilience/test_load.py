"""Many conversations at once, each answered in full and as its own; past the limits, clear 503s."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.resilience.readers import TALKERS, remote

_TURNS = 3


def _crowd(url: str) -> aiohttp.ClientSession:
    """Return a client with as many connections as it wants."""
    return aiohttp.ClientSession(
        url, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60)
    )


async def test_two_hundred_conversations_over_sse_and_fifty_over_websocket(tmp_path: Path) -> None:
    async with processes.server(tmp_path, **TALKERS) as one, _crowd(one.url) as http:
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(_converse(http, f"sse-{number}"))
            for number in range(50):
                group.create_task(_converse_on_socket(http, f"ws-{number}"))
        async with http.get("/stats") as reply:
            stats = await reply.json()
        assert stats["runs"]["completed"] == stats["runs"]["accepted"] == 250 * _TURNS
        assert stats["runs"]["open"] == stats["runs"]["failed"] == 0


async def _converse(http: aiohttp.ClientSession, name: str) -> None:
    for turn in range(_TURNS):
        said = f"I am {name} and this is my turn {turn}"
        frames = await client.chat(http, said, session_id=name)
        assert [frame.id for frame in frames] == list(range(len(frames)))
        assert {frame.data["session_id"] for frame in frames} == {name}
        assert client.text_of(frames) == frames[-1].data["text"] == f"You said: {said}"
    async with http.get(f"/history/{name}") as reply:
        messages = (await reply.json())["messages"]
    expected = [f"I am {name} and this is my turn {turn}" for turn in range(_TURNS)]
    assert [m["content"] for m in messages[::2]] == expected
    assert [m["content"] for m in messages[1::2]] == [f"You said: {said}" for said in expected]


async def _converse_on_socket(http: aiohttp.ClientSession, name: str) -> None:
    async with http.ws_connect(f"/ws/{name}") as ws:
        for turn in range(_TURNS):
            said = f"I am {name} and this is my turn {turn}"
            await ws.send_json({"type": "chat_message", "message": said})
            told: list[dict[str, Any]] = []
            while not told or told[-1]["type"] != "response_complete":
                told.append(json.loads((await ws.receive()).data))
            assert [data["sequence"] for data in told] == list(range(len(told)))
            assert {data["session_id"] for data in told} == {name}
            chunks = [data["content"] for data in told if data["type"] == "response_chunk"]
            assert "".join(chunks) == told[-1]["content"] == f"You said: {said}"


async def test_past_the_limits_clear_503s_and_nothing_else(tmp_path: Path, upstream: str) -> None:
    settings = remote(upstream) | {"MAX_CONCURRENT_REQUESTS": 5, "MAX_QUEUED_REQUESTS": 5}
    async with processes.server(tmp_path, **settings) as one, _crowd(one.url) as http:
        tries = [asyncio.create_task(_try(http, number)) for number in range(50)]
        refused = 0
        for done in asyncio.as_completed(tries):
            refused += await done is None
            if refused == 40:
                break
        async with http.get(f"{upstream}/../_stats?held=5&active=5") as reply:
            assert reply.status == 200, "more or fewer than five execute"
        async with asyncio.timeout(10):
            # The last of those that are accepted may come after the last refusal.
            while await _runs(http) != (5, 5, 10):
                await asyncio.sleep(0.02)
        assert await _try(http, 50) is None

        await _release(http, upstream, "requests=10&held=5")
        await _release(http, upstream, "requests=10&held=0")
        answers = Counter(await asyncio.gather(*tries))
        assert answers.pop(None) == 40
        assert all(count == 1 for count in answers.values())
        assert len(answers) == 10
        assert await _try(http, 51, hold="") == "turn 1: number 51"


async def _runs(http: aiohttp.ClientSession) -> tuple[int, int, int]:
    async with http.get("/stats") as reply:
        runs = (await reply.json())["runs"]
    return runs["executing"], runs["waiting"], runs["accepted"]


async def _release(http: aiohttp.ClientSession, upstream: str, then: str) -> None:
    async with http.post(f"{upstream}/../_release"), http.get(f"{upstream}/../_stats?{then}") as ok:
        assert ok.status == 200, await ok.text()


async def _try(http: aiohttp.ClientSession, number: int, hold: str = "[[hold: 0]]") -> str | None:
    """Send a message; returns the answer, or None for a refusal that is as it must be."""
    body = {"message": f"{hold} number {number}"}
    async with http.post("/chat", json=body) as reply:
        if reply.status == 503:
            error = await reply.json()
            assert error.keys() == {"error", "detail", "correlation_id"}
            assert error["error"] == "Overloaded"
            assert int(reply.headers["Retry-After"]) > 0
            return None
        assert reply.status == 200
        frames = [frame async for frame in client.frames(reply)]
    assert frames[-1].data["type"] == "run.completed"
    assert client.text_of(frames) == f"turn 1: number {number}"
    return client.text_of(frames)
