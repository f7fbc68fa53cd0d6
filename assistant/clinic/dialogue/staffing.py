"""Works for staff: the day's schedule, looking patients up, what is open, who waits."""

from __future__ import annotations

from assistant.clinic.dialogue.choosing import (
    patient_of,
    practitioner_of,
    service_and_practitioner,
)
from assistant.clinic.dialogue.replies import line
from assistant.clinic.dialogue.steps import SIGN_IN, Steps, numbered, passed_on, use
from assistant.clinic.dialogue.talk import Talk
from assistant.clinic.dialogue.times import Days
from assistant.dialogue import Say

_LONG = 12


def schedule(talk: Talk) -> Steps:
    """Tell a day's appointments, of all practitioners or of one."""
    if "day_schedule" not in talk.tools:
        return None
    if talk.now.meaning.wrong_day:
        return Say(f"There is no {talk.now.meaning.wrong_day.title()} in the calendar.")
    who = yield from practitioner_of(talk)
    if isinstance(who, Say):
        return who
    named = next((turn.meaning.days for turn in talk.of_task if turn.meaning.days), None)
    day = (named or (Days(talk.today, talk.today),))[0].first
    handle = who["practitioner"] if who else None
    told = yield use("day_schedule", day=day, practitioner=handle)
    if not told.rows:
        return Say(f"{day:%A, %d %B %Y}: nothing is booked.") if told.found else passed_on(told)
    rows = told.rows[:_LONG]
    more = len(told.rows) - len(rows) + told.more
    rest = f"\nAnd {more} more; name a practitioner to narrow it down." if more else ""
    return Say(f"{day:%A, %d %B %Y}:\n{numbered(rows)}{rest}")


def patients(talk: Talk) -> Steps:
    """Tell who is found by a name or a date of birth."""
    if "find_patients" not in talk.tools:
        return None
    found = yield from patient_of(talk)
    if isinstance(found, Say):
        return found
    return Say(
        f"I found\n{numbered([found])}\nI can book for this patient; just say what and when."
    )


def opened(talk: Talk) -> Steps:
    """Tell what is open on the page, as far as that is the user's to see."""
    if "open_record" not in talk.tools:
        return None
    told = yield use("open_record")
    return Say(f"Open on your page is\n{numbered(told.rows)}") if told.rows else passed_on(told)


def waiting(talk: Talk) -> Steps:
    """Tell staff who waits; put a patient on the list."""
    if "waiting_list" in talk.tools:
        told = yield use("waiting_list")
        rows = [f"- {line(row)}" for row in told.rows[:_LONG]]
        if rows:
            return Say("\n".join(["On the waiting list, longest first:", *rows]))
        return Say("Nobody is on the waiting list.") if told.found else passed_on(told)
    if "join_waiting_list" not in talk.tools:
        return Say(SIGN_IN)
    wanted = yield from service_and_practitioner(talk)
    if isinstance(wanted, Say):
        return wanted
    service, who = wanted
    handle = who["practitioner"] if who else None
    told = yield use("join_waiting_list", service=service["service"], practitioner=handle)
    return passed_on(told)
