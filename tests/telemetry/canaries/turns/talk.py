"""Conversations: tools that break or work, approvals, hand-offs, records of the clinic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.telemetry.canaries.mischief import DEEDS
from tests.telemetry.canaries.turn import ALL, REASON, SECRETS, Play, Turn, Visit, asking, saying

_TOOL = "a tool breaks"
_LIBRARIES = {"warns", "logs"}
"""What other code writes in words of its own: a name in it is not ours to keep out."""
_PATIENT, _STAFF = {"X-Demo-As": "patient"}, {"X-Demo-As": "staff"}
_RECORDS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "my_appointments": (_PATIENT, "{}"),
    "open_record": (_PATIENT, "{}"),
    "find_patients": (_STAFF, '{"name": "<name1>"}'),
    "book_appointment": (_PATIENT, '{"slot": "<said>", "reason": "<email>"}'),
}


RECORDS = "the clinic's find_patients"
"""The turn whose canaries stand in the records of patients."""


def _call(tool: str, **arguments: str) -> str:
    return f"[[tool: {tool} {json.dumps(arguments)}]]"


def _approved(decision: str, how: str = "well") -> Play:
    async def play(visit: Visit) -> None:
        message = f"{_call('write_note', text=ALL, how=how)} {ALL}"
        ids = await visit.owned(message)
        path = f"/runs/{ids['run_id']}"
        place = f"{path}/approvals/{ids['call_id']}"
        body = {"decision": decision, "reason": REASON}
        for wrong in ({"arguments_hash": "<said>"}, {"reason": [ALL]}, {"reason": ALL}):
            await visit.ask("POST", place, body | wrong)
        await visit.ask("POST", place, body)
        await visit.ask("GET", f"{path}/events")

    return play


def _twice(first: Mapping[str, Any], second: Mapping[str, Any], **headers: str) -> Play:
    async def play(visit: Visit) -> None:
        for body in (first, second):
            await visit.ask("POST", "/chat", body, headers)

    return play


async def _cancelled(visit: Visit) -> None:
    body = {"message": f"[[hold: 1]] [[say: one two]] {ALL}", "background": True}
    made = await visit.ask("POST", "/chat", body)
    await visit.ask("POST", f"/runs/{made['run_id']}/cancel", {})
    await visit.ask("GET", f"/runs/{made['run_id']}/events")
    await visit.ask("DELETE", f"/sessions/{made['session_id']}")


async def _busy(visit: Visit) -> None:
    held = {"message": f"[[hold: head]] {ALL}", "background": True}
    made = await visit.ask("POST", "/chat", held)
    for how in ("reject", "interrupt"):
        body = {"message": ALL, "session_id": made["session_id"], "if_busy": how}
        await visit.ask("POST", "/chat", body)


def _turns() -> Iterator[Turn]:
    for deed in DEEDS:
        if deed != "is killed":
            said = SECRETS if deed in _LIBRARIES else ALL
            yield Turn(
                _TOOL, f"a tool {deed}", saying(f"{_call('misbehave', how=deed, said=said)}")
            )
    for decision in ("approve", "reject"):
        yield Turn("none", f"an approval: {decision}", _approved(decision))
    for how in ("raises a group", "refuses", "raises a database error"):
        yield Turn(_TOOL, f"approved, and then it {how}", _approved("approve", how))
    for tool, (headers, arguments) in _RECORDS.items():
        message = f"[[tool: {tool} {arguments}]] {ALL}"
        play = asking("POST", "/chat", {"message": message}, headers=headers)
        yield Turn("none", f"the clinic's {tool}", play)
    over = f"[[tool: transfer_to_other {{}}]] [[then]] {_call('misbehave', how='raises', said=ALL)}"
    yield Turn(_TOOL, "after a hand-off", saying(over))
    for stream in (True, False):
        yield Turn("none", f"said, stream={stream}", saying(ALL, stream=stream, user_id="<email>"))
    question = {"question": ALL, "context": {"page": "<said>", "mail": "<email>"}}
    yield Turn("none", "a question, twice", _twice(question, question))
    told = {"message": ALL, "user_id": "<name>", "model": None}
    yield Turn("none", "a retry", _twice(told, told, **{"Idempotency-Key": "<token>"}))
    other = {"message": "other <said>", "user_id": "<phone>"}
    key = {"Idempotency-Key": "<openai>"}
    yield Turn("a header is wrong", "a retry of another body", _twice(told, other, **key))
    yield Turn("none", "cancelled and deleted", _cancelled)
    yield Turn("the session is busy", "busy", _busy)


TURNS = tuple(_turns())
