"""Reads words as people write them: any case, any accents, with a slip of the finger."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 500
_SHORTEST = 5
_TWO_SLIPS = 9
_LONGEST_WORD = 16

# Long words that decide what is meant. Short ones are not here: they are too like each other.
_DECISIVE = """
appointment appointments available availability afternoon afternoons morning mornings evening
evenings tomorrow tonight monday tuesday wednesday thursday friday saturday sunday weekend january
february september october november december reschedule rescheduled cancel cancelled cancellation
practitioner practitioners dermatologist dermatology cardiologist cardiology pediatrician
pediatrics physiotherapist physiotherapy psychologist nutritionist specialist specialists insurance
insured schedule schedules booking bookings consultation vaccination vaccinations checkup followup
follow-up check-up earliest upcoming location locations address opening service services spanish
portuguese french german polish mandarin arabic patient patients waiting prescription prescriptions
parking second birthday yesterday another doctor doctors
"""

# Words that a slip would not explain: they mean something of their own.
_ORDINARY = """
cancer cancers chance chances chancel council candle canceled patience seconds weekends patients
parting opening opened opinion opinions warning mourning waiting wanting
"""


def plain(text: str) -> str:
    """Return the text in lower case, without accents, with plain quotes and single spaces."""
    parts = unicodedata.normalize("NFKD", text[:_LONGEST])
    bare = "".join(letter for letter in parts if not unicodedata.combining(letter))
    for odd, usual in (("\u2019", "'"), ("\u2018", "'"), ("\u2013", "-"), ("\u2011", "-")):
        bare = bare.replace(odd, usual)
    return " ".join(bare.casefold().split())


def spelled(text: str) -> str:
    """Return a plain text with the slips mended in words that decide what is meant."""
    return re.sub(r"[a-z]+(?:-[a-z]+)?", lambda found: _mended(found[0]), text)


def _mended(word: str) -> str:
    if not _SHORTEST <= len(word) <= _LONGEST_WORD or word in _RIGHT:
        return word
    for blur in _blurs(word):
        likely = _BLURRED.get(blur)
        # Hardly anybody slips on a word's first letter.
        if likely is not None and likely[0] == word[0]:
            return likely
    return word


def _blurs(word: str) -> list[str]:
    """Return the word with one letter left out, or two of a long one.

    Two words share a blur when one becomes the other by as many letters that are wrong, missing,
    too many or swapped: https://wolfgarbe.medium.com/1000x-faster-spelling-correction-8cbef4f3c6f
    """
    one = [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]
    if len(word) < _TWO_SLIPS:
        return one
    return one + [w[:at] + w[at + 1 :] for w in one[1:] for at in range(len(w))]


_RIGHT = frozenset(_DECISIVE.split() + _ORDINARY.split())
_BLURRED = {blur: word for word in _DECISIVE.split() for blur in _blurs(word)}
