"""`Idempotency-Key`: a retry is answered by the first run."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests import client
from tests.web.site import Site

KEYED = {"Idempotency-Key": "key-1"}


async def test_a_retry_is_answered_by_the_first_run(site: Site) -> None:
    body = {"message": "hello", "session_id": "one"}
    first = await site.post("/chat", body, Idempotency_Key="key-1")
    again = await site.post("/chat", body, Idempotency_Key="key-1")
    assert again.pop("correlation_id")
    assert first.pop("correlation_id")
    assert again == first
    assert await site.history("one") == [
        ("user", "completed", "hello"),
        ("assistant", "completed", "turn 1: hello"),
    ]
    assert len(site.journal.requests) == 1


async def test_a_retry_need_not_have_the_same_bytes(site: Site) -> None:
    body = {"message": "hello", "session_id": "one", "context": {"a": 1, "b": 2}}
    turned = dict(reversed(body.items())) | {"context": {"b": 2, "a": 1}}
    sent = [json.dumps(body), json.dumps(turned, indent=2)]
    runs = set()
    for text in sent:
        headers = KEYED | {"Content-Type": "application/json"}
        async with site.http.post("/chat", data=text, headers=headers) as response:
            assert response.status == 200
            runs.add(response.headers["X-Run-ID"])
    assert len(runs) == 1


async def test_a_retry_may_come_while_the_first_is_under_way(site: Site) -> None:
    body = {"message": "[[say: one two three]] [[hold: 1]]"}
    async with asyncio.TaskGroup() as group:
        asking = [
            group.create_task(site.post("/chat", body, Idempotency_Key="key-1")) for _ in range(10)
        ]
        await site.journal.until(lambda model: model.held == 1)
        await site.connected("json", 10)
        site.journal.release()
    answers = [task.result() for task in asking]
    assert len({(a["run_id"], a["session_id"], a["response"]) for a in answers}) == 1
    assert answers[0]["response"] == "one two three"
    assert len(await site.history(answers[0]["session_id"])) == 2
    assert len(site.journal.requests) == 1


async def test_the_first_run_is_streamed_again_from_its_start(site: Site) -> None:
    streams = []
    for _ in range(2):
        async with site.http.post("/chat", json={"message": "hello"}, headers=KEYED) as response:
            streams.append([frame.raw async for frame in client.frames(response)])
    assert streams[0] == streams[1]


async def test_another_request_under_the_same_key_is_refused(site: Site) -> None:
    await site.post("/chat", {"message": "hello"}, Idempotency_Key="key-1")
    fault = await site.post("/chat", {"message": "another"}, 409, Idempotency_Key="key-1")
    assert fault["detail"].startswith("Idempotency-Key: ")
    assert len(site.journal.requests) == 1
    await site.post("/chat", {"message": "another"}, Idempotency_Key="key-2")


async def test_a_refused_request_does_not_use_its_key_up(site: Site) -> None:
    await site.post("/chat", {"message": ""}, 400, Idempotency_Key="key-1")
    await site.post("/chat", {"message": "hello"}, Idempotency_Key="key-1")


async def test_a_key_must_be_printable_ascii(site: Site, subtests: pytest.Subtests) -> None:
    for key in ("", " ", "a b", "ä", "k" * 256):
        with subtests.test(key=key):
            fault = await site.post("/chat", {"message": "hello"}, 400, Idempotency_Key=key)
            assert fault["detail"].startswith("Header 'Idempotency-Key': ")
