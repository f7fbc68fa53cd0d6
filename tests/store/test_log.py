"""The numbered log: one writer, no gap, and the same reading from any number at any time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from assistant import events
from assistant.errors import LeaseLostError, NotFoundError
from assistant.events import Event, MessageDelta, MessageStarted, RunCancelled, ToolCalled
from assistant.store import log, pen
from assistant.store.scripts import APPEND, Scripts
from tests.store.conftest import MakeWorker
from tests.store.records import DONE, SHARED, Worker, a_run, an_answer


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
    assert mine.lost.is_set()
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
    head: list[Any] = [run.run_id, written.token, 10_000, 1]
    scripts = Scripts(one.store.redis)
    assert await scripts.run(APPEND, [], *head, *batch) == b"ok"
    assert await scripts.run(APPEND, [], *head, *batch) == b"again"
    assert await scripts.run(APPEND, [], *head, *batch[:-1], b"{}") in {b"again", b"taken"}
    assert await scripts.run(APPEND, [], *head, *batch, b"{}") == b"taken"
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


@pytest.mark.parametrize("reader", ["one", "other"])
async def test_following_from_every_number_during_and_after(
    one: Worker, other: Worker, reader: str
) -> None:
    run, from_ = a_run(), {"one": one, "other": other}[reader]
    written = await one.pen(run)
    during = [asyncio.create_task(from_.followed(run, after)) for after in range(-1, 24)]
    await one.write(written, *an_answer(20))
    await one.finish(written)
    async with asyncio.timeout(10):
        seen = await asyncio.gather(*during)
    whole = await one.store.log.read(run.run_id, -1)
    assert len(whole) == 24
    assert seen == [whole[n:] for n in range(25)]
    assert [await from_.followed(run, after) for after in range(-1, 24)] == seen
    assert await from_.followed(run, 99) == []


async def test_a_log_longer_than_a_page(one: Worker) -> None:
    written = await one.pen(a_run())
    for number in range(4_500):
        written.emit(MessageStarted(f"msg_{number}", number))
    await written.drain()
    await one.finish(written)
    found = await one.followed(written.run)
    assert [entry.sequence for entry in found] == list(range(4_502))
    assert len(await one.store.log.read(written.run.run_id, 10, count=7)) == 7


async def test_a_lost_doorbell_delays_and_loses_nothing(
    one: Worker, other: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log.LOOK_AGAIN == 2.0
    monkeypatch.setattr(log, "LOOK_AGAIN", 0.2)
    monkeypatch.setattr(other.store.bells, "ring", lambda _channel: None)
    written = await one.pen(a_run())
    following = asyncio.create_task(other.followed(written.run))
    await one.write(written, *an_answer(3))
    await one.finish(written)
    async with asyncio.timeout(2):
        assert len(await following) == 7


async def test_a_lost_subscription_is_taken_up_again(one: Worker, other: Worker) -> None:
    written = await one.pen(a_run())
    following = asyncio.create_task(other.followed(written.run))
    await one.write(written, *an_answer(3))
    await one.redis.client_kill_filter(_type="pubsub")
    await one.finish(written)
    async with asyncio.timeout(5):
        assert len(await following) == 7


async def test_a_follower_that_leaves_leaves_nothing_behind(one: Worker) -> None:
    written = await one.pen(a_run())
    followers = [asyncio.create_task(one.followed(written.run)) for _ in range(3)]
    async with asyncio.timeout(5):
        while (await _subscribers(one, written.channel)) == 0:
            await asyncio.sleep(0.01)
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    async with asyncio.timeout(5):
        while await _subscribers(one, written.channel):
            await asyncio.sleep(0.01)


async def _subscribers(worker: Worker, channel: str) -> int:
    ((_, count),) = await worker.redis.pubsub_numsub(channel)
    return int(count)


async def test_a_deleted_log_is_not_found(one: Worker) -> None:
    run = a_run()
    await one.answer(run)
    await one.store.sessions.delete("ses_1", run.owner)
    for after in (-1, 2, 99):
        with pytest.raises(NotFoundError):
            await one.followed(run, after)


async def test_a_log_that_is_deleted_meanwhile_ends_its_followers(
    one: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LOOK_AGAIN", 0.1)
    written = await one.pen(a_run())
    following = asyncio.create_task(one.followed(written.run))
    await one.write(written, *an_answer(2))
    await one.store.sessions.delete("ses_1", written.run.owner)
    async with asyncio.timeout(5):
        with pytest.raises(NotFoundError):
            await following
    written.emit(DONE)
    with pytest.raises(LeaseLostError):
        await written.drain()
    assert await one.keys() <= SHARED


@pytest.mark.parametrize("session_id", ["ses_1", None])
async def test_every_entry_is_published_with_its_ids(one: Worker, session_id: str | None) -> None:
    run = a_run(session_id)
    async with one.redis.pubsub() as pubsub:
        await pubsub.subscribe(f"chat:events:{session_id or run.run_id}")
        whole = await one.answer(run, 3)
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(5):
            while len(heard) < len(whole):
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
                heard += [json.loads(message["data"])] if message else []
    ids = {"run_id": run.run_id, "session_id": session_id, "correlation_id": "cor-1"}
    assert heard == [
        ids | {"sequence": entry.sequence} | json.loads(events.encode(entry.event))
        for entry in whole
    ]
