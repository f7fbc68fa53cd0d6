"""Somebody who talks to a server process with the demo model, over SSE and over a WebSocket."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from assistant.clinic.records.options import ClinicOptions
from tests import client, processes

ZONE = ZoneInfo("America/New_York")


@dataclass
class Answer:
    """What was told of one message: events by type, oldest first, and the text."""

    events: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def text(self) -> str:
        return "".join(event.get("content") or "" for event in self.events)

    @property
    def tools(self) -> list[tuple[str, str]]:
        """Each tool with its outcome."""
        return [(event["name"], event["outcome"]) for event in self.of("tool.returned")]

    @property
    def question(self) -> str:
        """What had to be approved."""
        (asked,) = self.of("approval.requested")
        return str(asked["summary"])

    @property
    def times(self) -> list[datetime]:
        """The times of its numbered list, as instants."""
        found = re.findall(r"^\d+\. \w{3} (\d+ \w{3} \d{4}, \d\d:\d\d)", self.text, re.MULTILINE)
        local = (datetime.strptime(text, "%d %b %Y, %H:%M") for text in found)  # noqa: DTZ007
        return [at.replace(tzinfo=ZONE) for at in local]


@dataclass
class Caller:
    """Somebody with one conversation, acting as the demo switch says."""

    http: aiohttp.ClientSession
    kind: str
    session_id: str = "talk"
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.kind == "visitor" else {"X-Demo-As": self.kind}

    async def say(self, message: str, decision: str = "approve") -> Answer:
        """Say something; what has to be approved is decided like that."""
        body = {"message": message, "session_id": self.session_id, "context": self.context}
        found = []
        async with self.http.post("/chat", json=body, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            async for frame in client.frames(response):
                found.append(frame.data)
                if frame.data["type"] == "approval.requested":
                    await self._decide(frame.data, decision)
        assert found[-1]["type"] == "run.completed", found[-1]
        return Answer(found)

    async def _decide(self, asked: dict[str, Any], decision: str) -> None:
        path = f"/runs/{asked['run_id']}/approvals/{asked['call_id']}"
        body = {"decision": decision, "arguments_hash": asked["arguments_hash"]}
        async with self.http.post(path, json=body, headers=self.headers) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def serving(options: ClinicOptions) -> AsyncIterator[aiohttp.ClientSession]:
    """Start a server process with the demo model on that clinic; yields a client of it."""
    database = {"DATABASE_URL": options.url, "DEMO_SWITCH": "on"} if options.url else {}
    async with (
        processes.server(options.data_dir, **database) as running,
        aiohttp.ClientSession(running.url) as http,
    ):
        yield http
