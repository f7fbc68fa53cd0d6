"""Clients that do not give up: over SSE, WebSocket and JSON; each writes down what it saw, when."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import aiohttp

from tests import client

Wire = Literal["sse", "ws", "json"]
Doors = Callable[[], str]

_LAST_TYPES = {"response_complete", "error", "cancelled"}
_RETRY = 0.1


class Sight(NamedTuple):
    """One frame as it came, and when."""

    at: float
    sequence: int
    data: dict[str, Any]


@dataclass(slots=True)
class Told:
    """One message that was sent, and all that its sender was told.

    Attributes:
        cancel_after: how many frames the sender reads before it cancels; 0 for never.
        seen: the frames of all connections, each number once, as they came.
        faults: what no client may ever see.
        incidents: what a client has to bear in bad times: lost connections, refusals to be retried.
        answer: the JSON body, where the answer came whole.
    """

    wire: Wire
    session_id: str
    text: str
    key: str
    cancel_after: int = 0
    run_id: str = ""
    seen: list[Sight] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    cancelled_at: float | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def last(self) -> int:
        """The last number seen, or -1."""
        return self.seen[-1].sequence if self.seen else -1

    def see(self, sequence: int, data: dict[str, Any], *, is_last: bool) -> None:
        """Write a frame down; every connection has to go on exactly where the last one broke."""
        if self.ended:
            self.faults.append(f"{sequence} came after the end")
        elif sequence != self.last + 1:
            self.faults.append(f"{sequence} came after {self.last} over {self.wire}")
        self.seen.append(Sight(time.monotonic(), sequence, data))
        self.run_id = data["run_id"]
        self.ended = is_last
        self.moved.set()

    async def until(self, met: Callable[[Told], bool]) -> None:
        """Wait until something holds of what was seen."""
        while not met(self):
            self.moved.clear()
            await self.moved.wait()


class Talker:
    """Sends messages and stays until each has its end.

    Args:
        doors: tells an address to connect to, each time anew.
        silence: seconds without a sign of life after which a connection is given up.
    """

    def __init__(self, doors: Doors, silence: float, seed: int = 0) -> None:
        self._doors = doors
        self._silence = silence
        self._chance = random.Random(seed)

    async def tell(self, told: Told) -> Told:
        """Send a message, and read until its run has ended, over whatever many connections."""
        once = {"sse": self._over_sse, "ws": self._over_ws, "json": self._over_json}[told.wire]
        async with asyncio.TaskGroup() as group:
            cancelling = group.create_task(self._cancel_in_time(told))
            while not told.ended:
                await self._try(once, told)
            cancelling.cancel()
        return told

    async def _try(
        self, once: Callable[[aiohttp.ClientSession, Told], Awaitable[None]], told: Told
    ) -> None:
        try:
            async with self._connect() as http:
                await once(http, told)
        except (aiohttp.ClientError, OSError) as error:
            told.incidents.append(f"{told.wire}: {type(error).__name__}")
        if not told.ended:
            # As long as an EventSource would be told to wait.
            await asyncio.sleep(_RETRY * (0.5 + self._chance.random()))

    def _connect(self) -> aiohttp.ClientSession:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=self._silence)
        return aiohttp.ClientSession(self._doors(), timeout=limits)

    async def _over_sse(self, http: aiohttp.ClientSession, told: Told) -> None:
        """Read one connection as an EventSource does: back by Last-Event-ID once there is one."""
        if told.run_id:
            numbered = {"Last-Event-ID": str(told.last)} if told.seen else {}
            async with http.get(f"/runs/{told.run_id}/events", headers=numbered) as response:
                await self._read_sse(response, told)
            return
        async with http.post("/chat", **_posted(told, "text/event-stream")) as response:
            await self._read_sse(response, told)

    async def _read_sse(self, response: aiohttp.ClientResponse, told: Told) -> None:
        if response.status != 200:
            await _refused(response, told)
            return
        told.run_id = response.headers["X-Run-ID"]
        async for frame in client.frames(response):
            if frame.id != frame.data["sequence"]:
                told.faults.append(f"frame {frame.data['sequence']} has the id {frame.id}")
            told.see(frame.data["sequence"], frame.data, is_last=frame.data["is_final"])
        if not told.ended:
            told.incidents.append("sse: told to come back")

    async def _over_ws(self, http: aiohttp.ClientSession, told: Told) -> None:
        path = f"/ws/{told.session_id}"
        async with http.ws_connect(path, heartbeat=self._silence) as ws:
            if not told.run_id:
                told.run_id = await _run_of(http, told)
            if told.run_id:
                resume = {"type": "resume", "run_id": told.run_id, "after": told.last}
                await ws.send_json(resume)
            else:
                await ws.send_json({"type": "chat_message", "message": told.text})
            async for data in _messages(ws):
                _hear(told, data)
                if told.ended:
                    return
        told.incidents.append(f"ws: closed with {ws.close_code}")

    async def _over_json(self, http: aiohttp.ClientSession, told: Told) -> None:
        # Nothing comes before the end; who waited too long asks again with the same key.
        patient = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=4 * self._silence)
        posted = _posted(told, "application/json")
        async with http.post("/chat", **posted, timeout=patient) as response:
            body = await response.json()
            if response.status == 200:
                told.answer, told.run_id = body, body["run_id"]
            elif body["error"] not in {"No answer", "Cancelled"}:
                await _refused(response, told)
                return
        # Whoever gave the answer may have gone since.
        async with self._connect() as anew:
            await self._look_at_run(anew, told)

    async def _look_at_run(self, http: aiohttp.ClientSession, told: Told) -> None:
        told.run_id = told.run_id or await _run_of(http, told)
        async with http.get(f"/runs/{told.run_id}") as response:
            if response.status != 200:
                await _refused(response, told)
                return
            told.ended = (await response.json())["ended_at"] is not None
            if not told.ended:
                told.faults.append("answered, though the run has not ended")

    async def _cancel_in_time(self, told: Told) -> None:
        """Cancel a run through any server, once enough of it was read."""
        await told.until(lambda now: 0 < now.cancel_after <= len(now.seen))
        while told.cancelled_at is None:
            try:
                async with self._connect() as http:
                    at = time.monotonic()
                    async with http.post(f"/runs/{told.run_id}/cancel") as response:
                        if response.status == 200:
                            told.cancelled_at = at
            except (aiohttp.ClientError, OSError) as error:
                told.incidents.append(f"cancel: {type(error).__name__}")
            await asyncio.sleep(_RETRY)


def _posted(told: Told, accept: str) -> dict[str, Any]:
    return {
        "json": {"message": told.text, "session_id": told.session_id},
        "headers": {"Accept": accept, "Idempotency-Key": told.key},
    }


async def _refused(response: aiohttp.ClientResponse, told: Told) -> None:
    """Note a refusal; only those may come that say when to try again."""
    body = await response.text()
    note = f"{told.wire}: {response.status} {body[:300]}"
    if response.status == 503 and "Retry-After" in response.headers:
        told.incidents.append(f"{told.wire}: 503 {json.loads(body)['error']}")
    else:
        told.faults.append(note)


async def _run_of(http: aiohttp.ClientSession, told: Told) -> str:
    """Return the run that answers a message, where an earlier connection got it accepted."""
    async with http.get(f"/sessions/{told.session_id}/messages") as response:
        if response.status == 404:
            return ""
        response.raise_for_status()
        messages = (await response.json())["messages"]
    mine = [m for m in messages if m["role"] == "user" and m["content"] == told.text]
    return str(mine[-1]["run_id"]) if mine else ""


async def _messages(ws: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
    async for message in ws:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return  # it broke
        yield json.loads(message.data)


def _hear(told: Told, data: dict[str, Any]) -> None:
    if "sequence" not in data:
        known = data.get("type") == "error" and data.get("code") in {
            *("store_unavailable", "draining", "overloaded"),
        }
        note = f"ws: {data.get('code')} {data.get('message')}"
        (told.incidents if known else told.faults).append(note)
        raise aiohttp.ClientConnectionError(note)
    if told.run_id and data["run_id"] != told.run_id:
        return
    told.see(data["sequence"], data, is_last=data["type"] in _LAST_TYPES)
