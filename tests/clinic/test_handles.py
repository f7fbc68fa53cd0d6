"""Names of records: the same within a conversation, and worth nothing outside of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from assistant.clinic.records.handles import LIFE
from assistant.clinic.records.schema import handles
from assistant.models import Principal
from tests.clinic.house import OTHER, ROBIN, STAFF, VISITOR, House, call


async def named(
    house: House, *refs: str, who: Principal = ROBIN, session: str = "ses_1", kind: str = "slot"
) -> list[str]:
    """Return names in a conversation."""
    async with house.clinic.visit(call(who, session), "name") as visit:
        return await visit.handles(kind, refs)


async def meant(
    house: House, name: str, who: Principal = ROBIN, session: str = "ses_1", kind: str = "slot"
) -> str | None:
    """Return what a name stands for in a conversation."""
    async with house.clinic.visit(call(who, session), "resolve") as visit:
        return await visit.resolve(kind, name)


async def test_a_record_keeps_its_name_in_a_conversation(house: House) -> None:
    first = await named(house, "a", "b", "a")
    assert (first[0], len(set(first))) == (first[2], 2)
    assert await named(house, "c", "b") == [(await named(house, "c"))[0], first[1]]
    assert await meant(house, first[1]) == "b"
    assert await named(house) == []


async def test_a_name_says_its_kind_and_no_more(house: House) -> None:
    names = await named(house, *(f"P-{n}" for n in range(40)), kind="patient")
    assert len(set(names)) == 40
    for name in names:
        kind, _, chance = name.partition("_")
        assert (kind, len(chance)) == ("patient", 8)
        assert not set(chance) & set("ilou")


async def test_a_name_means_nothing_to_anybody_else(house: House) -> None:
    (name,) = await named(house, "a")
    assert await meant(house, name) == "a"
    assert await meant(house, name, who=OTHER) is None
    assert await meant(house, name, who=STAFF) is None
    assert await meant(house, name, who=VISITOR) is None
    assert await meant(house, name, session="ses_2") is None
    assert await meant(house, name, kind="patient") is None
    assert await named(house, "a", session="ses_2") != [name]


@pytest.mark.parametrize(
    "forged", ["", "a", "slot_", "slot_00000000", "slot_%", "' OR 1=1 --", "slot_\x00", "s" * 9000,
               "slot_0000000\ud800"],
)  # fmt: skip
async def test_what_was_not_given_out_stands_for_nothing(house: House, forged: str) -> None:
    await named(house, "a")
    assert await meant(house, forged) is None


async def test_a_name_ends_a_day_after_it_was_last_spoken(house: House) -> None:
    (name,) = await named(house, "a")
    house.clock.now += LIFE * 0.9
    assert await named(house, "a") == [name]
    house.clock.now += LIFE * 0.9
    assert await meant(house, name) == "a"
    house.clock.now += LIFE * 0.2
    assert await meant(house, name) is None


async def test_calls_at_once_in_one_conversation_agree(house: House) -> None:
    told = await asyncio.gather(*(named(house, "a", "b", "c") for _ in range(8)))
    assert all(names == told[0] for names in told)


async def test_names_that_ended_are_forgotten_bit_by_bit(house: House) -> None:
    old = [
        {"scope": "x" * 64, "handle": f"slot_{n}", "kind": "slot", "ref": str(n),
         "made_at": house.clock.now - LIFE}
        for n in range(700)
    ]  # fmt: skip
    async with house.eyes.begin() as connection:
        await connection.execute(insert(handles), old)
    count = select(func.count()).select_from(handles)
    await named(house, "a")
    assert (await house.look(count))[0][0] == 201
    house.clock.now += timedelta(minutes=1)
    await named(house, "a")
    assert (await house.look(count))[0][0] == 201
    house.clock.now += timedelta(minutes=10)
    await named(house, "a")
    assert (await house.look(count))[0][0] == 1
