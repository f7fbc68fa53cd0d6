"""`/sessions` and `/history`: begun, listed, ended, deleted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import client
from tests.web.conftest import MakeSite
from tests.web.site import Site

FIELDS = {"session_id", "persona_type", "user_id", "context", "created_at", "expires_at"}


async def _delete(site: Site, path: str, status: int = 200) -> Any:
    async with site.http.delete(path) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_a_session_is_begun_and_looked_at(site: Site) -> None:
    before = datetime.now(UTC)
    body = {"persona_type": "helper", "context": {"page": "dashboard"}}
    begun = await site.post("/sessions", body, 201)
    assert set(begun) == FIELDS
    assert begun["session_id"].startswith("ses_")
    assert (begun["persona_type"], begun["context"]) == ("helper", {"page": "dashboard"})
    created, expires = (datetime.fromisoformat(begun[k]) for k in ("created_at", "expires_at"))
    assert before <= created <= datetime.now(UTC)
    assert timedelta(minutes=29) < expires - created <= timedelta(minutes=30, seconds=1)
    assert await site.get(f"/sessions/{begun['session_id']}") == begun
    assert (await site.post("/sessions", {}, 201))["persona_type"] == "talker"


async def test_no_session_for_an_unknown_persona(site: Site) -> None:
    await site.post("/sessions", {"persona_type": "nobody"}, 404)
    assert (await site.get("/sessions"))["count"] == 0


async def test_sessions_are_listed_newest_first_in_pages(site: Site) -> None:
    assert await site.get("/sessions") == {"sessions": [], "count": 0, "next": None}
    begun = [(await site.post("/sessions", {}, 201))["session_id"] for _ in range(45)]
    pages: list[list[str]] = []
    after = ""
    while True:
        page = await site.get("/sessions" + after)
        assert page["count"] == len(page["sessions"])
        pages.append([session["session_id"] for session in page["sessions"]])
        if page["next"] is None:
            break
        after = f"?after={page['next']}"
    assert [len(page) for page in pages] == [20, 20, 5]
    listed = [name for page in pages for name in page]
    assert sorted(listed) == sorted(begun)
    every = (await site.get("/sessions", limit=100))["sessions"]
    assert [session["session_id"] for session in every] == listed
    times = [session["created_at"] for session in every]
    assert times == sorted(times, reverse=True)
    assert [s["session_id"] for s in (await site.get("/sessions", limit=1))["sessions"]] == [
        listed[0]
    ]


async def test_a_page_that_ends_with_the_last_session_names_no_next(site: Site) -> None:
    for _ in range(2):
        await site.post("/sessions", {}, 201)
    page = await site.get("/sessions", limit=2)
    assert (page["count"], page["next"]) == (2, None)
    assert (await site.get("/sessions", limit=1))["next"] == page["sessions"][0]["session_id"]


async def test_history_reads_the_same_at_both_paths(site: Site) -> None:
    answer = await site.ask("hello", session_id="one")
    found = await site.get("/history/one")
    assert found == await site.get("/sessions/one/messages")
    assert (found["session_id"], found["count"]) == ("one", 2)
    for message, role in zip(found["messages"], ("user", "assistant"), strict=True):
        assert set(message) == {"id", "role", "content", "created_at", "run_id", "status"}
        assert message["id"].startswith("msg_")
        assert (message["role"], message["run_id"]) == (role, answer["run_id"])
    begun = await site.post("/sessions", {}, 201)
    assert (await site.get(f"/history/{begun['session_id']}"))["messages"] == []
    await site.get("/history/nobody", 404)


async def test_deleting_the_history_leaves_the_session(site: Site) -> None:
    await site.ask("hello", session_id="one")
    reply = await _delete(site, "/history/one")
    assert set(reply) == {"status", "message"}
    assert reply["status"] == "success"
    assert await site.history("one") == []
    await site.get("/sessions/one")
    assert (await site.ask("hello", session_id="one"))["response"] == "turn 1: hello"
    await _delete(site, "/history/nobody", 404)


async def test_deleting_a_session_deletes_all_of_it(site: Site) -> None:
    answer = await site.ask("hello", session_id="one")
    await site.ask("hello", session_id="two")
    assert (await _delete(site, "/sessions/one"))["status"] == "success"
    for path in ("/sessions/one", "/history/one", "/sessions/one/messages", "/sessions/one/stream"):
        await site.get(path, 404)
    await site.get(f"/runs/{answer['run_id']}", 404)
    await site.get(f"/runs/{answer['run_id']}/events", 404)
    assert [s["session_id"] for s in (await site.get("/sessions"))["sessions"]] == ["two"]
    await _delete(site, "/sessions/one", 404)
    assert (await site.ask("hello", session_id="one"))["response"] == "turn 1: hello"


async def test_deleting_a_session_ends_its_runs_and_their_streams(site: Site) -> None:
    held = await site.hold(session_id="one")
    waiting = await client.begin(site.http, "hello", session_id="one")
    async with asyncio.TaskGroup() as group:
        views = [
            group.create_task(client.follow(site.http, run["run_id"])) for run in (held, waiting)
        ]
        await site.connected("sse", 2)
        await _delete(site, "/sessions/one")
    for view in views:
        numbers = [frame.data["sequence"] for frame in view.result()]
        assert numbers == list(range(len(numbers)))
        assert view.result()[-1].data["is_final"] is True
    await site.journal.until(lambda model: model.active == 0)
    assert len(site.journal.requests) == 1
    for path in (f"/runs/{held['run_id']}", f"/runs/{waiting['run_id']}", "/sessions/one"):
        await site.get(path, 404)
    assert (await site.get("/stats"))["runs"]["open"] == 0


async def test_deleting_the_history_stops_what_would_write_to_it(site: Site) -> None:
    held = await site.hold(session_id="one")
    await _delete(site, "/history/one")
    assert (await site.ended(held["run_id"]))["status"] == "cancelled"
    assert await site.history("one") == []


async def test_an_idle_session_ends_and_a_message_takes_it_up_again(make_site: MakeSite) -> None:
    site = await make_site(SESSION_TIMEOUT_MINUTES=0.4 / 60)
    await site.ask("hello", session_id="one")
    async with asyncio.timeout(5):
        while (await site.get("/sessions"))["count"]:
            await asyncio.sleep(0.02)
    fault = await site.get("/sessions/one", 404)
    assert "has ended" in fault["detail"]
    await site.get("/sessions/one/stream", 404)
    assert len(await site.history("one")) == 2
    assert (await site.ask("again", session_id="one"))["response"] == "turn 2: again"
    await site.get("/sessions/one")
    assert len(await site.history("one")) == 4


async def test_a_run_keeps_its_session_from_ending(make_site: MakeSite) -> None:
    site = await make_site(SESSION_TIMEOUT_MINUTES=0.4 / 60)
    held = await site.hold(session_id="one")
    begun = await site.get("/sessions/one")
    async with asyncio.timeout(5):
        while datetime.now(UTC) < datetime.fromisoformat(begun["expires_at"]):
            await asyncio.sleep(0.02)
    site.journal.release()
    await site.ended(held["run_id"])
    assert (await site.get("/sessions/one"))["expires_at"] > begun["expires_at"]


async def test_history_is_kept_for_its_time_only(make_site: MakeSite) -> None:
    site = await make_site(CHAT_HISTORY_TTL=0.5)
    run_id = (await site.ask("hello", session_id="one"))["run_id"]
    for path in ("/history/one", f"/runs/{run_id}", f"/runs/{run_id}/events"):
        async with asyncio.timeout(5):
            while True:
                async with site.http.get(path) as response:
                    if response.status == 404:
                        break
                    assert response.status == 200
                await asyncio.sleep(0.02)
    assert (await site.get("/sessions"))["count"] == 0
    assert (await site.ask("hello", session_id="one"))["response"] == "turn 1: hello"
