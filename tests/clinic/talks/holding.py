"""Holds talks with a server: sends what the user says, gives the user's yes or no, and judges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.models import Principal
from tests import client
from tests.clinic.talks.judging import Done, faults_after, faults_of
from tests.clinic.talks.mind import Mind
from tests.clinic.talks.table import Talk, Turn, principal_of
from tests.clinic.talks.world import book, kept

_WHO = "X-Who"


async def identify(request: web.Request) -> Principal:
    """Believe whoever the header names."""
    return principal_of(request.headers.get(_WHO, "visitor"))


@dataclass(slots=True)
class Holding:
    """A talk that is being held, in a session of its own.

    Attributes:
        database: the clinic's, as whoever may see all of it.
        done: its calls so far.
    """

    http: aiohttp.ClientSession
    database: AsyncEngine
    mind: Mind
    talk: Talk
    number: int
    done: list[Done] = field(default_factory=list)

    async def faults(self) -> list[str]:
        """Hold it, and return what it did not reach."""
        before = await self._kept()
        found = []
        for number, turn in enumerate(self.talk.turns):
            found += [f"{turn.user!r}: {fault}" for fault in await self._turn(number, turn)]
            if self.mind.lost:
                break
        return [*found, *faults_after(self.talk, self.done, before, await self._kept())]

    async def _turn(self, number: int, turn: Turn) -> list[str]:
        async with self.database.begin() as connection:
            for told in turn.meanwhile:
                await connection.run_sync(book, told)
        ids = self.mind.prepare(number, turn)
        done = [Done(use) for use in turn.uses]
        self.done += done
        end = await self._play(turn, done)
        for call_id, each in zip(ids, done, strict=True):
            each.output = self.mind.seen.get(call_id, "")
        found = [f"{each.use.use} {fault}" for each in done for fault in faults_of(each)]
        if self.mind.lost or end != "run.completed":
            found.append(f"is answered, was {end}: {self.mind.lost}")
        found += [f"has no {name}" for name in turn.lacks if name in self.mind.offered]
        missing = {use.use for use in turn.uses} - self.mind.offered
        return [*found, *(f"has a tool {name}" for name in sorted(missing))]

    async def _play(self, turn: Turn, done: list[Done]) -> str:
        """Send what the user says, decide what is asked, and return how the run ended."""
        body = {"message": turn.user, "session_id": f"talk-{self.number}", "background": True}
        accepted = await self._post("/chat", body | {"context": turn.page}, 202)
        calls: dict[str, Done] = {}
        last = {"type": "nothing"}
        async for last in self._told(accepted["run_id"]):
            if last["type"] == "tool.called" and len(calls) < len(done):
                calls[last["call_id"]] = done[len(calls)]
            elif last["type"] == "tool.returned":
                calls[last["call_id"]].outcome = last["outcome"]
            elif last["type"] == "approval.requested":
                await self._decide(last, calls[last["call_id"]])
        return str(last["type"])

    async def _decide(self, asked: dict[str, Any], about: Done) -> None:
        about.asked = asked["summary"]
        path = f"/runs/{asked['run_id']}/approvals/{asked['call_id']}"
        await self._post(path, {"decision": about.use.answer}, 200)

    async def _told(self, run_id: str) -> AsyncIterator[dict[str, Any]]:
        path = f"/runs/{run_id}/events"
        async with self.http.get(path, headers={_WHO: self.talk.who}) as response:
            assert response.status == 200, await response.text()
            async for frame in client.frames(response):
                yield frame.data

    async def _post(self, path: str, body: object, status: int) -> Any:
        async with self.http.post(path, json=body, headers={_WHO: self.talk.who}) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def _kept(self) -> dict[str, list[dict[str, Any]]]:
        async with self.database.begin() as connection:
            return await connection.run_sync(kept)
