"""The queue: everybody's first run before anybody's second, and each told how many come before."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from assistant.events import RunQueued
from assistant.models import Run
from assistant.store import keys
from tests.store.records import Worker, a_run

AT_ONCE = timedelta(milliseconds=1)


async def _queue(worker: Worker, user: str, count: int = 1) -> list[Run]:
    """Queue runs of a user."""
    runs = [a_run(None, user=user) for _ in range(count)]
    for run in runs:
        assert await worker.accept(run, here=False) == ("queued", run.run_id)
    return runs


async def _taken(worker: Worker, count: int) -> list[str]:
    """Take runs, and return whose they are, in order."""
    claims = [await worker.store.leases.take() for _ in range(count)]
    return [claim.run.user for claim in claims if claim is not None]


async def _places(worker: Worker, run: Run) -> list[int]:
    """Return the places a run was told."""
    entries = await worker.store.log.read(run.run_id, -1)
    return [entry.event.ahead for entry in entries if isinstance(entry.event, RunQueued)]


async def _turns(worker: Worker) -> list[int]:
    """Return the turns of all who wait, in order."""
    raw: list[Any] = await worker.redis.zrange(keys.QUEUE, 0, -1, withscores=True)
    return [int(score) for _, score in raw]


async def test_a_hundred_runs_of_one_do_not_keep_anothers_waiting(
    one: Worker, other: Worker
) -> None:
    await _queue(one, "many", 100)
    await _queue(other, "single")
    assert (await _taken(other, 101)).index("single") == 1


async def test_who_comes_while_the_hundred_are_served_comes_next_but_one(one: Worker) -> None:
    await _queue(one, "many", 100)
    assert await _taken(one, 40) == ["many"] * 40
    await _queue(one, "single", 2)
    assert await _taken(one, 5) == ["many", "single", "many", "single", "many"]


async def test_everybodys_nth_run_comes_before_anybodys_next(one: Worker) -> None:
    counts = {f"u{number}": number for number in range(1, 8)}
    arrivals = [user for user, count in counts.items() for _ in range(count)]
    random.Random(7).shuffle(arrivals)
    for user in arrivals:
        await _queue(one, user)
    rounds = [
        [user for place, user in enumerate(arrivals) if arrivals[:place].count(user) == turn]
        for turn in range(7)
    ]
    assert await _taken(one, len(arrivals)) == [user for turn in rounds for user in turn]


async def test_who_waited_before_does_not_pay_for_it_later(one: Worker) -> None:
    await _queue(one, "many", 10)
    assert await _taken(one, 10) == ["many"] * 10
    await _queue(one, "single")
    await _queue(one, "many")
    await _queue(one, "single")
    assert await _taken(one, 3) == ["single", "many", "single"]


async def test_what_was_begun_goes_on_before_all_that_was_not(one: Worker) -> None:
    for number in range(20):
        await _queue(one, f"u{number}")
    begun = await one.store.leases.take()
    assert begun is not None
    assert await one.store.leases.release(begun.run.run_id, begun.token)
    again = await one.store.leases.take()
    assert again is not None
    assert (again.run.run_id, again.attempt, again.crashes) == (begun.run.run_id, 2, 0)
    assert await _taken(one, 2) == ["u1", "u2"]


async def test_an_empty_queue_remembers_nobody(one: Worker) -> None:
    runs = [run for number in range(5) for run in await _queue(one, f"u{number}", 3)]
    for run in runs[::2]:
        assert await one.store.leases.claim(run.run_id) is not None
    assert len(await _taken(one, 20)) == 7
    left = await one.keys()
    assert [name for name in left if name.startswith(keys.QUEUE)] == []


async def test_a_user_leaves_the_books_with_their_last_waiting_run(one: Worker) -> None:
    await _queue(one, "first", 2)
    await _queue(one, "second", 4)
    assert await _taken(one, 4) == ["first", "second", "first", "second"]
    assert await one.redis.hkeys(f"{keys.QUEUE}:turns") == [b"second"]
    assert await one.redis.get(f"{keys.QUEUE}:clock") == b"2"


async def test_the_order_of_arrival_does_not_outweigh_a_turn(one: Worker) -> None:
    await one.redis.set(f"{keys.QUEUE}:arrivals", 999_997)
    await _queue(one, "many", 3)
    assert await _turns(one) == [1, 2, 3]


async def test_a_slot_that_is_free_is_left_to_who_came_earlier(one: Worker) -> None:
    (waiting,) = await _queue(one, "early")
    late = a_run(None, user="late")
    what, run_id, claim = await one.offer(late, here=True)
    assert (what, run_id) == ("queued", late.run_id)
    assert claim is not None
    assert (claim.run.run_id, claim.attempt, claim.last) == (waiting.run_id, 1, 1)
    assert await _taken(one, 1) == ["late"]
    assert await _places(one, waiting) == [0]
    assert (await one.accept(a_run(None), here=True))[0] == "claimed"


async def test_past_the_bound_a_run_is_refused_and_nothing_kept(one: Worker) -> None:
    await _queue(one, "many", 3)
    before = await one.keys()
    run = a_run(None)
    full = {"here": False, "most_queued": 3, "idempotency": ("k", "f")}
    assert await one.accept(run, **full) == ("full", "")
    assert await one.keys() == before
    assert (await one.store.runs.stats())["accepted"] == 3
    await _taken(one, 1)
    assert (await one.accept(run, **full))[0] == "queued"


async def test_who_may_begin_at_once_is_never_too_many(one: Worker) -> None:
    assert (await one.accept(a_run(None), most_queued=0))[0] == "claimed"
    assert (await one.accept(a_run(None), most_queued=0, here=False))[0] == "full"


async def test_a_run_that_waits_for_its_session_counts_as_queued(one: Worker) -> None:
    await one.accept(a_run())
    assert (await one.accept(a_run(), most_queued=1))[0] == "queued"
    assert (await one.accept(a_run(), most_queued=1))[0] == "full"
    assert (await one.store.runs.stats())["queued"] == 1
    assert await one.store.leases.queued() == 0


async def test_each_is_told_its_place_when_it_is_accepted(one: Worker) -> None:
    runs = await _queue(one, "many", 3) + await _queue(one, "single")
    assert [await _places(one, run) for run in runs] == [[0], [1], [2], [1]]


async def test_places_shrink_and_are_told_when_they_have_halved_and_at_the_last(
    one: Worker,
) -> None:
    runs = [(await _queue(one, f"u{number}"))[0] for number in range(45)]
    for _ in range(45):
        await one.redis.delete(f"{keys.QUEUE}:teller")
        await one.store.leases.tell_places(AT_ONCE)
        await _taken(one, 1)
    told = await _places(one, runs[44])
    assert told == [44, 22, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert await _places(one, runs[0]) == [0]
    for run in runs:
        await _check_monotone(one, run)


async def _check_monotone(worker: Worker, run: Run) -> None:
    told: Sequence[int] = await _places(worker, run)
    assert list(told) == sorted(set(told), reverse=True)


async def test_a_later_run_that_comes_first_makes_nobodys_place_grow(one: Worker) -> None:
    many = await _queue(one, "many", 6)
    for number in range(6):
        await _queue(one, f"u{number}")
    await one.store.leases.tell_places(AT_ONCE)
    assert await _places(one, many[5]) == [5]


async def test_only_one_process_tells_within_its_time(one: Worker, other: Worker) -> None:
    runs = await _queue(one, "many", 4)
    await one.store.leases.tell_places(timedelta(minutes=1))
    await _taken(one, 2)
    await other.store.leases.tell_places(timedelta(minutes=1))
    assert await _places(one, runs[3]) == [3]
    await one.redis.delete(f"{keys.QUEUE}:teller")
    await other.store.leases.tell_places(timedelta(minutes=1))
    assert await _places(one, runs[3]) == [3, 1]


async def test_a_run_that_has_begun_once_is_told_no_place(one: Worker) -> None:
    last = (await _queue(one, "many", 3))[2]
    claim = await one.store.leases.claim(last.run_id)
    assert claim is not None
    await one.store.leases.release(last.run_id, claim.token)
    await one.store.leases.tell_places(AT_ONCE)
    assert await _places(one, last) == [2]
    taken = await one.store.leases.take()
    assert taken is not None
    assert taken.run.run_id == last.run_id
