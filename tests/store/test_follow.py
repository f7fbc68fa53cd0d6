"""Following a log: the same reading from any number, at any time, from any process."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from assistant import events
from assistant.errors import LeaseLostError, NotFoundError
from assistant.events import Entry, MessageStarted
from assistant.models import Run
from assistant.store import keys, tail
from tests.store.records import DONE, SHARED, Worker, a_run, an_answer


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
    assert tail.LOOK_AGAIN == 2.0
    monkeypatch.setattr(tail, "LOOK_AGAIN", 0.2)
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


async def test_a_follower_that_leaves_leaves_nothing_behind(one: Worker, other: Worker) -> None:
    written = await one.pen(a_run())
    followers = [asyncio.create_task(other.followed(written.run)) for _ in range(3)]
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


@pytest.mark.parametrize("reader", ["one", "other"])
async def test_a_log_that_is_deleted_meanwhile_ends_its_followers(
    one: Worker, other: Worker, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOK_AGAIN", 0.1)
    written, from_ = await one.pen(a_run()), {"one": one, "other": other}[reader]
    following = asyncio.create_task(from_.followed(written.run))
    await one.write(written, *an_answer(2))
    await one.store.sessions.delete("ses_1", written.run.owner)
    written.emit(DONE)
    with pytest.raises(LeaseLostError):
        await written.drain()
    async with asyncio.timeout(5):
        with pytest.raises(NotFoundError):
            await following
    assert await one.keys() <= SHARED


@pytest.mark.parametrize("reader", ["one", "other"])
@pytest.mark.parametrize("when", ["live", "afterwards"])
async def test_a_crowd_shares_each_entry_and_what_a_wire_makes_of_it(
    one: Worker, other: Worker, reader: str, when: str
) -> None:
    made: list[int] = []

    def encode(run: Run, entry: Entry) -> bytes:
        made.append(entry.sequence)
        return f"{run.run_id} {entry.sequence}\n".encode()

    async def follow(run: Run) -> bytes:
        entries = await {"one": one, "other": other}[reader].followed(run)
        return b"".join(entry.framed(run, encode) for entry in entries)

    written = await one.pen(a_run())
    crowd = [asyncio.create_task(follow(written.run)) for _ in range(50 * (when == "live"))]
    await one.write(written, *an_answer(30))
    await one.finish(written)
    one.store.log.close_pen(written)
    crowd += [asyncio.create_task(follow(written.run)) for _ in range(50 * (when != "live"))]
    async with asyncio.timeout(10):
        seen = set(await asyncio.gather(*crowd))
    whole = "".join(f"{written.run.run_id} {n}\n" for n in range(34))
    assert seen == {whole.encode()}
    if (reader, when) == ("other", "live"):
        # Who falls behind what is kept here reads a page, as far as there is one: then a few do.
        assert len(made) < 34 * 5
    else:
        assert sorted(made) == list(range(34))


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


async def test_who_writes_a_run_does_not_hear_of_it_from_the_store(one: Worker) -> None:
    run = a_run()
    await one.accept(run, here=False)
    following = asyncio.create_task(one.followed(run))
    channel = keys.channel(run.session_id, run.run_id)
    async with asyncio.timeout(5):
        while await _subscribers(one, channel) == 0:
            await asyncio.sleep(0.01)
        claim = await one.store.leases.take()
        assert claim is not None
        written = one.store.log.open_pen(claim)
        while await _subscribers(one, channel):
            await asyncio.sleep(0.01)
        await one.write(written, *an_answer(3))
        await one.finish(written)
        one.store.log.close_pen(written)
        assert await following == await one.store.log.read(run.run_id, -1)


async def test_a_full_look_is_followed_by_another(
    one: Worker, other: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOK_AGAIN", 60)
    ring = other.store.bells.ring
    monkeypatch.setattr(other.store.bells, "ring", lambda _channel: None)
    written = await one.pen(a_run())
    async with asyncio.timeout(20), other.store.log.cursor(written.run) as cursor:
        assert len(await cursor.take()) == 1
        assert await cursor.take() == []
        for number in range(tail.PAGE + 500):
            written.emit(MessageStarted(f"msg_{number}", number))
        await written.drain()
        await one.finish(written)
        ring(written.channel)
        while not cursor.ended:
            await cursor.wait()
            await cursor.take()
