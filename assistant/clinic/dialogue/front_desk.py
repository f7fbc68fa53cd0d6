"""Decides who in the dialogue has the word: which intention goes on, or none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from assistant.clinic.dialogue import asking, booking, changing, staffing
from assistant.clinic.dialogue.choosing import WHAT_FOR
from assistant.clinic.dialogue.replies import line
from assistant.clinic.dialogue.steps import Steps, play
from assistant.clinic.dialogue.subjects import fitting
from assistant.clinic.dialogue.talk import Talk, talk_of
from assistant.dialogue import Conversation, Say, Use

ZONE = "America/New_York"
"""Whose days "today" and "tomorrow" are."""

_INTENTIONS: Mapping[str, Callable[[Talk], Steps]] = {
    "book": booking.book,
    "cancel": changing.cancel,
    "free": booking.find,
    "hours": asking.hours,
    "insurance": asking.insurance,
    "locations": asking.locations,
    "mine": asking.mine,
    "move": changing.move,
    "opened": staffing.opened,
    "other": asking.other,
    "past": asking.mine,
    "patients": staffing.patients,
    "practitioners": asking.practitioners,
    "schedule": staffing.schedule,
    "services": asking.services,
    "waiting": staffing.waiting,
}
_BRIEF = 4
_LEFT = "All right, I have left it at that. Is there anything else I can do for you?"


def converse(conversation: Conversation) -> Say | Use | None:
    """Return what comes next at the clinic's front desk, or None for everything else."""
    talk = talk_of(conversation, conversation.now.astimezone(ZoneInfo(ZONE)).date())
    if talk is None or talk.task is None or "clinic_facts" not in talk.tools:
        return None
    meaning = talk.now.meaning
    if not talk.is_new and meaning.answer == "no" and not meaning.names_time:
        return Say(_LEFT)
    if not talk.is_new and not _is_to_the_point(talk):
        return None
    return play(_INTENTIONS[talk.task](talk), talk)


def _is_to_the_point(talk: Talk) -> bool:
    """Return whether the last message can be taken as one more word on the task."""
    meaning = talk.now.meaning
    if meaning.intent is not None or meaning.names_time:
        return True
    # In an answer or in passing it is what somebody comes for; else it is how they feel.
    brief = len(meaning.text.split()) <= _BRIEF
    if meaning.subjects and (brief or WHAT_FOR in talk.turns[-2].said):
        return True
    if talk.now.picked is not None or meaning.practitioner or meaning.language:
        return True
    if meaning.answer == "yes" or (meaning.person and "find_patients" in talk.tools):
        return True
    return bool(fitting(meaning.text, map(line, talk.now.listed)))
