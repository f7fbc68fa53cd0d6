"""The directory is read anew when anybody has changed it, and only then."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Executable, delete, event, insert, select, update

from assistant.clinic.records.schema import (
    audit,
    closures,
    practitioner_languages,
    practitioners,
    services,
)
from assistant.clinic.schedule.directory import Directory, read_directory
from tests.clinic.house import House, call

_CLOSED = {
    "id": "X-1",
    "reason": "Away",
    "first_day": date(2030, 1, 7),
    "last_day": date(2030, 1, 8),
    "location_id": None,
    "practitioner_id": None,
}
CHANGES = {
    "a closure": insert(closures).values(_CLOSED),
    "a price": update(services).values(price_cents=1),
    "a name": update(practitioners).values(name="Dr. Somebody Else"),
    "languages": delete(practitioner_languages),
}


async def _read(house: House) -> Directory:
    async with house.clinic.visit(call(), "look") as visit:
        return await read_directory(visit)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_was_changed_is_seen_by_the_next_visit(house: House, change: Executable) -> None:
    before = await _read(house)
    await house.do(change)
    after = await _read(house)
    assert after != before
    assert after == await _read(house)


async def test_what_nobody_changed_is_read_once_and_counts_as_looked_at(house: House) -> None:
    asked: list[str] = []
    engine = house.clinic._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    first = await _read(house)
    begun = len(asked)
    assert await _read(house) is first
    # It enters, asks whether anything is new, and writes to the audit.
    assert len(asked) - begun <= 4 < begun
    rows = await house.look(select(audit.c.rows_read).order_by(audit.c.at))
    counts = [row.rows_read for row in rows]
    assert counts[-1] == counts[-2] > len(first.practitioners)
