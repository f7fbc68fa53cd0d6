"""A server whose persona asks before it acts, and the people who may say yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import BaseModel

from assistant.errors import ForbiddenError, NotFoundError
from assistant.models import Principal
from assistant.tool import Call, NoArguments, Tool
from tests import client
from tests.conftest import DATA, MakeServer
from tests.upstream import JOURNAL, create_upstream, serving
from tests.web.site import SETTINGS, Site

NOTE = '[[tool: write_note {"text": "milk"}]]'
PAY = '[[tool: pay {"amount": 40, "to": "Ann"}]]'


class Note(BaseModel):
    text: str


class Payment(BaseModel):
    amount: int
    to: str


async def identify(request: web.Request) -> Principal:
    """Believe whoever a header or a cookie names: a name, then roles after a slash."""
    said = request.headers.get("X-User") or request.cookies.get("user", "ann")
    name, _, roles = said.partition("/")
    if name == "mallory":
        detail = "You may not come in."
        raise ForbiddenError(detail)
    if name == "nobody":
        detail = "There is no such person."
        raise NotFoundError(detail)
    return Principal(name, frozenset(roles.split(",")) - {""})


@dataclass(slots=True)
class Person:
    """Somebody who uses the server: a name, and roles after a slash."""

    site: Site
    name: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-User": self.name}

    async def get(self, path: str, status: int = 200) -> Any:
        async with self.site.http.get(path, headers=self.headers) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def post(self, path: str, body: object, status: int = 200, **headers: str) -> Any:
        return await self.site.post(path, body, status, X_User=self.name, **headers)

    async def told(self, run_id: str, last: str = "", after: int = -1) -> list[dict[str, Any]]:
        """Return a run's frames up to the first of a type, or to its end."""
        found = []
        headers = self.headers | {"Last-Event-ID": str(after)}
        async with self.site.http.get(f"/runs/{run_id}/events", headers=headers) as response:
            assert response.status == 200, await response.text()
            async for frame in client.frames(response):
                found.append(frame.data)
                if frame.data["type"] == last:
                    return found
        return found

    async def want(self, message: str, persona: str = "clerk", **fields: Any) -> dict[str, Any]:
        """Say something that needs an approval; returns the request as it was told."""
        body = {"message": message, "persona_type": persona, "background": True, **fields}
        accepted = await self.post("/chat", body, 202)
        return (await self.told(accepted["run_id"], "approval.requested"))[-1]

    async def decide(
        self, asked: dict[str, Any], decision: str = "approve", status: int = 200, **fields: Any
    ) -> Any:
        path = f"/runs/{asked['run_id']}/approvals/{asked['call_id']}"
        return await self.post(path, {"decision": decision, **fields}, status)

    async def waiting(self) -> list[str]:
        """Return the calls that wait for this person."""
        found = await self.get("/approvals")
        assert found["count"] == len(found["approvals"])
        return [each["call_id"] for each in found["approvals"]]


@dataclass(slots=True)
class Desk:
    """A server, and what its tools did."""

    site: Site
    done: list[str]

    def person(self, name: str) -> Person:
        return Person(self.site, name)


def tools(done: list[str]) -> dict[str, Tool[Any]]:
    """Return tools that write down in `done` what they did."""

    async def write_note(_call: Call, note: Note) -> str:
        done.append(note.text)
        return "Noted."

    async def pay(_call: Call, payment: Payment) -> str:
        done.append(f"{payment.amount} to {payment.to}")
        return "Paid."

    async def look(_call: Call, _nothing: NoArguments) -> str:
        return "Nothing there."

    async def summary(_call: Call, note: Note) -> str:
        return f"Write down: {note.text}"

    noting = Tool(
        "write_note", "Write a note.", Note, write_note, effectful=True, summarise=summary
    )
    paying = Tool("pay", "Pay somebody.", Payment, pay, effectful=True)
    looking = Tool("look", "Look around.", NoArguments, look)
    return {tool.name: tool for tool in (noting, paying, looking)}


@asynccontextmanager
async def opened(make_server: MakeServer, **settings: object) -> AsyncIterator[Desk]:
    """Start the server and its model."""
    model = create_upstream()
    done: list[str] = []
    async with serving(model) as url:
        values = SETTINGS | {"AGENTS_DIR": DATA / "approving", "DEFAULT_PERSONA": "clerk"}
        values |= {"OPENAI_BASE_URL": f"{url}/v1"} | settings
        server = await make_server(tools=tools(done), identify=identify, **values)
        async with aiohttp.ClientSession(server.make_url("/")) as http:
            yield Desk(Site(http, server, model[JOURNAL]), done)
