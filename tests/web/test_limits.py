"""How long a client may take, and what a connection may carry: raw sockets with small limits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests import client
from tests.loglines import Written
from tests.web.conftest import MakeSite
from tests.web.rawhttp import Wire, request, wired
from tests.web.site import HELD, Site

HEAD = (
    b"POST /chat HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: 20\r\n\r\n"
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
async def strict(make_site: MakeSite) -> Site:
    """Return a server that waits for nobody long."""
    return await make_site(
        HEADER_TIMEOUT_SECONDS=0.4,
        BODY_TIMEOUT_SECONDS=0.4,
        KEEPALIVE_TIMEOUT_SECONDS=0.8,
    )


@pytest.fixture
async def wire(strict: Site) -> AsyncIterator[Wire]:
    """Return a connection to it."""
    async with wired(strict) as opened:
        yield opened


async def _drip(wire: Wire, data: bytes, every: float = 0.05) -> None:
    """Send byte by byte, for as long as the server listens."""
    with suppress(ConnectionError):
        for number in range(len(data)):
            await wire.send(data[number : number + 1])
            await asyncio.sleep(every)


async def test_a_silent_connection_is_closed(wire: Wire) -> None:
    begun = time.monotonic()
    said = await wire.closed()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.3 < time.monotonic() - begun < 2


async def test_a_head_that_drips_is_closed(wire: Wire) -> None:
    dripping = asyncio.create_task(_drip(wire, HEALTH[:-2] + b"X-Long: " + b"x" * 1_000))
    try:
        answer = await wire.hear()
        assert answer is not None
        client.check_error(answer, 408)
        assert await wire.closed() == b""
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_a_second_head_that_drips_is_closed_too(wire: Wire) -> None:
    await wire.send(HEALTH)
    answer = await wire.hear()
    assert answer is not None
    assert answer.status == 200
    dripping = asyncio.create_task(_drip(wire, HEALTH[:-2] + b"x" * 1_000))
    try:
        assert (await wire.closed()).startswith(b"HTTP/1.1 408 ")
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


@pytest.mark.parametrize("rest", [b"{", b'{"message": "hello"'])
async def test_a_body_that_does_not_come_is_408(wire: Wire, logged: Written, rest: bytes) -> None:
    await wire.send(HEAD)
    dripping = asyncio.create_task(_drip(wire, rest, 0.1))
    answer = await wire.hear()
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    assert answer is not None
    client.check_error(answer, 408)
    assert [line["status"] for line in logged.lines if line["event"] == "http.request"] == [408]


async def test_chunks_that_break_in_mid_body_are_refused(wire: Wire, logged: Written) -> None:
    chunked = HEAD.replace(b"Content-Length: 20", b"Transfer-Encoding: chunked")
    await wire.send(chunked.replace(b"Host", b"Expect: 100-continue\r\nHost"))
    begun = await wire.hear()
    assert begun is not None
    assert begun.status == 100
    await wire.send(b"no chunk")
    answer = await wire.hear()
    assert answer is not None
    client.check_error(answer, 408)
    assert [line["status"] for line in logged.lines] == [408]


async def test_an_idle_connection_is_closed(wire: Wire) -> None:
    await wire.send(HEALTH)
    answer = await wire.hear()
    assert answer is not None
    assert answer.status == 200
    begun = time.monotonic()
    assert await wire.closed() == b""
    assert 0.3 < time.monotonic() - begun < 2


async def test_a_slow_answer_is_no_silence(strict: Site) -> None:
    begun = time.monotonic()
    async with wired(strict) as wire:
        body = json.dumps({"message": HELD, "stream": False}).encode()
        await wire.send(HEAD.replace(b"20", b"%d" % len(body)) + body)
        await strict.journal.until(lambda model: model.held == 1)
        while time.monotonic() - begun < 1:
            await strict.get("/health/live")
        strict.journal.release()
        answer = await wire.hear()
        assert answer is not None
        assert json.loads(answer.body)["response"] == "one two three"


async def test_a_socket_outlives_the_limits_for_heads(strict: Site) -> None:
    begun = time.monotonic()
    async with strict.http.ws_connect("/ws/one") as ws:
        while time.monotonic() - begun < 1:
            await strict.get("/health/live")
        await ws.send_json({"type": "ping"})
        assert (await ws.receive_json(timeout=5))["type"] == "pong"


async def test_a_connection_is_used_again(site: Site) -> None:
    async with wired(site) as wire:
        for number in range(5):
            body = b'{"message": "hello"}' if number % 2 else b'{"message": "hello"]'
            await wire.send(HEAD + body)
            answer = await wire.hear()
            assert answer is not None
            assert answer.status == (200 if number % 2 else 400)
            await wire.send(HEALTH)
            answer = await wire.hear()
            assert answer is not None
            assert answer.status == 200


async def test_requests_in_a_row_are_answered_in_order(site: Site) -> None:
    targets = ["/health/live", "/nowhere", "/health", "/runs/x", "/personas/talker"] * 10
    sent = b"".join(request("GET", target).replace(b"close", b"keep-alive") for target in targets)
    bodies = []
    async with wired(site) as wire:
        await wire.send(sent + HEAD + b'{"message": "hello"}' + HEALTH)
        for _ in targets:
            answer = await wire.hear()
            assert answer is not None
            bodies.append((answer.status, *json.loads(answer.body)))
        assert bodies[:5] * 10 == bodies
        assert [body[0] for body in bodies[:5]] == [200, 404, 200, 404, 200]
        stream, health = await wire.hear(), await wire.hear()
        assert stream is not None
        assert b'"is_final":true' in stream.body
        assert health is not None
        assert json.loads(health.body)["status"] == "healthy"


async def test_what_follows_garbage_is_not_read(site: Site) -> None:
    async with wired(site) as wire:
        await wire.send(b"canary\r\n\r\n" + HEALTH)
        answer = await wire.hear()
        assert answer is not None
        client.check_error(answer, 400)
        assert await wire.closed() == b""


async def test_a_client_that_goes_in_mid_request_leaves_one_line(
    site: Site, logged: Written
) -> None:
    async with wired(site) as wire:
        await wire.send(HEAD + b'{"mess')
        await wire.send(b"")
    async with asyncio.timeout(5):
        while not logged.lines:
            await asyncio.sleep(0.01)
    (line,) = logged.lines
    assert (line["event"], line["route"], line["status"]) == ("http.request", "/chat", 499)
