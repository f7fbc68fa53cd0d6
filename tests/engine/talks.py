"""A conversation with a server of ours whose model is the upstream of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import BaseModel

from assistant.tool import Call, Tool
from tests.client import Frame, chat


@dataclass(slots=True)
class Talk:
    """Sends messages in one session, and looks at what arrived upstream.

    Attributes:
        http: a client of our server.
        upstream: a client of the model server.
    """

    http: aiohttp.ClientSession
    upstream: aiohttp.ClientSession
    session_id: str = "ses_talk"

    async def say(self, message: str, **fields: Any) -> Told:
        """Send a message and return what was told of its answer."""
        return Told(await chat(self.http, message, **{"session_id": self.session_id} | fields))

    async def alone(self, message: str) -> Told:
        """Send a message in a session of its own."""
        return await self.say(message, session_id=None)

    async def requests(self) -> list[dict[str, Any]]:
        """Return the requests that arrived upstream."""
        async with self.upstream.get("/_requests") as reply:
            found: list[dict[str, Any]] = await reply.json()
            return found

    async def settled(self, **counts: int) -> dict[str, int]:
        """Wait until the upstream's counts are these, and return all of them."""
        async with self.upstream.get("/_stats", params=counts) as reply:
            stats: dict[str, int] = await reply.json()
            assert reply.status == 200, f"wanted {counts}, there is {stats}"
            return stats

    async def release(self) -> None:
        """Let the answers go on that the upstream holds."""
        async with self.upstream.post("/_release") as reply:
            assert reply.ok

    async def version(self, persona: str) -> str:
        """Return the version in which a persona is in force."""
        async with self.http.get(f"/personas/{persona}") as reply:
            return str((await reply.json())["version"])

    async def history(self) -> list[tuple[str, str, str]]:
        """Return the session's history: role, status and text of each message."""
        async with self.http.get(f"/history/{self.session_id}") as reply:
            messages = (await reply.json())["messages"]
        return [(m["role"], m["status"], m["content"]) for m in messages]


@dataclass(slots=True)
class Told:
    """The frames of one answer, with the questions that tests ask of them."""

    frames: list[Frame]

    @property
    def types(self) -> list[str]:
        """What was told, runs of deltas as one."""
        names = [frame.data["type"] for frame in self.frames]
        return [
            name
            for name, before in zip(names, [None, *names], strict=False)
            if name != before or name != "message.delta"
        ]

    @property
    def text(self) -> str:
        """The answer, joined as the contract says."""
        return "".join(frame.data["content"] for frame in self.frames)

    @property
    def end(self) -> dict[str, Any]:
        """The last frame's data."""
        return self.frames[-1].data

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of all frames of a type."""
        return [frame.data for frame in self.frames if frame.data["type"] == kind]


class Words(BaseModel):
    """Words to say."""

    text: str


class PerhapsWords(BaseModel):
    """Words to say, or none."""

    text: str = ""


async def _echo(_call: Call, given: Words) -> str:
    return given.text


async def _breaks(_call: Call, given: PerhapsWords) -> str:
    message = f"the secret of {given.text}"
    raise RuntimeError(message)


TOOLS: dict[str, Tool[Any]] = {
    "echo": Tool("echo", "Say it back.", Words, _echo),
    "breaks": Tool("breaks", "Fail.", PerhapsWords, _breaks),
}
