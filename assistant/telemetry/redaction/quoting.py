"""Finds what programs quote of their input: errors of databases and parsers, HL7 segments."""

from __future__ import annotations

from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern

# Words behind which an error repeats the value that it could not use, in quotes.
ECHOES = (
    "invalid input for query argument",
    "invalid input syntax for",
    "invalid literal for",
    "could not convert string to float",
    "could not parse",
    "cannot parse",
    "duplicate entry",
    "time data",
    "invalid isoformat string",
    "input_value",
    "invalid value",
    "unconverted data remains",
    "date/time field value out of range",
)
# Words behind which it repeats all of them, in brackets.
ROWS = ("[parameters:", "failing row contains", "with parameters", "bind params:", "key value:")
# Segments of HL7 and X12 messages that name a person.
SEGMENTS = ("PID|", "NK1|", "GT1|", "IN1|", "PD1|", "DMG*", "NM1*", "N3*", "N4*")
_QUOTED = Pattern(r"[^\"'\r\n]{0,48}?(?:\\{0,4}[\"'])")
_LINE = Pattern(r"[^\r\n]*")
_FIELD = Pattern(r"[^|*~\r\n\\]*")
_WORTH = 2
_FIELDS = 48  # that a segment has at most


def find_echo(page: Page, _start: int, end: int) -> int:
    """Mark the quoted value behind an error's words that end at `end`."""
    opened = _QUOTED.end(page.data, end, page.size)
    if opened < 0:
        return end
    quote = page.text[opened - 1]
    close = page.text.find(quote, opened)
    close = page.size if close < 0 else close
    if close > opened and page.text[close - 1] == "\\":
        close -= 1
    if not page.is_hidden(opened):
        page.reserve(opened, close, "content")
    return end


def find_row(page: Page, _start: int, end: int) -> int:
    """Mark the values in brackets behind an error's words that end at `end`, to the line's end."""
    stop = _LINE.end(page.data, end, page.size)
    for close in ")", "]":
        at = page.text.rfind(close, end, stop)
        stop = at if at > 0 else stop
    at = end + len(page.text[end : end + 4]) - len(page.text[end : end + 4].lstrip(" :("))
    return end if page.is_hidden(at) else page.mark(at, stop, "content")


def find_cell(page: Page, _start: int, end: int) -> int:
    """Mark the value of `(column)=(value)`, whose `)=(` ends at `end`."""
    close = page.text.find(")", end, end + 1024)
    stop = close if close >= 0 else min(page.size, end + 1024)
    return end if page.is_hidden(end) else page.mark(end, stop, "content")


def find_segment(page: Page, start: int, end: int) -> int:
    """Mark the fields of the HL7 or X12 segment whose name is at `start:end`."""
    before = page.text[start - 1 : start] if start else ""
    if before.isalnum():
        return end
    divider, at = page.text[end - 1], end
    for _ in range(_FIELDS):
        if at >= page.size:
            break
        stop = _FIELD.end(page.data, at, page.size)
        last = page.text[stop : stop + 1] not in {divider, "~", "*"}
        if last:
            # What follows a message on the same line is not of it.
            blank = page.text.find(" ", at, stop)
            stop = blank if blank >= 0 else stop
        if stop - at > _WORTH and not page.is_hidden(at):
            page.mark(at, stop, "health")
        if last:
            return max(stop, end)
        at = stop + 1
    return at
