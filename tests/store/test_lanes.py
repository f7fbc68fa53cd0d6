"""Lanes: the runs of a session take turns, whoever executes them and however one ends."""

from __future__ import annotations

from assistant.events import RunCancelled, RunQueued
from assistant.models import Run
from assistant.store import Claim, keys
from tests.store.approving import an_approval, decided
from tests.store.records import OWNER, Worker, a_run


async def _lane(worker: Worker, count: int = 3) -> tuple[list[Run], Claim]:
    """Accept runs of one session, and claim the first."""
    runs = [a_run() for _ in range(count)]
    claim = await worker.claim(runs[0])
    for run in runs[1:]:
        assert await worker.accept(run) == ("queued", run.run_id)
    return runs, claim


async def _end(worker: Worker, claim: Claim) -> bool:
    last = await worker.store.log.last(claim.run.run_id)
    assert last is not None
    pen = worker.stranger(claim, token=claim.token, last=last.sequence)
    return await worker.finish(pen, RunCancelled(OWNER))


async def _next(worker: Worker) -> Claim:
    claim = await worker.store.leases.take()
    assert claim is not None
    return claim


async def test_nobody_is_given_the_second_before_the_first_has_ended(
    one: Worker, other: Worker
) -> None:
    runs, claim = await _lane(one)
    for run in runs[1:]:
        assert await other.store.leases.reap() == 0
        assert await other.store.leases.take() is None
        assert await _end(one, claim)
        claim = await _next(other)
        assert claim.run.run_id == run.run_id
    assert not await _end(one, claim)
    assert await one.store.runs.lane("ses_1") == []
    assert await one.store.leases.take() is None


async def test_each_is_told_how_many_of_its_session_come_before(one: Worker) -> None:
    runs, _ = await _lane(one)
    told = [entry.event for run in runs for entry in await one.store.log.read(run.run_id, 0)]
    assert told == [RunQueued(1), RunQueued(2)]


async def test_one_that_is_cancelled_out_of_turn_holds_nobody_up(one: Worker) -> None:
    runs, first = await _lane(one)
    assert await one.store.runs.ask_cancel(runs[1].run_id, OWNER)
    middle = await one.store.leases.claim(runs[1].run_id)
    assert middle is not None
    assert middle.cancelled_by == OWNER
    assert not await _end(one, middle)
    assert await one.store.leases.take() is None
    assert await _end(one, first)
    assert (await _next(one)).run.run_id == runs[2].run_id


async def test_a_wish_to_cancel_outlives_whoever_was_told_of_it(one: Worker) -> None:
    runs, _ = await _lane(one)
    await one.store.runs.ask_cancel(runs[2].run_id, OWNER)
    # Whoever asked has died; the run ends all the same, out of its turn.
    assert await one.store.leases.reap() == 1
    claim = await _next(one)
    assert (claim.run.run_id, claim.cancelled_by) == (runs[2].run_id, OWNER)


async def test_a_run_that_was_left_keeps_its_turn(one: Worker) -> None:
    runs, _ = await _lane(one)
    await one.redis.delete(keys.lease(runs[0].run_id))
    assert await one.store.leases.reap() == 1
    assert (await _next(one)).run.run_id == runs[0].run_id
    assert await one.store.leases.take() is None


async def test_a_run_that_waits_for_a_yes_keeps_its_turn(one: Worker) -> None:
    runs, claim = await _lane(one)
    approval = an_approval(runs[0])
    await one.store.approvals.request(one.store.log.open_pen(claim), b"{}", [approval])
    assert await one.store.leases.reap() == 0
    assert await one.store.leases.take() is None
    assert await one.store.approvals.decide(decided(approval)) == "resumed"
    assert (await _next(one)).run.run_id == runs[0].run_id
    assert await one.store.leases.take() is None


async def test_an_end_whose_news_was_lost_is_found_by_whoever_tends(one: Worker) -> None:
    runs, claim = await _lane(one)
    await _end(one, claim)
    await one.redis.delete(keys.QUEUE)
    assert await one.store.leases.reap() == 1
    assert (await _next(one)).run.run_id == runs[1].run_id


async def test_a_deleted_session_frees_its_place_in_the_queue(one: Worker) -> None:
    runs, claim = await _lane(one)
    await _end(one, claim)
    assert await one.store.leases.queued() == 1
    await one.store.sessions.delete("ses_1", OWNER)
    assert await one.store.leases.queued() == 0
    assert (await one.store.runs.stats())["queued"] == 0
    assert await one.store.leases.reap() == 0
    assert await one.store.leases.claim(runs[1].run_id) is None
    # Its lane is free: the next under its name begins at once.
    assert (await one.accept(a_run()))[0] == "claimed"


async def test_sessions_do_not_wait_for_each_other(one: Worker) -> None:
    await _lane(one)
    run = a_run("ses_2")
    assert await one.accept(run) == ("claimed", run.run_id)
