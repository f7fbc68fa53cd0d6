"""What a server process logs of its requests: ids in every line, content in none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.conftest import DATA
from tests.loglines import Written
from tests.web.site import Site

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
