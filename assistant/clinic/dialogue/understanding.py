"""Understands one message: what is wanted, of whom, for whom and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from assistant.clinic.dialogue.intents import Intent, intent_of
from assistant.clinic.dialogue.subjects import subjects_of
from assistant.clinic.dialogue.times import Days, NoDay, Part, days_in, part_in, time_in
from assistant.clinic.dialogue.words import plain, spelled

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_TAKING = (
    r"(?:i'?ll take|i want|i would like|i'd like|take|book|cancel|move|let'?s (?:do|take|say))"
)
_YES = (
    r"(?:yes|yeah|yep|yup|sure|ok(?:ay)?|please|please do|go ahead|do it|that works|works for me|"
    r"sounds good|perfect|fine|great|correct|exactly|absolutely|of course|that one|it)"
)
_NO = (
    r"(?:no|nope|nah|never ?mind|forget (?:it|about it)|not now|leave it|stop|don'?t|do not|"
    r"nothing(?: else)?|that(?:'s| is| will be) all|none(?: of (?:them|these|those))?)"
)
_LANGUAGES = (
    r"english|spanish|french|german|polish|portuguese|italian|russian|ukrainian|mandarin|cantonese"
    r"|chinese|arabic|hindi|urdu|bengali|vietnamese|korean|japanese|turkish|greek|yoruba|twi"
    r"|tagalog|farsi|persian|hebrew|swahili|amharic|dutch|swedish"
)
_NAME = r"[^\W\d_][\w'\u2019-]*"
_CAPITAL = r"[^\W\d_a-z][\w'\u2019-]+"
_ANY_DAY = date(2000, 1, 1)
_NO_NAMES = """
a about afternoon again all an and another any anybody anyone appointment are as asap at back
be before birth book booked born by can cancel check checkup clinic date day days do doctor dr
earliest evening everyone fever find first follow for free friday from has have her here him
his i if in is it its later linden look main me monday morning move my need new next no nobody
not now number of on one open or our patient patients people please record records saturday
schedule second see she show sign skin slot somebody someone soon soonest street sunday that
the them there they this those thursday time times to today tomorrow too tuesday up us
vaccination visit wednesday week what when where which who will with works you your
"""
_WORDS = frozenset(_NO_NAMES.split())
_MANY = 4


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one message says.

    Attributes:
        text: the message, plain and mended.
        days: every day or span of days that it names, in its order.
        wrong_day: words for a day that does not exist.
        nth: which of a list it picks, from 1; -1 is the last.
        practitioner: a name that goes with a title, or that somebody is to be seen with.
        person: a name that may be a patient's.
        place: a name that follows "at".
    """

    raw: str
    text: str
    intent: Intent | None = None
    days: tuple[Days, ...] = ()
    wrong_day: str = ""
    part: Part | None = None
    at: time | None = None
    nth: int | None = None
    answer: Literal["yes", "no"] | None = None
    subjects: frozenset[str] = frozenset()
    language: str = ""
    practitioner: str = ""
    person: str = ""
    place: str = ""

    @property
    def names_time(self) -> bool:
        """Whether it says anything about when."""
        return bool(self.days or self.wrong_day or self.part or self.at)


def understand(raw: str, today: date) -> Meaning:
    """Return what a message means on that day."""
    text = spelled(plain(raw))
    named = days_in(text, today)
    rest = _without(text, named)
    return Meaning(
        raw=raw,
        text=text,
        intent=intent_of(text),
        days=tuple(days for days in named if isinstance(days, Days)),
        wrong_day=next((day.words for day in named if isinstance(day, NoDay)), ""),
        part=part_in(text),
        at=time_in(rest),
        nth=_nth(rest),
        answer=_answer(text),
        subjects=subjects_of(text),
        language=_language(text),
        practitioner=_practitioner(raw),
        person=_person(raw, rest),
        place=_place(raw),
    )


def _without(text: str, named: list[Days | NoDay]) -> str:
    """Return the text without its days, so that the 2nd of December is no second choice."""
    for days in reversed(named):
        text = f"{text[: days.start]} {text[days.end :]}"
    return " ".join(text.split())


def _nth(text: str) -> int | None:
    if re.search(r"\b(?:the )?last (?:one|of them|option)\b", text):
        return -1
    for number, word in enumerate(_ORDINALS, start=1):
        nth = rf"\b(?:{word}|{number}(?:st|nd|rd|th))"
        patterns = (
            rf"{nth}(?: (?:one|option|time|slot|choice|of them))?(?: please)?[.!]?$",
            rf"{nth} (?:one|option|choice|time slot|of (?:them|these|those))\b",
            rf"(?:#|\b(?:number|option|no\.?|choice) ?){number}\b",
            rf"^(?:{_TAKING} )?(?:the )?(?:number )?{number}[.!)]?(?: please)?[.!]?$",
        )
        if any(re.search(pattern, text) for pattern in patterns):
            return number
    return None


def _answer(text: str) -> Literal["yes", "no"] | None:
    if re.match(rf"^\W*{_NO}\b(?! (?:later|earlier|before|mornings?|afternoons?))", text):
        return "no"
    if re.match(rf"^\W*{_YES}\b", text) and len(text.split()) <= _MANY * 2:
        return "yes"
    return None


def _language(text: str) -> str:
    found = re.search(rf"\b({_LANGUAGES})\b", text)
    found = found or re.search(r"\bspeaks? (?:any |some )?([a-z]+)", text)
    return found[1].title() if found and found[1] not in _WORDS else ""


def _practitioner(raw: str) -> str:
    """Return a name after a title, or a capitalised one after `with`."""
    patterns = (
        rf"\b(?i:dr|doc)\b\.?\s+({_NAME}(?:\s+{_NAME})?)",
        rf"\b(?i:doctor|nurse|see|with)\s+({_CAPITAL}(?:\s+{_CAPITAL})?)",
    )
    for pattern in patterns:
        for found in re.finditer(pattern, raw):
            name = _kept(found[1])
            if name:
                return name
    return ""


def _person(raw: str, rest: str) -> str:
    """Return what may be somebody's name: after a word that leads to one, or all there is."""
    leads = r"find|named|called|patient|look\s?up|search\s+for|pull\s+up|who\s+is"
    skip = r"(?:(?:the|a|patient|named|called)\s+)*"
    patterns = (
        rf"\b(?i:{leads})\s+(?i:{skip})({_NAME}(?:\s+{_NAME}){{0,3}})",
        rf"\b(?i:for|move|cancel)\s+(?i:{skip})({_CAPITAL}(?:\s+{_NAME}){{0,3}})",
    )
    for found in (found for pattern in patterns for found in re.finditer(pattern, raw)):
        name = _kept(found[1])
        if name:
            return name
    words = raw.strip(" .!?").split()
    if 0 < len(words) <= _MANY and rest == " ".join(plain(raw).split()):
        alone = " ".join(words)
        is_name = all(re.fullmatch(_NAME, word) for word in words) and _kept(alone) == alone
        return alone if is_name else ""
    return ""


def _place(raw: str) -> str:
    found = re.search(r"\bat\s+(?:the\s+)?([A-Z][a-z]+(?:\s+[A-Z][a-z]+)*)", raw)
    return "" if found is None or days_in(plain(found[1]), _ANY_DAY) else found[1]


def _kept(name: str) -> str:
    """Return the words of a name up to the first that is none."""
    kept: list[str] = []
    for word in name.split():
        bare = re.sub(r"['\u2019]s$", "", word)
        clear = spelled(plain(bare))
        if clear in _WORDS or days_in(clear, _ANY_DAY):
            break
        kept.append(bare)
        if bare != word:
            break
    return " ".join(kept)
