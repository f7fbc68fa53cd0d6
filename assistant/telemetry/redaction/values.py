"""Reads the value that follows a name in a text: `name=…`, `"name": "…"`, `<name>…`, and so on."""

from __future__ import annotations

from typing import Literal, NamedTuple

from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern

Form = Literal["assigned", "listed", "told", "flag", "tag"]

_QUOTE = r"(?:\\{0,6}[\"'`]|%22|&quot;)"
_TYPE = r"(?:[ \t]{0,4}:?[ \t]{0,2}(?:[Ss]tring|str|&str|char|text|Optional\[str\])[*?]?)?"
# password: x, "password" => "x", password ?= x, Key (password)=(x), var password: String = "x"
_ASSIGNED = Pattern(
    rf"{_QUOTE}?[ \t]{{0,4}}[)\]]?{_TYPE}[ \t]{{0,20}}"
    r"(?:=>|->|[:?.+~|!]{0,3}={1,3}|:{1,2}|%3[Dd])[ \t]{0,8}"
    r"(?:[|>][-+]?[ \t]{0,4})?(?:(?:\r?\n|\\r\\n|\\n)[ \t]{0,20})?"
)
# {"name": "password", "value": "x"}, <add key="password" value="x"/>
_VALUED = Pattern(
    rf"{_QUOTE},?\s{{0,8}}{_QUOTE}?(?i:value|val)s?{_QUOTE}?[ \t]{{0,2}}(?:=>|[=:])[ \t]{{0,2}}"
)
_LISTED = Pattern(rf"{_QUOTE}[ \t]{{0,2}},\s{{0,4}}[bru]{{0,2}}{_QUOTE}")
_TOLD = Pattern(r"[ \t]{1,4}(?i:is|was|were|are|=|ist|es|est)[ \t]{1,4}")
_TAG = Pattern(r">(?:\s|\\n){0,40}")
_FLAG = Pattern(r"[ \t]{1,4}")
_OPENS = Pattern(rf"[\[({{ ]{{0,4}}(?:[brufBRUF]{{1,2}})?{_QUOTE}")
_TOKEN = Pattern(r"[^\s\"'`<>\\&;,\x00-\x1f]*")
_QUERY_TOKEN = Pattern(r"[^\s\"'`<>\\&#\x00-\x1f]*")

# What is longer than any key is not read as one value, lest many names read it again and again.
_LONGEST = 4096


class Value(NamedTuple):
    """Where a value stands, without its quotes, how it was given, and whether in a list."""

    start: int
    end: int
    form: Form
    quoted: bool
    listed: bool = False


def value_after(page: Page, start: int, stop: int) -> Value | None:
    """Return the value of the name at `start:stop`, None where none is given."""
    at, form = _separated(page, start, stop)
    if at < 0 or page.is_hidden(at):
        return None
    opened = at if form == "listed" else _OPENS.end(page.data, at, page.size)
    if opened >= 0:
        return None if page.is_hidden(opened) else _quoted(page, at, opened, form)
    while page.text[at : at + 1] in {"[", "("}:
        at += 1
        if page.is_hidden(at):
            return None
    return Value(at, token_end(page, at, in_query=_in_query(page, start)), form, quoted=False)


def _quoted(page: Page, at: int, opened: int, form: Form) -> Value:
    lead = page.text[at:opened]
    if "{" in lead:
        # All that a whole object holds.
        close = page.text.find("}", opened, opened + _LONGEST)
        end = close if close >= 0 else _closing(page, opened)
        return Value(at + lead.index("{") + 1, end, form, quoted=True)
    listed = "[" in lead or "(" in lead
    return Value(opened, _closing(page, opened), form, quoted=True, listed=listed)


def next_listed(page: Page, value: Value) -> Value | None:
    """Return the value after this one of a list, `["x", "y"]`, None at the list's end."""
    at = _LISTED.end(page.data, value.end, page.size) if value.listed else -1
    return None if at < 0 else value._replace(start=at, end=_closing(page, at))


def token_end(page: Page, at: int, *, in_query: bool = False) -> int:
    """Return where a value without quotes ends that begins at `at`."""
    last = min(page.size, at + _LONGEST)
    end = (_QUERY_TOKEN if in_query else _TOKEN).end(page.data, at, last)
    while end > at and page.text[end - 1] in ")]}.:!?":
        end -= 1
    return end


def _in_query(page: Page, start: int) -> bool:
    return page.text[start - 1 : start] in {"?", "&"}


def _separated(page: Page, start: int, stop: int) -> tuple[int, Form]:
    data, size = page.data, page.size
    # Names stand in running text mostly; what follows there is a letter after a space.
    at = _ASSIGNED.end(data, stop, size)
    if at >= 0:
        return at, "assigned"
    follows = page.text[stop : stop + 1]
    if follows in {'"', "'", "\\", "`", "&", "%"}:
        at = _VALUED.end(data, stop, size)
        return (at, "assigned") if at >= 0 else (_LISTED.end(data, stop, size), "listed")
    if follows == ">" and page.text[start - 1 : start] in {"<", ":"}:
        return _TAG.end(data, stop, size), "tag"
    if follows.isspace() and page.text[start : start + 2] == "--":
        return _FLAG.end(data, stop, size), "flag"
    if not follows.isspace():
        return -1, "told"
    # "bad password 'x'" tells as well as "the password is x".
    quoted = page.text[stop + 1 : stop + 2] in {'"', "'"}
    return stop + 1 if quoted else _TOLD.end(data, stop, size), "told"


def _closing(page: Page, opened: int) -> int:
    """Return where the quotation ends that begins at `opened`: at the same quote, or at the end."""
    text = page.text
    if text[opened - 1] in {"2", ";"}:
        quote = "%22" if text[opened - 1] == "2" else "&quot;"
    else:
        lead = text[max(0, opened - 7) : opened - 1]
        quote = "\\" * (len(lead) - len(lead.rstrip("\\"))) + text[opened - 1]
    at = text.find(quote, opened)
    # A quote that is escaped once more belongs to the value.
    while at > opened and text[at - 1] == "\\" and text[at - 2 : at] != "\\\\":
        at = text.find(quote, at + len(quote))
    return at if at >= 0 else page.size
