"""What people come for in their own words, matched with what the clinic calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistant.clinic.dialogue.words import plain
from assistant.clinic.schedule.matching import fold

# Each pattern finds one subject, in what people say and in the clinic's names alike.
_SUBJECTS = {
    "allergy": r"allerg\w*|asthma\w*|hay fever|immunolog\w*",
    "blood": r"blood (?:tests?|work|draws?)|lab(?:oratory)? (?:work|tests?|visit)|bloods",
    "check-up": r"check[- ]?ups?|physicals?(?! therap)|annual|health checks?|wellness",
    "children": r"child\w*|kids?|bab(?:y|ies)|pa?ediatric\w*|my (?:son|daughter)|toddlers?",
    "diabetes": r"diabet\w*|endocrin\w*|thyroid",
    "ears": r"ears?|hearing|ent|sinus\w*|throat",
    "eyes": r"eyes?|vision|ophthalm\w*|optometr\w*|glasses",
    "follow-up": r"follow(?:ing|ed)?[- ]?ups?",
    "food": r"diet\w*|nutrition\w*|weight",
    "general": r"family (?:doctor|medicine|practice|physician)|gp|general (?:practi\w+|medicine)"
    r"|internal medicine|internist|primary care|coughs?|fevers?|a cold|not feeling well",
    "heart": r"heart|cardi\w+|blood pressure|e[ck]g|palpitations?",
    "mind": r"mental|psych\w*|counsel\w*|anxi\w*|depress\w*|stress\w*|sleep\w*|insomnia"
    r"|(?<!physical )therapist",
    "movement": r"physio\w*|physical therap\w*|back pain|(?:my|bad) (?:back|knee|neck|shoulder)"
    r"|knees?|shoulders?|joints?|rehab\w*|sports? (?:injur\w*|medicine)|ortho\w*|musculo\w*",
    "new patient": r"new[- ]patients?|first (?:visit|time here)",
    "skin": r"skin|dermat\w*|moles?|rash\w*|acne|eczema|psoriasis",
    "teeth": r"teeth|tooth\w*|dent\w+",
    "travel": r"travel\w*|trip abroad",
    "vaccination": r"vaccin\w*|immuni[sz]\w*|jabs?|(?:flu|tetanus|covid|booster) (?:shots?|jabs?)",
    "video": r"video|tele\w+|online (?:visit|consultation)",
    "women": r"gyn\w*|wom[ae]n\w*|pap(?: smears?| tests?)?|pregnan\w*|prenatal|contracept\w*"
    r"|obstetric\w*",
}
_PATTERNS = {name: re.compile(rf"\b(?:{words})\b") for name, words in _SUBJECTS.items()}
# What a name shares with half of the others says nothing.
_COMMON_TEXT = (
    "appointment visit consultation care session test with medicine doctor service long short "
    "health general clinic medical patient about what does cost much book need your that this"
)
_COMMON = frozenset(_COMMON_TEXT.split())
_SAME = 2
_FILLER = len("and")


def subjects_of(text: str) -> frozenset[str]:
    """Return the subjects that a text is about."""
    clear = plain(text)
    return frozenset(name for name, words in _PATTERNS.items() if words.search(clear))


def fitting(text: str, names: Iterable[str]) -> list[str]:
    """Return those of the clinic's names that a text most likely means; none if it names none."""
    scores = {name: _score(text, name) for name in names}
    best = max(scores.values(), default=0)
    return [name for name, score in scores.items() if score == best and best > 0]


def _score(text: str, name: str) -> int:
    said, meant = fold(text), fold(name)
    shared = subjects_of(text) & subjects_of(name)
    score = _SAME * len(shared) + len(words_of(said) & words_of(meant))
    return score + (f" {meant} " in f" {said} ")


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text that say something, one and many alike."""
    long = (word.removesuffix("s") for word in fold(text).split() if len(word) > _FILLER)
    return frozenset(long) - _COMMON
