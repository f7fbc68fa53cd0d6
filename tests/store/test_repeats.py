"""Lost replies: each step repeated as it was, says the same and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from assistant.store import Claim
from assistant.store.scripts import Call, Script, Scripts
from tests.store.approving import an_approval, decided, waiting
from tests.store.records import Worker, a_run, an_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class _Twice(Scripts):
    """Sends every step twice, as a client does whose first reply was lost."""

    replies: list[tuple[Any, Any]]

    @override
    async def run_all(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        first = await super().run_all(script, calls)
        before = await self.picture()
        again = await super().run_all(script, calls)
        assert await self.picture() == before
        self.replies += zip(first, again, strict=True)
        return again

    async def picture(self) -> dict[str, Any]:
        names = [name.decode() async for name in self._redis.scan_iter()]
        return {name: await self._redis.call("DUMP", name) for name in sorted(names)}


@asynccontextmanager
async def _twice(part: Any) -> AsyncIterator[list[tuple[Any, Any]]]:
    """Have a part of the store send its steps twice; gives the pairs of replies."""
    twice = _Twice(part._redis)
    twice.replies = []
    once, part._scripts = part._scripts, twice
    try:
        yield twice.replies
    finally:
        part._scripts = once


@pytest.mark.parametrize("here", [True, False])
async def test_accepting(one: Worker, *, here: bool) -> None:
    await one.store.runs.keep_cast("cast_1", b"[]")
    run = a_run()
    async with _twice(one.store.runs) as replies:
        what, run_id, claim = await one.offer(run, here=here, idempotency=("k", "f"))
    assert (what, run_id) == ("claimed" if here else "queued", run.run_id)
    assert [first == again for first, again in replies] == [True]
    if claim:
        await one.write(one.store.log.open_pen(claim), *an_answer(1))


async def test_accepting_what_somebody_began_meanwhile(one: Worker, other: Worker) -> None:
    run = a_run()
    _, _, claim = await one.offer(run)
    assert claim is not None
    await one.store.leases.release(run.run_id, claim.token)
    assert await other.store.leases.take() is not None
    assert await one.offer(run) == ("queued", run.run_id, None)


async def test_taking(one: Worker) -> None:
    for _ in range(3):
        await one.accept(a_run(None), here=False)
    async with _twice(one.store.leases) as replies:
        claims = [await one.store.leases.take() for _ in range(4)]
    assert all(first == again for first, again in replies)
    assert len({claim.run.run_id for claim in claims if claim}) == 3
    assert [claim and (claim.attempt, claim.crashes) for claim in claims] == [(1, 0)] * 3 + [None]


async def test_claiming(one: Worker) -> None:
    run = a_run()
    await one.accept(run, here=False)
    async with _twice(one.store.leases) as replies:
        assert await one.store.leases.claim(run.run_id) is not None
        assert await one.store.leases.claim(run.run_id) is None
    assert all(first == again for first, again in replies)


async def test_ending(one: Worker) -> None:
    claim = await one.claim(a_run())
    waiting_run = a_run()
    await one.accept(waiting_run)
    async with _twice(one.store.runs) as replies:
        assert await one.finish(one.store.log.open_pen(claim))
    assert replies == [([b"ok", 1], [b"ok", 1])]
    stats = await one.store.runs.stats()
    assert (stats["completed"], stats["output_tokens"]) == (1, 2)
    assert len(await one.store.sessions.lines("ses_1")) == 3
    taken = await one.store.leases.take()
    assert taken is not None
    assert taken.run.run_id == waiting_run.run_id


async def test_beginning_to_wait(one: Worker) -> None:
    run = a_run()
    async with _twice(one.store.approvals) as replies:
        await waiting(one, run, "call_1", "call_2")
    assert replies == [(b"ok", b"ok")]
    assert len(await one.store.log.read(run.run_id, 0)) == 2


async def test_beginning_to_wait_after_it_was_decided(one: Worker) -> None:
    claim = await one.claim(a_run())
    wanted = [an_approval(claim.run)]
    pen = one.store.log.open_pen(claim)
    await one.store.approvals.request(pen, b"so far", wanted)
    assert await one.store.approvals.decide(decided(wanted[0])) == "resumed"
    await one.store.approvals.request(pen, b"so far", wanted)
    taken = await one.store.leases.take()
    assert taken is not None
    assert (taken.resumed, taken.last) == (True, 2)
    assert len(await one.store.log.read(claim.run.run_id, 0)) == 2


Steps = Callable[[Worker, Claim], Awaitable[object]]


async def _checkpoint(worker: Worker, claim: Claim) -> None:
    await worker.store.leases.keep_checkpoint(claim.run.run_id, claim.token, b"so far")


async def _renew(worker: Worker, claim: Claim) -> None:
    await worker.store.leases.renew({claim.run.run_id: claim.token})


async def _conclude(worker: Worker, claim: Claim) -> None:
    note = worker.store.leases.note_effect
    await note(claim.run.run_id, claim.token, "key", b"{}", replace=True)


async def _reap(worker: Worker, claim: Claim) -> None:
    assert await worker.store.leases.reap() == 0, claim


@pytest.mark.parametrize("step", [_checkpoint, _renew, _conclude, _reap])
async def test_what_a_holder_does(one: Worker, step: Steps) -> None:
    claim = await one.claim(a_run())
    async with _twice(one.store.leases) as replies:
        await step(one, claim)
    assert all(first == again for first, again in replies)


async def test_intending_finds_its_own_intent(one: Worker) -> None:
    claim = await one.claim(a_run())
    note = one.store.leases.note_effect
    async with _twice(one.store.leases) as replies:
        # Whose it is says the record: the same one back is one's own.
        assert await note(claim.run.run_id, claim.token, "key", b"mine", replace=False) == b"mine"
    assert replies == [([1, b""], [1, b"mine"])]


async def test_giving_back_twice_gives_back_once(one: Worker) -> None:
    claim = await one.claim(a_run())
    async with _twice(one.store.leases) as replies:
        assert not await one.store.leases.release(claim.run.run_id, claim.token)
    assert replies == [(1, 0)]
    assert await one.store.leases.take() is not None
    assert await one.store.leases.take() is None


async def test_deciding_twice_decides_once(one: Worker) -> None:
    (approval,) = await waiting(one, a_run(), "call_1")
    async with _twice(one.store.approvals) as replies:
        assert await one.store.approvals.decide(decided(approval)) == "resumed"
    assert replies == [(b"resumed", b"resumed")]
    assert await one.store.approvals.decide(decided(approval)) == "decided", "somebody's second"
    assert await one.store.leases.queued() == 1
