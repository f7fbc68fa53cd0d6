"""Looks for free times as somebody wants them, and offers a few to pick from."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date, time

from assistant.clinic.dialogue.replies import Reply, Row, kind_of, moment
from assistant.clinic.dialogue.steps import numbered, passed_on, use
from assistant.clinic.dialogue.talk import TO_WAIT, Talk, Turn
from assistant.clinic.dialogue.times import Days, Part
from assistant.clinic.dialogue.understanding import Meaning
from assistant.dialogue import Say, Use

_OFFERED = 4
LOOKS = frozenset({"clinic_facts", "find_practitioners", "find_free_slots", "find_patients"})
"""Tools on the way to a booking that change nothing."""
_FIGURES = re.compile(r" \(\d{4}-\d\d-\d\d\)")


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of time somebody wants; what is None does not matter."""

    service: str
    practitioner: str | None = None
    place: str | None = None
    first: date | None = None
    last: date | None = None
    part: Part | None = None
    at: time | None = None


def wish_of(
    talk: Talk, service: str, practitioner: Row | None, days: Sequence[Days] | None = None
) -> Wish | Say:
    """Return the wish that a task's messages add up to; the newest words on each count."""
    meanings = [turn.meaning for turn in talk.of_task]
    if talk.now.meaning.wrong_day:
        words = talk.now.meaning.wrong_day.title()
        return Say(f"There is no {words} in the calendar. Which day do you mean?")
    if days is None:
        days = next((meaning.days for meaning in meanings if meaning.days), ())
    at = next((m for m in meanings if m.at or m.part), None)
    return Wish(
        service,
        str(practitioner["practitioner"]) if practitioner else None,
        next((meaning.place for meaning in meanings if meaning.place), None),
        min((day.first for day in days), default=None),
        max((day.last for day in days), default=None),
        at.part if at else None,
        at.at if at else None,
    )


def picked_slot(talk: Talk) -> Row | None:
    """Return the free time that the last message picks from those that were told."""
    return _picked(talk.now)


def pending_slot(talk: Talk) -> Row | None:
    """Return the free time that was picked last, while it is being asked for whom."""
    for turn in talk.of_task:
        slot = _picked(turn)
        if slot is not None or turn.meaning.names_time:
            tried = any(used.tool not in LOOKS for used, _ in turn.uses)
            return None if tried and turn is not talk.now else slot
    return None


def _picked(turn: Turn) -> Row | None:
    if turn.picked is not None:
        return turn.picked if kind_of(turn.picked) == "slot" else None
    slots = [row for row in turn.listed if kind_of(row) == "slot"]
    found = [row for row in slots if _meant(turn.meaning, row)]
    return found[0] if len(found) == 1 else None


def offer(talk: Talk, wish: Wish, end: str) -> Generator[Use, Reply, Row | Say]:
    """Return the very time that is wished for, or an offer of times near it."""
    told = yield use(
        "find_free_slots",
        service=wish.service,
        practitioner=wish.practitioner,
        location=wish.place,
        first_day=wish.first,
        last_day=wish.last,
        part_of_day=wish.part,
        around=f"{wish.at:%H:%M}" if wish.at else None,
    )
    if not told.found:
        return passed_on(told, "found")
    if not told.rows:
        waits = f" {TO_WAIT}" if "join_waiting_list" in talk.tools else ""
        # Days are told in words and, for models that go on with them, in figures.
        why = _FIGURES.sub("", told.text) or "I find nothing free for that."
        return Say(why + waits)
    if wish.at is None:
        return Say(f"{_lead(wish)}\n{numbered(spread(told.rows))}\n{end}")
    exact = [row for row in told.rows if (moment(row) or ("", ""))[1] == wish.at]
    if len(exact) == 1 and wish.first == wish.last and wish.first is not None:
        return exact[0]
    if exact:
        return Say(f"{_lead(wish)}\n{numbered(exact[:_OFFERED])}\n{end}")
    near = sorted(told.rows, key=lambda row: _minutes_off(row, wish.at))[:_OFFERED]
    lead = f"Nothing is free at exactly {wish.at:%H:%M}. Nearest to it:"
    return Say(f"{lead}\n{numbered([row for row in told.rows if row in near])}\n{end}")


def spread(rows: Sequence[Row]) -> list[Row]:
    """Return a few rows, in their order: of as many days as there are, early and late by turns."""
    by_day: dict[object, list[Row]] = {}
    for row in rows:
        by_day.setdefault(_day(row), []).append(row)
    first = [times[n % len(times)] for n, times in enumerate(by_day.values())]
    rest = [row for row in rows if row not in first]
    chosen = [*first, *rest][:_OFFERED]
    return [row for row in rows if row in chosen]


def _meant(meaning: Meaning, row: Row) -> bool:
    """Return whether a message names this time: by its clock time, and its day if it says one."""
    at = moment(row)
    if at is None or meaning.at != at[1]:
        return False
    return not meaning.days or any(days.first <= at[0] <= days.last for days in meaning.days)


def _lead(wish: Wish) -> str:
    return f"{wish.service}: these times are free."


def _day(row: Row) -> object:
    at = moment(row)
    return at[0] if at else None


def _minutes_off(row: Row, wanted: time | None) -> int:
    at = moment(row)
    if at is None or wanted is None:
        return 24 * 60
    return abs((at[1].hour - wanted.hour) * 60 + at[1].minute - wanted.minute)
