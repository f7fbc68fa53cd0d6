"""Moves and cancels an appointment that somebody has."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from assistant.clinic.dialogue.choosing import appointment_of
from assistant.clinic.dialogue.replies import Reply, Row, kind_of, line
from assistant.clinic.dialogue.steps import SIGN_IN, Steps, passed_on, use
from assistant.clinic.dialogue.talk import Talk, Turn
from assistant.clinic.dialogue.times import Days, time_in
from assistant.clinic.dialogue.times_free import offer, picked_slot, wish_of
from assistant.clinic.dialogue.understanding import Meaning
from assistant.dialogue import Say, Use

_BEFORE = re.compile(
    r"(?:\bfrom|\b(?:make|made|come|attend)(?: it)?(?: on)?|\b(?:appointment|visit|one|"
    r"booking|slot|check-up) (?:on|of|for)) *$"
)
_AFTER = re.compile(r"^(?:'s|s)? *(?:appointment|visit|one|booking|slot|check|follow)")
_THIS = re.compile(r"\bthis (?:appointment|visit|booking|check-?up|one)\b")
_IT = re.compile(r"\b(?:it|this)\b")
_ASK = "When would suit you better? A day or a week will do, and morning or afternoon."


def move(talk: Talk) -> Steps:
    """Find out which appointment and to when; offer times; move it to the one that is picked."""
    if "reschedule_appointment" not in talk.tools:
        return Say(SIGN_IN)
    own = yield from _own(talk, "move")
    if isinstance(own, Say):
        return own
    slot = picked_slot(talk) or (yield from _new_time(talk, own))
    if isinstance(slot, Say):
        return slot
    handles = {"appointment": own["appointment"], "slot": slot["slot"]}
    return passed_on((yield Use("reschedule_appointment", handles)), "moved")


def cancel(talk: Talk) -> Steps:
    """Find out which appointment; cancel it. Whether that is meant, its approval asks."""
    if "cancel_appointment" not in talk.tools:
        return Say(SIGN_IN)
    own = yield from _own(talk, "cancel")
    if isinstance(own, Say):
        return own
    told = yield use("cancel_appointment", appointment=own["appointment"])
    return passed_on(told, "cancelled")


def moved_to(meaning: Meaning) -> Sequence[Days]:
    """Return the days to which a message moves something, not those from which."""
    return [days for days in meaning.days if not _is_source(meaning, days)]


def moved_from(meaning: Meaning) -> Meaning:
    """Return what a message says of the time from which it moves something."""
    text, to, _ = meaning.text.partition(" to ")
    says_which = bool(to) or meaning.intent == "move"
    return replace(
        meaning,
        days=tuple(days for days in meaning.days if _is_source(meaning, days)),
        at=time_in(text) if says_which else None,
    )


def _is_source(meaning: Meaning, days: Days) -> bool:
    before, after = meaning.text[: days.start], meaning.text[days.end :]
    return bool(_BEFORE.search(before) or _AFTER.search(after))


def _own(talk: Talk, doing: str) -> Generator[Use, Reply, Row | Say]:
    """Return the appointment that is meant, among the user's own or those on a schedule."""
    if any(_THIS.search(turn.meaning.text) for turn in talk.of_task):
        told = yield use("open_record")
        shown = [row for row in told.rows if kind_of(row) == "appointment"]
        return shown[0] if shown else passed_on(told)
    turns: Sequence[Turn] = talk.of_task
    if doing == "move":
        # Once it is known which one it is, what follows is about the new time.
        turns = [replace(turn, meaning=moved_from(turn.meaning)) for turn in turns[::-1]]
    if "my_appointments" in talk.tools:
        told = yield use("my_appointments", period="upcoming")
        if not told.rows:
            none = "You have no appointment coming up, so there is nothing to {}."
            return Say(none.format(doing)) if told.found else passed_on(told)
        return _just_made(talk, told.rows) or appointment_of(turns, told.rows, doing)
    listed = [row for turn in turns for row in turn.listed if kind_of(row) == "appointment"]
    if not listed:
        told = yield use("open_record")
        listed = [row for row in told.rows if kind_of(row) == "appointment"]
    if not listed:
        return Say(f"Which appointment shall I {doing}? Ask me for a day's schedule first.")
    return appointment_of(turns, listed, doing)


def _just_made(talk: Talk, rows: Sequence[Row]) -> Row | None:
    """Return the appointment that was made or moved just before, where "it" can only be that."""
    first = talk.turns[talk.begun]
    before = talk.turns[talk.begun - 1] if talk.begun else None
    if before is None or not _IT.search(first.meaning.text):
        return None
    done = " ".join(reply.text for _, reply in before.uses if reply.is_done)
    made = [row for row in rows if str(row.get("when")) in done]
    return made[0] if len(made) == 1 else None


def _new_time(talk: Talk, own: Row) -> Generator[Use, Reply, Row | Say]:
    days = next((to for turn in talk.of_task if (to := moved_to(turn.meaning))), ())
    asks = [turn.meaning for turn in talk.of_task]
    if not days and not any(m.part or m.at or m.wrong_day for m in asks):
        return Say(f"{line(own)}.\n{_ASK}")
    found = yield use("find_practitioners", name=own.get("practitioner"))
    who = found.rows[0] if len(found.rows) == 1 else None
    wish = wish_of(talk, str(own.get("service")), who, days)
    if isinstance(wish, Say):
        return wish
    # "From 10:20 to 15:00" names two times; the last one is where it goes.
    at = time_in(talk.now.meaning.text.rpartition(" to ")[2])
    wish = replace(wish, place=None, at=at or wish.at)
    return (yield from offer(talk, wish, "Which one shall it be? Another day is fine, too."))
