"""Runs and sessions as records: each step whole or not at all, and nothing kept for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from assistant.errors import LeaseLostError
from assistant.events import RunCancelled, RunFailed
from assistant.models import Principal, Turn, now
from assistant.store import has_ended, keys
from tests.store.conftest import MakeWorker
from tests.store.records import OWNER, SHARED, Worker, a_line, a_run, a_session, an_answer


async def test_what_is_accepted_is_all_there(one: Worker, other: Worker) -> None:
    run = a_run(turn=Turn("hé 👋", {"page": "p"}, "user", 7))
    assert await one.accept(run) == ("claimed", run.run_id)
    found = await other.store.runs.get(run.run_id)
    assert found == msgspec.structs.replace(
        run, status="running", attempt=1, started_at=run.created_at
    )
    assert [line.message.content for line in await other.store.sessions.lines("ses_1")] == ["hé 👋"]
    assert len(await other.store.log.read(run.run_id, -1)) == 1
    assert await other.store.runs.lane("ses_1") == [run.run_id]
    assert await other.store.leases.reap() == 0
    session = await other.store.sessions.find("ses_1")
    assert session is not None
    assert not has_ended(session)
    assert await other.store.runs.stats() == {"accepted": 1, "open": 1, "queued": 0}


async def test_accepting_again_changes_nothing(one: Worker) -> None:
    run = a_run()
    for what in ("claimed", "queued", "queued"):
        # Another attempt to accept it is another holder, and finds it taken.
        assert await one.accept(run) == (what, run.run_id)
    assert len(await one.store.sessions.lines("ses_1")) == 1
    assert len(await one.store.log.read(run.run_id, -1)) == 1
    assert await one.store.runs.lane("ses_1") == [run.run_id]
    assert (await one.store.runs.stats())["accepted"] == 1


async def test_a_key_makes_a_retry_the_same_run(one: Worker, other: Worker) -> None:
    first, again, changed, elses = (a_run() for _ in range(4))
    elses = msgspec.structs.replace(elses, session_id="ses_2", principal=Principal("somebody"))
    assert await one.accept(first, idempotency=("k", "f1")) == ("claimed", first.run_id)
    before = await one.keys()
    assert await other.accept(again, idempotency=("k", "f1")) == ("repeated", first.run_id)
    assert await other.accept(changed, idempotency=("k", "f2")) == ("mismatch", first.run_id)
    assert await one.keys() == before
    assert len(await one.store.sessions.lines("ses_1")) == 1
    assert (await other.accept(elses, idempotency=("k", "f2")))[0] == "claimed"


async def test_of_many_at_once_with_one_key_one_is_accepted(one: Worker, other: Worker) -> None:
    runs = [a_run() for _ in range(20)]
    workers = [one, other] * 10
    answers = await asyncio.gather(
        *(w.accept(run, idempotency=("k", "f")) for w, run in zip(workers, runs, strict=True))
    )
    assert sorted(what for what, _ in answers) == ["claimed"] + ["repeated"] * 19
    assert len({run_id for _, run_id in answers}) == 1


async def test_a_busy_session_can_refuse(one: Worker) -> None:
    first, second = a_run(), a_run()
    pen = await one.pen(first)
    assert await one.accept(second, reject_if_busy=True) == ("busy", first.run_id)
    assert await one.store.runs.get(second.run_id) is None
    await one.finish(pen)
    assert (await one.accept(second, reject_if_busy=True))[0] == "claimed"


async def test_questions_share_a_run_while_it_lasts(one: Worker) -> None:
    first, second, third = (a_run(None, cache_key="q") for _ in range(3))
    pen = await one.pen(first)
    assert await one.accept(second) == ("shared", first.run_id)
    await one.finish(pen, share_for=timedelta(seconds=30))
    assert await one.accept(third) == ("shared", first.run_id)
    assert 0 < await one.redis.pttl(keys.cache("q")) <= 30_000
    stats = await one.store.runs.stats()
    assert (stats["cache_misses"], stats["cache_hits"]) == (1, 2)


async def test_a_run_without_an_answer_is_not_shared(one: Worker) -> None:
    first, second = (a_run(None, cache_key="q") for _ in range(2))
    await one.finish(await one.pen(first), RunFailed("x", "y", retryable=True))
    assert (await one.accept(second))[0] == "claimed"


async def test_a_wish_to_cancel_reaches_whoever_executes(one: Worker, other: Worker) -> None:
    run, heard = a_run(), asyncio.Queue[str]()
    one.store.bells.on_control = heard.put_nowait
    claim = await one.claim(run)
    assert not await other.store.runs.ask_cancel(run.run_id, OWNER)
    async with asyncio.timeout(5):
        assert await heard.get() == f"cancel {run.run_id} {OWNER}"
    assert await one.store.leases.renew({run.run_id: claim.token}) == {run.run_id: (True, OWNER)}


async def test_a_wish_to_cancel_what_nobody_executes_is_for_whoever_asks(
    one: Worker, other: Worker
) -> None:
    run = a_run()
    await one.accept(run, here=False)
    assert await other.store.runs.ask_cancel(run.run_id, OWNER)
    assert await other.store.runs.ask_cancel(run.run_id, "somebody later")
    claim = await other.store.leases.claim(run.run_id)
    assert claim is not None
    assert (claim.attempt, claim.cancelled_by) == (1, OWNER)
    assert await one.store.leases.queued() == 0


async def test_a_wish_to_cancel_what_is_gone_leaves_nothing(one: Worker) -> None:
    assert not await one.store.runs.ask_cancel("run_gone", OWNER)
    assert await one.keys() == set()
    assert await one.store.runs.get("run_gone") is None


async def test_an_end_is_written_once_with_all_that_follows(one: Worker) -> None:
    pen = await one.pen(a_run())
    await one.write(pen, *an_answer(2))
    for _ in range(2):
        await one.finish(pen, RunCancelled(OWNER))
    found = await one.store.runs.get(pen.run.run_id)
    assert found is not None
    assert (found.status, found.text, found.is_open) == ("cancelled", "done", False)
    assert found.usage is not None
    assert found.ended_at is not None
    assert await one.store.runs.lane("ses_1") == []
    lines = await one.store.sessions.lines("ses_1")
    assert [line.message.role for line in lines] == ["user", "assistant"]
    assert await one.store.runs.stats() == {
        "accepted": 1,
        "cancelled": 1,
        "input_tokens": 1,
        "output_tokens": 2,
        "open": 0,
        "queued": 0,
    }


async def test_history_is_in_turns_whatever_came_when(one: Worker) -> None:
    runs = [a_run(turn=Turn(f"q{n}")) for n in range(3)]
    earlier = [
        a_line(msgspec.structs.replace(runs[0], run_id=f"old{n}"), text=f"e{n}") for n in (1, 2)
    ]
    lines = [*earlier, a_line(runs[0], text="q0")]
    pens = [await one.pen(runs[0], lines=lines), await one.pen(runs[1]), await one.pen(runs[2])]
    assert await one.store.runs.lane("ses_1") == [run.run_id for run in runs]
    for number in (0, 2, 1):
        answer = a_line(runs[number], "assistant", f"a{number}")
        await one.finish(pens[number], lines=[answer])
    told = [line.message.content for line in await one.store.sessions.lines("ses_1")]
    assert told == ["e1", "e2", "q0", "a0", "q1", "a1", "q2", "a2"]


async def test_everything_but_the_counts_expires(one: Worker) -> None:
    pen = await one.pen(a_run(), idempotency=("k", "f"))
    await one.write(pen, *an_answer(2))
    await one.finish(pen, session_ends=one.store.sessions.end())
    await one.finish(await one.pen(a_run(None, cache_key="q")), share_for=timedelta(seconds=30))
    await one.store.sessions.create(a_session("ses_2"))
    left = {key: await one.redis.pttl(key) for key in await one.keys() - {keys.STATS}}
    assert {key for key, ms in left.items() if not 0 < ms <= 600_000} == set()
    assert keys.lease(pen.run.run_id) not in left


async def test_a_deleted_session_leaves_no_key_behind(one: Worker) -> None:
    for number in range(3):
        await one.answer(a_run(), number + 1)
    await one.pen(a_run(), idempotency=("k", "f"))
    assert len(await one.keys()) > 8
    await one.store.sessions.delete("ses_1", OWNER)
    assert await one.keys() == SHARED
    assert (await one.store.runs.stats())["open"] == 0


async def test_deleting_a_session_spares_the_others(one: Worker) -> None:
    await one.answer(a_run("ses_1"))
    before = await one.keys()
    await one.answer(a_run("ses_2"))
    await one.store.sessions.delete("ses_2", OWNER)
    assert await one.keys() == before
    assert await one.store.sessions.find("ses_2") is None


async def test_a_cleared_history_leaves_the_session(one: Worker) -> None:
    await one.answer(a_run())
    assert await one.store.sessions.clear_history("ses_1")
    assert not await one.store.sessions.clear_history("ses_1")
    assert await one.store.sessions.lines("ses_1") == []
    assert await one.store.sessions.find("ses_1") is not None


async def test_an_end_does_not_bring_a_deleted_session_back(one: Worker) -> None:
    pen = await one.pen(a_run())
    await one.write(pen, *an_answer(1))
    await one.store.sessions.delete("ses_1", OWNER)
    with pytest.raises(LeaseLostError):
        await one.finish(pen, session_ends=now())
    assert await one.keys() == SHARED


async def test_pages_go_from_new_to_old(one: Worker) -> None:
    at = now()
    for number in range(7):
        session = a_session(f"ses_{number}", created_at=at + timedelta(seconds=number))
        await one.store.sessions.create(one.store.sessions.touch(session))
    await one.store.sessions.create(a_session("ses_ended", created_at=at + timedelta(minutes=1)))
    await one.store.sessions.create(a_session("ses_else", owner="somebody"))
    await one.redis.delete(keys.session("ses_5"))
    found, after = [], None
    for _ in range(3):
        page, after = await one.store.sessions.page(OWNER, after=after, limit=2)
        found.append([session.session_id for session in page])
    assert found == [["ses_6", "ses_4"], ["ses_3", "ses_2"], ["ses_1", "ses_0"]]
    assert after is None
    assert await one.store.sessions.page(OWNER, after="ses_none", limit=2) == ([], None)
    # What expired is taken out of the index when it is met.
    assert await one.store.sessions.count(OWNER) == 7


async def test_a_session_ends_when_it_is_idle(make_worker: MakeWorker) -> None:
    one = await make_worker(idle=0.05)
    await one.store.sessions.create(one.store.sessions.touch(a_session()))
    session = await one.store.sessions.find("ses_1")
    assert session is not None
    async with asyncio.timeout(2):
        while not has_ended(session):
            await asyncio.sleep(0.01)
    assert (await one.store.sessions.page(OWNER, after=None, limit=5))[0] == []
    assert not has_ended(one.store.sessions.touch(session))


async def test_the_store_says_whether_it_answers(one: Worker) -> None:
    await one.store.ping()
    assert (one.store.kind, one.store.degraded) == ("redis", False)
