"""Redis gone at the start and in mid-stream, and back: said clearly, and nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.client import Frame
from tests.resilience.readers import TALKERS, answer_in, browser, remote, two_servers

_NOWHERE = "redis://127.0.0.1:1/0"
_LONG = "[[tokens: 100]] [[pace: 20]]"
_LONG_TEXT = " ".join(f"w{n}" for n in range(100))


async def test_without_redis_at_the_start_the_embedded_store_serves(tmp_path: Path) -> None:
    settings = TALKERS | {"REDIS_URL": _NOWHERE}
    async with processes.server(tmp_path, **settings) as one, browser(one.url) as http:
        health = await _get(http, "/health")
        assert health["status"] == "degraded"
        assert health["store"] == {"kind": "embedded", "reachable": True, "fallback": True}
        async with http.get("/health/ready") as reply:
            assert reply.status == 200
        assert client.text_of(await client.chat(http, "hello")) == "You said: hello"
        lines = [json.loads(line) for line in one.log.read_text().splitlines()]
        warning = next(line for line in lines if line["event"] == "store.fallback")
        assert (warning["level"], warning["to"]) == ("warning", "embedded")


async def test_without_redis_at_the_start_it_can_refuse_to_start(tmp_path: Path) -> None:
    settings = {"REDIS_URL": "redis://:hush@127.0.0.1:1/0", "STORE_FALLBACK": "fail"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "assistant", "--env-file", os.devnull, "serve"),
        env=processes.environment(tmp_path, **TALKERS, **settings),
        cwd=processes.ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, errors = await process.communicate()
    said = [line for line in errors.decode().splitlines() if line.startswith("assistant: ")]
    assert process.returncode == 2
    assert out == b""
    assert len(said) == 1
    assert said[0].startswith("assistant: REDIS_URL: 127.0.0.1 cannot be reached")
    assert "STORE_FALLBACK=embedded" in said[0]
    assert b"hush" not in errors
    assert b"Traceback" not in errors


async def test_redis_goes_in_mid_stream_and_comes_back(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = remote(upstream) | {"REDIS_URL": redis.url, "HEARTBEAT_SECONDS": 0.2}
    async with processes.server(tmp_path / "one", **settings) as one, browser(one.url) as http:
        for away in (0.5, 2.5):  # shorter than a lease, and longer
            found = await _outlive(http, redis, f"s{away}", away)
            _check_whole(found)
            await _check_all_well(http)
            assert await client.follow(http, found[0].data["run_id"]) == found
            answer = await client.chat(http, "after", session_id=f"s{away}")
            assert client.text_of(answer) == "turn 2: after"


async def _outlive(
    http: aiohttp.ClientSession, redis: processes.RedisProcess, name: str, away: float
) -> list[Frame]:
    """Read an answer in whose middle Redis goes and comes back."""
    async with http.post("/chat", json={"message": _LONG, "session_id": name}) as response:
        stream = _told(response)
        seen = [await anext(stream) for _ in range(5)]
        await redis.stop()
        gone = time.monotonic()
        await _see_beats(stream, seen)
        await _check_refusals(http, name)
        await asyncio.sleep(max(0.0, away - (time.monotonic() - gone)))
        await redis.start()
        back = time.monotonic()
        seen += [item async for item in stream]
        assert time.monotonic() - back < 6
    return [item for item in seen if isinstance(item, Frame)]


async def test_with_two_servers_nobody_takes_a_living_ones_run(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    """The leases lapse while Redis is away, but their holders live, and come first after."""
    settings = remote(upstream) | {"REDIS_URL": redis.url, "LEASE_SECONDS": 1}
    async with (
        two_servers(tmp_path, **settings) as (one, two),
        browser(one.url) as http,
        browser(two.url) as there,
    ):
        for silent in (True, False):
            await _share_an_outage(http, there, redis, silent=silent)


async def _share_an_outage(
    http: aiohttp.ClientSession,
    there: aiohttp.ClientSession,
    redis: processes.RedisProcess,
    *,
    silent: bool,
) -> None:
    runs = [await client.begin(door, _LONG) for door in (http, there, http, there)]
    following = [
        asyncio.create_task(client.follow(door, run["run_id"]))
        for run in runs
        for door in (http, there)
    ]
    await asyncio.sleep(0.5)
    if silent:
        redis.pause()
    else:
        await redis.stop()
    await asyncio.sleep(2.2)
    if silent:
        redis.resume()
    else:
        await redis.start()
    logs = await asyncio.gather(*following)
    for here, elsewhere in zip(logs[::2], logs[1::2], strict=True):
        assert here == elsewhere
        _check_whole(here)
        assert client.text_of(here) == _LONG_TEXT, "begun again"


async def test_redis_restarts_again_and_again_under_load(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = remote(upstream) | {"REDIS_URL": redis.url}
    async with (
        processes.server(tmp_path / "one", **settings) as one,
        browser(one.url) as http,
        AsyncExitStack() as open_streams,
    ):
        following = []
        for _ in range(12):
            run = await client.begin(http, _LONG)
            # Open before the first outage: who comes within one is told to come again.
            stream = await open_streams.enter_async_context(
                http.get(f"/runs/{run['run_id']}/events")
            )
            following.append(asyncio.create_task(_read(stream)))
        for _ in range(4):
            await asyncio.sleep(0.2)
            await redis.stop()
            await redis.start()
        for log in await asyncio.gather(*following):
            _check_whole(log)
            assert [frame.data["attempt"] for frame in log if "attempt" in frame.data] == [1]


async def _read(stream: aiohttp.ClientResponse) -> list[Frame]:
    assert stream.status == 200, await stream.text()
    return [frame async for frame in client.frames(stream)]


async def _told(response: aiohttp.ClientResponse) -> AsyncIterator[Frame | str]:
    """Yield the frames of a stream, and its heartbeats as text."""
    assert response.status == 200, await response.text()
    buffer = b""
    async for chunk in response.content.iter_any():
        buffer += chunk
        while b"\n\n" in buffer:
            raw, _, buffer = buffer.partition(b"\n\n")
            if raw.startswith(b":"):
                yield raw.decode()
                continue
            number, data = raw.split(b"\n")
            yield Frame(int(number[4:]), json.loads(data[6:]), raw + b"\n\n")


async def _see_beats(stream: AsyncIterator[Frame | str], seen: list[Frame | str]) -> None:
    """Read on until three heartbeats have come in a row."""
    row = 0
    async with asyncio.timeout(10):
        while row < 3:
            item = await anext(stream)
            seen.append(item)
            row = row + 1 if item == ": heartbeat" else 0


async def _check_refusals(http: aiohttp.ClientSession, name: str) -> None:
    for body in ({"message": "now?"}, {"message": "now?", "session_id": name}, {"question": "?"}):
        begun = time.monotonic()
        async with http.post("/chat", json=body) as reply:
            error = await reply.json()
            assert (reply.status, error["error"]) == (503, "Store unavailable")
            assert int(reply.headers["Retry-After"]) > 0
            assert error.keys() == {"error", "detail", "correlation_id"}
        assert time.monotonic() - begun < 1.5, "refused too late"
    health = await _get(http, "/health")
    assert health["status"] == "degraded"
    assert health["store"] == {"kind": "redis", "reachable": False, "fallback": False}
    async with http.get("/health/ready") as reply:
        assert (reply.status, (await reply.json())["error"]) == (503, "Store unavailable")
        assert "Retry-After" in reply.headers
    async with http.get("/health/live") as reply:
        assert reply.status == 200


async def _check_all_well(http: aiohttp.ClientSession) -> None:
    health = await _get(http, "/health")
    assert health["status"] == "healthy"
    async with http.get("/health/ready") as reply:
        assert reply.status == 200


def _check_whole(found: list[Frame]) -> None:
    assert [frame.id for frame in found] == list(range(len(found)))
    assert found[-1].data["type"] == "run.completed"
    assert found[-1].data["text"] == answer_in(f.data for f in found) == _LONG_TEXT


async def _get(http: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with http.get(path) as reply:
        assert reply.status == 200
        body: dict[str, Any] = await reply.json()
        return body
