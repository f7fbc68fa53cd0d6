"""A conversation's turns: what a session keeps, and what happens when it is busy."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests import client
from tests.web.site import HELD, Site

PARTLY = [("user", "completed", HELD), ("assistant", "cancelled", "one two")]


def _sent(site: Site, number: int = -1) -> list[tuple[str, str]]:
    """Return the turns that the model was sent with a request, instructions left out."""
    messages = site.journal.requests[number]["body"]["messages"]
    return [(m["role"], m["content"]) for m in messages if m["role"] in {"user", "assistant"}]


async def test_a_session_remembers_its_turns(site: Site) -> None:
    await site.ask("hello", session_id="one")
    await site.ask("and you", session_id="one")
    assert _sent(site) == [
        ("user", "hello"),
        ("assistant", "turn 1: hello"),
        ("user", "and you"),
    ]
    assert await site.history("one") == [
        ("user", "completed", "hello"),
        ("assistant", "completed", "turn 1: hello"),
        ("user", "completed", "and you"),
        ("assistant", "completed", "turn 2: and you"),
    ]


async def test_a_history_brought_along_is_used_for_a_new_session_only(site: Site) -> None:
    said = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "indeed"}]
    await site.ask("now", session_id="one", history=said)
    begun = [("user", "before"), ("assistant", "indeed"), ("user", "now")]
    assert _sent(site) == begun
    other = [{"role": "user", "content": "something else"}]
    await site.ask("then", session_id="one", history=other)
    assert _sent(site) == [*begun, ("assistant", "turn 2: now"), ("user", "then")]
    assert "something else" not in str(await site.history("one"))
    assert len(await site.history("one")) == 6


async def test_a_session_without_messages_is_still_new(site: Site) -> None:
    one = (await site.post("/sessions", {}, 201))["session_id"]
    said = [{"role": "assistant", "content": "Welcome."}]
    await site.ask("hello", session_id=one, history=said)
    assert _sent(site) == [("assistant", "Welcome."), ("user", "hello")]


async def test_two_first_messages_bring_one_history(site: Site) -> None:
    said = [{"role": "user", "content": "before"}]
    both = (site.ask(text, session_id="one", history=said) for text in ("a", "b"))
    await asyncio.gather(*both)
    assert [text for _, _, text in await site.history("one")].count("before") == 1


async def test_reject_refuses_while_the_session_is_busy(site: Site) -> None:
    held = await site.hold(session_id="one")
    busy = {"message": "hello", "session_id": "one", "if_busy": "reject"}
    async with site.http.post("/chat", json=busy) as response:
        assert response.status == 409
        assert int(response.headers["Retry-After"]) > 0
        body = await response.json()
    assert body["error"] == "Session busy"
    assert held["run_id"] in body["detail"]
    assert len(await site.history("one")) == 1
    await site.ask("hello", session_id="another", if_busy="reject")
    site.journal.release()
    await site.ended(held["run_id"])
    await site.post("/chat", busy)


async def test_enqueue_answers_in_order(site: Site) -> None:
    held = await site.hold(session_id="one")
    waiting = [await client.begin(site.http, f"number {n}", session_id="one") for n in (1, 2)]
    assert [(await site.get(f"/runs/{run['run_id']}"))["status"] for run in waiting] == [
        "queued",
        "queued",
    ]
    assert len(site.journal.requests) == 1
    site.journal.release()
    runs = [await site.ended(run["run_id"]) for run in (held, *waiting)]
    assert [run["status"] for run in runs] == ["completed"] * 3
    assert [text for _, _, text in await site.history("one")] == [
        *(HELD, "one two three"),
        *("number 1", "turn 2: number 1"),
        *("number 2", "turn 3: number 2"),
    ]


async def test_interrupt_stops_what_is_running(site: Site) -> None:
    held = await site.hold(session_id="one")
    waiting = await client.begin(site.http, "never mind", session_id="one")
    answer = await site.ask("stop that", session_id="one", if_busy="interrupt")
    assert answer["response"].endswith(": stop that")
    for run in (held, waiting):
        assert (await site.ended(run["run_id"]))["status"] == "cancelled"
    assert await site.history("one") == [
        *PARTLY,
        ("user", "completed", "never mind"),
        ("user", "completed", "stop that"),
        ("assistant", "completed", answer["response"]),
    ]


async def test_another_session_does_not_wait(site: Site) -> None:
    held = await site.hold(session_id="one")
    await site.ask("hello", session_id="two")
    assert (await site.get(f"/runs/{held['run_id']}"))["status"] == "running"


async def test_the_persona_cannot_change_once_something_was_said(site: Site) -> None:
    await site.ask("hello", session_id="one")
    switched = {"message": "hello", "session_id": "one", "persona_type": "helper"}
    fault = await site.post("/chat", switched, 409)
    assert fault["detail"].startswith("Field 'persona_type': ")
    assert len(await site.history("one")) == 2
    await site.ask("hello", session_id="one", persona_type="talker")
    async with site.http.delete("/history/one"):
        pass
    answer = await site.ask("hello", session_id="one", persona_type="helper")
    assert answer["persona_type"] == "helper"
    assert (await site.ask("again", session_id="one"))["persona_type"] == "helper"


async def test_the_session_keeps_what_it_was_begun_with(site: Site) -> None:
    begun = await site.post("/sessions", {"persona_type": "helper", "user_id": "u-1"}, 201)
    one = begun["session_id"]
    assert (await site.ask("hello", session_id=one))["persona_type"] == "helper"
    await site.ask("hello", session_id=one, context={"page": "billing"})
    after = await site.get(f"/sessions/{one}")
    assert (after["context"], after["user_id"]) == ({"page": "billing"}, "u-1")
    assert after["expires_at"] > begun["expires_at"]
    assert after["created_at"] == begun["created_at"]


async def test_a_model_can_be_chosen_among_those_allowed(site: Site) -> None:
    await site.ask("hello", persona_type="chooser", model="gpt-test-mini")
    await site.ask("hello", persona_type="chooser", model="gpt-test")
    assert [r["body"]["model"] for r in site.journal.requests] == ["gpt-test-mini", "gpt-test"]
    for persona, asked in (("chooser", "gpt-huge"), ("talker", "gpt-test-mini")):
        body = {"message": "hello", "persona_type": persona, "model": asked}
        fault = await site.post("/chat", body, 400)
        assert fault["detail"].startswith("Field 'model': ")
        assert "gpt-huge" not in fault["detail"]
    assert len(site.journal.requests) == 2


@pytest.mark.parametrize(("asked", "sent"), [(None, 500), (50, 50), (9_000, 500)])
async def test_max_tokens_stays_within_the_persona(
    site: Site, asked: int | None, sent: int
) -> None:
    fields: dict[str, Any] = {"persona_type": "chooser"}
    await site.ask("hello", **(fields if asked is None else {**fields, "max_tokens": asked}))
    body = site.journal.requests[0]["body"]
    assert {body.get("max_tokens"), body.get("max_completion_tokens")} - {None} == {sent}


async def test_many_messages_at_once_are_all_answered(site: Site) -> None:
    said = [f"number {n}" for n in range(10)]
    asked = (site.ask(text, session_id="one") for text in said)
    answers = await asyncio.gather(*asked)
    history = await site.history("one")
    assert [role for role, _, _ in history] == ["user", "assistant"] * 10
    assert sorted(text for role, _, text in history if role == "user") == said
    for answer in answers:
        assert answer["response"] in {text for _, _, text in history}
