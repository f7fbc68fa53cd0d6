"""`/runs`: looking at a run, following it by cursor, stopping it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests import client
from tests.web.site import HELD, Site

FIELDS = {
    *("run_id", "session_id", "message_id", "status", "persona_type", "persona_version", "model"),
    *("attempt", "created_at", "started_at", "ended_at", "usage", "text", "error"),
    *("correlation_id", "trace_id", "approvals"),
}
NOBODY = "run_" + "0" * 24


async def test_a_run_while_it_goes_and_after(site: Site) -> None:
    path = f"/runs/{(await site.hold(session_id='one'))['run_id']}"
    going = await site.get(path)
    assert set(going) == FIELDS
    assert (going["status"], going["attempt"], going["model"]) == ("running", 1, "gpt-test")
    assert going["started_at"] is not None
    assert going["trace_id"] is None, "nobody traces here"
    assert (going["ended_at"], going["usage"], going["text"], going["error"]) == (None,) * 4
    site.journal.release()
    ended = await site.ended(going["run_id"])
    assert (ended["status"], ended["text"]) == ("completed", "one two three")
    assert ended["created_at"] <= ended["started_at"] <= ended["ended_at"]
    assert ended["ended_at"].endswith("Z")
    assert ended["usage"]["output_tokens"] > 0


async def test_a_failed_run_says_why(site: Site) -> None:
    frames = await client.chat(site.http, "[[error: 400]]")
    run = await site.get(f"/runs/{frames[0].data['run_id']}")
    assert (run["status"], run["error"]) == ("failed", frames[-1].data["error"])


async def test_following_by_either_cursor(site: Site) -> None:
    whole = await client.chat(site.http, "[[tokens: 20]]")
    path = f"/runs/{whole[0].data['run_id']}/events"
    for after in range(-1, len(whole)):
        rest = b"".join(frame.raw for frame in whole[after + 1 :])
        for headers, params in (
            ({"Last-Event-ID": str(after)}, {}),
            ({}, {"after": str(after)}),
            ({"Last-Event-ID": str(after)}, {"after": "0"}),
        ):
            async with site.http.get(path, headers=headers, params=params) as response:
                assert response.status == (200 if rest else 204)
                assert await response.read() == rest


async def test_following_without_a_cursor_begins_at_the_start(site: Site) -> None:
    whole = await client.chat(site.http, "hello")
    path = f"/runs/{whole[0].data['run_id']}/events"
    for headers in ({}, {"Last-Event-ID": ""}):
        async with site.http.get(path, headers=headers) as response:
            assert response.headers["Cache-Control"] == "no-store"
            assert [f.raw async for f in client.frames(response)] == [f.raw for f in whole]


async def test_a_second_view_of_a_live_run_sees_the_same(site: Site) -> None:
    held = await site.hold()
    async with asyncio.TaskGroup() as group:
        views = [
            group.create_task(client.follow(site.http, held["run_id"], after))
            for after in (-1, -1, 1)
        ]
        await site.connected("sse", 3)
        site.journal.release()
    one, two, later = ([frame.raw for frame in view.result()] for view in views)
    assert one == two
    assert later == one[2:]


async def test_leaving_does_not_stop_a_run(site: Site) -> None:
    body = {"message": HELD, "session_id": "one"}
    async with aiohttp.ClientSession() as leaving:
        response = await leaving.post(site.server.make_url("/chat"), json=body)
        first = await anext(client.frames(response))
    await site.connected("sse", 0)
    await site.journal.until(lambda model: model.held == 1)
    site.journal.release()
    run = await site.ended(first.data["run_id"])
    assert (run["status"], run["text"]) == ("completed", "one two three")
    assert site.journal.disconnects == 0


async def test_cancel_keeps_what_was_said(site: Site) -> None:
    held = await site.hold(session_id="one")
    stopped = await site.post(f"/runs/{held['run_id']}/cancel", {})
    assert set(stopped) == FIELDS
    assert (stopped["status"], stopped["text"]) == ("cancelled", "one two")
    assert await site.history("one") == [
        ("user", "completed", HELD),
        ("assistant", "cancelled", "one two"),
    ]
    frames = await client.follow(site.http, held["run_id"])
    assert client.text_of(frames) == "one two"
    assert [frame.data["type"] for frame in frames[-2:]] == ["message.completed", "run.cancelled"]
    assert frames[-1].data["is_final"] is True
    await site.journal.until(lambda model: model.active == 0)


async def test_cancel_needs_no_body_and_does_no_harm_twice(site: Site) -> None:
    held = await site.hold()
    for _ in range(2):
        async with site.http.post(f"/runs/{held['run_id']}/cancel") as response:
            assert (response.status, (await response.json())["status"]) == (200, "cancelled")
    done = await site.ask("hello")
    stopped = await site.post(f"/runs/{done['run_id']}/cancel", {})
    assert (stopped["status"], stopped["text"]) == ("completed", "turn 1: hello")


async def test_cancelling_a_waiting_run_leaves_the_one_before_alone(site: Site) -> None:
    held = await site.hold(session_id="one")
    waiting = await client.begin(site.http, "hello", session_id="one")
    stopped = await site.post(f"/runs/{waiting['run_id']}/cancel", {})
    assert (stopped["status"], stopped["text"]) == ("cancelled", None)
    site.journal.release()
    assert (await site.ended(held["run_id"]))["status"] == "completed"
    assert len(site.journal.requests) == 1


async def test_who_waits_for_a_cancelled_answer_is_told(site: Site) -> None:
    async with asyncio.TaskGroup() as group:
        body = {"message": HELD, "session_id": "one"}
        waiting = group.create_task(site.post("/chat", body, 409))
        await site.journal.until(lambda model: model.held == 1)
        messages = (await site.get("/history/one"))["messages"]
        await site.post(f"/runs/{messages[0]['run_id']}/cancel", {})
    assert waiting.result()["error"] == "Cancelled"


async def test_a_message_after_a_cancelled_one_goes_on_from_there(site: Site) -> None:
    held = await site.hold(session_id="one")
    await site.post(f"/runs/{held['run_id']}/cancel", {})
    await site.ask("go on", session_id="one")
    sent: list[dict[str, Any]] = site.journal.requests[-1]["body"]["messages"]
    assert [m["content"] for m in sent if m["role"] != "system"] == [HELD, "one two", "go on"]


@pytest.mark.parametrize("path", ["/runs/{}", "/runs/{}/events", "/sessions/{}/stream"])
async def test_unknown_ids_are_not_found(site: Site, path: str) -> None:
    fault = await site.get(path.format(NOBODY), 404)
    assert set(fault) == {"error", "detail", "correlation_id"}
    await site.post(f"/runs/{NOBODY}/cancel", {}, 404)


async def test_a_session_s_live_run_can_be_joined(site: Site) -> None:
    held = await site.hold(session_id="one")
    later = await client.begin(site.http, "hello", session_id="one")
    async with asyncio.TaskGroup() as group:
        joined = group.create_task(_joined(site, "one"))
        await site.connected("sse", 1)
        site.journal.release()
    frames = joined.result()
    assert [frame.raw for frame in frames] == [
        frame.raw for frame in await client.follow(site.http, held["run_id"])
    ]
    await site.ended(later["run_id"])
    assert await _joined(site, "one") == []


async def _joined(site: Site, session_id: str) -> list[client.Frame]:
    async with site.http.get(f"/sessions/{session_id}/stream") as response:
        found = [frame async for frame in client.frames(response)]
        assert response.status == (200 if found else 204)
        return found
