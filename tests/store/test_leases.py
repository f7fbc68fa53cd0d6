"""Leases: a run is one holder's, from its claim until it lapses, ends or is given back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import chain

from assistant.models import now
from assistant.store import Claim, keys
from tests.store.conftest import MakeWorker
from tests.store.records import Worker, a_run, an_answer


async def _lapsed(worker: Worker, run_id: str) -> None:
    """Wait until nobody's lease on a run holds any more."""
    async with asyncio.timeout(5):
        while await worker.redis.exists(keys.lease(run_id)):
            await asyncio.sleep(0.01)


async def test_a_run_is_claimed_by_one_until_it_is_given_back(one: Worker, other: Worker) -> None:
    run = a_run()
    claim = await one.claim(run)
    assert (claim.attempt, claim.last, claim.cancelled_by, claim.crashes) == (1, 0, "", 0)
    assert await other.store.leases.claim(run.run_id) is None
    strange = other.store.leases.new_token()
    assert await other.store.leases.renew({run.run_id: strange}) == {run.run_id: (False, "")}
    assert not await other.store.leases.release(run.run_id, strange)
    assert await other.store.leases.take() is None
    assert await one.store.leases.release(run.run_id, claim.token)
    again = await other.store.leases.take()
    assert again is not None
    assert (again.run.run_id, again.attempt, again.last) == (run.run_id, 2, 0)
    found = await one.store.runs.get(run.run_id)
    assert found is not None
    assert (found.status, found.attempt) == ("running", 2)
    assert found.started_at is not None


async def test_who_begins_at_once_knows_what_the_store_would_say(one: Worker) -> None:
    at_once, taken = await one.claim(a_run(None)), a_run(None)
    await one.accept(taken, here=False)
    claim = await one.store.leases.take()
    assert claim is not None
    assert claim.run == taken
    # The queued one was told its place, too.
    assert (at_once.last, claim.last) == (0, 1)
    assert (at_once.attempt, at_once.checkpoint) == (claim.attempt, claim.checkpoint)


async def test_a_lease_lapses_unless_it_is_renewed(make_worker: MakeWorker) -> None:
    one, other = await make_worker(lease=0.3), await make_worker()
    kept, left = await one.claim(a_run("ses_1")), await one.claim(a_run("ses_2"))
    async with asyncio.timeout(5):
        while not await other.store.leases.reap():
            held = await one.store.leases.renew({kept.run.run_id: kept.token})
            assert held[kept.run.run_id] == (True, "")
            await asyncio.sleep(0.02)
    taken = await other.store.leases.take()
    assert taken is not None
    assert (taken.run.run_id, taken.attempt, taken.crashes) == (left.run.run_id, 2, 1)
    assert await other.store.leases.take() is None


async def test_a_lapsed_lease_that_nobody_took_is_still_good(make_worker: MakeWorker) -> None:
    one, other = await make_worker(lease=0.05), await make_worker()
    claim = await one.claim(a_run())
    pen = one.store.log.open_pen(claim)
    await _lapsed(other, claim.run.run_id)
    assert await other.store.leases.reap() == 1
    await one.store.leases.keep_checkpoint(claim.run.run_id, claim.token, b"{}")
    await _lapsed(other, claim.run.run_id)
    await one.write(pen, *an_answer(1))
    await _lapsed(other, claim.run.run_id)
    held = await one.store.leases.renew({claim.run.run_id: claim.token})
    assert held == {claim.run.run_id: (True, "")}
    await one.finish(pen)
    # It is in the queue from when it looked left; by now there is nothing to take on.
    assert await other.store.leases.take() is None
    assert await other.store.leases.reap() == 0
    assert await other.store.leases.queued() == 0


async def test_renewing_tells_of_each_run(one: Worker, other: Worker) -> None:
    mine, cancelled, theirs = [await one.claim(a_run(None)) for _ in range(3)]
    await one.store.runs.ask_cancel(cancelled.run.run_id, "somebody")
    await one.store.leases.release(theirs.run.run_id, theirs.token)
    assert await other.store.leases.take() is not None
    tokens = {claim.run.run_id: claim.token for claim in (mine, cancelled, theirs)}
    assert await one.store.leases.renew(tokens | {"run_none": mine.token}) == {
        mine.run.run_id: (True, ""),
        cancelled.run.run_id: (True, "somebody"),
        theirs.run.run_id: (False, ""),
        "run_none": (False, ""),
    }


async def test_what_was_left_is_queued_oldest_first_and_only_once(one: Worker) -> None:
    at = now()
    claims = [await one.claim(a_run(None, created_at=at + timedelta(seconds=n))) for n in (3, 1, 2)]
    await one.finish(one.store.log.open_pen(claims[0]))
    await one.store.leases.break_all()
    assert [await one.store.leases.reap() for _ in range(3)] == [2, 0, 0]
    taken = [await one.store.leases.take() for _ in range(3)]
    assert [claim and claim.run.run_id for claim in taken] == [
        claims[1].run.run_id,
        claims[2].run.run_id,
        None,
    ]
    assert await one.store.leases.claim(claims[0].run.run_id) is None


async def test_an_accepted_run_that_fell_out_of_the_queue_is_found(one: Worker) -> None:
    run = a_run()
    await one.accept(run, here=False)
    await one.redis.delete(keys.QUEUE)
    assert await one.store.leases.take() is None
    assert await one.store.leases.reap() == 1
    claim = await one.store.leases.take()
    assert claim is not None
    assert (claim.run.run_id, claim.attempt, claim.crashes) == (run.run_id, 1, 0)


async def _left(worker: Worker, run_id: str) -> Claim:
    """Leave a run as a process does that is killed, and take it over."""
    await worker.redis.delete(keys.lease(run_id))
    claim = await worker.store.leases.claim(run_id)
    assert claim is not None
    return claim


async def test_only_what_was_left_while_it_executed_has_crashed(one: Worker) -> None:
    run = a_run()
    await one.accept(run, here=False)
    claim = await one.store.leases.take()
    for attempt in (2, 3):
        assert claim is not None
        await one.store.leases.release(run.run_id, claim.token)
        claim = await one.store.leases.take()
        assert claim is not None
        assert (claim.attempt, claim.crashes) == (attempt, 0)
    left = [await _left(one, run.run_id) for _ in range(3)]
    assert [(c.attempt, c.crashes) for c in left] == [(4, 1), (5, 2), (6, 3)]


async def test_a_checkpoint_forgives_crashes_and_comes_with_the_next_claim(one: Worker) -> None:
    run = a_run()
    await one.claim(run)
    claims = [await _left(one, run.run_id) for _ in range(2)]
    await one.store.leases.keep_checkpoint(run.run_id, claims[-1].token, b"so far")
    after = [await _left(one, run.run_id) for _ in range(2)]
    assert [c.crashes for c in claims + after] == [1, 2, 1, 2]
    assert [c.checkpoint for c in claims + after] == [b"", b"", b"so far", b"so far"]


async def test_of_many_who_take_each_run_goes_to_one(make_worker: MakeWorker) -> None:
    workers = [await make_worker() for _ in range(8)]
    for number in range(40):
        await workers[0].accept(a_run(None, user=f"u{number % 7}"), here=False)

    async def greedy(worker: Worker) -> list[Claim]:
        mine: list[Claim] = []
        while (claim := await worker.store.leases.take()) is not None:
            mine.append(claim)
        return mine

    taken = list(chain(*await asyncio.gather(*map(greedy, workers))))
    assert len(taken) == len({claim.run.run_id for claim in taken}) == 40
    assert len({claim.token for claim in taken}) == 40


async def test_of_all_who_want_one_run_one_has_it(make_worker: MakeWorker) -> None:
    workers = [await make_worker() for _ in range(4)]
    for _ in range(5):
        run = a_run()
        await workers[0].accept(run, here=False)
        await workers[0].redis.delete(keys.QUEUE)
        wanted = [
            want
            for worker in workers
            for want in (
                worker.store.leases.reap(),
                worker.store.leases.take(),
                worker.store.leases.claim(run.run_id),
            )
        ]
        claims = [c for c in await asyncio.gather(*wanted) if isinstance(c, Claim)]
        assert [claim.run.run_id for claim in claims] == [run.run_id]
        await workers[0].finish(workers[0].store.log.open_pen(claims[0]))


async def test_processes_that_execute_are_known_until_they_fall_silent(
    make_worker: MakeWorker,
) -> None:
    one, other = await make_worker(lease=0.2), await make_worker(lease=0.2)
    await one.store.leases.report({"executing": 1, "slots": 2})
    await other.store.leases.report({"executing": 0, "slots": 3})
    rows = await one.store.leases.workers()
    told = {name: (row["executing"], row["slots"]) for name, row in rows.items()}
    assert told == {one.store.leases.process: (1, 2), other.store.leases.process: (0, 3)}
    await other.store.leases.report(None)
    assert set(await one.store.leases.workers()) == {one.store.leases.process}
    async with asyncio.timeout(5):
        while await other.store.leases.workers():
            await asyncio.sleep(0.02)
    assert keys.WORKERS not in await one.keys()


async def test_where_nobody_else_can_be_alive_all_leases_are_broken(one: Worker) -> None:
    claims = [await one.claim(a_run(None)) for _ in range(3)]
    await one.store.leases.break_all()
    assert await one.store.leases.reap() == 3
    taken = [await one.store.leases.take() for _ in claims]
    # In which order is not promised of those that were accepted in one millisecond.
    assert {each.run.run_id for each in taken if each} == {each.run.run_id for each in claims}
