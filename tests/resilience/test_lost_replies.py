"""A store whose replies get lost: what is done again is done once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.resilience.readers import answer_in, browser, remote


class _Thief:
    """Stands between a server and its Redis; takes replies away, with the connection.

    Attributes:
        chance: how likely it takes what comes next, which may be many replies.
        stolen: how often it did.
    """

    def __init__(self, port: int) -> None:
        self.chance = 0.0
        self.stolen = 0
        self._port = port
        self._random = random.Random(7)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[str]:
        """Listen; yields the URL."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
            self.chance = 0

    async def _relay(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", self._port)
        there = asyncio.create_task(self._pass(from_client, to_redis))
        back = asyncio.create_task(self._pass(from_redis, to_client, steals=True))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        to_client.transport.abort()
        to_redis.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, steals: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if steals and self._random.random() < self.chance:
                    self.stolen += 1
                    return
                writer.write(data)
                await writer.drain()


async def test_what_is_done_again_is_done_once(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    thief = _Thief(redis.port)
    async with thief.at_work() as url:
        settings = remote(upstream) | {"REDIS_URL": url}
        async with (
            processes.server(tmp_path / "one", **settings) as one,
            browser(one.url) as http,
        ):
            thief.chance = 0.15
            async with asyncio.timeout(40):
                await asyncio.gather(*(_converse(http, number) for number in range(8)))
    assert thief.stolen > 20


async def _converse(http: aiohttp.ClientSession, number: int) -> None:
    """Talk for two turns, insisting with an idempotency key, and check what came of it."""
    name, long = f"s{number}", f"[[tokens: 50]] [[pace: 20]] {number}"
    for message in (long, f"second {number}"):
        run = await _insist(http, name, message)
        found = await _follow(http, run["run_id"])
        assert [frame.id for frame in found] == list(range(len(found)))
        assert found[-1].data["type"] == "run.completed"
        assert answer_in(frame.data for frame in found) == found[-1].data["text"]
        assert not any(frame.data["type"] == "message.discarded" for frame in found)
    messages = [(m["role"], m["content"]) for m in await _history(http, name)]
    assert messages == [
        ("user", long),
        ("assistant", " ".join(f"w{n}" for n in range(50))),
        ("user", f"second {number}"),
        ("assistant", f"turn 2: second {number}"),
    ]


async def _follow(http: aiohttp.ClientSession, run_id: str) -> list[client.Frame]:
    while True:
        async with http.get(f"/runs/{run_id}/events") as reply:
            # Where two replies in a row are lost, the server says so, and to come back.
            if reply.status != 503:
                return [frame async for frame in client.frames(reply)]


async def _history(http: aiohttp.ClientSession, name: str) -> list[dict[str, str]]:
    while True:
        async with http.get(f"/history/{name}") as reply:
            if reply.status != 503:
                messages: list[dict[str, str]] = (await reply.json())["messages"]
                return messages


async def _insist(http: aiohttp.ClientSession, name: str, message: str) -> dict[str, Any]:
    body = {"message": message, "session_id": name, "background": True}
    headers = {"Idempotency-Key": f"{name} {message}".replace(" ", "-")}
    while True:
        async with http.post("/chat", json=body, headers=headers) as reply:
            if reply.status == 202:
                accepted: dict[str, Any] = await reply.json()
                return accepted
            assert reply.status == 503
