"""A server in this process with a model that is told what to do, as tests hold on to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient

from tests import client
from tests.conftest import DATA
from tests.upstream import Journal

SETTINGS: dict[str, object] = {
    "AGENTS_DIR": DATA / "talkers",
    "DEFAULT_PERSONA": "talker",
    "MODEL_PROVIDER": "openai",
    "OPENAI_API": "chat",
    "OPENAI_MODEL": "gpt-test",
    "MODEL_RETRIES": 0,
}
HELD = "[[say: one two three]] [[hold: 2]]"


@dataclass(slots=True)
class Site:
    """A server, a client of it, and what its model was asked.

    Attributes:
        server: the server itself, for its address and its parts.
        journal: the model's memory; it lets go of answers that it holds back.
    """

    http: aiohttp.ClientSession
    server: TestClient[Any, Any]
    journal: Journal

    async def hold(self, **fields: Any) -> dict[str, Any]:
        """Begin an answer that says `one two` and then waits for `journal.release`."""
        accepted = await client.begin(self.http, HELD, **fields)
        await self.journal.until(lambda model: model.held > 0)
        return accepted

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        """Return the JSON at a path."""
        async with self.http.get(path, params=params) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def post(self, path: str, body: object, status: int = 200, **headers: str) -> Any:
        """Send a JSON body and return the JSON that answers; header names with `_` for `-`."""
        named = client.JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.post(path, json=body, headers=named) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def ask(self, message: str, **fields: Any) -> dict[str, Any]:
        """Send a message and return the whole answer."""
        answer: dict[str, Any] = await self.post("/chat", {"message": message, **fields})
        return answer

    async def ended(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has ended, and return it."""
        await client.follow(self.http, run_id)
        run: dict[str, Any] = await self.get(f"/runs/{run_id}")
        return run

    async def connected(self, kind: str, count: int) -> None:
        """Wait until just so many connections of a kind are open."""
        async with asyncio.timeout(5):
            while (await self.get("/"))["active_connections"].get(kind, 0) != count:
                await asyncio.sleep(0)

    async def history(self, session_id: str) -> list[tuple[str, str, str]]:
        """Return a session's history: role, status and text of each message."""
        found = await self.get(f"/history/{session_id}")
        return [(m["role"], m["status"], m["content"]) for m in found["messages"]]
