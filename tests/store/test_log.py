"""The numbered log: one writer, no gap, and the same reading from any number at any time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assistant import events
from assistant.errors import LeaseLostError
from assistant.events import Event, MessageDelta, MessageStarted, RunCancelled, ToolCalled
from assistant.store import keys, pen
from assistant.store.scripts import APPEND, Scripts
from tests.store.conftest import MakeWorker
from tests.store.records import DONE, Worker, a_run, an_answer


async def test_numbers_are_gapless_from_zero(one: Worker) -> None:
    found = await one.answer(a_run(), 5)
    assert [entry.sequence for entry in found] == list(range(9))
    kinds = [events.type_of(entry.event) for entry in found]
    assert (kinds[0], kinds[-1]) == ("run.started", "run.completed")
    assert [entry.is_terminal for entry in found] == [False] * 8 + [True]


async def test_another_process_cannot_write_while_the_lease_is_held(
    one: Worker, other: Worker
) -> None:
    run = a_run()
    claim = await one.claim(run)
    mine, theirs = one.store.log.open_pen(claim), other.stranger(claim)
    theirs.emit(MessageStarted("msg_x", 0))
    with pytest.raises(LeaseLostError):
        await theirs.drain()
    with pytest.raises(LeaseLostError):
        await other.finish(theirs)
    await one.write(mine, *an_answer(1))
    assert [e.event for e in await one.store.log.read(run.run_id, 0)] == an_answer(1)


async def test_who_lost_the_lease_is_refused_for_good(make_worker: MakeWorker) -> None:
    one, other = await make_worker(lease=0.05), await make_worker()
    run = a_run()
    mine = await one.pen(run)
    async with asyncio.timeout(5):
        while (claim := await other.store.leases.claim(run.run_id)) is None:
            await asyncio.sleep(0.01)
    assert (claim.attempt, claim.last, claim.crashes) == (2, 0, 1)
    mine.emit(MessageStarted("msg_x", 0))
    with pytest.raises(LeaseLostError):
        await mine.drain()
    with pytest.raises(LeaseLostError):
        await mine.room()
    assert mine.is_lost
    theirs = other.store.log.open_pen(claim)
    await other.write(theirs, *an_answer(1))
    with pytest.raises(LeaseLostError):
        await one.finish(mine)
    assert len(await other.store.log.read(run.run_id, -1)) == 4


@pytest.mark.parametrize("at", [0, 2, 7])
async def test_a_number_that_is_taken_or_skips_is_refused(one: Worker, at: int) -> None:
    run = a_run()
    claim = await one.claim(run)
    wrong = one.stranger(claim, token=claim.token, last=at - 1)
    wrong.emit(MessageStarted("msg_x", 0))
    with pytest.raises(LeaseLostError):
        await wrong.drain()
    assert len(await one.store.log.read(run.run_id, -1)) == 1


async def test_the_same_write_repeated_counts_once(one: Worker) -> None:
    run = a_run()
    written = await one.pen(run)
    batch = [events.encode(event) for event in an_answer(2)]
    scripts = Scripts(one.store.redis)

    async def append(*batch: bytes, token: str = written.token) -> bytes:
        head: list[Any] = [10_000, run.run_id, token, 1, len(batch)]
        (reply,) = await scripts.run(APPEND, [], *head, *batch)
        assert isinstance(reply, bytes)
        return reply

    assert await append(*batch) == b"ok"
    assert await append(*batch) == b"again"
    assert await append(*batch[:-1], b"{}") in {b"again", b"taken"}
    assert await append(*batch, b"{}") == b"taken"
    # What another says is another's, though it be the same words.
    assert await append(*batch, token="another") == b"taken"
    assert len(await one.store.log.read(run.run_id, -1)) == 5


async def test_the_store_forgets_its_scripts_and_nobody_notices(one: Worker) -> None:
    written = await one.pen(a_run())
    await one.redis.script_flush()
    await one.write(written, *an_answer(1))
    await one.redis.script_flush()
    await one.finish(written)
    assert len(await one.store.log.read(written.run.run_id, -1)) == 5


A, B = "msg_a", "msg_b"


@pytest.mark.parametrize(
    ("emitted", "logged"),
    [
        ([MessageDelta(A, "1"), MessageDelta(A, "2")], [MessageDelta(A, "12")]),
        ([MessageDelta(A, "1"), MessageDelta(B, "2"), MessageDelta(A, "3")], None),
        ([MessageDelta(A, "1"), ToolCalled("call_1", "t"), MessageDelta(A, "2")], None),
        ([MessageStarted(A, 0), MessageDelta(A, "1"), MessageDelta(A, "2")], [
            MessageStarted(A, 0),
            MessageDelta(A, "12"),
        ]),
        ([RunCancelled("x")], None),
    ],
)  # fmt: skip
async def test_only_neighbouring_deltas_of_one_message_are_joined(
    one: Worker, emitted: list[Event], logged: list[Event] | None
) -> None:
    written = await one.pen(a_run())
    for event in emitted:
        written.emit(event)
    await written.drain()
    found = await one.store.log.read(written.run.run_id, 0)
    assert [entry.event for entry in found] == (logged or emitted)


async def test_many_runs_at_once_keep_their_own_order(one: Worker) -> None:
    runs = [a_run(f"ses_{n}") for n in range(30)]
    pens = await asyncio.gather(*map(one.pen, runs))

    async def write(number: int) -> None:
        for event in an_answer(40):
            pens[number].emit(event)
            if number % 3 == 0:
                await pens[number].room()
            if number % 3 == 1:
                await asyncio.sleep(0)
        await pens[number].drain()

    await asyncio.gather(*map(write, range(30)))
    whole = "".join(f"w{n} " for n in range(40))
    for run in runs:
        found = await one.store.log.read(run.run_id, 0)
        told = [entry.event for entry in found]
        assert [entry.sequence for entry in found] == list(range(1, len(found) + 1))
        assert "".join(event.text for event in told if isinstance(event, MessageDelta)) == whole
        assert (told[0], told[-1]) == (an_answer(40)[0], an_answer(40)[-1])


async def test_a_writer_waits_for_room(one: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pen, "_ROOM", 3)
    written = await one.pen(a_run())
    for number in range(5):
        written.emit(MessageStarted(f"msg_{number}", number))
    waiting = asyncio.create_task(written.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
    await written.drain()
    assert (written.idle, written.next_sequence) == (True, 6)


async def test_what_is_left_is_written_with_the_end_and_once(one: Worker) -> None:
    written = await one.pen(a_run())
    first, *rest = an_answer(3)
    await one.write(written, first)
    for event in rest:
        written.emit(event)
    # No flush comes before it, and none after it finds anything to send.
    await one.finish(written)
    written.wake()
    await asyncio.sleep(0)
    assert written.take() == []
    found = [entry.event for entry in await one.store.log.read(written.run.run_id, 0)]
    assert found[0] == first
    assert found[-1] == DONE
    assert "".join(e.text for e in found if isinstance(e, MessageDelta)) == "w0 w1 w2 "


async def test_an_end_waits_for_what_is_on_its_way(one: Worker) -> None:
    written = await one.pen(a_run())
    first, *rest = an_answer(3)
    written.emit(first)
    taken = written.take()
    for event in rest:
        written.emit(event)
    finishing = asyncio.create_task(one.finish(written))
    await asyncio.sleep(0)
    assert written.take() == taken
    async with asyncio.timeout(5):
        await finishing
    found = [entry.event for entry in await one.store.log.read(written.run.run_id, 0)]
    assert (found[0], found[-1]) == (first, DONE)


async def test_what_the_store_does_not_take_of_one_run_holds_up_no_other(one: Worker) -> None:
    stuck, free = await one.pen(a_run("ses_1")), await one.pen(a_run("ses_2"))
    name = keys.log(stuck.run.run_id)
    await one.redis.rename(name, "aside")
    await one.redis.set(name, "not a log")
    stuck.emit(MessageStarted("msg_a", 0))
    async with asyncio.timeout(3):
        await one.write(free, *an_answer(20))
        assert not stuck.idle
        await one.redis.rename("aside", name)
        await stuck.drain()
    assert len(await one.store.log.read(stuck.run.run_id, -1)) == 2
