"""Connections to a model: kept where an answer was whole, closed at once where nobody reads on."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from tests.engine.transport.answers import APIS, BEGUN, REST
from tests.engine.transport.serving import END, HEAD, Asked, answer, opened, serving, text_of


@pytest.mark.parametrize("api", APIS)
async def test_a_connection_serves_one_answer_after_the_other(api: str) -> None:
    async def play(asked: Asked) -> None:
        # The end of the body comes apart, when the model has what it wants.
        await asked.send(BEGUN[api] + REST[api])
        await asyncio.sleep(0.01)
        await asked.send(END)

    async with serving(play) as server, opened(server.url) as door:
        for _ in range(3):
            assert await text_of(answer(door, api)) == "Hello"
            await asyncio.sleep(0.05)
        assert [asked.connection for asked in server.asked] == [1, 1, 1]


@pytest.mark.parametrize("api", APIS)
async def test_an_answer_does_not_wait_for_the_end_of_its_body(api: str) -> None:
    async def play(asked: Asked) -> None:
        await asked.send(BEGUN[api] + REST[api])

    async with serving(play) as server, opened(server.url) as door:
        async with asyncio.timeout(0.9):
            assert await text_of(answer(door, api)) == "Hello"
            assert await text_of(answer(door, api)) == "Hello"
        assert server.connections == 2
        # It is given up when it does not come.
        await server.until_left(2)


@pytest.mark.parametrize("api", APIS)
async def test_who_stops_listening_closes_the_connection(api: str) -> None:
    async def play(asked: Asked) -> None:
        await asked.send(BEGUN[api])

    async with serving(play) as server, opened(server.url) as door:
        async with aclosing(answer(door, api)) as events:
            async for one in events:
                if one.type == "response.output_text.delta":
                    break
        await server.until_left(1)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("begun", [b"", HEAD, "text"])
async def test_a_cancelled_call_closes_the_connection(api: str, begun: bytes | str) -> None:
    reached = asyncio.Event()

    async def play(asked: Asked) -> None:
        await asked.send(BEGUN[api] if isinstance(begun, str) else begun)
        reached.set()

    async with serving(play) as server, opened(server.url) as door:
        call = asyncio.create_task(text_of(answer(door, api)))
        await reached.wait()
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.until_left(1)


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async def play(asked: Asked) -> None:
        await asked.send(BEGUN["chat"] + REST["chat"] + END)
        asked.writer.close()

    async with serving(play) as server, opened(server.url) as door:
        for _ in range(3):
            assert await text_of(answer(door)) == "Hello"
            await asyncio.sleep(0.05)
        assert [asked.connection for asked in server.asked] == [1, 2, 3]


async def test_there_are_as_many_connections_as_answers_at_a_time() -> None:
    calls, all_here = 150, asyncio.Event()

    async def play(asked: Asked) -> None:
        if asked.connection == calls:
            all_here.set()
        await all_here.wait()
        await asked.send(BEGUN["chat"] + REST["chat"] + END)

    async with serving(play), serving(play) as server, opened(server.url) as door:
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(text_of(answer(door)) for _ in range(calls)))
        assert set(answers) == {"Hello"}


async def test_who_asks_is_told_and_nothing_else_is_remembered() -> None:
    async def play(asked: Asked) -> None:
        with_cookie = HEAD.replace(b"\r\n", b"\r\nSet-Cookie: who=somebody\r\n", 1)
        await asked.send(with_cookie + BEGUN["chat"].removeprefix(HEAD) + REST["chat"] + END)

    known: dict[str, Any] = {
        "organization": "org_1",
        "project": "proj_1",
        "default_headers": {"X-Own": "1"},
    }
    async with serving(play) as server, opened(server.url, **known) as door:
        for _ in range(2):
            await text_of(answer(door))
    lines = {line.lower() for line in server.asked[-1].head.splitlines()}
    assert lines >= {
        "post /v1/chat/completions http/1.1",
        "authorization: bearer key",
        "openai-organization: org_1",
        "openai-project: proj_1",
        "x-own: 1",
        "x-correlation-id: cor-1",
        "accept: application/json",
        "content-type: application/json",
        "accept-encoding: identity",
    }
    assert not [line for line in lines if line.startswith(("cookie", "x-stainless"))]
    assert json.loads(server.asked[-1].body)["stream"] is True


async def test_the_environments_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(asked: Asked) -> None:
        await asked.send(BEGUN["chat"] + REST["chat"] + END)

    async with serving(play) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with opened("http://model.invalid/v1") as door:
            assert await text_of(answer(door)) == "Hello"
        (asked,) = proxy.asked
        assert asked.head.startswith("POST http://model.invalid/v1/chat/completions ")
        async with serving(play) as direct, opened(direct.url) as door:
            assert await text_of(answer(door)) == "Hello"
        assert len(proxy.asked) == len(direct.asked) == 1
