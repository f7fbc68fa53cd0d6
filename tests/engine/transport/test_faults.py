"""What goes wrong on the way to a model is the openai client's error, and ours by its code."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable

import aiohttp
import httpx2
import openai
import pytest
from typing_extensions import override

from assistant.engine import faults
from assistant.engine.transport import Door
from tests.engine.transport.answers import APIS, BEGUN, MORE, REST
from tests.engine.transport.serving import (
    END,
    HEAD,
    Asked,
    Listener,
    Play,
    answer,
    frame,
    opened,
    serving,
    text_of,
)


def plays(*pieces: bytes, then: Callable[[asyncio.StreamWriter], None] | None = None) -> Play:
    async def play(asked: Asked) -> None:
        await asked.send(*pieces)
        if then is not None:
            then(asked.writer)

    return play


def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def fault_of(play: Play, api: str, *, silence: float = 5) -> tuple[Exception, str]:
    """Return the error of an answer and what was told of it."""
    voice, told = Listener(), list[str]()

    async def listen(door: Door) -> None:
        async for event in answer(door, api, voice):
            if event.type == "response.output_text.delta":
                told.append(event.delta)

    async with serving(play) as server, opened(server.url, silence) as door:
        with pytest.raises(openai.APIError) as failed:
            await listen(door)
    return failed.value, "".join((*told, *(text for text, _ in voice.said)))


def code_of(error: Exception) -> str:
    fault = faults.explain(error)
    assert fault is not None
    return fault.code


@pytest.mark.parametrize("api", APIS)
async def test_nobody_listens(api: str) -> None:
    async with opened("http://127.0.0.1:9/v1") as door:
        with pytest.raises(openai.APIConnectionError) as failed:
            await text_of(answer(door, api))
    assert isinstance(failed.value.__cause__, httpx2.ConnectError)
    assert code_of(failed.value) == "model_unreachable"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("begun", ["", "head", "text"])
async def test_a_model_that_falls_silent(api: str, begun: str) -> None:
    sent = {"": b"", "head": HEAD, "text": BEGUN[api]}[begun]
    error, told = await fault_of(plays(sent), api, silence=0.2)
    assert isinstance(error, openai.APITimeoutError)
    assert isinstance(error.__cause__, aiohttp.ServerTimeoutError)
    assert code_of(error) == "model_timeout"
    assert told == ("He" if begun == "text" else "")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("begun", ["", "head", "text"])
async def test_a_connection_that_breaks(api: str, begun: str) -> None:
    sent = {"": b"", "head": HEAD, "text": BEGUN[api]}[begun]
    error, told = await fault_of(plays(sent, then=hang_up), api)
    assert isinstance(error, openai.APIConnectionError)
    assert isinstance(error.__cause__, httpx2.ReadError)
    assert code_of(error) == "model_cut"
    assert told == ("He" if begun == "text" else "")


@pytest.mark.parametrize("api", APIS)
async def test_what_came_before_a_break_is_told_though_nobody_read_it_yet(api: str) -> None:
    room = asyncio.Event()

    class Slow(Listener):
        @override
        async def room(self) -> None:
            self.waited.set()
            await room.wait()

    voice = Slow()

    async def play(asked: Asked) -> None:
        await asked.send(BEGUN[api], MORE[api])
        await voice.waited.wait()
        await asked.send(MORE[api])
        asked.writer.close()
        await asyncio.sleep(0.05)
        room.set()

    async with serving(play) as server, opened(server.url) as door:
        with pytest.raises(openai.APIConnectionError):
            await text_of(answer(door, api, voice))
    assert "".join(text for text, _ in voice.said) == "llollo"


@pytest.mark.parametrize("said", [b"HTTP/9 oh\r\n\r\n", b"no HTTP at all\r\n\r\n"])
async def test_what_is_no_http_is_no_answer_of_any_status(said: bytes) -> None:
    error, _ = await fault_of(plays(said), "chat")
    assert isinstance(error, openai.APIConnectionError)
    assert isinstance(error.__cause__, httpx2.RemoteProtocolError)
    assert code_of(error) == "model_cut"


REFUSALS = [
    (400, openai.BadRequestError, "model_rejected"),
    (401, openai.AuthenticationError, "model_auth"),
    (403, openai.PermissionDeniedError, "model_forbidden"),
    (404, openai.NotFoundError, "model_not_found"),
    (409, openai.ConflictError, "model_rejected"),
    (422, openai.UnprocessableEntityError, "model_rejected"),
    (429, openai.RateLimitError, "model_rate_limited"),
    (500, openai.InternalServerError, "model_unavailable"),
    (503, openai.InternalServerError, "model_unavailable"),
]


def refusal(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} No", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize(("status", "kind", "code"), REFUSALS)
async def test_a_refusal_is_of_its_kind(status: int, kind: type[Exception], code: str) -> None:
    error, _ = await fault_of(plays(refusal(status, b'{"error": {"message": "No."}}')), "chat")
    assert type(error) is kind
    assert str(error) == f"Error code: {status} - No."
    assert code_of(error) == code


@pytest.mark.parametrize("packed", [False, True])
async def test_a_refusal_says_why_and_how_long(packed: bool) -> None:  # noqa: FBT001 - a parameter
    body = json.dumps({"error": {"code": faults.QUOTA, "message": "Used up."}}).encode()
    headers = ["Retry-After: 7", "x-request-id: req_1", "Content-Type: application/json"]
    if packed:
        body, headers = gzip.compress(body), [*headers, "Content-Encoding: gzip"]
    error, _ = await fault_of(plays(refusal(429, body, *headers)), "chat")
    assert isinstance(error, openai.RateLimitError)
    assert (error.code, error.request_id) == (faults.QUOTA, "req_1")
    assert error.response.headers["retry-after"] == "7"
    assert code_of(error) == "model_quota"


async def test_a_refusal_without_end_is_read_up_to_a_bound() -> None:
    async def play(asked: Asked) -> None:
        await asked.send(refusal(500, b"").replace(b"Content-Length: 0", b"X: y"))
        while not asked.writer.is_closing():
            await asked.send(b"x" * 2**16)

    async with asyncio.timeout(5):
        error, _ = await fault_of(play, "chat")
    assert isinstance(error, openai.InternalServerError)


@pytest.mark.parametrize("api", APIS)
async def test_an_error_in_mid_stream(api: str) -> None:
    told = frame(b'data: {"error": {"message": "Broken.", "code": "oh"}}\n\n')
    error, said = await fault_of(plays(BEGUN[api], told), api)
    assert isinstance(error, openai.APIError)
    assert (error.message, error.code, said) == ("Broken.", "oh", "He")
    assert code_of(error) == "model_failed"


async def test_a_stream_that_is_packed_in_spite_of_us_is_read() -> None:
    raw = (BEGUN["chat"].removeprefix(HEAD) + REST["chat"]).splitlines(keepends=True)
    events = b"".join(line for line in raw if line.startswith((b"data", b"\n")))
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    async with (
        serving(plays(head, frame(gzip.compress(events)), END)) as server,
        opened(server.url) as door,
    ):
        assert await text_of(answer(door)) == "Hello"


@pytest.mark.parametrize("api", APIS)
async def test_who_waits_for_room_can_be_cancelled(api: str) -> None:
    voice = Listener(is_full=True)
    async with serving(plays(BEGUN[api], MORE[api])) as server, opened(server.url) as door:
        call = asyncio.create_task(text_of(answer(door, api, voice)))
        await voice.waited.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.until_left(1)
