"""Values that are somebody's own, and a search that knows them again in any disguise."""

from __future__ import annotations

import base64
import html
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import re2  # type: ignore[import-untyped]  # it comes without types
from typing_extensions import override

_LETTERS = "qzxjkvw"
_VOWELS = "aeiou"
_WORD = 10
_ENOUGH = 6
"""Letters of a word in a row that give it away: a value that was cut is found as well."""
_DIGITS_ENOUGH = 9
_BESIDE = re.compile(r"[^a-z0-9]+")
_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[ntrbf])")


@dataclass(frozen=True, slots=True)
class Canary:
    """One personal value.

    Attributes:
        owner: the patient whose it is.
        what: which value, such as `email`.
        plain: its tell-tale forms: letters and digits only, in lower case.
        raw: tell-tale forms that are told apart by case, such as base64.
    """

    owner: str
    what: str
    plain: frozenset[str]
    raw: frozenset[str] = frozenset()

    @override
    def __str__(self) -> str:
        """Return whose it is and what."""
        return f"{self.what} of {self.owner}"


@dataclass(slots=True)
class Mint:
    """Makes words that occur nowhere else, and remembers whose they are."""

    chance: random.Random
    canaries: list[Canary] = field(default_factory=list)

    def word(self, owner: str, what: str) -> str:
        """Return a new word of ten letters, such as `Qexuvazoji`."""
        pairs = (self.chance.choice(_LETTERS) + self.chance.choice(_VOWELS) for _ in range(5))
        word = "".join(pairs)
        grams = {word[at : at + _ENOUGH] for at in range(_WORD - _ENOUGH + 1)}
        cases = (word, word.upper(), word.capitalize())
        raw = {form for case in cases for form in _encoded(case)}
        self.canaries.append(
            Canary(owner, what, frozenset(grams | {word[::-1][:8]}), frozenset(raw))
        )
        return word.capitalize()

    def phone(self, owner: str) -> str:
        """Return a telephone number of ten digits; its last four alone are no give-away."""
        digits = "".join(self.chance.choices("23456789", k=10))
        grams = {digits[:_DIGITS_ENOUGH], digits[1:], digits[::-1][:_DIGITS_ENOUGH]}
        self.canaries.append(Canary(owner, "phone", frozenset(grams), _encoded(digits)))
        return f"+1 {digits[:3]} {digits[3:6]} {digits[6:]}"

    def born(self, owner: str, day: date) -> date:
        """Remember a day of birth, however it is written."""
        forms = {f"{day:%Y%m%d}", f"{day:%d%m%Y}", f"{day:%m%d%Y}"}
        forms |= {form.lower() for form in _with_month(day) if form.endswith(str(day.year))}
        self.canaries.append(Canary(owner, "born", frozenset(forms)))
        return day

    def instant(self, owner: str, at: datetime, zone: str) -> datetime:
        """Remember when somebody has an appointment, in UTC and in the clinic's time."""
        local = at.astimezone(ZoneInfo(zone))
        days = [(local, day.lower()) for day in _with_month(local)]
        days += [(moment, f"{moment:%Y%m%d}") for moment in (at, local)]
        forms = {f"{day}{mid}{moment:%H%M}" for moment, day in days for mid in ("", "t", "at")}
        self.canaries.append(Canary(owner, "time", frozenset(forms)))
        return at


class Search:
    """Finds canaries in text."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        found = list(canaries)
        self._plain = _Forms((form, canary) for canary in found for form in canary.plain)
        self._raw = _Forms((form, canary) for canary in found for form in canary.raw)

    def find(self, text: str) -> set[Canary]:
        """Return all that can be made out in a text."""
        found = self._raw.within("".join(text.split()))
        for view in {squeezed(text), squeezed(_unescaped(text))}:
            found |= self._plain.within(view)
        return found


class _Forms:
    """What canaries look like, all looked for in one pass."""

    def __init__(self, forms: Iterable[tuple[str, Canary]]) -> None:
        options = re2.Options()
        options.literal = True
        options.max_mem = 1 << 28
        self._set = re2.Set.SearchSet(options)
        self._canaries: list[Canary] = []
        for form, canary in forms:
            self._set.Add(form)
            self._canaries.append(canary)
        self._set.Compile()

    def within(self, text: str) -> set[Canary]:
        numbers = self._set.Match(text.encode(errors="replace")) or ()
        return {self._canaries[number] for number in numbers}


def squeezed(text: str) -> str:
    """Return only the letters and digits of a text, in lower case and without accents."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return _BESIDE.sub("", text.lower())


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else " "

    return html.unescape(unquote(_ESCAPE.sub(plain, text)))


def _encoded(text: str) -> frozenset[str]:
    """Return a text in hexadecimal, and as the middle of base64 wherever it may begin in it."""
    raw = text.encode()
    found = {raw.hex(), raw.hex().upper()}
    for offset in range(3):
        code = base64.b64encode(b"\0" * offset + raw).decode()
        # The first and last group also depend on what stands beside.
        found.add(code[4 if offset else 0 : -4])
    return frozenset(found)


def _months(day: date) -> Iterator[str]:
    yield f"{day:%b}"
    yield f"{day:%B}"


def _with_month(day: date) -> Iterator[str]:
    for month in _months(day):
        yield f"{day.day}{month}{day.year}"
        yield f"{day:%d}{month}{day.year}"
        yield f"{month}{day.day}{day.year}"
        yield f"{day.day}{month}"
