"""A model that sends what no encoding can carry harms neither its own run nor any other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from aiohttp import web

from tests import client, processes
from tests.resilience.readers import answer_in, browser, remote
from tests.upstream import serving

# JSON can spell half of a surrogate pair, and some servers cut pairs in two.
_DELTAS = ["a ", "\ud83d", "\ude00", " b ", "\udc00", " c \ud83d", " d \ud83d\ude00", "\ud83d"]
_TEXT = "a \U0001f600 b \ufffd c \ufffd d \U0001f600\ufffd"


async def _halves(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for delta in _DELTAS:
        await response.write(_chunk({"content": delta}, None))
        await asyncio.sleep(0.02)
    await response.write(_chunk({}, "stop") + b"data: [DONE]\n\n")
    return response


def _chunk(delta: dict[str, str], finish: str | None) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({**head, "choices": [choice]}).encode()


async def test_half_characters_are_joined_or_replaced(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _halves)
    async with (
        serving(app) as upstream,
        processes.server(tmp_path, **remote(f"{upstream}/v1")) as one,
        browser(one.url) as http,
    ):
        async with asyncio.timeout(10):
            first = await client.chat(http, "say", session_id="odd")
            second = await client.chat(http, "again", session_id="odd")
        for found in (first, second):
            assert found[-1].data["type"] == "run.completed", found[-1]
            assert found[-1].data["text"] == answer_in(f.data for f in found) == _TEXT
        async with http.get("/history/odd") as reply:
            messages = (await reply.json())["messages"]
        assert [m["content"] for m in messages] == ["say", _TEXT, "again", _TEXT]
