"""Approvals at every door: asked, told, decided once, by whom it concerns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import client
from tests.conftest import MakeServer
from tests.web.approving import NOTE, PAY, Desk, Person, opened
from tests.web.sockets import Socket

OWN = {
    *("run_id", "call_id", "session_id", "name", "summary", "arguments", "arguments_hash", "by"),
    *("requested_at", "expires_at", "decision", "decided_by", "reason", "may_decide"),
}


@pytest.fixture
async def desk(make_server: MakeServer) -> AsyncIterator[Desk]:
    async with opened(make_server) as found:
        yield found


@pytest.fixture
def ann(desk: Desk) -> Person:
    """Return the one whose conversations they are."""
    return desk.person("ann")


@pytest.fixture
def bill(desk: Desk) -> Person:
    """Return somebody who decides on payments."""
    return desk.person("bill/billing")


def _kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


def _outcomes(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["outcome"] for frame in frames if frame["type"] == "tool.returned"]


async def test_a_call_waits_for_its_user_s_yes(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE, session_id="one")
    assert (asked["status"], asked["name"], asked["by"]) == ("processing", "write_note", "user")
    assert (asked["summary"], asked["arguments"]) == ("Write down: milk", {"text": "milk"})
    left = datetime.fromisoformat(asked["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < left < timedelta(minutes=61)

    run = await ann.get(f"/runs/{asked['run_id']}")
    assert (run["status"], run["text"], run["ended_at"]) == ("waiting", None, None)
    (shown,) = run["approvals"]
    assert set(shown) == OWN
    assert shown["arguments_hash"] == asked["arguments_hash"]
    assert (shown["decision"], shown["may_decide"]) == (None, True)
    assert desk.done == []

    decided = await ann.decide(asked, reason="Do.", arguments_hash=asked["arguments_hash"])
    assert set(decided) == OWN
    assert (decided["decision"], decided["decided_by"], decided["reason"]) == (
        *("approved", "ann"),
        "Do.",
    )
    assert decided["may_decide"] is False
    frames = await ann.told(asked["run_id"])
    kinds = _kinds(frames)
    assert kinds.index("approval.resolved") < kinds.index("tool.returned")
    assert (kinds[-1], _outcomes(frames), desk.done) == ("run.completed", ["ok"], ["milk"])
    run = await ann.get(f"/runs/{asked['run_id']}")
    assert run["text"] == "".join(frame["content"] for frame in frames)
    assert "Noted." in run["text"]
    assert [each["decision"] for each in run["approvals"]] == ["approved"]


async def test_a_rejected_call_is_not_made(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE)
    assert (await ann.decide(asked, "reject", reason="No."))["decision"] == "rejected"
    frames = await ann.told(asked["run_id"])
    (resolved,) = [frame for frame in frames if frame["type"] == "approval.resolved"]
    assert (resolved["decision"], resolved["by"], resolved["reason"]) == ("rejected", "ann", "No.")
    assert (_kinds(frames)[-1], _outcomes(frames)) == ("run.completed", ["rejected"])
    assert desk.done == []


async def test_a_call_that_nobody_decides_expires(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE, persona="hasty")
    frames = await ann.told(asked["run_id"])
    (resolved,) = [frame for frame in frames if frame["type"] == "approval.resolved"]
    assert (resolved["decision"], _outcomes(frames)) == ("expired", ["expired"])
    assert _kinds(frames)[-1] == "run.completed"
    client_error = await ann.decide(asked, status=409)
    assert client_error["error"] == "Approval closed"
    assert (desk.done, await ann.waiting()) == ([], [])


@pytest.mark.parametrize("second", ["approve", "reject"])
async def test_a_decision_is_made_once(desk: Desk, ann: Person, second: str) -> None:
    asked = await ann.want(NOTE)
    await ann.decide(asked, "reject")
    assert (await ann.decide(asked, second, 409))["error"] == "Approval closed"
    await ann.told(asked["run_id"])
    assert (await ann.decide(asked, second, 409))["error"] == "Approval closed"
    assert desk.done == []


async def test_of_many_decisions_at_once_one_counts(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE)
    path = f"/runs/{asked['run_id']}/approvals/{asked['call_id']}"

    async def decide(decision: str) -> int:
        body = {"decision": decision}
        async with desk.site.http.post(path, json=body, headers=ann.headers) as response:
            await response.read()
            return response.status

    statuses = await asyncio.gather(*map(decide, ["approve", "reject"] * 5))
    assert sorted(statuses) == [200] + [409] * 9
    frames = await ann.told(asked["run_id"])
    assert _kinds(frames).count("approval.resolved") == 1
    assert len(desk.done) <= 1


async def test_a_decision_is_bound_to_the_arguments(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE)
    other = await ann.want(NOTE.replace("milk", "wine"))
    assert asked["arguments_hash"] != other["arguments_hash"]
    refused = await ann.decide(asked, status=409, arguments_hash=other["arguments_hash"])
    assert refused["error"] == "Approval closed"
    assert set(await ann.waiting()) == {asked["call_id"], other["call_id"]}
    forged = {**asked, "call_id": other["call_id"]}
    await ann.decide(forged, status=404)
    assert desk.done == []
    await ann.decide(asked, arguments_hash=asked["arguments_hash"])
    await ann.told(asked["run_id"])
    assert desk.done == ["milk"]


async def test_only_whom_it_concerns_decides(desk: Desk, ann: Person, bill: Person) -> None:
    asked = await ann.want(NOTE)
    for name in ("bob", "bill/billing", "bob/user"):
        await desk.person(name).decide(asked, status=404)
        assert await desk.person(name).waiting() == []
    payment = await ann.want(PAY)
    assert payment["by"] == "role:billing"
    assert (await ann.decide(payment, status=403))["error"] == "Forbidden"
    await desk.person("bob").decide(payment, status=404)
    await desk.person("bob/sales").decide(payment, status=404)
    (shown,) = (await ann.get(f"/runs/{payment['run_id']}"))["approvals"]
    assert shown["may_decide"] is False
    assert await ann.waiting() == [asked["call_id"]]
    assert await bill.waiting() == [payment["call_id"]]
    decided = await bill.decide(payment)
    assert (decided["decided_by"], await bill.waiting()) == ("bill", [])
    await ann.told(payment["run_id"])
    assert desk.done == ["40 to Ann"]
    # To decide on a run is not to see it.
    await bill.get(f"/runs/{payment['run_id']}", 404)


async def test_an_owner_with_the_role_may_decide_too(desk: Desk) -> None:
    both = desk.person("cleo/billing,sales")
    asked = await both.want(PAY)
    (shown,) = (await both.get(f"/runs/{asked['run_id']}"))["approvals"]
    assert shown["may_decide"] is True
    await both.decide(asked)
    await both.told(asked["run_id"])
    assert desk.done == ["40 to Ann"]


async def test_what_waits_is_listed_what_expires_first_at_the_front(ann: Person) -> None:
    asked = [(await ann.want(NOTE, session_id=f"s{n}"))["call_id"] for n in range(3)]
    listed = (await ann.get("/approvals"))["approvals"]
    assert [each["call_id"] for each in listed] == asked
    assert all(set(each) == OWN and each["may_decide"] for each in listed)
    assert [each["session_id"] for each in listed] == ["s0", "s1", "s2"]


async def test_a_run_goes_on_when_all_are_decided(desk: Desk, ann: Person, bill: Person) -> None:
    asked = await ann.want(f"{NOTE} {PAY}")
    run_id = asked["run_id"]
    calls = {each["name"]: each for each in (await ann.get(f"/runs/{run_id}"))["approvals"]}
    assert set(calls) == {"write_note", "pay"}
    await bill.decide(calls["pay"], "reject")
    assert (await ann.get(f"/runs/{run_id}"))["status"] == "waiting"
    await ann.decide(calls["write_note"])
    frames = await ann.told(run_id)
    assert sorted(_outcomes(frames)) == ["ok", "rejected"]
    assert desk.done == ["milk"]


async def test_a_cancelled_run_waits_for_nobody(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE)
    stopped = await ann.post(f"/runs/{asked['run_id']}/cancel", {})
    assert stopped["status"] == "cancelled"
    assert [each["may_decide"] for each in stopped["approvals"]] == [False]
    await ann.decide(asked, status=409)
    assert (await ann.waiting(), desk.done) == ([], [])


async def test_following_goes_on_through_the_wait(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE)
    async with asyncio.TaskGroup() as group:
        views = [group.create_task(ann.told(asked["run_id"], after=n)) for n in (-1, 0)]
        await desk.site.connected("sse", 2)
        await ann.decide(asked)
    whole, rest = (view.result() for view in views)
    assert [frame["sequence"] for frame in whole] == list(range(len(whole)))
    assert rest == whole[1:]


async def test_json_does_not_wait_for_hours(desk: Desk, ann: Person) -> None:
    body = {"message": NOTE, "session_id": "one", "stream": False}
    waiting = await ann.post("/chat", body, 202, Idempotency_Key="k-1")
    assert set(waiting) == {"status", "message_id", "session_id", "run_id", "approvals"}
    assert (waiting["status"], waiting["session_id"]) == ("waiting", "one")
    (asked,) = waiting["approvals"]
    assert (set(asked), asked["may_decide"]) == (OWN, True)
    assert await ann.post("/chat", body, 202, Idempotency_Key="k-1") == waiting
    await ann.decide(asked)
    await ann.told(waiting["run_id"])
    answer = await ann.post("/chat", body, Idempotency_Key="k-1")
    assert (answer["run_id"], desk.done) == (waiting["run_id"], ["milk"])
    assert "Noted." in answer["response"]


async def test_json_waits_for_a_tool_that_needs_nobody(ann: Person) -> None:
    answer = await ann.post("/chat", {"message": "[[tool: look {}]]", "stream": False})
    assert "Nothing there." in answer["response"]
    assert (await ann.get(f"/runs/{answer['run_id']}"))["approvals"] == []


async def test_after_a_restart_it_still_waits(make_server: MakeServer, tmp_path: Path) -> None:
    kept = {"DATA_DIR": tmp_path / "kept"}
    async with opened(make_server, **kept) as before:
        asked = await before.person("ann").want(NOTE)
        await before.site.server.close()
    async with opened(make_server, **kept) as after:
        ann = after.person("ann")
        assert await ann.waiting() == [asked["call_id"]]
        await ann.decide(asked, arguments_hash=asked["arguments_hash"])
        assert _outcomes(await ann.told(asked["run_id"])) == ["ok"]
        assert (before.done, after.done) == ([], ["milk"])


async def test_over_a_socket(desk: Desk, ann: Person) -> None:
    async with desk.site.http.ws_connect("/ws/one", headers=ann.headers) as ws:
        socket = Socket(ws)
        await socket.send("chat_message", message=NOTE)
        while (asked := await socket.hear())["type"] != "approval_request":
            pass
        assert (asked["summary"], asked["arguments"]) == ("Write down: milk", {"text": "milk"})
        assert datetime.fromisoformat(asked["expires_at"]).tzinfo
        ids = {name: asked[name] for name in ("run_id", "call_id", "arguments_hash")}
        await socket.send("approve", **ids, decision="approve", reason="Yes.")
        told = await socket.hear_out()
    (resolved,) = [message for message in told if message["type"] == "approval_resolved"]
    assert (resolved["decision"], resolved["reason"]) == ("approved", "Yes.")
    assert [m["outcome"] for m in told if m["type"] == "tool_result"] == ["ok"]
    assert (told[-1]["type"], desk.done) == ("response_complete", ["milk"])


async def test_a_socket_decides_on_what_it_does_not_follow(
    desk: Desk, ann: Person, bill: Person
) -> None:
    asked = await ann.want(PAY)
    ids = {"run_id": asked["run_id"], "call_id": asked["call_id"]}
    async with desk.site.http.ws_connect("/ws/bill", headers=bill.headers) as ws:
        socket = Socket(ws)
        await socket.send("approve", **ids, decision="reject", reason="Too much.")
        told = await socket.hear()
        assert told["type"] == "approval_resolved"
        assert (told["call_id"], told["decision"]) == (asked["call_id"], "rejected")
        again = await socket.refused(json.dumps({"type": "approve", **ids, "decision": "approve"}))
        assert (again["type"], again["code"]) == ("error", "approval_closed")
    await ann.told(asked["run_id"])
    assert desk.done == []


async def test_a_decision_refused_over_a_socket(desk: Desk, ann: Person) -> None:
    asked = await ann.want(PAY)
    decision = {"type": "approve", "run_id": asked["run_id"], "call_id": asked["call_id"]}
    for name, code in (("ann", "forbidden"), ("bob", "not_found")):
        headers = desk.person(name).headers
        async with desk.site.http.ws_connect(f"/ws/{name}", headers=headers) as ws:
            said = json.dumps({**decision, "decision": "approve"})
            assert (await Socket(ws).refused(said))["code"] == code


async def test_who_is_refused_is_refused_at_every_door(desk: Desk, ann: Person) -> None:
    asked = await ann.want(NOTE)
    path = f"/runs/{asked['run_id']}/approvals/{asked['call_id']}"
    for name, status in (("mallory", 403), ("nobody", 404)):
        refused = desk.person(name)
        for method, door in (("GET", "/approvals"), ("POST", path), ("GET", "/ws/one")):
            async with desk.site.http.request(method, door, headers=refused.headers) as response:
                client.check_error(await client.answer_of(response), status)
    assert await ann.waiting() == [asked["call_id"]]


async def test_everybody_has_their_own(desk: Desk, ann: Person) -> None:
    await ann.post("/sessions", {}, 201)
    bob = desk.person("bob")
    assert [len((await who.get("/sessions"))["sessions"]) for who in (ann, bob)] == [1, 0]
    asked = await ann.want(NOTE, session_id="one")
    await bob.get("/sessions/one", 404)
    await bob.get(f"/runs/{asked['run_id']}", 404)
    await bob.post(f"/runs/{asked['run_id']}/cancel", {}, 404)


async def test_a_question_of_a_browser_s_names_nobody(make_server: MakeServer) -> None:
    page = "https://clinic.example"
    async with opened(make_server, CORS_ORIGINS=page) as desk:
        asked = {"Origin": page, "Access-Control-Request-Method": "POST", "X-User": "mallory"}
        async with desk.site.http.options("/chat", headers=asked) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == page
