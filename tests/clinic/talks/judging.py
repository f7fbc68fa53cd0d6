"""Says what a talk did not reach: in answers, in questions to the user, and in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.clinic.talks.free import is_free
from tests.clinic.talks.mind import holds, rows_of
from tests.clinic.talks.table import Talk, Use
from tests.clinic.talks.world import Row, astray, changes, lost

Kept = Mapping[str, list[Row]]
_MOST_ROWS, _MOST_BYTES = 20, 2_048
_EFFECTS = {
    *("book_appointment", "reschedule_appointment", "cancel_appointment"),
    *("join_waiting_list", "book_for_patient"),
}


@dataclass(slots=True)
class Done:
    """How a call went: what it answered, how it ended, and what its user was asked."""

    use: Use
    output: str = ""
    outcome: str = "not made"
    asked: str | None = None


def faults_of(done: Done) -> Iterator[str]:
    """Yield what one call did not reach."""
    use, rows = done.use, rows_of(done.output)
    for words in (*use.tells, use.refused or ""):
        if words not in done.output:
            yield f"says {words!r}, was {done.output!r}"
    for words in use.hides:
        if words in done.output:
            yield f"does not say {words!r}, was {done.output!r}"
    if len(rows) > _MOST_ROWS or len(done.output.encode()) > _MOST_BYTES:
        yield f"keeps within bounds, was {len(rows)} rows, {len(done.output.encode())} bytes"
    yield from _end_faults(done)
    yield from _row_faults(use, rows)


def _end_faults(done: Done) -> Iterator[str]:
    use = done.use
    wanted = "error" if use.refused is not None else "rejected" if use.answer == "reject" else "ok"
    if done.outcome != wanted:
        yield f"ends {wanted}, was {done.outcome}: {done.output!r}"
    if use.asks is not None and done.asked != use.asks:
        yield f"asks {use.asks!r}, was {done.asked!r}"
    if (use.use in _EFFECTS and wanted != "error") != (done.asked is not None):
        yield f"asks before what it changes, and only then, was {done.asked!r}"


def _row_faults(use: Use, rows: Sequence[Row]) -> Iterator[str]:
    if use.rows is not None and not (
        len(rows) == len(use.rows) and all(map(_fits, rows, use.rows))
    ):
        yield f"has the rows {use.rows}, was {rows}"
    if use.first and not (rows and _fits(rows[0], use.first)):
        yield f"begins with {use.first}, was {rows[:1]}"
    for wanted in use.finds:
        if not any(_fits(row, wanted) for row in rows):
            yield f"has a row {wanted}, was {rows}"
    if use.each and not (rows and all(_fits(row, use.each) for row in rows)):
        yield f"has only rows {use.each}, was {rows}"


def faults_after(talk: Talk, done: Sequence[Done], before: Kept, after: Kept) -> Iterator[str]:
    """Yield what a talk left otherwise than it should."""
    yield from (f"afterwards {fault}" for fault in astray(after))
    for table, rows in changes(before, after).items():
        wanted = talk.writes.get(table, [])
        if len(rows) != len(wanted) or not all(any(_fits(row, w) for row in rows) for w in wanted):
            yield f"leaves new in {table} {wanted}, was {rows}"
    if lost(before, after) != talk.removes:
        yield f"removes {talk.removes}, was {lost(before, after)}"
    unmoved = [row for row in after["appointments"] if row in before["appointments"]]
    for each in done:
        told = rows_of(each.output) if each.use.use == "find_free_slots" else []
        for row in told:
            if not is_free(row, unmoved):
                yield f"offers only what is free, was {row}"


def _fits(row: Row, wanted: Row) -> bool:
    """Return whether a row holds what is wanted; `~words` is held by a value with these words."""
    return all(name in row and _same(row[name], value) for name, value in wanted.items())


def _same(value: object, wanted: object) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        return _fits(value, wanted)
    if isinstance(wanted, str) and wanted.startswith("~"):
        return holds({"value": value}, wanted[1:])
    return value == wanted
