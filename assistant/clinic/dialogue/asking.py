"""Answers questions: about the clinic, who works there, and what one has booked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.clinic.dialogue.replies import Row, line
from assistant.clinic.dialogue.steps import SIGN_IN, Steps, numbered, passed_on, use
from assistant.clinic.dialogue.subjects import fitting, words_of
from assistant.clinic.dialogue.talk import TO_LOOK, Talk
from assistant.dialogue import Say

_SHORT = 5
_FEW = 3
_IT = re.compile(r"\b(?:it|that|this|one)\b")


def hours(_talk: Talk) -> Steps:
    """Tell when the clinic is open."""
    told = yield use("clinic_facts", topic="hours")
    if not told.rows:
        return passed_on(told)
    days = [f"{row.get('location')}: {row.get('hours')}" for row in told.rows]
    closed: list[str] = next((row["closed"] for row in told.rows if row.get("closed")), [])
    text = "We are open\n" + "\n".join(f"- {day}" for day in days)
    if closed:
        text += "\nClosed on\n" + "\n".join(f"- {day}" for day in closed[:_FEW])
    return Say(text)


def locations(_talk: Talk) -> Steps:
    """Tell where the clinic is, and its phone numbers."""
    told = yield use("clinic_facts", topic="locations")
    if not told.rows:
        return passed_on(told)
    rows = [f"- {r.get('location')}: {r.get('address')}, phone {r.get('phone')}" for r in told.rows]
    return Say("You find us here:\n" + "\n".join(rows))


def services(talk: Talk) -> Steps:
    """Tell what a service costs and how long it takes, or all of them."""
    told = yield use("clinic_facts", topic="services")
    if not told.rows:
        return passed_on(told)
    found = _fitting(talk, told.rows, "service") or _earlier(talk, told.rows)
    if not found:
        return Say("\n".join(["This is what we offer:", *(f"- {line(row)}" for row in told.rows)]))
    return Say(
        "\n".join(
            f"{row.get('service')} takes {row.get('minutes')} minutes and costs {row.get('price')}."
            for row in found[:_SHORT]
        )
    )


def insurance(talk: Talk) -> Steps:
    """Tell whether an insurer is accepted, or which ones are."""
    told = yield use("clinic_facts", topic="insurance")
    if not told.rows:
        return passed_on(told)
    found = _fitting(talk, told.rows, "insurer")
    if found:
        notes = (f"{row.get('insurer')}. {row.get('note') or ''}".strip() for row in found)
        return Say(f"Yes, we take {' '.join(notes)}")
    names = ", ".join(str(row.get("insurer")) for row in told.rows)
    asked = "If yours is not among them, your insurer can tell you what it pays back."
    return Say(f"We take {names}. {asked}")


def other(talk: Talk) -> Steps:
    """Tell what is known of other matters; nothing where the clinic's facts are silent."""
    told = yield use("clinic_facts", topic="other")
    found = _fitting(talk, told.rows, "title") or _mentioning(talk, told.rows)
    if not found:
        return None
    whole = yield use("clinic_facts", topic="other", about=str(found[0].get("title")))
    row = next(iter(whole.rows), found[0])
    return Say(str(row.get("text")))


def practitioners(talk: Talk) -> Steps:
    """Tell who works here: all, or those of a name, a language or a subject."""
    meaning = talk.now.meaning
    told = yield use("find_practitioners", name=meaning.practitioner, language=meaning.language)
    if not told.found:
        return passed_on(told)
    rows = [row for row in told.rows if not meaning.subjects or _gives(row, meaning.text)]
    if not rows:
        what = f" who speaks {meaning.language}" if meaning.language else " for that"
        return Say(f"I'm sorry, nobody here fits{what}. The front desk can tell you who is near.")
    more = len(rows) - _SHORT
    rest = (
        f"\nAnd {more} more; tell me what it is about, and I can narrow it down."
        if more > 0
        else ""
    )
    return Say(f"{_who(rows)}\n{numbered(rows[:_SHORT])}{rest}\n{TO_LOOK}")


def mine(talk: Talk) -> Steps:
    """Tell the patient's own appointments, those to come or those that were."""
    if "my_appointments" not in talk.tools:
        return Say(SIGN_IN)
    period = "past" if talk.now.meaning.intent == "past" else "upcoming"
    told = yield use("my_appointments", period=period)
    if not told.rows:
        none = "You have no appointment coming up." if period == "upcoming" else "There are none."
        return Say(f"{none} {TO_LOOK}") if told.found else passed_on(told)
    lead = "These are coming up:" if period == "upcoming" else "These were your appointments:"
    ask = "\nI can move or cancel one for you." if period == "upcoming" else ""
    return Say(f"{lead}\n{numbered(told.rows[:_SHORT])}{ask}")


def _fitting(talk: Talk, rows: Sequence[Row], name: str) -> list[Row]:
    found = fitting(talk.now.meaning.text, [str(row.get(name)) for row in rows])
    return [row for row in rows if row.get(name) in found]


def _earlier(talk: Talk, rows: Sequence[Row]) -> list[Row]:
    """Return what "it" is: the service that was spoken of last."""
    if not _IT.search(talk.now.meaning.text):
        return []
    names = [str(row.get("service")) for row in rows]
    for turn in talk.turns[::-1]:
        for text in (turn.said, turn.meaning.text):
            found = fitting(text, names)
            if len(found) == 1:
                return [row for row in rows if row.get("service") in found]
    return []


def _mentioning(talk: Talk, rows: Sequence[Row]) -> list[Row]:
    words = {word for word in words_of(talk.now.meaning.text) if len(word) > _SHORT}
    return [row for row in rows if words & words_of(str(row.get("text")))]


def _gives(row: Row, text: str) -> bool:
    return bool(fitting(text, [str(row.get("specialty")), *map(str, row.get("services", ()))]))


def _who(rows: Sequence[Row]) -> str:
    return "This is who you could see:" if len(rows) > 1 else "That would be:"
