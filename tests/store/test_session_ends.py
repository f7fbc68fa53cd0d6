"""A session's end is moved on by itself: what else its record says may have changed meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from tests.store.approving import an_approval
from tests.store.records import Worker, a_run, a_session

# As the record's own field, in every place that is written by others.
_ODD: dict[str, Any] = {"user_id": '"expires_at":"never"', "context": {"expires_at": "never"}}


async def test_the_end_of_a_run_takes_nothing_back(one: Worker) -> None:
    pen = await one.pen(a_run())
    changed = a_session(**_ODD)
    await one.accept(a_run(), session=changed)
    ends = one.store.sessions.end(timedelta(minutes=1))
    await one.finish(pen, session_ends=ends)
    moved = msgspec.structs.replace(changed, expires_at=ends)
    assert await one.store.sessions.find("ses_1") == moved


async def test_a_session_that_waits_for_its_user_ends_later(one: Worker) -> None:
    run, session = a_run(), a_session(**_ODD)
    pen = await one.pen(run, session=session)
    ends = one.store.sessions.end(timedelta(hours=1))
    await one.store.approvals.request(pen, b"{}", [an_approval(run)], ends)
    moved = msgspec.structs.replace(session, expires_at=ends)
    assert await one.store.sessions.find("ses_1") == moved
