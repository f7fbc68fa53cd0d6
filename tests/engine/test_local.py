"""A real language model on this machine, through the whole server; and what is said without it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from blockbuster import BlockBuster

from assistant.engine import local
from assistant.errors import SettingsError
from tests.client import begin, chat, follow, text_of
from tests.conftest import DATA, MakeServer, may_block
from tests.engine.talks import Told

ASK = "Tell me a long story about a lighthouse."
real = pytest.mark.local_model


@pytest.fixture
async def http(make_server: MakeServer) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client of a server with the local model."""
    server = await make_server(
        MODEL_PROVIDER="local",
        MAX_TOKENS=60,
        AGENTS_DIR=DATA / "talkers",
        DEFAULT_PERSONA="talker",
    )
    async with aiohttp.ClientSession(server.make_url("/")) as session:
        yield session


@real
async def test_its_words_are_streamed_and_its_history_kept(http: aiohttp.ClientSession) -> None:
    first, second = [
        Told(await chat(http, text, session_id="ses_1", max_tokens=24))
        for text in ("My name is Ada. What is a lighthouse?", "What is my name?")
    ]
    for told in (first, second):
        assert told.end["type"] == "run.completed"
        assert told.end["text"] == told.text
        assert len(told.of("message.delta")) > 1
        assert 0 < told.end["usage"]["output_tokens"] <= 24
    grown = second.end["usage"]["input_tokens"] - first.end["usage"]["input_tokens"]
    assert grown > first.end["usage"]["output_tokens"]


@real
async def test_the_same_over_a_web_socket(http: aiohttp.ClientSession) -> None:
    chunks: list[str] = []
    told: dict[str, Any] = {}
    async with http.ws_connect("/ws/ses_1") as socket, asyncio.timeout(50):
        await socket.send_json({"type": "chat_message", "message": "Say hello to me."})
        async for message in socket:
            told = message.json()
            if told["type"] == "response_chunk":
                chunks.append(told["content"])
            elif told["type"] == "response_complete":
                break
    assert len(chunks) > 2
    assert "".join(chunks) == told["content"]
    assert told["usage"]["output_tokens"] > 1


@real
async def test_cancel_stops_it_and_the_next_can_speak(http: aiohttp.ClientSession) -> None:
    run = await begin(http, ASK, session_id="ses_1")
    async with http.get(f"/runs/{run['run_id']}/events") as reply:
        async for line in reply.content:
            if b"message.delta" in line:
                break
    async with http.post(f"/runs/{run['run_id']}/cancel") as reply:
        assert reply.ok
    async with asyncio.timeout(10):
        told = Told(await follow(http, run["run_id"]))
    assert told.types[-2:] == ["message.completed", "run.cancelled"]
    assert text_of(told.frames)
    assert (await chat(http, "Hello.", max_tokens=8))[-1].data["type"] == "run.completed"


@real
async def test_two_talk_at_once(http: aiohttp.ClientSession) -> None:
    answers = await asyncio.gather(*(chat(http, "Count to ten.", max_tokens=16) for _ in range(3)))
    assert {answer[-1].data["type"] for answer in answers} == {"run.completed"}


@real
async def test_what_the_server_says_of_it(http: aiohttp.ClientSession) -> None:
    async with http.get("/personas/talker") as reply:
        found = await reply.json()
    assert found["provider"] == "local"
    assert "SmolLM2" in found["model"]


Refused = Callable[..., Awaitable[str]]


@pytest.fixture
def refused(no_blocking_calls: BlockBuster) -> Refused:
    """Return a function that opens a model in vain and returns the reason."""

    async def open_in_vain(path: Path | None = None) -> str:
        with may_block(no_blocking_calls), pytest.raises(SettingsError) as fault:
            async with local.open_local(path):
                pass
        assert "\n" not in fault.value.detail
        return fault.value.detail

    return open_in_vain


async def test_without_a_model_file_the_command_is_named(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "find_spec", lambda _name: None)
    detail = await refused()
    assert "./start.sh --local" in detail
    assert "LOCAL_MODEL_PATH" in detail


async def test_without_its_server_the_command_is_named(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    assert "./start.sh --local" in await refused(model)


async def test_a_path_that_is_no_file(refused: Refused, tmp_path: Path) -> None:
    assert (await refused(tmp_path / "none")).startswith(f"LOCAL_MODEL_PATH: {tmp_path}/none ")


@real
async def test_a_file_that_is_no_model(refused: Refused, tmp_path: Path) -> None:
    broken = tmp_path / "model.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)
    assert (await refused(broken)).startswith("LOCAL_MODEL_PATH: ")
