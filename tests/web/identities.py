"""A server that asks who somebody is, and the people whom it knows by their keys."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from assistant.models import new_id
from assistant.web.identity import new_key
from assistant.web.routing import Access
from tests import client
from tests.conftest import DATA, MakeServer
from tests.processes import ROOT, environment
from tests.upstream import JOURNAL, create_upstream, serving
from tests.web.approving import NOTE, tools
from tests.web.site import SETTINGS, Site

# Who there is: roles, and a patient's number.
PEOPLE: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "visitor-a": ((), None),
    "visitor-b": ((), None),
    "patient-a": (("patient",), "P-100001"),
    "patient-a-2": (("patient",), "P-100001"),
    "patient-b": (("patient",), "P-100002"),
    "staff": (("staff",), None),
    "billing": (("staff", "billing"), None),
    "operator": (("operator",), None),
}


KINDS = ("nobody", "visitor-a", "visitor-b", "patient-a", "patient-b", "staff", "operator")


def write_keys(
    path: Path, people: Mapping[str, tuple[tuple[str, ...], str | None]] = PEOPLE
) -> dict[str, str]:
    """Write a file of keys; returns the key of each person."""
    made = {name: new_key(name, roles, subject) for name, (roles, subject) in people.items()}
    rows = [entry.model_dump(mode="json") for _, entry in made.values()]
    path.write_text(yaml.safe_dump({"keys": rows}))
    return {name: key for name, (key, _) in made.items()}


async def command(folder: Path, *arguments: str, **settings: object) -> tuple[int, str, str]:
    """Run a command that ends by itself; returns its exit code, output and complaints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", "--env-file", os.devnull, *arguments),
        cwd=ROOT,
        env=environment(folder, **settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@dataclass(slots=True)
class Member:
    """Somebody with a key; without one, somebody who does not say who they are."""

    http: aiohttp.ClientSession
    name: str
    key: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    async def ask(self, method: str, path: str, body: object = None) -> client.Answer:
        """Send a request; of a stream only the head is read."""
        headers = {**self.headers, "Accept": "application/json"}
        async with self.http.request(
            method, path, json=body, headers=headers, allow_redirects=False
        ) as response:
            if response.content_type == "text/event-stream":
                return client.Answer(response.status, response.headers, b"")
            return await client.answer_of(response)

    async def get(self, path: str) -> Any:
        async with self.http.get(path, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def accept(self, message: str, **fields: Any) -> dict[str, Any]:
        """Say something that is answered in the background."""
        body = {"message": message, "background": True, **fields}
        async with self.http.post("/chat", json=body, headers=self.headers) as response:
            assert response.status == 202, await response.text()
            accepted: dict[str, Any] = await response.json()
            return accepted

    async def told(self, run_id: str, last: str = "") -> list[dict[str, Any]]:
        """Return a run's frames up to the first of a type, or to its end."""
        found = []
        async with self.http.get(f"/runs/{run_id}/events", headers=self.headers) as response:
            assert response.status == 200, await response.text()
            async for frame in client.frames(response):
                found.append(frame.data)
                if frame.data["type"] == last:
                    break
        return found


@dataclass(slots=True)
class House:
    """A server with keys, and what its tools did."""

    site: Site
    keys: dict[str, str]
    done: list[str]

    def member(self, name: str) -> Member:
        return Member(self.site.http, name, self.keys.get(name))


@dataclass(slots=True)
class Things:
    """What somebody owns: a session with a run that waits for their yes; or what nobody owns."""

    session_id: str
    run_id: str
    call_id: str
    name: str = "clerk"

    def path(self, route: web.AbstractRoute) -> str:
        assert route.resource is not None
        ids = {name: getattr(self, name) for name in self.__slots__}
        return route.resource.canonical.format_map(ids)


MISSING = Things(new_id("ses"), new_id("run"), new_id("call"))


async def things_of(owner: Member) -> Things:
    accepted = await owner.accept(NOTE, session_id=new_id("ses"))
    asked = (await owner.told(accepted["run_id"], "approval.requested"))[-1]
    return Things(accepted["session_id"], accepted["run_id"], asked["call_id"])


def expected(access: Access, who: str, owner: str) -> set[int] | range:
    """Return how a rule answers somebody, where the path names what is the owner's."""
    fine = range(200, 400)
    if access is Access.OPEN:
        return fine
    if who == "nobody":
        return {401}
    if access is Access.OPERATOR:
        return fine if who == "operator" else {403}
    if access is Access.ANY or who == owner:
        # A request to a WebSocket's path that got past the rule is told to upgrade.
        return {*fine, 426} if access is Access.OWN_OR_NEW else fine
    return {404}


@asynccontextmanager
async def opened(make_server: MakeServer, folder: Path, **settings: object) -> AsyncIterator[House]:
    """Start a server with `AUTH_MODE=api_key` and a model that does as it is told."""
    model = create_upstream()
    done: list[str] = []
    keys = write_keys(folder / "keys.yaml")
    async with serving(model) as url:
        values = SETTINGS | {"AGENTS_DIR": DATA / "approving", "DEFAULT_PERSONA": "clerk"}
        values |= {"AUTH_MODE": "api_key", "API_KEYS_FILE": folder / "keys.yaml"}
        values |= {"OPENAI_BASE_URL": f"{url}/v1"} | settings
        server = await make_server(tools=tools(done), **values)
        async with aiohttp.ClientSession(server.make_url("/")) as http:
            yield House(Site(http, server, model[JOURNAL]), keys, done)
