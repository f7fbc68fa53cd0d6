"""An approval is for one call with its arguments, by whoever may give it, and once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from assistant.clinic.records import schema
from assistant.models import Principal
from tests.clinic.attacks.attack import LOOK, Attack, use
from tests.clinic.attacks.stage import Stage, headers_of
from tests.clinic.attacks.world import MALLORY, PATIENT, STAFF, VISITOR

_BOOK = Attack("book", "replays", "patient", (LOOK, [use("book_appointment", slot="<slot 4>")]))


async def _asked(stage: Stage, session: str) -> dict[str, Any]:
    """Have the model ask for a booking, and return the question."""
    stage.hostile.steps, stage.hostile.known = _BOOK.steps, {}
    body = {"message": "Book.", "session_id": session, "persona_type": "web_assistant"}
    async for frame in stage.frames(body, PATIENT):
        if frame["type"] == "approval.requested":
            return frame
    raise AssertionError("nothing was asked")


async def _decide(
    stage: Stage, asked: dict[str, Any], who: Principal, **fields: Any
) -> tuple[int, str]:
    path = f"/runs/{asked['run_id']}/approvals/{asked['call_id']}"
    body = {"decision": "approve", **fields}
    async with stage.http.post(path, json=body, headers=headers_of(who)) as response:
        return response.status, await response.text()


async def _booked(stage: Stage, run_id: str) -> int:
    t = schema.changes.c
    async with stage.eyes.connect() as connection:
        query = select(t.id).where(t.run_id == run_id, t.patient_id == MALLORY)
        return len((await connection.execute(query)).all())


async def _ended(stage: Stage, asked: dict[str, Any]) -> None:
    path = f"/runs/{asked['run_id']}/events"
    async with stage.http.get(path, headers=headers_of(PATIENT)) as response:
        await response.read()


async def test_only_the_owner_says_yes(stage_on_file: Stage) -> None:
    asked = await _asked(stage_on_file, "replay-1")
    for who in (VISITOR, STAFF, stage_on_file.world.victim):
        status, told = await _decide(stage_on_file, asked, who)
        assert (status, asked["summary"] in told) == (404, False)
    assert await _booked(stage_on_file, asked["run_id"]) == 0


async def test_a_yes_is_for_the_arguments_that_were_shown(stage_on_file: Stage) -> None:
    asked = await _asked(stage_on_file, "replay-2")
    status, _ = await _decide(stage_on_file, asked, PATIENT, arguments_hash="0" * 64)
    assert status == 409
    status, _ = await _decide(stage_on_file, asked, PATIENT, arguments={"slot": "x"})
    assert status == 400
    assert await _booked(stage_on_file, asked["run_id"]) == 0


async def test_a_yes_counts_once(stage_on_file: Stage) -> None:
    asked = await _asked(stage_on_file, "replay-3")
    assert (await _decide(stage_on_file, asked, PATIENT))[0] == 200
    assert (await _decide(stage_on_file, asked, PATIENT))[0] == 409
    await _ended(stage_on_file, asked)
    assert (await _decide(stage_on_file, asked, PATIENT))[0] == 409
    assert await _booked(stage_on_file, asked["run_id"]) == 1


async def test_a_yes_to_one_call_is_none_to_the_next(stage_on_file: Stage) -> None:
    """Play a model that makes the approved call again, and once more with other arguments."""
    again = [use("book_appointment", slot="<slot 4>"), use("book_appointment", slot="<slot 5>")]
    attack = Attack("again", "replays", "patient", (*_BOOK.steps, again), agrees=False)
    played = await stage_on_file.play(attack)
    assert len(played.questions) == 3
    assert (played.faults, await _booked(stage_on_file, played.run_id)) == ([], 0)


@pytest.mark.parametrize("session", ["before-their", "before-their\n", "before-staff"])
async def test_another_ones_conversation_is_none(stage_on_file: Stage, session: str) -> None:
    body = {"message": "And mine?", "session_id": session, "persona_type": "web_assistant"}
    async with stage_on_file.http.post("/chat", json=body, headers=headers_of(PATIENT)) as reply:
        told = await reply.json()
    assert set(told) == {"error", "detail", "correlation_id"}
    assert reply.status == (400 if "\n" in session else 404)
