"""The fence: whoever does not hold a run changes nothing of it, at no step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from assistant.errors import LeaseLostError
from assistant.events import MessageStarted
from assistant.models import now
from assistant.store import Claim, keys
from tests.store.approving import an_approval
from tests.store.records import Worker, a_run, an_answer, later

Step = Callable[[Worker, Claim], Awaitable[object]]


async def _append(worker: Worker, claim: Claim) -> None:
    pen = worker.store.log.open_pen(claim)
    pen.emit(MessageStarted("msg_late", 0))
    await pen.drain()


async def _checkpoint(worker: Worker, claim: Claim) -> None:
    await worker.store.leases.keep_checkpoint(claim.run.run_id, claim.token, b"late")


async def _intend(worker: Worker, claim: Claim) -> None:
    note = worker.store.leases.note_effect
    await note(claim.run.run_id, claim.token, "key", b"late", replace=False)


async def _conclude(worker: Worker, claim: Claim) -> None:
    note = worker.store.leases.note_effect
    await note(claim.run.run_id, claim.token, "key", b"late", replace=True)


async def _finish(worker: Worker, claim: Claim) -> None:
    await worker.finish(worker.store.log.open_pen(claim))


async def _suspend(worker: Worker, claim: Claim) -> None:
    pen = worker.store.log.open_pen(claim)
    await worker.store.approvals.request(pen, b"late", [an_approval(claim.run)])


STEPS: list[Step] = [_append, _checkpoint, _intend, _conclude, _finish, _suspend]


async def _taken_over(worker: Worker, claim: Claim) -> None:
    await worker.redis.delete(keys.lease(claim.run.run_id))
    assert await worker.store.leases.claim(claim.run.run_id) is not None


async def _given_back(worker: Worker, claim: Claim) -> None:
    assert await worker.store.leases.release(claim.run.run_id, claim.token)


async def _waiting(worker: Worker, claim: Claim) -> None:
    approval = an_approval(claim.run, expires_at=now() + timedelta(minutes=1))
    await worker.store.approvals.request(worker.store.log.open_pen(claim), b"{}", [approval])


async def _ended(worker: Worker, claim: Claim) -> None:
    await worker.finish(worker.store.log.open_pen(claim))


async def _deleted(worker: Worker, claim: Claim) -> None:
    await worker.store.sessions.delete(claim.run.session_id or "", claim.run.owner)


LOST: list[Step] = [_taken_over, _given_back, _waiting, _ended, _deleted]


async def _picture(worker: Worker) -> dict[str, object]:
    """Return all that the store holds."""
    return {name: await worker.redis.dump(name) for name in sorted(await worker.keys())}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("step", STEPS)
async def test_a_former_holder_changes_nothing(one: Worker, lost: Step, step: Step) -> None:
    claim = await one.claim(a_run())
    await lost(one, claim)
    last = await one.store.log.last(claim.run.run_id)
    late = later(claim, last.sequence if last else 0)
    before = await _picture(one)
    with pytest.raises(LeaseLostError):
        await step(one, late)
    assert await _picture(one) == before


@pytest.mark.parametrize("lost", LOST)
async def test_a_former_holder_neither_renews_nor_gives_back(one: Worker, lost: Step) -> None:
    claim = await one.claim(a_run())
    await lost(one, claim)
    before = await _picture(one)
    run_id = claim.run.run_id
    assert await one.store.leases.renew({run_id: claim.token}) == {run_id: (False, "")}
    assert not await one.store.leases.release(run_id, claim.token)
    assert await _picture(one) == before


@pytest.mark.parametrize("step", STEPS)
async def test_the_holder_may_do_each_of_it(one: Worker, step: Step) -> None:
    claim = await one.claim(a_run())
    await one.write(one.store.log.open_pen(claim), *an_answer(1))
    await step(one, later(claim, 3))
