"""Finding what people mean by a name: without case, accents and small slips."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import TypeVar

_Key = TypeVar("_Key")

# Letters that Unicode does not take apart into a letter and its mark.
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\u0131": "i",
        "ħ": "h",
    }
)
# The typewriter's, the printer's, the linguist's, and the two accents that stand in for it.
_APOSTROPHES = "'\u2019\u02bc`\u00b4"
_ALIKE = 0.75
_SHORT = 4


def fold(text: str) -> str:
    """Return text without case, accents and punctuation: `O'Neill-Müller` is `oneill muller`."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    kept = (
        c if c.isalnum() else " "
        for c in apart
        if not unicodedata.combining(c) and c not in _APOSTROPHES
    )
    return " ".join("".join(kept).split())


def spellings(word: str) -> frozenset[str]:
    """Return how a folded word may be spelled in records: `mueller` also as `muller`."""
    return frozenset({word, *(word.replace(f"{vowel}e", vowel) for vowel in "aou")})


def find(wanted: str, names: Mapping[_Key, str]) -> list[_Key]:
    """Return the keys whose names fit best; several where it is open which one is meant.

    A name that is the same comes before one that holds the words, and that before one that holds
    them somewhere within, with a slip in them, or only some of them.
    """
    asked = fold(wanted)
    if not asked:
        return []
    folded = {key: fold(name) for key, name in names.items()}
    for fits in (_same, _begun, _within, _slipped):
        found = [key for key, name in folded.items() if fits(asked, name)]
        if found:
            return found
    shared = {key: _shared(asked, name) for key, name in folded.items()}
    most = max(shared.values(), default=0)
    return [key for key, count in shared.items() if count == most > 0]


def _same(asked: str, name: str) -> bool:
    return asked == name


def _begun(asked: str, name: str) -> bool:
    words = name.split()
    return all(any(word.startswith(part) for word in words) for part in asked.split())


def _within(asked: str, name: str) -> bool:
    bare = name.replace(" ", "")
    return len(asked) >= _SHORT and asked.replace(" ", "") in bare


def _slipped(asked: str, name: str) -> bool:
    return all(any(_alike(part, word) for word in name.split()) for part in asked.split())


def _shared(asked: str, name: str) -> int:
    """Return how many words are in both; none where all of those are as short as `of`."""
    both = set(asked.split()) & set(name.split())
    return len(both) if any(len(word) >= _SHORT for word in both) else 0


def _alike(part: str, word: str) -> bool:
    return len(part) >= _SHORT and SequenceMatcher(None, part, word).ratio() >= _ALIKE
