"""`POST /chat`: one answer in three deliveries, and the frames it comes in."""

from __future__ import annotations

import json
import re
from typing import Any

import aiohttp
import pytest

from assistant.web.keys import PARTS
from tests import client
from tests.web.conftest import MakeSite
from tests.web.site import Site

BASE = [
    *("type", "status", "content", "sequence", "is_final"),
    *("run_id", "session_id", "correlation_id"),
]
USAGE = {"input_tokens", "output_tokens", "total_tokens", "requests"}
EVENTS, JSON = "text/event-stream", "application/json"
DELIVERIES: list[tuple[str | None, dict[str, Any], str]] = [
    (None, {}, EVENTS),
    ("*/*", {}, EVENTS),
    ("text/event-stream", {}, EVENTS),
    ("text/event-stream, application/json", {}, EVENTS),
    ("text/html", {}, EVENTS),
    ("application/json", {}, JSON),
    ("application/json, text/plain, */*", {}, JSON),
    ("application/json", {"stream": None}, JSON),
    ("application/json", {"stream": True}, EVENTS),
    ("*/*", {"stream": False}, JSON),
    ("text/event-stream", {"stream": False}, JSON),
]


async def test_delivery_follows_stream_then_accept(site: Site, subtests: pytest.Subtests) -> None:
    for accept, fields, media in DELIVERIES:
        with subtests.test(accept=accept, fields=fields):
            async with site.http.post(
                "/chat",
                json={"message": "hello"} | fields,
                headers={"Accept": accept} if accept else {},
                skip_auto_headers={"Accept"},
            ) as response:
                assert (response.status, response.content_type) == (200, media)
                await response.read()


async def test_frames_are_as_the_contract_has_them(site: Site) -> None:
    async with site.http.post(
        "/chat",
        json={"message": "[[say: The café is öpen]]", "session_id": "a-session"},
        headers={"X-Correlation-ID": "abc-123"},
    ) as response:
        found = [frame async for frame in client.frames(response)]
        headers = response.headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Correlation-ID"] == "abc-123"
    assert "Content-Encoding" not in headers
    for number, frame in enumerate(found):
        assert re.fullmatch(rb"id: %d\ndata: \{[^\n]*\}\n\n" % number, frame.raw)
        assert list(frame.data)[:8] == BASE
        assert frame.data["sequence"] == number
        assert frame.data["status"] in {"processing", "streaming", "completed"}
        assert frame.data["is_final"] is (frame is found[-1])
        assert frame.data["run_id"] == headers["X-Run-ID"]
        assert (frame.data["session_id"], frame.data["correlation_id"]) == ("a-session", "abc-123")
    assert found[0].data["status"] == "processing"
    assert client.text_of(found) == "The café is öpen"
    delta = next(frame.data for frame in found if frame.data["content"])
    assert (delta["type"], delta["status"]) == ("message.delta", "streaming")
    last = found[-1].data
    assert (last["status"], last["content"], set(last["usage"])) == ("completed", "", USAGE)
    run = await site.get(f"/runs/{last['run_id']}")
    assert run["text"] == client.text_of(found)
    assert run["usage"] == last["usage"]


async def test_a_session_is_made_and_named_in_the_first_frame(site: Site) -> None:
    first, *rest = await client.chat(site.http, "hello")
    session_id = first.data["session_id"]
    assert re.fullmatch("ses_[0-9a-f]{24}", session_id)
    assert {frame.data["session_id"] for frame in rest} == {session_id}
    assert (await site.get(f"/sessions/{session_id}"))["persona_type"] == "talker"


async def test_json_is_the_same_answer_whole(site: Site) -> None:
    said = {"message": "[[say: The whole of it]]", "session_id": "one"}
    answer = await site.post("/chat", said, X_Correlation_ID="abc-123")
    frames = await client.follow(site.http, answer["run_id"])
    usage, message_id = answer.pop("usage"), answer.pop("message_id")
    assert answer == {
        "response": client.text_of(frames),
        "session_id": "one",
        "run_id": frames[0].data["run_id"],
        "persona_type": "talker",
        "correlation_id": "abc-123",
    }
    assert answer["response"] == "The whole of it"
    assert usage == frames[-1].data["usage"]
    history = await site.get("/history/one")
    assert [message["id"] for message in history["messages"]][1] == message_id


async def test_several_messages_join_the_same_in_both(site: Site) -> None:
    said = "[[say: First]] [[tool: current_time {}]]"
    frames = await client.chat(site.http, said, persona_type="helper")
    run = await site.get(f"/runs/{frames[0].data['run_id']}")
    assert client.text_of(frames) == run["text"]
    assert run["text"].startswith("First\n\ncurrent_time said: ")


async def test_background_answers_at_once_and_writes_to_log_and_channel(site: Site) -> None:
    redis = site.server.app[PARTS].store.redis
    async with redis.pubsub() as channel:
        await channel.subscribe("chat:events:back")
        accepted = await site.hold(session_id="back")
        assert set(accepted) == {"status", "message_id", "session_id", "run_id"}
        assert (accepted["status"], accepted["session_id"]) == ("streaming", "back")
        assert (await site.get(f"/runs/{accepted['run_id']}"))["status"] == "running"
        site.journal.release()
        frames = await client.follow(site.http, accepted["run_id"])
        assert client.text_of(frames) == "one two three"
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["type"] != "run.completed":
            message = await channel.get_message(timeout=5)
            assert message is not None
            if message["type"] == "message":
                heard.append(json.loads(message["data"]))
    assert [entry["sequence"] for entry in heard] == [frame.id for frame in frames]
    assert [entry["type"] for entry in heard] == [frame.data["type"] for frame in frames]
    history = await site.get("/history/back")
    assert history["messages"][1]["id"] == accepted["message_id"]


async def test_a_failure_is_the_last_frame(site: Site) -> None:
    last = (await client.chat(site.http, "[[error: 400]]"))[-1].data
    assert (last["type"], last["status"], last["is_final"]) == ("run.failed", "error", True)
    assert last["error"]
    assert last["detail"]
    assert last["content"] == ""


async def test_a_failure_is_an_error_for_who_waits(site: Site) -> None:
    async with site.http.post(
        "/chat", json={"message": "[[error: 400]]", "stream": False}
    ) as response:
        body = await response.json()
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert set(body) == {"error", "detail", "correlation_id"}
        assert response.headers["X-Correlation-ID"] == body["correlation_id"]


async def _question(http: aiohttp.ClientSession, **body: Any) -> bytes:
    async with http.post("/chat", json=body) as response:
        assert (response.status, response.content_type) == (200, EVENTS)
        return await response.read()


async def test_a_question_is_answered_in_frames_of_its_own(site: Site) -> None:
    raw = await _question(site.http, question="[[say: A «word» or two]]", use_cache=True)
    *_, blank = frames = raw.split(b"\n\n")
    assert blank == b""
    assert frames[0] == b'data: {"status":"processing"}'
    assert frames[-2] == 'data: {"status":"completed","chunk":"A «word» or two"}'.encode()
    chunks = [json.loads(frame.removeprefix(b"data: ")) for frame in frames[1:-2]]
    assert all(list(chunk) == ["status", "chunk"] for chunk in chunks)
    assert {chunk["status"] for chunk in chunks} == {"streaming"}
    assert "".join(chunk["chunk"] for chunk in chunks) == "A «word» or two"


async def test_a_question_that_fails_says_so_in_its_form(site: Site) -> None:
    raw = await _question(site.http, question="[[error: 400]]")
    first, last, blank = raw.split(b"\n\n")
    assert (first, blank) == (b'data: {"status":"processing"}', b"")
    told = json.loads(last.removeprefix(b"data: "))
    assert list(told) == ["status", "message"]
    assert told["status"] == "error"
    assert told["message"]


async def test_a_question_leaves_no_session(site: Site) -> None:
    answer = await site.post("/chat", {"question": "[[say: Yes]]"})
    assert (answer["response"], answer["session_id"]) == ("Yes", None)
    assert (await site.get("/sessions"))["count"] == 0
    fault = await site.post("/chat", {"question": "Why?", "session_id": "one"}, 400)
    assert fault["detail"].startswith("Field 'session_id': ")
    fault = await site.post("/chat", {"question": "Why?", "message": "Why?"}, 400)
    assert fault["detail"].startswith("Field 'message': ")


async def test_demo_model_speaks_the_same_contract(make_site: MakeSite) -> None:
    site = await make_site(MODEL_PROVIDER="demo")
    frames = await client.chat(site.http, "good morning")
    assert client.text_of(frames) == "You said: good morning"
    assert set(frames[-1].data["usage"]) == USAGE
