"""Finds keys by their form: providers' prefixes, JSON web tokens, PEM blocks, `curl -u`."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping

from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern
from assistant.telemetry.redaction.policy import Token
from assistant.telemetry.redaction.secrets import is_mixed

_WORD = string.ascii_letters + string.digits + "_"
ALPHABETS: Mapping[str, str] = {
    "plain": string.ascii_letters + string.digits,
    "word": _WORD,
    "dash": _WORD + "-=",
    "dotted": _WORD + "-=.",
    "wide": _WORD + "-=./+%~|",
    "capital": string.ascii_uppercase + string.digits,
    "code": string.ascii_uppercase + string.digits + "-",
    "letter": string.ascii_letters,
    "hex": string.digits + "abcdef",
    "path": _WORD + "-=./@%:",
}
_LONGEST = 8192
_JWT = 36  # signs of the shortest header alone
_LOGIN = Pattern(r"[ \t](?:-[uU] ?|--(?:proxy-)?user[ =])(?:\\{0,4}[\"'])?")
_PASSWORD = Pattern(r"[ \t]-p ?[\"']?")
_LOGIN_END = Pattern(r"[^\s\"'\\]*")


class Tokens:
    """Finds the keys of a policy's table."""

    def __init__(self, rows: Iterable[Token]) -> None:
        self._rows: dict[str, list[Token]] = {}
        for row in rows:
            for prefix in (prefix for group in row.prefixes for prefix in group):
                self._rows.setdefault(prefix, []).append(row)

    @property
    def prefixes(self) -> list[str]:
        """All first letters, the longest first."""
        return sorted(self._rows, key=lambda prefix: (-len(prefix), prefix))

    def find(self, page: Page, start: int, end: int) -> int:
        """Mark the key whose first letters are at `start:end`."""
        if (
            page.text[start - 1 : start] in {".", "-", "/"}
            and start
            and "/" not in page.text[start:end]
        ):
            return end
        for row in self._rows[page.text[start:end]]:
            stop = _run(page, end, ALPHABETS[row.of])
            stop = _without_stop(page, end, stop)
            if _fits(page.text[end:stop], row) and not page.text[stop : stop + 1].isalnum():
                return page.mark(start, stop, "secret")
        return end


def _fits(rest: str, row: Token) -> bool:
    long = len(rest) == row.exactly if row.exactly else len(rest) >= row.least
    if not long or sum(map(str.isdigit, rest)) < row.digits:
        return False
    return row.of != "letter" or is_mixed(rest)


def _run(page: Page, at: int, alphabet: str) -> int:
    rest = page.text[at : at + _LONGEST]
    return at + len(rest) - len(rest.lstrip(alphabet))


def run_end(page: Page, at: int, alphabet: str) -> int:
    """Return where the signs of an alphabet end that begin at `at`."""
    return _run(page, at, ALPHABETS[alphabet])


def _without_stop(page: Page, start: int, stop: int) -> int:
    while stop > start and page.text[stop - 1] in ".|%~":
        stop -= 1
    return stop


def find_jwt(page: Page, start: int, end: int) -> int:
    """Mark the JSON web token that begins at `start`."""
    if page.text[start - 1 : start] in set(_WORD) and start:
        return end
    stop = _without_stop(page, end, _run(page, end, ALPHABETS["dotted"] + "~+/"))
    shown = page.text[start:stop]
    if len(shown) >= _JWT or ("." in shown and len(shown) >= 20):  # noqa: PLR2004 - cut short
        return page.mark(start, stop, "secret")
    return end


def find_pem(page: Page, start: int, end: int) -> int:
    """Mark the private key whose `-----BEGIN` is at `start:end`, to its end or the text's."""
    head = page.text[end : end + 48].partition("-----")[0]
    if "PRIVATE" not in head and "SECRET" not in head:
        return end
    close = page.text.find("-----END", end)
    tail = page.text.find("-----", close + 8, close + 64) if close >= 0 else -1
    return page.mark(start, tail + 5 if tail >= 0 else page.size, "secret")


def find_curl(page: Page, _start: int, end: int) -> int:
    """Mark the login that `curl` is given on a command line, `-u user:password`."""
    line = page.text.find("\n", end, end + 300)
    near = line if line >= 0 else min(page.size, end + 300)
    at = _LOGIN.find(page.data, end, near)[1]
    if at < 0:
        return end
    stop = _LOGIN_END.end(page.data, at, page.size)
    if stop > at and page.text[at] not in "[$":
        page.reserve(at, stop, "secret")
    return end


def find_flag(page: Page, _start: int, end: int) -> int:
    """Mark the password that `mysql` and its like are given on a command line, `-p`."""
    near = min(page.size, end + 120)
    at = _PASSWORD.find(page.data, end, near)[1]
    stop = _LOGIN_END.end(page.data, at, page.size) if at >= 0 else -1
    if stop - at >= 4 and not page.text[at:stop].isdigit() and page.text[at] not in "-[$":  # noqa: PLR2004 - a word at least
        page.reserve(at, stop, "secret")
    return end


def find_scheme(page: Page, _start: int, end: int) -> int:
    """Mark what follows `Bearer` or `Basic` at `end`, where it looks like a key."""
    at = end
    for lead in ("%20", " ", "+", ".", ":", "\t"):
        if page.text.startswith(lead, at):
            at += len(lead)
            break
    else:
        return end
    at += len(page.text[at : at + 2]) - len(page.text[at : at + 2].lstrip(" "))
    stop = _without_stop(page, at, _run(page, at, ALPHABETS["wide"]))
    return page.mark(at, stop, "secret") if stop - at >= 6 and is_mixed(page.text[at:stop]) else end  # noqa: PLR2004
