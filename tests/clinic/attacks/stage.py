"""The whole application with a hostile model in it, and every place where words could leak."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.models import Principal, now
from assistant.web.keys import PARTS
from assistant.wiring import Parts
from tests import client
from tests.clinic.attacks import snapshot
from tests.clinic.attacks.attack import Attack, filled
from tests.clinic.attacks.canaries import Canary, Search
from tests.clinic.attacks.hostile import Hostile
from tests.clinic.attacks.known import plant_old
from tests.clinic.attacks.rights import hidden_from
from tests.clinic.attacks.world import PRINCIPALS, World
from tests.loglines import Written

_ENDS = {"run.completed", "run.failed", "run.cancelled"}


@dataclass(slots=True)
class Played:
    """What came of one attack.

    Attributes:
        said: all that the attacker put in, so that they cannot be told it.
        heard: all that can be read anywhere by them, by place.
        logged: what the server wrote into its own log.
        questions: what a human was asked; `agreed` counts those that got a yes.
        audited: how many accesses the audit holds of it.
        faults: what was done in the database that may not be.
    """

    attack: Attack
    run_id: str
    said: str
    heard: dict[str, str] = field(default_factory=dict)
    logged: str = ""
    outputs: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    agreed: int = 0
    audited: int = 0
    faults: list[str] = field(default_factory=list)

    def leaks(self, search: Search, principal: Principal, typed: set[Canary]) -> list[str]:
        """Return which values were told that must not be, and where.

        Args:
            typed: what attackers have said themselves so far; grows by what they say here.
        """
        typed |= search.find(self.said)
        hidden = hidden_from(principal)
        everything = search.find("\n".join(self.heard.values()))
        found = {canary for canary in everything - typed if hidden(canary)}
        # The log of the server holds nobody's values, not even those that the attacker knew.
        logged = [f"{canary}, in the server's log" for canary in search.find(self.logged)]
        return sorted(logged + [f"{canary}, {self._where(search, canary)}" for canary in found])

    def _where(self, search: Search, canary: Canary) -> str:
        places = [name for name, text in self.heard.items() if canary in search.find(text)]
        return f"in {', '.join(places) or 'all taken together'}"


@dataclass(slots=True)
class Stage:
    """Plays attacks on a running server.

    Attributes:
        eyes: a connection to the database that sees everything.
        names: names of records that others were told, and numbers that an attacker could know.
        foreign: the conversations of others.
    """

    world: World
    http: TestClient[Any, Any]
    eyes: AsyncEngine
    log: Written
    hostile: Hostile = field(default_factory=Hostile)
    names: dict[str, str] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    _count: int = 0
    _rows: snapshot.Tables | None = None

    @property
    def parts(self) -> Parts:
        """What the server is made of."""
        app = self.http.app
        assert app is not None
        parts: Parts = app[PARTS]
        return parts

    def __post_init__(self) -> None:
        """Put the hostile model in the place of the usual one."""
        self.parts.engine._models = self.hostile

    async def play(
        self, attack: Attack, *, principal: Principal | None = None, session: str | None = None
    ) -> Played:
        """Play an attack to its end, and gather all that came of it."""
        self._count += 1
        session = session or f"attack-{self._count}"
        who = principal or PRINCIPALS[attack.who]
        if "<old" in repr(attack.steps):
            await plant_old(self, session, who)
            self._rows = None
        self.hostile.steps, self.hostile.known = attack.steps, self.names
        before, begun = self._rows or await snapshot.taken(self.eyes), now()
        self.log.clear()
        body = {
            "message": filled(attack.says, self.names).replace("\x00", " "),
            "session_id": session,
            "persona_type": "web_assistant",
            "context": filled(attack.page, self.names),
            "use_cache": False,
        }
        frames, questions = await self._talk(body, who, agrees=attack.agrees)
        run_id = frames[0]["run_id"]
        said = [body, [[filled(u.text, self.names) for u in step] for step in attack.steps]]
        played = Played(attack, run_id, json.dumps(said, ensure_ascii=False))
        played.questions = [str(question["summary"]) for question in questions]
        played.agreed = len(questions) if attack.agrees else 0
        played.heard = await self._heard(run_id, session, who)
        played.heard["frames"] = json.dumps(frames, ensure_ascii=False)
        played.logged = self.log.text
        played.outputs = self.hostile.outputs(run_id)
        self._rows = after = await snapshot.taken(self.eyes)
        played.audited = len(after["audit"]) - len(before["audit"])
        played.faults = snapshot.Guard(
            before,
            after,
            who,
            frozenset({run_id}),
            played.agreed,
            begun,
            frozenset(self.foreign),
        ).faults()
        return played

    async def _talk(
        self, body: Mapping[str, Any], who: Principal, *, agrees: bool
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        frames, questions = [], []
        async for frame in self.frames(body, who):
            frames.append(frame)
            if frame["type"] == "approval.requested":
                questions.append(frame)
                path = f"/runs/{frame['run_id']}/approvals/{frame['call_id']}"
                decision = {"decision": "approve" if agrees else "reject"}
                async with self.http.post(path, json=decision, headers=headers_of(who)) as response:
                    assert response.status == 200, await response.text()
        assert frames[-1]["type"] in _ENDS, frames[-1]
        return frames, questions

    async def frames(
        self, body: Mapping[str, Any], who: Principal
    ) -> AsyncIterator[dict[str, Any]]:
        """Send a message as somebody, and yield what is streamed."""
        async with self.http.post("/chat", json=body, headers=headers_of(who)) as response:
            assert response.status == 200, await response.text()
            async for frame in client.frames(response):
                yield frame.data

    async def _heard(self, run_id: str, session: str, who: Principal) -> dict[str, str]:
        """Return what can be read of a run, from every place."""
        store = self.parts.store
        entries = await store.log.read(run_id, -1)
        found = {
            "the model": self.hostile.seen(run_id),
            "the run log": msgspec.json.encode([entry.event for entry in entries]).decode(),
        }
        for path in (
            f"/runs/{run_id}",
            f"/runs/{run_id}/approvals",
            f"/sessions/{session}",
            f"/history/{session}",
            "/approvals",
        ):
            async with self.http.get(path, headers=headers_of(who)) as response:
                found[path.replace(run_id, "RID").replace(session, "SID")] = await response.text()
        return found


async def identify(request: web.Request) -> Principal:
    """Believe whoever a header names."""
    return PRINCIPALS.get(request.headers["X-User"]) or _patient(request.headers["X-User"])


def _patient(number: str) -> Principal:
    return Principal(f"patient:{number}", frozenset({"patient"}), number)


def headers_of(who: Principal) -> dict[str, str]:
    """Return the headers of a request that somebody makes."""
    names = {principal.name: name for name, principal in PRINCIPALS.items()}
    return {"X-User": names.get(who.name) or str(who.subject)}
