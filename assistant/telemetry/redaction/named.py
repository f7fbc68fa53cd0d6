"""Finds values by the names before them in a text, as `password=…`, `"mrn": "…"` or `born on …`."""

from __future__ import annotations

import string
from collections.abc import Callable

from assistant.telemetry.redaction.names import Names
from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern
from assistant.telemetry.redaction.policy import Policy
from assistant.telemetry.redaction.secrets import is_mixed, is_person, is_random, is_secret, is_word
from assistant.telemetry.redaction.values import Value, next_listed, token_end, value_after

_NAME_SIGNS = string.ascii_letters + string.digits + "_-."
_REACH = 64  # signs that a name may have on either side of its key word
_NEAR = 80  # signs behind a name within which its value ends, where nothing separates the two
_LONG = 512  # signs of a value that is no word about a secret any more
_SCHEMES = frozenset(
    {"bearer", "basic", "digest", "negotiate", "ntlm", "token", "apikey", "hmac", "dpop", "key"}
)
_FILLER = Pattern(
    r"(?:\\{0,4}[\"'`])?[)\]]?[\s:=#.(^\-_]*"
    r"(?:(?i:number|num|nr|no|id|identifier|is|was|code|ref|value|of|for|on|the|at|le|il|am|el|der|to|date)\b"
    r"[\s:=#.\"']{0,4}){0,3}"
    r"(?:\\{0,4}[\"'`]|\()?"
)
_CODE = Pattern(
    r"(?:[A-Z]{1,4}[ \-]?|[A-Za-z]{1,8}[\-_#])?[A-Za-z0-9]*\d[A-Za-z0-9]*"
    r"(?:[ \-./+]{1,2}[A-Z]{0,3}\d[A-Za-z0-9]*|-[A-Z0-9]+)*(?:[ \-][A-Z]\b|\([A-Z0-9]\))?"
)
_DATE = Pattern(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]{1,2}\d{1,2}[-/. ]{1,2}(?:\d{4}|\d{2})\b|\b\d{8}\b"
    r"|\d{1,2}(?i:st|nd|rd|th)?\.?,?[ -](?:(?i:of|de) )?[A-Za-z]{3,10}\.?,?[ -](?:(?i:of|de|del) )?"
    r"\d{2,4}\b|[A-Za-z]{3,10}\.? \d{1,2}(?i:st|nd|rd|th)?,? \d{2,4}\b|\b(?:19|20)\d{2}\b"
)
_PERSON = Pattern(r"[A-Z][\w'.\-]*(?:(?:[ +]|, |%20)[A-Z][\w'.\-]*)*")
_SHORT_CODE = Pattern(r"[ ]#?\d{4,8}\b")
_CODES = ("otp", "code", "pin", "passcode", "cvv", "cvc")
_LINE = Pattern(r"[^\r\n\"'`\\]*")


class Named:
    """Finds values by name, as a policy's names say."""

    def __init__(self, policy: Policy, names: Names) -> None:
        self._kind = names.kind
        self._placeholders = frozenset(policy.placeholders)
        self._cookies = frozenset(policy.allow.cookies)
        self._takers: dict[str, Callable[[Page, int, int, str], int]] = {
            "secret": self._secret,
            "perhaps_secret": self._perhaps_secret,
            "name": self._name,
            "perhaps_name": self._name,
            "content": self._quoted,
            "address": self._quoted,
            "date": self.find_date,
            "card": self._later,
            "phone": self._later,
            "account": self._code,
            "national": self._code,
            "health": self._code,
            "identifier": self._code,
        }

    def find(self, page: Page, start: int, end: int) -> int:
        """Mark the value of the name around the key word at `start:end`; return where to go on."""
        left = page.before(start, _REACH)
        start -= len(left) - len(left.rstrip(_NAME_SIGNS))
        right = page.text[end : end + _REACH]
        stop = end + len(right) - len(right.lstrip(_NAME_SIGNS))
        while stop > end and page.text[stop - 1] in "-.":
            stop -= 1
        kind = self._kind(page.text[start:stop])
        if kind is None and page.text[end + 1 : end + 2].isdigit() and page.text[end] == "-":
            # The value is joined to its name, as in `MRN-0012345`.
            kind, stop = self._kind(page.text[start:end]), end
        take = self._takers.get(kind) if kind else None
        return max(end, take(page, start, stop, kind)) if take and kind else end

    def _secret(self, page: Page, start: int, stop: int, kind: str) -> int:
        value = value_after(page, start, stop)
        last = page.text[start:stop].lower()
        if value is None:
            return self._short_code(page, stop, kind) if last.endswith(_CODES) else stop
        listed = page.text[value.start - 1] != "{" and value.form == "assigned"
        if listed and last.endswith(("cookie", "cookies")):
            return self._cookie(page, stop, value)
        value = _past_scheme(page, value)
        if page.is_hidden(value.start):
            return stop
        shown = page.text[value.start : value.end]
        plural = last.endswith("s") and shown.isdigit() and len(shown) < 8  # noqa: PLR2004 - a count
        if plural or not self._is_given(page, value, shown):
            return stop
        end = page.mark(value.start, value.end, kind)
        while (following := next_listed(page, value)) is not None:
            value = following
            end = page.mark(value.start, value.end, kind)
        return end

    def _short_code(self, page: Page, stop: int, kind: str) -> int:
        # Told without a sign between: `OTP 684986`.
        end = _SHORT_CODE.end(page.data, stop, min(page.size, stop + 16))
        return page.mark(stop + 1, end, kind) if end > 0 else stop

    def _is_given(self, page: Page, value: Value, shown: str) -> bool:
        if len(shown) > _LONG:
            return True
        if not is_secret(shown, self._placeholders):
            return False
        if value.form in {"told", "flag"}:
            return is_mixed(shown) and len(shown) >= 4 and " " not in shown  # noqa: PLR2004 - a PIN
        if value.quoted:
            return True
        follows = page.text[value.end : value.end + 2]
        # `token: was refused` speaks about a token; `return token(x)` is code.
        prose = page.text[value.start - 1] == " " and is_word(shown)
        called, opened, _ = shown.partition("(")
        code = opened and called.replace(".", "").replace("_", "").isalpha()
        return not code and not (prose and follows[:1] == " " and follows[1:].isalpha())

    def _cookie(self, page: Page, stop: int, value: Value) -> int:
        if value.start < page.cookies:
            return stop
        page.cookies = line = (
            value.end if value.quoted else _LINE.end(page.data, value.start, page.size)
        )
        at = value.start
        for pair in page.text[value.start : line].split(";"):
            name, equals, given = pair.partition("=")
            start, end = at + len(name) + len(equals), at + len(pair)
            shown = given.split(" ")[0]
            plain = name.strip().lower() in self._cookies and len(shown) < 32  # noqa: PLR2004
            if given and not plain and not page.is_hidden(start):
                page.mark(start, start + len(shown), "secret")
            elif not equals and is_random(name.strip()):
                page.mark(at, end, "secret")
            at = end + 1
        # What comes behind the last pair on this line is no cookie.
        return max(page.floor, value.start)

    def _perhaps_secret(self, page: Page, start: int, stop: int, _kind: str) -> int:
        value = value_after(page, start, stop)
        if value is None or value.form in {"told", "flag"}:
            return stop
        if value.end - value.start > _LONG or is_random(page.text[value.start : value.end]):
            return page.mark(value.start, value.end, "secret")
        return stop

    def _name(self, page: Page, start: int, stop: int, kind: str) -> int:
        value = value_after(page, start, stop)
        if value is None or value.form in {"told", "flag", "listed"}:
            return stop
        shown = page.text[value.start : value.end]
        whole = value.quoted and (kind == "name" or is_person(shown))
        if whole or page.text[start - 1 : start] in {"?", "&"}:
            end = value.end
        else:
            end = _PERSON.end(page.data, value.start, min(page.size, value.start + _NEAR))
            if kind == "name" and page.text[value.start - 1] == "=":
                end = max(end, value.end)
            if kind != "name" and not is_person(page.text[value.start : end]):
                return stop
        return page.mark(value.start, end, "name") if end > value.start else stop

    def _quoted(self, page: Page, start: int, stop: int, kind: str) -> int:
        value = value_after(page, start, stop)
        if value is None or not (value.quoted or page.text[start - 1 : start] in {"?", "&"}):
            return stop
        if value.form == "told":
            return stop
        return page.mark(value.start, value.end, kind)

    def find_date(self, page: Page, start: int, stop: int, kind: str = "date") -> int:
        """Mark the date that follows the words of a birth at `start:stop`."""
        brief = stop - start < 3  # noqa: PLR2004 - `b.`
        start, end = _DATE.find(page.data, stop, min(page.size, stop + 40))
        if (
            start < 0
            or (brief and start > stop + 2)
            or "[" in page.text[stop:start]
            or "\n\n" in page.text[stop:start]
        ):
            return stop
        page.reserve(start, end, kind)
        return stop

    def _later(self, page: Page, _start: int, stop: int, kind: str) -> int:
        page.until[kind] = stop + 48
        return stop

    def _code(self, page: Page, start: int, stop: int, kind: str) -> int:
        if page.text[stop : stop + 1] == "(":
            return stop  # a function of that name
        near = min(page.size, stop + _NEAR)
        at = _FILLER.end(page.data, stop, near)
        end = _CODE.end(page.data, at, near)
        shown = page.text[at:end] if end > 0 else ""
        digits, signs = sum(map(str.isdigit, shown)), sum(map(str.isalnum, shown))
        assigned = set(page.text[stop:at]) & {":", "=", "#", '"', "'"}
        least = 4 if assigned or stop - start > 5 else 6  # noqa: PLR2004 - short names are words too
        if signs >= least and digits >= 2 and page.text[end : end + 1] != "_":  # noqa: PLR2004
            return page.mark(at, end, kind)
        self._later(page, start, stop, kind)
        return stop


def _past_scheme(page: Page, value: Value) -> Value:
    """Return the value behind `Bearer` and its like, `value` itself where it does not so begin."""
    text = page.text
    word = text[value.start : value.start + 10].split(" ")[0].split("%20")[0].split("+")[0]
    if word.lower() not in _SCHEMES:
        return value
    at = value.start + len(word)
    at += 3 if text.startswith("%20", at) else 1
    if value.quoted:
        return value._replace(start=min(at, value.end))
    if word.lower() in {"digest", "hmac", "ntlm"}:
        end = page.size if (line := text.find("\n", at)) < 0 else line
        return value._replace(start=at, end=end)
    return value._replace(start=at, end=token_end(page, at))
