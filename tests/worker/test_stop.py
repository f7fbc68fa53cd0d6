"""A request to end work early: it ends work, never more than that, and hides no fault."""

from __future__ import annotations

import asyncio

import pytest

from assistant.worker.stop import Stop

LONG = 60.0


async def _forever() -> None:
    await asyncio.Event().wait()


async def test_the_first_request_ends_the_work() -> None:
    stop = Stop()
    work = asyncio.create_task(stop.allow(_forever, LONG))
    await asyncio.sleep(0)
    stop.ask("one")
    stop.ask("two")
    assert not await work
    assert (stop.is_asked, stop.by) == (True, "one")


async def test_work_that_takes_too_long_is_ended_without_a_request() -> None:
    stop = Stop()
    assert not await stop.allow(_forever, 0.01)
    assert not stop.is_asked


async def test_work_that_is_done_is_done_whoever_asks_later() -> None:
    stop = Stop()

    async def quick() -> None:
        await asyncio.sleep(0)

    assert await stop.allow(quick, LONG)
    stop.ask("late")
    await asyncio.sleep(0)
    assert stop.is_asked


async def test_what_work_says_of_being_ended_does_not_count() -> None:
    async def sulk() -> None:
        try:
            await _forever()
        except asyncio.CancelledError:
            raise ValueError("ended") from None

    assert not await Stop().allow(sulk, 0.01)


async def test_a_request_at_the_deadline_changes_nothing() -> None:
    stop = Stop()

    async def asks_late() -> None:
        try:
            await _forever()
        finally:
            stop.ask("late")

    assert not await stop.allow(asks_late, 0.01)
    assert stop.by == "late"


@pytest.mark.parametrize("fault", [TimeoutError, ValueError])
async def test_a_fault_of_the_work_itself_is_told(fault: type[Exception]) -> None:
    async def fail() -> None:
        raise fault

    with pytest.raises(fault):
        await Stop().allow(fail, LONG)


async def test_who_cancels_the_task_cancels_all_of_it() -> None:
    stop = Stop()
    work = asyncio.create_task(stop.allow(_forever, LONG))
    await asyncio.sleep(0)
    stop.ask("one")
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
