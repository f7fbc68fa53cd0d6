"""`/ws/ID`: every message both ways."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests import client
from tests.web.conftest import MakeSite
from tests.web.site import HELD, Site
from tests.web.sockets import LAST, Socket, connected

IDS = {"run_id", "session_id", "sequence", "correlation_id"}


async def test_a_message_is_answered(site: Site) -> None:
    async with connected(site, **{"X-Correlation-ID": "abc-123"}) as socket:
        told = await socket.ask("[[say: The whole of it]]")
    assert [message["sequence"] for message in told] == list(range(len(told)))
    assert all(message.keys() >= IDS for message in told)
    assert {message["correlation_id"] for message in told} == {"abc-123"}
    assert {message["session_id"] for message in told} == {"one"}
    kinds = {message["type"] for message in told}
    assert kinds == {"response_start", "response_chunk", "message_completed", "response_complete"}
    assert told[0]["type"] == "response_start"
    chunks = [message["content"] for message in told if message["type"] == "response_chunk"]
    assert "".join(chunks) == told[-1]["content"] == "The whole of it"
    run = await site.get(f"/runs/{told[0]['run_id']}")
    assert (told[-1]["usage"], run["correlation_id"]) == (run["usage"], "abc-123")


async def test_a_message_in_its_longer_form_with_all_its_fields(site: Site) -> None:
    async with connected(site) as socket:
        said = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "indeed"}]
        told = await socket.ask(
            {"content": "now", "role": "user"},
            persona_type="helper",
            history=said,
            context={"page": "billing"},
            if_busy="enqueue",
        )
        assert told[0]["persona"] == "helper"
        assert (await socket.ask({"content": "then"}))[-1]["content"] == "turn 3: then"
    session = await site.get("/sessions/one")
    assert (session["persona_type"], session["context"]) == ("helper", {"page": "billing"})


async def test_connecting_makes_the_session(site: Site, socket: Socket) -> None:
    assert (await site.get("/sessions/one"))["persona_type"] == "talker"
    await socket.ask("hello", persona_type="helper")
    assert (await site.get("/sessions/one"))["persona_type"] == "helper"


async def test_ping(socket: Socket) -> None:
    await socket.send("ping")
    assert await socket.hear() == {"type": "pong"}


async def test_tools_are_told(socket: Socket) -> None:
    told = await socket.ask("[[tool: current_time {}]]", persona_type="helper")
    called, returned = (
        next(message for message in told if message["type"] == kind)
        for kind in ("tool_call", "tool_result")
    )
    assert called["name"] == returned["name"] == "current_time"
    assert (called["arguments"], returned["outcome"]) == ({}, "ok")
    assert called["call_id"] == returned["call_id"]
    assert called.keys() >= IDS


async def test_danger_is_told(make_site: MakeSite) -> None:
    site = await make_site(AGENTS_DIR="", DEFAULT_PERSONA="jaime_therapist")
    async with connected(site) as socket:
        told = await socket.ask("I want to kill myself")
    (flag,) = (message for message in told if message["type"] == "safety")
    assert flag.keys() >= IDS | {"category", "severity", "message", "resources"}
    assert told[-1]["type"] == "response_complete"
    assert site.journal.requests == []


async def test_a_failed_run_is_an_error(socket: Socket) -> None:
    last = (await socket.ask("[[error: 400]]"))[-1]
    assert last["type"] == "error"
    assert last.keys() >= IDS | {"message", "code"}
    assert (await socket.ask("better"))[-1]["type"] == "response_complete"


async def test_cancel(site: Site, socket: Socket) -> None:
    await socket.send("chat_message", message=HELD)
    first = await socket.hear()
    await site.journal.until(lambda model: model.held == 1)
    await socket.send("cancel", run_id=first["run_id"])
    last = (await socket.hear_out())[-1]
    assert (last["type"], last["run_id"]) == ("cancelled", first["run_id"])
    assert (await site.history("one"))[1] == ("assistant", "cancelled", "one two")
    await socket.send("cancel", run_id=first["run_id"])
    await socket.send("ping")
    assert (await socket.hear())["type"] == "pong"


@pytest.mark.parametrize("kind", ["cancel", "resume"])
async def test_an_unknown_run_is_an_error(socket: Socket, kind: str) -> None:
    answer = await socket.refused(json.dumps({"type": kind, "run_id": "run_nobody"}))
    assert (answer["type"], answer["code"]) == ("error", "not_found")


async def test_if_busy_holds_here_too(site: Site, socket: Socket) -> None:
    await site.hold(session_id="one")
    last = (await socket.ask("hello", if_busy="reject"))[-1]
    assert (last["type"], last["code"]) == ("error", "session_busy")
    told = await socket.ask("hello", if_busy="interrupt")
    assert told[-1]["type"] == "response_complete"


async def test_resume_follows_any_run_from_any_number(site: Site, socket: Socket) -> None:
    run_id = (await site.ask("[[tokens: 20]]", session_id="another"))["run_id"]
    await socket.send("resume", run_id=run_id)
    whole = await socket.hear_out()
    assert [message["sequence"] for message in whole] == list(range(len(whole)))
    await socket.send("resume", run_id=run_id, after=2)
    assert await socket.hear_out() == whole[3:]


async def test_resume_replaces_the_follower(site: Site, socket: Socket) -> None:
    held = await site.hold(session_id="one")
    until_held = len(await client.chat(site.http, "[[say: one two]]")) - 3
    seen = []
    for after in (-1, 1, -1):
        await socket.send("resume", run_id=held["run_id"], after=after)
        seen.append([(await socket.hear())["sequence"] for _ in range(until_held - after)])
        assert seen[-1] == list(range(after + 1, until_held + 1))
    site.journal.release()
    rest = await socket.hear_out()
    assert [message["sequence"] for message in rest] == [
        *range(until_held + 1, until_held + 1 + len(rest))
    ]
    assert rest[-1]["content"] == "one two three"
    await socket.send("ping")
    assert (await socket.hear())["type"] == "pong"


async def test_two_runs_on_one_socket(site: Site, socket: Socket) -> None:
    runs = [await site.hold(session_id=name) for name in ("two", "three")]
    for run in runs:
        await socket.send("resume", run_id=run["run_id"])
    await site.journal.until(lambda model: model.held == 2)
    site.journal.release()
    told: dict[str, list[dict[str, Any]]] = {}
    while sum(messages[-1]["type"] in LAST for messages in told.values()) < 2:
        message = await socket.hear()
        told.setdefault(message["run_id"], []).append(message)
    for run in runs:
        messages = told[run["run_id"]]
        assert [message["sequence"] for message in messages] == list(range(len(messages)))
        assert {message["session_id"] for message in messages} == {run["session_id"]}


async def test_messages_sent_at_once_are_answered_in_order(site: Site, socket: Socket) -> None:
    for number in range(3):
        await socket.send("chat_message", message=f"number {number}")
    answers = [(await socket.hear_out())[-1] for _ in range(3)]
    assert [a["content"] for a in answers] == [f"turn {n + 1}: number {n}" for n in range(3)]
    assert len(await site.history("one")) == 6


async def test_closing_the_socket_does_not_stop_a_run(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send("chat_message", message=HELD)
        run_id = (await socket.hear())["run_id"]
        await site.journal.until(lambda model: model.held == 1)
    await site.connected("websocket", 0)
    site.journal.release()
    assert (await site.ended(run_id))["text"] == "one two three"


async def test_deleting_the_session_leaves_the_socket_open(site: Site, socket: Socket) -> None:
    await socket.send("chat_message", message=HELD)
    await site.journal.until(lambda model: model.held == 1)
    async with asyncio.TaskGroup() as group:
        told = group.create_task(socket.hear_out())
        async with site.http.delete("/sessions/one") as response:
            assert response.status == 200
    assert told.result()[-1]["type"] in {"cancelled", "error"}
    assert (await socket.ask("hello"))[-1]["content"] == "turn 1: hello"
