"""What a turn is: something done to a server, with canaries of its own in its hands."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.client import frames
from tests.telemetry.canaries.coinage import Mint

_SLOT = re.compile(r"<([a-z]+\d*)>")
_FRAME = b"data: "

ALL = (
    "I am <name>. Mail <email>, call <phone>, card <card>, SSN <ssn>, NHS number <nhs>, "
    "IBAN <iban>; password: <password>, keys <openai> <github> <aws> <jwt>, "
    "Authorization: Bearer <token>, postgresql://app:<password2>@db.internal/x. It is <said>."
)
"""A message with a canary of every kind that matters."""
SECRETS = ALL.replace("I am <name>. ", "").replace(" It is <said>.", "")
"""The same with those only that a pattern can know."""
REASON = "<name> <email> says password: <password> and <openai>"
"""Something short."""


@dataclass(slots=True)
class Heard:
    """What was read by clients that nobody else's words belong into, by place."""

    texts: dict[str, list[str]] = field(default_factory=dict)

    def note(self, place: str, text: str) -> None:
        """Remember a text."""
        self.texts.setdefault(place, []).append(text)


@dataclass(slots=True)
class Visit:
    """One turn as it is played: the door, the canaries, and what was heard.

    Attributes:
        turn: its name, and the correlation id of its requests.
        headers: who is asking.
    """

    turn: str
    correlation_id: str
    http: aiohttp.ClientSession
    mint: Mint
    heard: Heard
    headers: Mapping[str, str] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """Return a value with this turn's canaries in place of `<email>` and its like."""
        if isinstance(value, str):
            return _SLOT.sub(lambda slot: self.mint.take(self.turn, slot[1]), value)
        if isinstance(value, dict):
            return {self.fill(name): self.fill(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return value

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        raw: str | bytes | None = None,
    ) -> dict[str, Any]:
        """Send a request, read its whole answer, and note what no canary may be in.

        Returns:
            The JSON of the answer, or the last frame of a stream; empty where it is neither.
        """
        sent = self.fill(raw if raw is not None else json.dumps(body) if body is not None else "")
        given = {"Content-Type": "application/json", "X-Correlation-ID": self.correlation_id}
        given |= {**self.headers, **(headers or {})}
        async with (
            asyncio.timeout(20),
            self.http.request(
                method,
                self.fill(path),
                data=sent or None,
                headers=self.fill({name: value for name, value in given.items() if value}),
                allow_redirects=False,
            ) as reply,
        ):
            return self.listen(reply.status, reply.headers, await reply.read())

    async def owned(self, message: str) -> dict[str, str]:
        """Say something that needs a yes; returns the ids of what the visitor owns then."""
        made = await self.ask("POST", "/chat", {"message": message, "background": True})
        ids = {name: str(made[name]) for name in ("session_id", "run_id")} | {"name": "keeper"}
        async with (
            asyncio.timeout(20),
            self.http.get(f"/runs/{ids['run_id']}/events", headers=self.headers) as reply,
        ):
            async for frame in frames(reply):
                if frame.data["type"] == "approval.requested":
                    return ids | {"call_id": str(frame.data["call_id"])}
        raise AssertionError(f"{self.turn}: nobody was asked")

    def listen(self, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Note an answer: of one that is an error all, of others the head, and told errors."""
        self.heard.note("response headers", "\n".join(f"{n}: {v}" for n, v in headers.items()))
        text = body.decode("utf-8", "replace")
        if status >= 400:
            self.heard.note("error bodies", text)
        if not headers.get("Content-Type", "").startswith("text/event-stream"):
            return _object(text)
        last: dict[str, Any] = {}
        for line in body.splitlines():
            if line.startswith(_FRAME):
                last = json.loads(line.removeprefix(_FRAME))
                self.told(last)
        return last

    def told(self, frame: Mapping[str, Any]) -> None:
        """Note what a frame or a socket's message says went wrong."""
        if frame.get("status") == "error" or frame.get("type") in {"error", "run.failed"}:
            own = {n: v for n, v in frame.items() if n not in {"session_id", "content"}}
            self.heard.note("errors in streams", json.dumps(own, ensure_ascii=False))


Play = Callable[[Visit], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Turn:
    """Something done to a server.

    Attributes:
        path: the way in which it fails, such as `the body is wrong`; or that it does not.
        name: what it is, unlike any other.
        mode: the server it is meant for: its `AUTH_MODE`.
    """

    path: str
    name: str
    play: Play
    mode: str = "none"


def asking(method: str, path: str, body: Any = None, **more: Any) -> Play:
    """Return the play of a single request."""

    async def play(visit: Visit) -> None:
        await visit.ask(method, path, body, **more)

    return play


def saying(message: str, **fields: Any) -> Play:
    """Return the play of a single message."""
    return asking("POST", "/chat", {"message": message, **fields})


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
