"""Who waits for a change, and what wakes them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from assistant.changes import Change


async def test_all_who_wait_are_woken_and_those_to_come_are_not() -> None:
    change = Change()
    change.tell()
    first, second = (asyncio.create_task(change.wait()) for _ in range(2))
    await asyncio.sleep(0)
    assert not first.done()
    change.tell()
    async with asyncio.timeout(1):
        await asyncio.gather(first, second)
    later = asyncio.create_task(change.wait())
    await asyncio.sleep(0)
    assert not later.done()
    later.cancel()


async def test_who_gives_up_leaves_the_others_waiting() -> None:
    change = Change()
    patient, impatient = (asyncio.create_task(change.wait()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    with suppress(asyncio.CancelledError):
        await impatient
    assert not patient.done()
    change.tell()
    async with asyncio.timeout(1):
        await patient
