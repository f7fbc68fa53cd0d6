"""A session belongs to whoever began it, also where two begin it at the same moment."""

from __future__ import annotations

import asyncio
import itertools

from assistant.models import Principal, Run
from tests.store.records import Worker, a_line, a_run, a_session

PEOPLE = ("ann", "bob", "cid")


def _run_of(name: str, session_id: str = "ses_1") -> Run:
    return a_run(session_id, principal=Principal(name))


async def _say(worker: Worker, name: str) -> tuple[str, Run]:
    run = _run_of(name)
    what, _ = await worker.accept(
        run, session=a_session(owner=name), lines=[a_line(run, text=f"of {name}")]
    )
    return what, run


async def test_of_many_who_begin_a_session_at_once_one_has_it(one: Worker, other: Worker) -> None:
    workers = itertools.cycle((one, other))
    told = await asyncio.gather(*(_say(next(workers), name) for name in PEOPLE * 10))
    session = await one.store.sessions.find("ses_1")
    assert session is not None
    for what, run in told:
        assert (what == "foreign") == (run.owner != session.owner)
        assert (await other.store.runs.get(run.run_id) is None) == (what == "foreign")
    lines = await one.store.sessions.lines("ses_1")
    assert {line.message.content for line in lines} == {f"of {session.owner}"}
    counts = [await one.store.sessions.count(name) for name in PEOPLE]
    assert counts == [int(name == session.owner) for name in PEOPLE]


async def test_of_many_who_create_a_session_at_once_one_has_it(one: Worker, other: Worker) -> None:
    sessions = [a_session(owner=name) for name in PEOPLE * 10]
    stores = itertools.cycle((one.store, other.store))
    made = await asyncio.gather(*(next(stores).sessions.create(each) for each in sessions))
    (owner,) = (each.owner for each, free in zip(sessions, made, strict=True) if free)
    session = await one.store.sessions.find("ses_1")
    assert session is not None
    assert session.owner == owner
    assert [await one.store.sessions.count(name) for name in PEOPLE] == [
        int(name == owner) for name in PEOPLE
    ]


async def test_a_session_that_was_deleted_may_be_begun_by_another(one: Worker) -> None:
    assert (await _say(one, "ann"))[0] == "claimed"
    assert (await _say(one, "bob"))[0] == "foreign"
    await one.store.sessions.delete("ses_1", "ann")
    assert (await _say(one, "bob"))[0] == "claimed"
    (line,) = await one.store.sessions.lines("ses_1")
    assert line.message.content == "of bob"
