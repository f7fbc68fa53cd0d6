"""The demo model at work in a real server: conversations end to end, and the rows they leave."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Row, select

from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.schema import appointments, audit, patient_times, taken_times
from tests.clinic.demo_talk import Answer, Caller, serving
from tests.clinic.house import eyes_on

ROBIN = "P-100001"
LISTED = [("clinic_facts", "ok"), ("find_free_slots", "ok")]


@dataclasses.dataclass
class Clinic:
    """A server with the demo model, and eyes on the database behind it."""

    options: ClinicOptions
    http: aiohttp.ClientSession

    def caller(self, kind: str, **fields: Any) -> Caller:
        return Caller(self.http, kind, **fields)

    async def rows(self, query: Any) -> Sequence[Row[Any]]:
        eyes = await asyncio.to_thread(eyes_on, self.options)
        try:
            async with eyes.connect() as connection:
                return (await connection.execute(query)).all()
        finally:
            await eyes.dispose()

    async def own(self) -> dict[Any, str]:
        """Return the states of the demo patient's appointments, by id."""
        t = appointments.c
        rows = await self.rows(select(t.id, t.state).where(t.patient_id == ROBIN))
        return {row.id: row.state for row in rows}


@pytest.fixture
async def clinic(options: ClinicOptions, tmp_path: Path) -> AsyncIterator[Clinic]:
    """Return a server on each database in turn."""
    at = dataclasses.replace(options, data_dir=tmp_path)
    async with serving(at) as http:
        yield Clinic(at, http)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Clinic]:
    """Return a server on SQLite."""
    at = ClinicOptions(data_dir=tmp_path)
    async with serving(at) as http:
        yield Clinic(at, http)


async def test_a_booking_over_sse(clinic: Clinic) -> None:
    before = await clinic.own()
    robin = clinic.caller("patient")
    assert (
        "What would the appointment be for?"
        in (await robin.say("Hi, I'd like to book an appointment")).text
    )
    offered = await robin.say("a skin check, please")
    assert offered.tools == LISTED[1:]
    assert len(offered.times) == 4

    declined = await robin.say("the second one", decision="reject")
    assert declined.tools == [("book_appointment", "rejected")]
    assert "nothing was booked" in declined.text
    assert await clinic.own() == before

    booked = await robin.say("then the third one")
    assert booked.question.startswith("Book Skin check with Dr. Ingrid Sørensen on ")
    assert booked.tools == [("book_appointment", "ok")]
    assert booked.text.startswith("Booked: Skin check with Dr. Ingrid Sørensen on ")

    (made,) = (await clinic.own()).keys() - before.keys()
    t = appointments.c
    (row,) = await clinic.rows(select(appointments).where(t.id == made))
    assert (row.patient_id, row.service_id, row.state) == (ROBIN, "S-skin", "booked")
    assert row.starts_at == offered.times[2]
    for taken in (taken_times, patient_times):
        held = await clinic.rows(select(taken.c.at).where(taken.c.appointment_id == made))
        assert len(held) == 3
    done = select(audit.c.principal).where(audit.c.action == "book_appointment")
    assert [row.principal for row in await clinic.rows(done)] == [f"patient:{ROBIN}"]


async def test_a_booking_over_a_websocket(clinic: Clinic) -> None:
    before = await clinic.own()
    headers = {"X-Demo-As": "patient"}
    async with clinic.http.ws_connect("/ws/sock", headers=headers) as ws:
        offered = await _over(ws, "I'd like a blood test next week")
        assert [event["name"] for event in offered.of("tool_call")] == [n for n, _ in LISTED]
        declined = await _over(ws, "the first one", decision="reject")
        assert "nothing was booked" in declined.text
        booked = await _over(ws, "the second one, please")
    (asked,) = booked.of("approval_request")
    assert asked["summary"].startswith("Book Blood test with Thandi Mbeki, RN on ")
    assert [event["outcome"] for event in booked.of("tool_result")] == ["ok"]
    assert booked.text.startswith("Booked: Blood test with ")
    (made,) = (await clinic.own()).keys() - before.keys()
    found = await clinic.rows(select(appointments.c.starts_at).where(appointments.c.id == made))
    assert [row.starts_at for row in found] == [offered.times[1]]


async def _over(
    ws: aiohttp.ClientWebSocketResponse, message: str, decision: str = "approve"
) -> Answer:
    """Say something over a socket; what has to be approved is decided over it, too."""
    await ws.send_json({"type": "chat_message", "message": message})
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] not in {"response_complete", "error"}:
        found.append(await ws.receive_json(timeout=20))
        if found[-1]["type"] == "approval_request":
            ids = {name: found[-1][name] for name in ("run_id", "call_id")}
            await ws.send_json({"type": "approve", "decision": decision, **ids})
    assert found[-1]["type"] == "response_complete", found[-1]
    return Answer([event for event in found if event["type"] != "response_complete"])


async def test_moving_and_cancelling(local: Clinic) -> None:
    robin = local.caller("patient")
    before = await local.own()
    mine = await robin.say("what are my appointments?")
    assert len(mine.times) == 2
    assert "When would suit you better?" in (await robin.say("move the first one")).text
    offered = await robin.say("the week after next")
    moved = await robin.say("number 2")
    assert moved.tools == [("reschedule_appointment", "ok")]
    assert moved.text.startswith("Moved: ")
    starts = select(appointments.c.starts_at).where(appointments.c.patient_id == ROBIN)
    assert offered.times[1] in {row.starts_at for row in await local.rows(starts)}
    cancelled = await robin.say("sorry, please cancel it")
    assert cancelled.tools == [("my_appointments", "ok"), ("cancel_appointment", "ok")]
    assert cancelled.text.startswith("Cancelled: ")
    after = await local.own()
    assert after.keys() == before.keys()
    assert sorted(after.values()).count("booked") == 1


async def test_another_process_goes_on_with_a_conversation(tmp_path: Path) -> None:
    at = ClinicOptions(data_dir=tmp_path)
    async with serving(at) as http:
        offered = await Caller(http, "patient").say("book a vaccination, please")
    async with serving(at) as http:
        booked = await Caller(http, "patient").say("the last one")
        clinic = Clinic(at, http)
        starts = select(appointments.c.starts_at).where(appointments.c.patient_id == ROBIN)
        assert offered.times[-1] in {row.starts_at for row in await clinic.rows(starts)}
    assert booked.text.startswith("Booked: Vaccination with ")


async def test_a_visitor_is_told_why_not(local: Clinic) -> None:
    visitor = local.caller("visitor")
    refused = await visitor.say("I'd like to book an appointment")
    assert refused.tools == []
    assert "please sign in" in refused.text
    free = await visitor.say("what is free next week for a check-up?")
    assert free.tools == LISTED
    assert len(free.times) == 4
    assert "please sign in" in (await visitor.say("the first one")).text
    assert (
        "Check-up takes 30 minutes and costs $140."
        in (await visitor.say("what does a check-up cost?")).text
    )
    assert "Yes, we take Aetna." in (await visitor.say("do you take Aetna?")).text
    assert "Dr. Mateo Álvarez" in (await visitor.say("who speaks Spanish?")).text


async def test_staff_at_work(local: Clinic) -> None:
    staff = local.caller("staff")
    assert (await staff.say("today's schedule")).tools == [("day_schedule", "ok")]
    found = await staff.say("find patient Robin Avery")
    assert "Robin Avery, born " in found.text
    await staff.say("book a follow-up for Robin Avery with Dr. Álvarez next week")
    booked = await staff.say("the first one")
    assert booked.question.endswith("for Robin Avery?")
    assert booked.tools == [("book_for_patient", "ok")]
    assert len(await local.own()) == 4
    waiting = await staff.say("who is on the waiting list?")
    assert waiting.tools == [("waiting_list", "ok")]
    assert "longest first" in waiting.text
