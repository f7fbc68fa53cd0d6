"""Books: from "I'd like to see someone" to the appointment, for oneself or for a patient."""

from __future__ import annotations

from collections.abc import Generator

from assistant.clinic.dialogue.choosing import patient_of, service_and_practitioner
from assistant.clinic.dialogue.replies import Reply, Row
from assistant.clinic.dialogue.steps import SIGN_IN, Steps, numbered, passed_on, use
from assistant.clinic.dialogue.talk import Talk
from assistant.clinic.dialogue.times_free import offer, pending_slot, picked_slot, wish_of
from assistant.dialogue import Say, Use

_BOOKING = frozenset({"book_appointment", "book_for_patient"})
_WHICH = "Which one suits you? You can also name another day or time."
_SIGNED_OUT = "To book one of them, please sign in first. You can also name another day or time."


def book(talk: Talk) -> Steps:
    """Find out what, with whom and when; offer times; book the one that is picked."""
    if not talk.tools & _BOOKING:
        return Say(SIGN_IN)
    # For staff there may be a question between the time and the booking: who is it for?
    slot = pending_slot(talk) if "book_for_patient" in talk.tools else picked_slot(talk)
    if slot is not None:
        return (yield from _booked(talk, slot))
    return (yield from _offered(talk))


def find(talk: Talk) -> Steps:
    """Offer free times to whoever asks; who can book can pick one of them."""
    if talk.tools & _BOOKING:
        return (yield from book(talk))
    if picked_slot(talk) is not None or (talk.now.meaning.answer == "yes" and talk.now.listed):
        return Say(SIGN_IN)
    return (yield from _offered(talk))


def _offered(talk: Talk) -> Steps:
    """Offer free times; the very time that was asked for is booked at once."""
    if talk.now.meaning.answer == "yes" and len(talk.now.listed) > 1 and not talk.now.offered:
        return Say("Which one? Tell me its number, please.")
    can_book = bool(talk.tools & _BOOKING)
    found = yield from _wanted(talk, _WHICH if can_book else _SIGNED_OUT)
    if isinstance(found, Say):
        return found
    if can_book:
        return (yield from _booked(talk, found))
    return Say(f"Yes, that time is free:\n{numbered([found])}\n{_SIGNED_OUT}")


def _wanted(talk: Talk, end: str) -> Generator[Use, Reply, Row | Say]:
    """Return the time that is wanted, or whatever has to be said before there is one."""
    if "book_for_patient" in talk.tools and talk.task == "book":
        patient = yield from patient_of(talk)
        if isinstance(patient, Say):
            return patient
    wanted = yield from service_and_practitioner(talk)
    if isinstance(wanted, Say):
        return wanted
    service, who = wanted
    wish = wish_of(talk, str(service.get("service")), who)
    return wish if isinstance(wish, Say) else (yield from offer(talk, wish, end))


def _booked(talk: Talk, slot: Row) -> Steps:
    if "book_for_patient" not in talk.tools:
        return passed_on((yield use("book_appointment", slot=slot["slot"])), "booked")
    patient = yield from patient_of(talk)
    if isinstance(patient, Say):
        return patient
    told = yield use("book_for_patient", patient=patient["patient"], slot=slot["slot"])
    return passed_on(told, "booked")
