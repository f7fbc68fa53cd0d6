"""A client as users write one: reads SSE frames, comes back by cursor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

JSON = {"Accept": "application/json"}


@dataclass(slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: CIMultiDictProxy[str] | CIMultiDict[str]
    body: bytes


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


async def answer_of(response: aiohttp.ClientResponse) -> Answer:
    """Return a response with all of its body."""
    return Answer(response.status, response.headers, await response.read())


def check_error(answer: Answer, status: int) -> dict[str, str]:
    """Check that an answer is an error as every path makes them, and return its body."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json", answer
    body: dict[str, str] = json.loads(answer.body)
    assert list(body) == ["error", "detail", "correlation_id"], body
    assert all(type(value) is str for value in body.values()), body
    assert all(body.values()), body
    assert answer.headers["X-Correlation-ID"] == body["correlation_id"], answer
    assert "Traceback" not in body["detail"], body
    if status in {429, 503}:
        assert int(answer.headers["Retry-After"]) > 0, answer
    return body
