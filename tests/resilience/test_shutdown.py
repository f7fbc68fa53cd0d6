"""SIGTERM loses nothing, and a reader that stops reading costs nobody else anything."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.resilience.readers import answer_in, browser, remote, two_servers

_TEXT = " ".join(f"w{n}" for n in range(60))
_LONG = "[[tokens: 60]]"
_BIG = "\U0001f40c" * 500  # four bytes each


async def test_running_answers_finish_and_new_ones_are_refused(
    tmp_path: Path, upstream: str
) -> None:
    async with (
        processes.server(tmp_path, **remote(upstream)) as one,
        browser(one.url) as http,
        http.ws_connect("/ws/socket") as ws,
    ):
        await ws.send_json({"type": "chat_message", "message": f"{_LONG} [[hold: 20]]"})
        assert (await ws.receive_json())["type"] == "response_start"
        held = f"{_LONG} [[hold: 20]]"
        streams = [asyncio.create_task(client.chat(http, held)) for _ in range(8)]
        whole = asyncio.create_task(_ask_json(http, held))
        queued = await client.begin(http, "queued", session_id="socket")
        following = asyncio.create_task(client.follow(http, queued["run_id"]))
        await _model(http, f"{upstream}/../_stats?held=10")
        leaving = asyncio.create_task(one.terminate())
        await _until_draining(http)

        async with http.post("/chat", json={"message": "too late"}) as reply:
            error = await reply.json()
            assert (reply.status, error["error"]) == (503, "Shutting down")
            assert int(reply.headers["Retry-After"]) > 0
        await ws.send_json({"type": "chat_message", "message": "too late"})
        async with http.post(f"{upstream}/../_release"):
            pass

        for frames in await asyncio.gather(*streams):
            assert frames[-1].data["type"] == "run.completed"
            assert client.text_of(frames) == _TEXT
        assert await whole == (200, _TEXT)
        assert client.text_of(await following) == "turn 2: queued"
        told = [json.loads(message.data) async for message in ws]
        assert [t["code"] for t in told if t["type"] == "error"] == ["draining"]
        assert [t["content"] for t in told if t["type"] == "response_complete"] == [_TEXT]
        assert ws.close_code == aiohttp.WSCloseCode.GOING_AWAY
        assert await leaving == 0


async def test_what_takes_longer_than_the_grace_goes_on_after_the_restart(
    tmp_path: Path, upstream: str
) -> None:
    settings = remote(upstream) | {"SHUTDOWN_GRACE_SECONDS": 0.5}
    # Each is held in its middle, the first time it is asked for.
    held = [f"{_LONG} [[hold: 20 times=1]] {name}" for name in ("ws", "sse", "json")]
    async with (
        processes.server(tmp_path, **settings) as one,
        browser(one.url) as http,
        http.ws_connect("/ws/socket") as ws,
    ):
        await ws.send_json({"type": "chat_message", "message": held[0]})
        response = await http.post("/chat", json={"message": held[1], "session_id": "stream"})
        asked = asyncio.create_task(_ask_json(http, held[2]))
        queued = await client.begin(http, "queued", session_id="stream")
        await _model(http, f"{upstream}/../_stats?held=3")
        leaving = asyncio.create_task(one.terminate())
        raw = await response.read()
        told = [json.loads(heard.data) async for heard in ws]
        assert ws.close_code == aiohttp.WSCloseCode.GOING_AWAY
        assert (await asked)[0] == 503
        assert await leaving == 0
    *whole, ending, nothing = raw.split(b"\n\n")
    assert nothing == b""
    assert ending.startswith(b"retry: ")
    assert b"\n: closing" in ending
    frames = [json.loads(frame.partition(b"\ndata: ")[2]) for frame in whole]

    async with processes.server(tmp_path, **settings) as two, browser(two.url) as http:
        rest = await client.follow(http, frames[0]["run_id"], after=frames[-1]["sequence"])
        seen = [*frames, *(frame.data for frame in rest)]
        assert [data["sequence"] for data in seen] == list(range(len(seen)))
        assert seen[-1]["text"] == answer_in(seen) == _TEXT
        found = await client.follow(http, told[0]["run_id"], after=told[-1]["sequence"])
        assert found[0].id == told[-1]["sequence"] + 1
        assert found[-1].data["text"] == _TEXT
        assert (await client.follow(http, queued["run_id"]))[-1].data["text"] == "turn 2: queued"


async def test_with_a_shared_store_another_server_goes_on_at_once(
    tmp_path: Path, upstream: str, redis: processes.RedisProcess
) -> None:
    settings = remote(upstream) | {
        "REDIS_URL": redis.url,
        "SHUTDOWN_GRACE_SECONDS": 0.2,
        "LEASE_SECONDS": 60,
    }
    async with (
        two_servers(tmp_path, **settings) as (one, other),
        browser(one.url) as http,
        browser(other.url) as there,
    ):
        run = await client.begin(http, f"{_LONG} [[hold: 20 times=1]]")
        following = asyncio.create_task(client.follow(there, run["run_id"]))
        await _model(http, f"{upstream}/../_stats?held=1")
        assert await one.terminate() == 0
        async with asyncio.timeout(8):
            found = await following
        assert [frame.id for frame in found] == list(range(len(found)))
        assert found[-1].data["text"] == answer_in(f.data for f in found) == _TEXT


async def test_who_stops_reading_is_dropped_and_comes_back(tmp_path: Path, upstream: str) -> None:
    settings = remote(upstream) | {"WRITE_TIMEOUT_SECONDS": 1}
    async with AsyncExitStack() as sockets:
        one = await sockets.enter_async_context(processes.server(tmp_path, **settings))
        http = await sockets.enter_async_context(browser(one.url))
        big = f"[[say: {' '.join([_BIG] * 31)}]]"
        runs = [await client.begin(http, big) for _ in range(3)]
        path = f"/runs/{runs[0]['run_id']}/events"
        _stuck_get(sockets, one.url, path)
        whole = [await client.follow(http, run["run_id"]) for run in runs]
        _stuck_get(sockets, one.url, path)
        await _stuck_socket(sockets, one.url, runs)
        answer = await client.chat(http, "who is next?")
        assert client.text_of(answer) == "turn 1: who is next?"
        await _until_quiet(http)
        assert one.log.read_text().count('"stream.dropped"') == 3
        assert await client.follow(http, runs[0]["run_id"], after=5) == whole[0][6:]


async def _ask_json(http: aiohttp.ClientSession, message: str) -> tuple[int, Any]:
    async with http.post("/chat", json={"message": message, "stream": False}) as reply:
        body = await reply.json()
        return reply.status, body.get("response")


async def _model(http: aiohttp.ClientSession, stats: str) -> None:
    """Wait until the model's books say so."""
    async with http.get(stats) as reply:
        assert reply.status == 200, await reply.text()


async def _until_draining(http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(5):
        while True:
            async with http.get("/health/ready") as reply:
                if reply.status == 503:
                    assert (await reply.json())["error"] == "Shutting down"
                    return


async def _until_quiet(http: aiohttp.ClientSession) -> None:
    """Wait until the server has no stream open any more."""
    async with asyncio.timeout(8):
        while True:
            async with http.get("/", headers=client.JSON) as reply:
                open_ = (await reply.json())["active_connections"]
            if not open_.get("sse") and not open_.get("websocket"):
                return
            await asyncio.sleep(0.05)


def _connect(sockets: AsyncExitStack, url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    sock = sockets.enter_context(socket.socket())
    # Small segments keep the kernel from taking megabytes for the server to send.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect((host, int(port)))
    return sock


def _stuck_get(sockets: AsyncExitStack, url: str, path: str) -> None:
    """Ask for a stream, and never read a byte of it."""
    sock = _connect(sockets, url)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())


async def _stuck_socket(sockets: AsyncExitStack, url: str, runs: list[dict[str, Any]]) -> None:
    """Open a WebSocket, ask for runs, and read nothing after the handshake."""
    sock = _connect(sockets, url)
    head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    sock.sendall(f"GET /ws/stuck HTTP/1.1\r\nHost: test\r\n{head}{key}\r\n".encode())
    loop = asyncio.get_running_loop()
    assert b" 101 " in await loop.run_in_executor(None, sock.recv, 1024)
    for run in runs:
        body = json.dumps({"type": "resume", "run_id": run["run_id"], "after": -1}).encode()
        # Masked with zeros, a client's frame is its text.
        sock.sendall(bytes([0x81, 0x80 | len(body)]) + bytes(4) + body)
