"""Clients with bad luck: they drop, come back, and write down what they saw."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import aiohttp

from tests import processes
from tests.client import frames
from tests.conftest import DATA

Wire = Literal["sse", "ws"]

TALKERS = {"AGENTS_DIR": DATA / "talkers", "DEFAULT_PERSONA": "talker"}


class Seen(NamedTuple):
    """One log entry as it came over a wire."""

    wire: Wire
    sequence: int
    raw: bytes
    data: dict[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether it ends the log."""
        if self.wire == "sse":
            return bool(self.data["is_final"])
        return self.data["type"] in {"response_complete", "error", "cancelled"}


class Door(NamedTuple):
    """Where a client connects, and over which wire."""

    url: str
    wire: Wire


def remote(upstream: str) -> dict[str, object]:
    """Return the settings of a server whose model is the upstream double."""
    return {
        **TALKERS,
        "MODEL_PROVIDER": "openai",
        "OPENAI_BASE_URL": upstream,
        "OPENAI_API": "chat",
    }


@asynccontextmanager
async def two_servers(
    folder: Path, **settings: object
) -> AsyncIterator[tuple[processes.ServerProcess, processes.ServerProcess]]:
    """Start two servers with the same settings, at the same time."""
    async with AsyncExitStack() as stack:
        starting = (processes.server(folder / name, **settings) for name in "ab")
        one, two = await asyncio.gather(*map(stack.enter_async_context, starting))
        yield one, two


def browser(url: str) -> aiohttp.ClientSession:
    """Return a client whose connections are its own: closing it drops them without a word."""
    return aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=60))


@asynccontextmanager
async def reading(
    door: Door, run: dict[str, Any], after: int = -1
) -> AsyncIterator[AsyncIterator[Seen]]:
    """Connect, ask for what comes after a number, and drop the connection at the end."""
    async with browser(door.url) as http:
        tell = _over_sse if door.wire == "sse" else _over_ws
        yield tell(http, run, after)


async def _over_sse(
    http: aiohttp.ClientSession, run: dict[str, Any], after: int
) -> AsyncIterator[Seen]:
    headers = {"Last-Event-ID": str(after)} if after >= 0 else {}
    async with http.get(f"/runs/{run['run_id']}/events", headers=headers) as response:
        assert response.status in {200, 204}, await response.text()
        async for frame in frames(response):
            assert frame.id == frame.data["sequence"]
            yield Seen("sse", frame.data["sequence"], frame.raw, frame.data)


async def _over_ws(
    http: aiohttp.ClientSession, run: dict[str, Any], after: int
) -> AsyncIterator[Seen]:
    ws = await http.ws_connect(f"/ws/{run['session_id']}")
    await ws.send_json({"type": "resume", "run_id": run["run_id"], "after": after})
    async for message in ws:
        data = json.loads(message.data)
        assert "sequence" in data, data
        yield Seen("ws", data["sequence"], message.data.encode(), data)


async def read_on(door: Door, run: dict[str, Any], after: int = -1) -> list[Seen]:
    """Read from after a number to the end over one connection."""
    found: list[Seen] = []
    async with reading(door, run, after) as entries:
        async for entry in entries:
            found.append(entry)
            if entry.is_final:
                break
    return found


async def read_dropping(doors: Iterable[Door], run: dict[str, Any], into: list[Seen]) -> None:
    """Read one entry for each connection: drop it, go to the next door, come back by cursor."""
    for door in itertools.cycle(doors):
        async with reading(door, run, into[-1].sequence if into else -1) as entries:
            into.append(await anext(entries))
        if into[-1].is_final:
            break


def bytes_of(found: Iterable[Seen]) -> bytes:
    """Return the bytes as they came, one after the other."""
    return b"".join(entry.raw for entry in found)


def answer_in(found: Iterable[dict[str, Any]]) -> str:
    """Return the answer that a client shows that drops what was made void."""
    texts: dict[str, str] = {}
    for data in found:
        if data["type"] == "message.discarded":
            texts.pop(data["item_id"], None)
        elif "item_id" in data:
            texts[data["item_id"]] = texts.get(data["item_id"], "") + data["content"]
    return "".join(texts.values())
