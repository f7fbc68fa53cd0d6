"""Knows canaries again: as they are, escaped, encoded, in pieces, with anything between letters."""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import accumulate
from urllib.parse import unquote_plus

from tests.telemetry.canaries.coinage import Canary

_GRAM = 10
"""So many letters of a random word in a row give it away: a part that was left is found too."""
_LONGEST = 24  # digits
_EXCERPT = 400
_BESIDE = re.compile(r"[^a-z0-9]+")
_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[ntrbf])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_NUMBER = re.compile(r"\d+(?:[ \t().\-/]{1,3}\d+)*")


class Search:
    """Finds canaries in text."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._numbers: dict[str, Canary] = {}
        self._grams: dict[str, Canary] = {}
        for canary in canaries:
            for tell in map(_squeezed, canary.tells):
                if tell.isdecimal():
                    self._numbers[tell] = canary
                else:
                    self._grams |= dict.fromkeys(_windows(tell), canary)

    def find(self, text: str) -> set[Canary]:
        """Return all that can be made out in a text."""
        found: set[Canary] = set()
        # Most lines of a log or of spans are there many times; one of each is enough.
        for view in _views("\n".join(dict.fromkeys(text.splitlines()))):
            found |= {self._numbers[n] for n in self._numbers.keys() & set(_numbers(view))}
            found |= {self._grams[g] for g in self._grams.keys() & set(_windows(_squeezed(view)))}
        return found

    def lines(self, text: str) -> dict[Canary, str]:
        """Return all that can be made out, each with the first line that shows it."""
        found = dict.fromkeys(self.find(text), "over several lines")
        if found:
            # Looking at each line takes long, and is done only once something is wrong.
            for line in reversed(text.splitlines()):
                found |= dict.fromkeys(self.find(line), line[:_EXCERPT])
        return found


def _views(text: str) -> Iterator[str]:
    """Yield a text in every reading; one after the other, as each is as long as the text."""
    if not text.isascii():
        text = _UNSEEN.sub("", unicodedata.normalize("NFKD", text))
    yield text
    plain = html.unescape(_ESCAPE.sub(_unescaped, text))
    if plain != text:
        yield plain
    if "%" in plain:
        yield unquote_plus(plain)
    yield "\n".join(_decoded(plain))


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else " "


def _decoded(text: str) -> Iterator[str]:
    """Yield what is written in base64, wherever in a word it begins, and in hexadecimal."""
    for run in set(_BASE64.findall(text)):
        code = run.translate({ord("-"): "+", ord("_"): "/"})
        for at in range(4):
            part = code[at:] if (len(code) - at) % 4 != 1 else code[at:-1]
            yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
    for run in set(_HEX.findall(text)):
        yield binascii.unhexlify(run).decode("latin-1")


def _squeezed(text: str) -> str:
    return _BESIDE.sub("", text.lower())


def _windows(text: str) -> Iterator[str]:
    return (text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1))


def _numbers(text: str) -> Iterator[str]:
    """Yield every number that groups of digits make together, also less a country's prefix."""
    for match in _NUMBER.findall(text):
        groups = re.findall(r"\d+", match)
        for first in range(len(groups)):
            for number in accumulate(groups[first:]):
                if len(number) > _LONGEST:
                    break
                yield from (number[skip:] for skip in range(5))
