"""A server process, traced, and what one asks it for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.telemetry.relay import settings
from tests.telemetry.tap import Span, Tap, tapped
from tests.upstream import create_upstream, serving

MODEL = "chat gpt-5-mini"


@dataclass(slots=True)
class Stage:
    """A traced server, its client and what came of its spans.

    Attributes:
        runs: what was begun, by the test's own names for it.
        log: the server's.
    """

    http: aiohttp.ClientSession
    tap: Tap
    runs: dict[str, str]
    log: Path

    async def say(self, name: str, message: str, **fields: Any) -> None:
        """Have a message answered, and remember the run by a name."""
        found = await client.chat(self.http, message, session_id=name, **fields)
        self.runs[name] = found[0].data["run_id"]

    async def over_socket(self, name: str, message: str) -> None:
        """Have a message answered over a WebSocket."""
        async with self.http.ws_connect(f"/ws/{name}") as ws:
            await ws.send_json({"type": "chat_message", "message": message})
            async for one in ws:
                told = json.loads(one.data)
                self.runs[name] = told.get("run_id") or self.runs[name]
                if told["type"] == "response_complete":
                    break

    async def decide(self, name: str, message: str, decision: str) -> None:
        """Have a call asked about, and say yes or no."""
        fields = {"session_id": name, "persona_type": "ann"}
        async with self.http.post(
            "/chat", json={"message": message, **fields}, headers=client.JSON
        ) as response:
            told = await response.json()
            assert told["status"] == "waiting", told
        self.runs[name] = told["run_id"]
        path = f"/runs/{told['run_id']}/approvals/{told['approvals'][0]['call_id']}"
        async with self.http.post(path, json={"decision": decision}) as response:
            assert response.status == 200, await response.text()
        await client.follow(self.http, told["run_id"])

    async def stop(self, name: str, message: str) -> None:
        """Begin an answer, and cancel it before there is one."""
        begun = await client.begin(self.http, message, session_id=name)
        self.runs[name] = begun["run_id"]
        async with self.http.get(f"/runs/{begun['run_id']}/events") as response:
            async for frame in client.frames(response):
                if frame.data["content"]:
                    break
        async with self.http.post(f"/runs/{begun['run_id']}/cancel") as response:
            assert (await response.json())["status"] == "cancelled"

    async def all_told(self) -> None:
        """Wait until every attempt has ended and told of it."""
        await self.tap.until(lambda: {*self.runs.values()} <= {*_ended(self.tap)})

    def of(self, name: str, kind: str = "") -> list[Span]:
        """Return the spans of a run whose names begin so, in the order in which they began."""
        run = self.runs[name]
        mine = (s for s in self.tap.spans if s.attributes.get("assistant.run.id") == run)
        return sorted((s for s in mine if s.name.startswith(kind)), key=lambda span: span.begun)


@asynccontextmanager
async def staged(folder: Path, **more: object) -> AsyncIterator[Stage]:
    """Start a server that sends its spans to a receiver."""
    async with serving(create_upstream()) as root, tapped() as tap:
        known = settings(f"{root}/v1", tap, **more)
        async with (
            processes.server(folder, **known) as server,
            aiohttp.ClientSession(server.url) as http,
        ):
            yield Stage(http, tap, {}, server.log)


def _ended(tap: Tap) -> list[str]:
    told = (s.attributes for s in tap.named("attempt"))
    return [one["assistant.run.id"] for one in told if one["assistant.outcome"] != "waiting"]
