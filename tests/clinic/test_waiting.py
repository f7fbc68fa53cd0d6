"""The waiting list: patients join it once, staff sees who has waited longest."""

from __future__ import annotations

from datetime import timedelta

from tests.clinic.house import STAFF
from tests.clinic.practice import Practice
from tests.clinic.records import LUKASZ, ROBIN, patient


async def test_the_waiting_list(practice: Practice) -> None:
    (osei,) = await practice.rows("find_practitioners", ROBIN, name="osei")
    given = {"service": "check-up", "practitioner": osei["practitioner"]}
    words = "Check-up with Dr. Amara Osei"
    assert await practice.ask("join_waiting_list", ROBIN, **given) == (
        f"Join the waiting list for {words}?"
    )
    told = f"On the waiting list for {words}."
    assert await practice.use("join_waiting_list", ROBIN, **given) == told
    again = f"Already on the waiting list for {words}."
    assert await practice.use("join_waiting_list", ROBIN, **given) == again
    assert await practice.ask("join_waiting_list", ROBIN, **given) == again
    practice.house.clock.now += timedelta(minutes=1)
    await practice.use("join_waiting_list", LUKASZ, service="skin")
    first, second = await practice.rows("waiting_list", STAFF)
    assert first["patient"]["name"] == "Robin Avery"
    assert (first["practitioner"], second["practitioner"]) == ("Dr. Amara Osei", "anybody")
    assert await practice.rows("waiting_list", STAFF, service="skin check") == [second]


async def test_whoever_has_no_record_waits_for_nothing(practice: Practice) -> None:
    told = await practice.use("join_waiting_list", patient(99), service="skin")
    assert told == "The clinic has no record of who is signed in; please phone the front desk."
    assert await practice.rows("waiting_list", STAFF) == []


async def test_waiting_for_anybody_is_waiting_for_each(practice: Practice) -> None:
    await practice.use("join_waiting_list", ROBIN, service="check-up")
    (osei,) = await practice.rows("find_practitioners", ROBIN, name="osei")
    given = {"service": "check-up", "practitioner": osei["practitioner"]}
    told = await practice.use("join_waiting_list", ROBIN, **given)
    assert told.startswith("Already on the waiting list for Check-up")
    told = await practice.use("join_waiting_list", ROBIN, service="skin", practitioner="x")
    assert told == "There is nothing by that name in this conversation; look it up again."
    told = await practice.use(
        "join_waiting_list", ROBIN, service="skin", practitioner=osei["practitioner"]
    )
    assert told.startswith("They do not give that; they give: Check-up, Follow-up.")
