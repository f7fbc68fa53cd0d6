"""Finds out which service, practitioner, appointment or patient is meant; asks where it is open."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import date

from assistant.clinic.dialogue.replies import Reply, Row, kind_of, moment
from assistant.clinic.dialogue.steps import numbered, passed_on, use
from assistant.clinic.dialogue.subjects import fitting
from assistant.clinic.dialogue.talk import Talk, Turn
from assistant.clinic.dialogue.understanding import Meaning
from assistant.clinic.schedule.matching import fold
from assistant.dialogue import Say, Use

Choice = Generator[Use, Reply, Row | Say]
_SHORT = 6
WHAT_FOR = "be for?"
"""How the question ends to which a few words of anything are the answer."""


def service_of(talk: Talk) -> Choice:
    """Return the row of the service that the task is about, or the question which one it is."""
    known = yield use("clinic_facts", topic="services")
    if not known.rows:
        return passed_on(known)
    names = {str(row.get("service")): row for row in known.rows}
    found = _service_said(talk, names)
    if isinstance(found, Say):
        return found
    if found is not None:
        return names.get(str(found.get("service")), found)
    who = yield from practitioner_of(talk)
    if isinstance(who, Say):
        return who
    given = names if who is None else [n for n in names if n in who.get("services", ())]
    if len(given) == 1:
        return names[next(iter(given))]
    return Say(_what_for(talk, [names[name] for name in given], who))


def _service_said(talk: Talk, names: Mapping[str, Row]) -> Row | Say | None:
    """Return the service that was picked or said last; None if none was."""
    for turn in talk.of_task:
        if turn.picked is not None and "minutes" in turn.picked and not kind_of(turn.picked):
            return turn.picked
        found = fitting(turn.meaning.text, names)
        if len(found) == 1:
            return names[found[0]]
        if found:
            return Say(f"Which of these would it be?\n{numbered([names[n] for n in found])}")
    return None


def service_and_practitioner(
    talk: Talk,
) -> Generator[Use, Reply, tuple[Row, Row | None] | Say]:
    """Return what is wanted and with whom, if that was said, or what to say instead."""
    service = yield from service_of(talk)
    if isinstance(service, Say):
        return service
    who = yield from practitioner_of(talk)
    return who if isinstance(who, Say) else (service, who)


def practitioner_of(talk: Talk) -> Generator[Use, Reply, Row | Say | None]:
    """Return the practitioner who is wanted; None where it may be anybody."""
    for turn in talk.of_task:
        if turn.picked is not None and kind_of(turn.picked) == "practitioner":
            return turn.picked
        meaning = turn.meaning
        if not meaning.practitioner and not meaning.language:
            continue
        told = yield use("find_practitioners", name=meaning.practitioner, language=meaning.language)
        if len(told.rows) == 1:
            return told.rows[0]
        if told.rows:
            return Say(f"There are several. Who would it be?\n{numbered(told.rows[:_SHORT])}")
        if turn is talk.now or not told.found:
            who = meaning.practitioner or f"anybody who speaks {meaning.language}"
            return passed_on(told) if told.text else Say(f"I don't find {who} here.")
    return None


def appointment_of(turns: Iterable[Turn], rows: Sequence[Row], doing: str) -> Row | Say:
    """Return which of these appointments is meant, or the question which one it is.

    Args:
        turns: what was said of it, what counts most first.
        rows: the appointments.
        doing: what is to be done with it, as in "which one shall I move?".
    """
    by_handle = {row.get("appointment"): row for row in rows}
    for turn in turns:
        picked = turn.picked
        if picked is not None and picked.get("appointment") in by_handle:
            return by_handle[picked["appointment"]]
        rows = named(turn.meaning, rows) or rows
        if len(rows) == 1:
            return rows[0]
    return Say(f"Which one shall I {doing}?\n{numbered(rows[:_SHORT])}")


def patient_of(talk: Talk) -> Choice:
    """Return the patient whom a member of staff means, or the question who it is."""
    for turn in talk.of_task:
        if turn.picked is not None and kind_of(turn.picked) == "patient":
            return turn.picked
        meaning = turn.meaning
        birth = next((d.first for d in meaning.days if d.dated and d.first < talk.today), None)
        # A lone word may be a name, or what somebody comes for.
        lone = meaning.intent is None and meaning.subjects
        if birth is None and (lone or not meaning.person):
            continue
        name = "" if birth else meaning.person
        told = yield use("find_patients", name=name, date_of_birth=birth)
        if len(told.rows) == 1:
            return told.rows[0]
        if told.rows:
            return Say(f"There are several. Who is it?\n{numbered(told.rows[:_SHORT])}")
        return passed_on(told) if told.text else Say("I find no patient like that.")
    return Say("For which patient? Give me a name or a date of birth.")


def named(meaning: Meaning, rows: Sequence[Row]) -> list[Row]:
    """Return the appointments that fit what a message says; none if it says nothing of any."""
    words = set(fold(meaning.raw).split())
    services = fitting(meaning.text, {str(row.get("service")) for row in rows})
    asked: list[Callable[[Row], bool]] = []
    if meaning.days:
        asked.append(lambda row: any(d.first <= _day(row) <= d.last for d in meaning.days))
    if meaning.at is not None:
        asked.append(lambda row: (moment(row) or (None, None))[1] == meaning.at)
    asked.append(lambda row: _family(row) in words)
    asked.append(lambda row: row.get("service") in services)
    found, said = list(rows), False
    for fits in asked:
        narrowed = [row for row in found if fits(row)]
        if narrowed:
            found, said = narrowed, True
    return found if said else []


def _day(row: Row) -> date:
    at = moment(row)
    return at[0] if at else date.min


def _family(row: Row) -> str:
    """Return a practitioner's last name, by which most people call them."""
    name, _, _degree = str(row.get("practitioner")).partition(",")
    return (fold(name).split() or [""])[-1]


def _what_for(talk: Talk, rows: Sequence[Row], who: Row | None) -> str:
    whom = f" with {who.get('name')}" if who else ""
    lead = "I don't know that service. What" if talk.now.meaning.subjects else "Gladly. What"
    asks = f"{lead} would the appointment{whom} {WHAT_FOR}"
    if len(rows) <= _SHORT:
        return f"{asks}\n{numbered(rows)}"
    return f"{asks} There is {', '.join(str(row.get('service')) for row in rows)}."
