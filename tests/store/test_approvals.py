"""Approvals as records: decided once, by the clock, for the arguments that were shown."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from assistant.events import ApprovalRequested, ApprovalResolved
from assistant.models import Approval, now
from assistant.store import keys
from tests.store.approving import an_approval, decided, waiting
from tests.store.conftest import MakeWorker
from tests.store.records import OWNER, Worker, a_run

PAST, SOON = timedelta(seconds=-1), timedelta(seconds=30)


async def test_what_a_run_waits_for_is_all_there(one: Worker, other: Worker) -> None:
    run = a_run()
    wanted = await waiting(one, run, "call_1", "call_2", by="role:clerk")
    found = await other.store.runs.get(run.run_id)
    assert found is not None
    assert (found.status, found.is_open) == ("waiting", True)
    assert await other.store.approvals.of(run.run_id) == wanted
    assert await other.store.approvals.get(run.run_id, "call_2") == wanted[1]
    assert await other.store.approvals.get(run.run_id, "call_3") is None
    told = [entry.event for entry in await other.store.log.read(run.run_id, 0)]
    assert told == [
        ApprovalRequested(
            a.call_id, "book", "Book it", {"day": 1}, a.arguments_hash, "role:clerk", a.expires_at
        )
        for a in wanted
    ]


async def test_a_waiting_run_is_nobodys(one: Worker) -> None:
    run = a_run()
    await waiting(one, run, "call_1")
    assert await one.redis.exists(keys.lease(run.run_id)) == 0
    assert await one.store.leases.reap() == 0
    assert await one.store.leases.take() is None
    assert (await one.store.runs.stats())["open"] == 1


@pytest.mark.parametrize("decision", ["approved", "rejected"])
async def test_after_the_decision_it_goes_on_where_it_was(
    one: Worker, other: Worker, decision: str
) -> None:
    run = a_run()
    (approval,) = await waiting(one, run, "call_1")
    said = decided(approval, decision)
    assert await other.store.approvals.decide(said) == "resumed"
    assert await one.store.approvals.of(run.run_id) == [said]
    last = await one.store.log.last(run.run_id)
    assert last is not None
    assert last.event == ApprovalResolved("call_1", "book", decision, OWNER, "so")
    claim = await other.store.leases.take()
    assert claim is not None
    assert (claim.run, claim.resumed, claim.attempt, claim.crashes) == (run, True, 1, 0)
    assert (claim.checkpoint, claim.last) == (b"so far", 2)
    await other.finish(other.store.log.open_pen(claim))


async def test_a_crash_after_the_decision_is_a_new_attempt(one: Worker) -> None:
    run = a_run()
    (approval,) = await waiting(one, run, "call_1")
    await one.store.approvals.decide(decided(approval))
    assert await one.store.leases.take() is not None
    await one.redis.delete(keys.lease(run.run_id))
    again = await one.store.leases.claim(run.run_id)
    assert again is not None
    assert (again.resumed, again.attempt, again.crashes) == (False, 2, 1)


async def test_of_many_who_decide_one_does(make_worker: MakeWorker) -> None:
    workers = [await make_worker() for _ in range(3)]
    run = a_run()
    (approval,) = await waiting(workers[0], run, "call_1")
    decisions = [
        decided(approval, ("approved", "rejected")[number % 2], by=f"u{number}")
        for number in range(30)
    ]
    said = await asyncio.gather(
        *(
            workers[number % 3].store.approvals.decide(decision)
            for number, decision in enumerate(decisions)
        )
    )
    assert sorted(said) == ["decided"] * 29 + ["resumed"]
    kept = await workers[0].store.approvals.get(run.run_id, "call_1")
    assert kept == decisions[said.index("resumed")]
    assert len(await workers[0].store.log.read(run.run_id, 0)) == 2
    assert await workers[0].store.leases.queued() == 1


async def test_several_are_decided_one_by_one(one: Worker) -> None:
    run = a_run()
    first, second, third = await waiting(one, run, "call_1", "call_2", "call_3")
    assert await one.store.approvals.decide(decided(second)) == "noted"
    assert await one.store.approvals.decide(decided(first, "rejected")) == "noted"
    assert await one.store.approvals.decide(decided(second)) == "decided"
    assert await one.store.leases.take() is None
    assert [a.call_id for a in await one.store.approvals.open()] == ["call_3"]
    assert await one.store.approvals.decide(decided(third)) == "resumed"
    claim = await one.store.leases.take()
    assert claim is not None
    assert (claim.last, claim.resumed) == (6, True)


async def test_a_run_may_wait_again(one: Worker) -> None:
    run = a_run()
    (first,) = await waiting(one, run, "call_1")
    await one.store.approvals.decide(decided(first))
    claim = await one.store.leases.take()
    assert claim is not None
    second = an_approval(run, "call_2")
    await one.store.approvals.request(one.store.log.open_pen(claim), b"further", [second])
    assert await one.store.approvals.decide(decided(first)) == "decided"
    assert await one.store.leases.take() is None
    assert await one.store.approvals.decide(decided(second)) == "resumed"
    again = await one.store.leases.take()
    assert again is not None
    assert (again.checkpoint, again.attempt) == (b"further", 1)


@pytest.mark.parametrize(
    ("seen", "said"), [("", "resumed"), ("hash of call_1", "resumed"), ("other", "changed")]
)
async def test_a_decision_is_for_the_arguments_that_were_seen(
    one: Worker, seen: str, said: str
) -> None:
    (approval,) = await waiting(one, a_run(), "call_1")
    assert await one.store.approvals.decide(decided(approval), arguments_hash=seen) == said
    kept = await one.store.approvals.get(approval.run_id, "call_1")
    assert kept is not None
    assert (kept.decision is None) == (said == "changed")


async def test_a_decision_that_comes_too_late_counts_for_nothing(one: Worker) -> None:
    (approval,) = await waiting(one, a_run(), "call_1", expires_at=now() + PAST)
    assert await one.store.approvals.decide(decided(approval)) == "late"
    assert await one.store.approvals.of(approval.run_id) == [approval]
    assert await one.store.leases.take() is None


async def test_nothing_expires_before_its_time(one: Worker) -> None:
    (approval,) = await waiting(one, a_run(), "call_1", expires_at=now() + SOON)
    assert await one.store.approvals.expired() == []
    assert await one.store.approvals.decide(decided(approval, "expired", by="")) == "late"
    assert await one.store.approvals.open() == [approval]


async def test_what_nobody_decided_is_found_and_closed(one: Worker, other: Worker) -> None:
    late = await waiting(one, a_run(None), "call_1", expires_at=now() + PAST)
    await waiting(one, a_run(None), "call_1", expires_at=now() + SOON)
    assert await other.store.approvals.expired() == late
    said = await asyncio.gather(
        *(w.store.approvals.decide(decided(late[0], "expired", by="")) for w in (one, other, one))
    )
    assert sorted(said) == ["decided", "decided", "resumed"]
    assert await other.store.approvals.expired() == []
    claim = await other.store.leases.take()
    assert claim is not None
    assert (claim.run.run_id, claim.resumed) == (late[0].run_id, True)
    last = await one.store.log.last(claim.run.run_id)
    assert last is not None
    assert last.event == ApprovalResolved("call_1", "book", "expired", "", "so")


async def test_what_waits_is_listed_by_when_it_expires(one: Worker) -> None:
    later = await waiting(one, a_run(None), "call_1", expires_at=now() + 2 * SOON)
    sooner = await waiting(one, a_run(None), "call_1", expires_at=now() + SOON)
    assert await one.store.approvals.open() == sooner + later


async def _cancelled(worker: Worker, approval: Approval) -> None:
    claim = await worker.store.leases.claim(approval.run_id)
    assert claim is not None
    await worker.finish(worker.store.log.open_pen(claim))


async def test_after_the_end_there_is_nothing_to_decide(one: Worker) -> None:
    first, second = await waiting(one, a_run(), "call_1", "call_2")
    await one.store.approvals.decide(decided(first))
    assert await one.store.runs.ask_cancel(first.run_id, OWNER)
    await _cancelled(one, first)
    assert await one.store.approvals.decide(decided(second)) == "ended"
    assert await one.store.approvals.open() == []
    assert await one.redis.exists(keys.DUE) == 0
    assert 0 < await one.redis.pttl(keys.approvals(first.run_id)) <= 600_000


async def test_while_somebody_ends_it_there_is_nothing_to_decide(one: Worker) -> None:
    (approval,) = await waiting(one, a_run(), "call_1")
    assert await one.store.leases.claim(approval.run_id) is not None
    assert await one.store.approvals.decide(decided(approval)) == "ended"
    kept = await one.store.approvals.get(approval.run_id, "call_1")
    assert kept == approval


async def test_what_was_never_asked_is_missing(one: Worker) -> None:
    (approval,) = await waiting(one, a_run(), "call_1")
    for name in ("run_id", "call_id"):
        stray = msgspec.structs.replace(decided(approval), **{name: "none"})
        assert await one.store.approvals.decide(stray) == "missing"


async def test_a_deleted_session_takes_what_it_waits_for_along(one: Worker) -> None:
    await waiting(one, a_run(), "call_1", "call_2")
    other = await waiting(one, a_run("ses_2"), "call_1")
    await one.store.sessions.delete("ses_1", OWNER)
    assert await one.store.approvals.open() == other
    assert await one.redis.zcard(keys.DUE) == 1


async def test_while_it_waits_nothing_it_needs_expires(make_worker: MakeWorker) -> None:
    one = await make_worker(keep=30)
    run, queued, elsewhere = a_run(), a_run(), a_run("ses_2")
    await waiting(one, run, "call_1", expires_at=now() + timedelta(hours=6))
    # Others that need the same do not shorten its life.
    await one.accept(queued)
    await one.finish(await one.pen(elsewhere))
    await one.store.runs.ask_cancel(queued.run_id, OWNER)
    claim = await one.store.leases.claim(queued.run_id)
    assert claim is not None
    pen = one.store.log.open_pen(claim)
    await one.finish(pen, session_ends=one.store.sessions.end())
    of_session = {keys.session("ses_1"), keys.messages("ses_1"), keys.session_runs("ses_1")}
    needed = of_session | {keys.lane("ses_1"), keys.owner(OWNER), keys.cast("cast_1")}
    needed |= {*keys.all_of_run(run.run_id)} - {keys.lease(run.run_id)}
    needed -= {f"{keys.run(run.run_id)}:effects"}
    left = {name: await one.redis.pttl(name) for name in needed}
    six_hours = 6 * 3_600_000
    assert {name: ms for name, ms in left.items() if ms < six_hours and ms != -1} == {}
