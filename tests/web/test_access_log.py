"""What a server process logs of its requests: ids in every line, content in none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from assistant.web.access_log import address_shown
from tests import client, processes
from tests.conftest import DATA
from tests.loglines import Written, written
from tests.web.conftest import MakeSite
from tests.web.site import Site
from tests.web.sockets import connected

CANARY = "canary7f3a"
DEMO = {"AGENTS_DIR": DATA / "talkers", "DEFAULT_PERSONA": "talker", "LOG_LEVEL": "DEBUG"}


async def test_the_lines_of_a_request_share_its_correlation_id(site: Site, logged: Written) -> None:
    answer = await site.post("/chat", {"message": "hello"}, X_Correlation_ID="abc-123")
    run_id = answer["run_id"]
    await site.ended(run_id)
    lines = [line for line in logged.lines if line.get("correlation_id") == "abc-123"]
    events = [line["event"] for line in lines]
    assert events == ["run.accepted", "run.started", "run.ended", "http.request"]
    assert [line.get("run_id") for line in lines[:3]] == [run_id] * 3
    assert {line.get("session_id") for line in lines[1:3]} == {answer["session_id"]}
    request = lines[-1]
    assert (request["method"], request["route"], request["status"]) == ("POST", "/chat", 200)
    assert "error" not in request or request["error"] is None
    assert all({"timestamp", "level"} <= line.keys() for line in lines)


async def test_a_refused_request_is_one_line_with_its_code(site: Site, logged: Written) -> None:
    await site.post("/chat", {"message": CANARY, CANARY: 1}, 400)
    (line,) = logged.lines
    assert (line["event"], line["status"], line["error"]) == (
        "http.request",
        400,
        "invalid_request",
    )
    assert CANARY not in logged.text


async def test_a_line_tells_the_kind_of_a_stream_and_the_bytes_sent(
    site: Site, logged: Written
) -> None:
    body = await client.chat(site.http, "hello")
    async with connected(site) as socket:
        await socket.send("ping")
        await socket.hear()
    async with site.http.get("/health") as response:
        plain = len(await response.read())
    lines = {line["route"]: line for line in await _requests(logged, 3)}
    assert lines["/chat"]["stream"] == "sse"
    assert lines["/chat"]["bytes"] > len(client.text_of(body))
    assert lines["/ws/{session_id}"]["stream"] == "websocket"
    assert (lines["/health"].get("stream"), lines["/health"]["bytes"]) == (None, plain)
    assert not any("user_agent" in line or "client_address" in line for line in lines.values())


async def _requests(logged: Written, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(5):
        while True:
            lines = [line for line in logged.lines if line["event"] == "http.request"]
            if len(lines) == count:
                return lines
            await asyncio.sleep(0)


async def test_who_asks_is_told_where_that_is_asked_for(make_site: MakeSite) -> None:
    site = await make_site(ACCESS_LOG_IP="masked", ACCESS_LOG_USER_AGENT="true")
    with written() as log:
        async with site.http.get("/health", headers={"User-Agent": "a" * 500}):
            (line,) = await _requests(log, 1)
    assert line["client_address"] == "127.0.0.0/24"
    assert line["user_agent"] == "a" * 200


async def test_a_method_is_one_of_the_standards_or_none(site: Site, logged: Written) -> None:
    async with site.http.request("PROPFIND", "/chat") as response:
        assert response.status == 405
    (line,) = await _requests(logged, 1)
    assert (line["method"], line["status"]) == ("_OTHER", 405)


@pytest.mark.parametrize(
    ("address", "masked", "full"),
    [
        ("203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("::ffff:203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", "2001:db8:1:2:3:4:5:6"),
        ("fe80::1%eth0", "fe80::/48", "fe80::1"),
        ("", None, None),
        (None, None, None),
        ("unix:", None, None),
    ],
)
def test_addresses(address: str | None, masked: str | None, full: str | None) -> None:
    assert address_shown(address, "off") is None
    assert address_shown(address, "masked") == masked
    assert address_shown(address, "full") == full


async def test_content_is_in_no_line(tmp_path: Path) -> None:
    async with processes.server(tmp_path, **DEMO) as running:
        async with aiohttp.ClientSession(running.url) as http:
            await _say_everywhere(http)
        assert await running.terminate() == 0
        text = running.log.read_text()
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert {"run.accepted", "run.ended", "http.request"} <= {line["event"] for line in lines}
    assert CANARY not in text
    assert not [line for line in lines if line["level"] in {"warning", "error", "critical"}]


async def _say_everywhere(http: aiohttp.ClientSession) -> None:
    private: dict[str, Any] = {
        "user_id": f"user-{CANARY}",
        "context": {"page": CANARY, CANARY: CANARY},
    }
    said = {"message": f"my {CANARY}", "history": [{"role": "user", "content": CANARY}]}
    frames = await client.chat(http, f"my {CANARY}", session_id="one", **private)
    assert CANARY in client.text_of(frames)
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/chat", {**said, **private, "stream": False}),
        ("/chat", {"question": CANARY, **private}),
        ("/chat", {"message": CANARY, "persona_type": CANARY}),
        ("/chat", {"message": CANARY, "model": CANARY}),
        ("/chat", {"message": CANARY, CANARY: CANARY}),
        ("/sessions", private),
        (f"/{CANARY}", private),
    ]
    for path, body in bodies:
        async with http.post(path, json=body, headers={"Idempotency-Key": CANARY}) as response:
            await response.read()
    async with http.get(f"/runs/{CANARY}", params={"after": CANARY}) as response:
        assert response.status == 404
    async with http.ws_connect("/ws/one", headers={"User-Agent": CANARY}) as ws:
        for message in (
            {"type": "chat_message", "message": CANARY, **private},
            {"type": CANARY},
            {"type": "ping", CANARY: CANARY},
            {"type": "cancel", "run_id": CANARY},
        ):
            await ws.send_json(message)
        seen = ""
        while seen.count('"error"') < 3 or "response_complete" not in seen:
            seen += await ws.receive_str(timeout=5)
