"""A client as users write one: reads SSE frames, comes back by cursor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

JSON = {"Accept": "application/json"}


@dataclass(slots=True)
class Frame:
    """One SSE frame: its id, its data, and the bytes it came in."""

    id: int | None
    data: dict[str, Any]
    raw: bytes = field(repr=False)


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[Frame]:
    """Yield the frames of a stream as they come; comments and retry lines are passed over."""
    buffer = b""
    async for chunk in response.content.iter_any():
        buffer += chunk
        while b"\n\n" in buffer:
            raw, _, buffer = buffer.partition(b"\n\n")
            fields = dict(
                line.split(b": ", 1) for line in raw.split(b"\n") if not line.startswith(b":")
            )
            if b"data" in fields:
                number = int(fields[b"id"]) if b"id" in fields else None
                yield Frame(number, json.loads(fields[b"data"]), raw + b"\n\n")


async def chat(http: aiohttp.ClientSession, message: str, **fields: Any) -> list[Frame]:
    """Send a message and return all frames of its answer."""
    async with http.post("/chat", json={"message": message, **fields}) as response:
        assert response.status == 200, await response.text()
        return [frame async for frame in frames(response)]


async def begin(http: aiohttp.ClientSession, message: str, **fields: Any) -> dict[str, Any]:
    """Send a message to be answered in the background; returns the 202's body."""
    body = {"message": message, "background": True, **fields}
    async with http.post("/chat", json=body) as response:
        assert response.status == 202, await response.text()
        accepted: dict[str, Any] = await response.json()
        return accepted


async def follow(http: aiohttp.ClientSession, run_id: str, after: int = -1) -> list[Frame]:
    """Return the frames of a run after a number, to its end."""
    async with http.get(f"/runs/{run_id}/events", params={"after": after}) as response:
        assert response.status in {200, 204}, await response.text()
        return [frame async for frame in frames(response)]


def text_of(found: list[Frame]) -> str:
    """Return the answer, joined as the contract says."""
    return "".join(frame.data["content"] for frame in found)
