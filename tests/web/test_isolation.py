"""Every route of the running server against every kind of principal: what is whose, and who may."""

from __future__ import annotations

import itertools
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from assistant.web.keys import RULES
from assistant.web.routes import ROUTES
from assistant.web.routing import Access
from tests import client
from tests.web.approving import PAY
from tests.web.identities import KINDS, MISSING, House, Member, Things, expected, things_of
from tests.web.sockets import Socket

OWNERS = ("visitor-a", "patient-a")
BODIES: dict[str, Any] = {
    "/chat": {"message": "hello", "background": True},
    "/sessions": {},
    "/runs/{run_id}/approvals/{call_id}": {"decision": "approve"},
}


def _bare(answer: client.Answer, things: Things) -> tuple[int, str, dict[str, str]]:
    """Return an answer without what names the request or what it asked for."""
    text = answer.body.decode()
    for name in things.__slots__:
        text = text.replace(getattr(things, name), name)
    changing = {"x-correlation-id", "content-length", "date"}
    headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in changing}
    return answer.status, text.replace(answer.headers["X-Correlation-ID"], ""), headers


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.timeout(120)
async def test_the_matrix(house: House, owner: str, subtests: pytest.Subtests) -> None:
    app, cells = house.site.server.app, 0
    assert app is not None
    for route in app.router.routes():
        if route.method == "OPTIONS":
            continue
        access = app[RULES][route]
        things = await things_of(house.member(owner))
        # Strangers first: the owner's own request may delete what the path names.
        for who in sorted(KINDS, key=lambda kind: kind == owner):
            with subtests.test(method=route.method, route=things.path(route), who=who):
                await _cell(house.member(who), route, access, things, owner)
                cells += 1
    assert cells >= len(ROUTES) * len(KINDS)


async def _cell(
    who: Member, route: web.AbstractRoute, access: Access, things: Things, owner: str
) -> None:
    assert route.resource is not None
    body = BODIES.get(route.resource.canonical) if route.method == "POST" else None
    path = things.path(route)
    if "/assets/" in path or path.startswith("/ui/clerk"):
        path = path.replace("clerk", "swagger.js" if "/assets/" in path else "chat.js")
    answer = await who.ask(route.method, path, body)
    assert answer.status in expected(access, who.name, owner), answer
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="persona-assistant"'
    if answer.status >= 400 and route.method != "HEAD":
        client.check_error(answer, answer.status)
    if answer.status == 404:
        missing = await who.ask(route.method, MISSING.path(route), body)
        if access is not Access.OWN_OR_NEW:
            assert _bare(answer, things) == _bare(missing, MISSING)


async def test_nothing_of_strangers_came_through(house: House) -> None:
    owner = house.member("patient-a")
    things = await things_of(owner)
    before = await owner.get(f"/runs/{things.run_id}")
    for name, row in itertools.product(KINDS, ROUTES):
        if row.access is Access.OWN and name != owner.name:
            path = row.path.format_map({n: getattr(things, n) for n in things.__slots__})
            await house.member(name).ask(row.method, path, BODIES.get(row.path))
    assert await owner.get(f"/runs/{things.run_id}") == before
    assert before["status"] == "waiting"
    assert len((await owner.get(f"/history/{things.session_id}"))["messages"]) == 1
    assert house.done == []


async def test_a_list_has_what_is_one_s_own(house: House) -> None:
    owned = {name: await things_of(house.member(name)) for name in ("visitor-a", "patient-a")}
    for name in KINDS[1:]:
        member = house.member(name)
        own = [owned[name]] if name in owned else []
        sessions = (await member.get("/sessions"))["sessions"]
        assert [each["session_id"] for each in sessions] == [each.session_id for each in own]
        approvals = (await member.get("/approvals"))["approvals"]
        assert [each["call_id"] for each in approvals] == [each.call_id for each in own]


async def test_a_message_into_another_s_session(house: House) -> None:
    owner = house.member("patient-a")
    things = await things_of(owner)
    for name in set(KINDS) - {owner.name, "nobody"}:
        stranger = house.member(name)
        for extra in ({"if_busy": "interrupt"}, {"persona_type": "hasty"}, {"background": True}):
            body: dict[str, Any] = {"message": "hello", "session_id": things.session_id, **extra}
            client.check_error(await stranger.ask("POST", "/chat", body), 404)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stranger.http.ws_connect(f"/ws/{things.session_id}", headers=stranger.headers)
        assert refused.value.status == 404
    assert (await owner.get(f"/runs/{things.run_id}"))["status"] == "waiting"
    assert len((await owner.get(f"/history/{things.session_id}"))["messages"]) == 1


@pytest.mark.parametrize("name", ["visitor-b", "patient-b", "staff", "operator"])
async def test_over_a_socket_of_one_s_own_another_s_run_is_not_there(
    house: House, name: str
) -> None:
    things = await things_of(house.member("patient-a"))
    stranger = house.member(name)
    async with stranger.http.ws_connect(f"/ws/{name}", headers=stranger.headers) as ws:
        socket = Socket(ws)
        for kind in ("resume", "cancel", "approve"):
            told = []
            for ids in (things, MISSING):
                said = {"type": kind, "run_id": ids.run_id}
                if kind == "approve":
                    said |= {"call_id": ids.call_id, "decision": "approve"}
                told.append(await socket.refused(json.dumps(said)))
            assert told[0] == told[1]
            assert (told[0]["type"], told[0]["code"]) == ("error", "not_found")
    run = await house.member("patient-a").get(f"/runs/{things.run_id}")
    assert (run["status"], house.done) == ("waiting", [])


async def test_a_retry_s_key_is_one_s_own(house: House) -> None:
    body = {"message": "hello", "background": True}
    runs: dict[str, str] = {}
    for name in ("visitor-a", "visitor-b", "visitor-a"):
        headers = house.member(name).headers | {"Idempotency-Key": "one"}
        async with house.site.http.post("/chat", json=body, headers=headers) as response:
            run_id = (await response.json())["run_id"]
        assert runs.setdefault(name, run_id) == run_id
    assert runs["visitor-a"] != runs["visitor-b"]


async def test_a_shared_answer_is_a_run_of_one_s_own(house: House) -> None:
    for name in ("visitor-a", "visitor-b", "patient-b"):
        member = house.member(name)
        body = {"question": "What is it?", "background": True}
        accepted = json.loads((await member.ask("POST", "/chat", body)).body)
        assert (await member.told(accepted["run_id"]))[-1]["type"] == "run.completed"


async def test_a_role_s_decision_is_for_whoever_has_the_role(house: House) -> None:
    owner, billing = house.member("patient-a"), house.member("billing")
    accepted = await owner.accept(PAY)
    asked = (await owner.told(accepted["run_id"], "approval.requested"))[-1]
    path = f"/runs/{accepted['run_id']}/approvals/{asked['call_id']}"
    for name, status in (("staff", 404), ("operator", 404), ("patient-a", 403), ("billing", 200)):
        answer = await house.member(name).ask("POST", path, {"decision": "approve"})
        assert answer.status == status, answer
    # The decision is theirs; the run, and all that was said in it, is not.
    client.check_error(await billing.ask("GET", f"/runs/{accepted['run_id']}"), 404)


async def test_a_patient_s_keys_are_all_the_patient_s(house: House) -> None:
    things = await things_of(house.member("patient-a"))
    other = house.member("patient-a-2")
    run = await other.get(f"/runs/{things.run_id}")
    assert [each["may_decide"] for each in run["approvals"]] == [True]
