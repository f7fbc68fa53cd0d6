"""Finds numbers that stand for people, cards and telephones, and leaves the others."""

from __future__ import annotations

from collections.abc import Collection

import phonenumbers

from assistant.telemetry.redaction.digits import (
    LETTERED,
    iban_end,
    is_card,
    kind_by_shape,
)
from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern

_SEPARATORS = " ().-/+"
_DATE = Pattern(
    r"(?:19|20)\d{2}([-/.])(?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])\b"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|1[0-2])[-/.](?:19|20)\d{2}\b"
    r"|(?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:19|20)\d{2}\b"
)
_LETTERED = tuple((Pattern(rf"(?:{shape})\b"), check) for shape, check in LETTERED)
_DIGITS = str.maketrans(dict.fromkeys(_SEPARATORS + "%"))
_CARD = range(12, 20)
_PHONE = range(7, 16)
_RUN = Pattern(r"(?:[ ().\-/]{0,3}\d)*")
# How numbers are grouped where no 0 and no + leads them, as a rule.
_BY_GROUPS = {(3, 3, 4): "US", (1, 3, 3, 4): "US", (3, 4, 4): "CN", (2, 5, 4): "BR"}
_IBAN_RUN = Pattern(r"[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{1,4})*")
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_REACH = 44  # signs of the longest number with its separators
_CUTS = 4  # ends at which what follows a number is cut off
_SHORT = range(6, 16)


class Numbers:
    """Finds numbers; `regions` are where telephone numbers without a country's code come from."""

    def __init__(self, regions: Collection[str]) -> None:
        self._regions = frozenset(regions)

    def find(self, page: Page, start: int, end: int) -> int:
        """Mark what the digits at `start:end` stand for; return where to go on."""
        text, opened = page.text, start
        end = max(end, _RUN.end(page.data, end, min(page.size, start + _REACH)))
        while start < end and text[start] == "(" and ")" not in text[start:end]:
            start += 1
        if _is_part(text, start, end):
            return self._lettered(page, start, end)
        dated = _DATE.end(page.data, start, end)
        if dated > 0:
            return dated
        for stop in _stops(text, start, end):
            kind = self._kind(page, start, stop)
            if kind:
                return page.mark(start, stop, kind)
        # What follows a bracket may begin something else.
        return start if start > opened else end

    def find_lettered(self, page: Page, start: int, end: int) -> int:
        """Mark the number with letters in it that is at `start:end`."""
        if text_before(page, start) in {"_", "-", ".", "/"} or page.text[end : end + 1] in {
            "_",
            "-",
        }:
            return end
        for shape, check in _LETTERED:
            if shape.end(page.data, start, end) == end:
                return page.mark(start, end, "national") if check(page.text[start:end]) else end
        return end

    def find_iban(self, page: Page, start: int, end: int) -> int:
        """Mark the IBAN that begins at `start`."""
        if text_before(page, start) in {"_", "-"}:
            return end
        stop = _IBAN_RUN.end(page.data, start, min(page.size, start + _REACH))
        shown = page.text[start:stop]
        if page.text[stop : stop + 1].isalnum():
            shown = shown.rstrip(_UPPER)
        size = iban_end(shown)
        return (
            page.mark(start, start + size, "account")
            if size
            else self.find_lettered(page, start, end)
        )

    def _lettered(self, page: Page, start: int, end: int) -> int:
        if text_before(page, start).isalnum() or not page.text[end : end + 1].isalpha():
            return end
        return (
            self.find_lettered(page, start, end + 1) if page.text[end : end + 1].isupper() else end
        )

    def _kind(self, page: Page, start: int, stop: int) -> str | None:
        number = page.text[start:stop]
        digits = number.translate(_DIGITS)
        count = len(digits)
        if number[0] == "+":
            return "phone" if count in _PHONE and digits[0] != "0" else None
        if count in _CARD and (page.expects("card", start) or is_card(digits)):
            return "card"
        kind = kind_by_shape(number)
        if kind is None and count in _SHORT and self._is_phone(page, start, number, digits):
            return "phone"
        return kind

    def _is_phone(self, page: Page, start: int, number: str, digits: str) -> bool:
        grouped = len(digits) != len(number)
        long = len(digits) in _PHONE
        if page.expects("phone", start) and (grouped or long):
            return True
        if (
            not grouped
            or not long
            or (number.count(".") == 1 and digits == number.replace(".", ""))
        ):
            return False
        return page.expects("grouped", start) or self._is_valid(page, number, digits)

    def _is_valid(self, page: Page, number: str, digits: str) -> bool:
        """Return whether groups of digits without a word before them are a telephone number."""
        groups = number.translate(_BLANKS).split()
        if digits[0] == "0":
            if digits[1] == "0":
                return len(digits) > 9 and _is_number(page, "+" + digits[2:], None)  # noqa: PLR2004
            return len(groups) > 1 and 9 <= len(digits) <= 12  # noqa: PLR2004 - a trunk's 0
        region = _BY_GROUPS.get(tuple(map(len, groups)))
        return region in self._regions and _is_number(page, digits, region)


_BLANKS = str.maketrans(dict.fromkeys(_SEPARATORS, " "))


def text_before(page: Page, start: int) -> str:
    """Return the sign before `start`, nothing at the text's start."""
    return page.text[start - 1 : start] if start else ""


def _is_part(text: str, start: int, end: int) -> bool:
    """Return whether digits belong to something longer: an identifier, a version, an amount."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    glued = before[-1:].isalnum() or before[-1:] in {"_", "$", "#", "%", "~"}
    joined = before[-1:] in {".", "-", ",", ":"} and before[:1].isalnum() and before[-1:] != ":"
    if text[start] == "+":
        joined = False
    extension = after[:1] == "x" and after[1:].isdigit()
    goes_on = (
        (after[:1].isalnum() and not extension)
        or after[:1] == "_"
        or (after[:1] in {".", ",", "-"} and after[1:].isalnum())
    )
    return glued or joined or goes_on


def _stops(text: str, start: int, end: int) -> list[int]:
    """Return where the last groups of digits end, the farthest first."""
    stops = [end]
    rest = text[start:end]
    while len(stops) < _CUTS:
        shorter = rest.rstrip("0123456789").rstrip(_SEPARATORS)
        if not shorter or shorter == rest:
            break
        rest = shorter
        stops.append(start + len(rest))
    return stops


def _is_number(page: Page, digits: str, region: str | None) -> bool:
    page.walk.asks -= 1
    if page.walk.asks < 0:
        # One more check would be too slow, so that what looks like a number counts as one.
        return True
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False
