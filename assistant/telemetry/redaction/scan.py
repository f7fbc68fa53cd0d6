"""Reads a text once, from left to right, and asks the finder that each place calls for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from assistant.telemetry.redaction import quoting, tokens
from assistant.telemetry.redaction.addresses import Networks, find_email, find_login
from assistant.telemetry.redaction.digits import LETTERED
from assistant.telemetry.redaction.named import Named
from assistant.telemetry.redaction.names import Names
from assistant.telemetry.redaction.numbers import Numbers
from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern, escape
from assistant.telemetry.redaction.policy import Policy
from assistant.telemetry.redaction.tokens import Tokens, run_end
from assistant.telemetry.redaction.values import token_end

Finder = Callable[[Page, int, int], int]

_SHORT = 5  # letters of a name that is too short to stand for itself within a longer word
# Kinds that are told by their values; no word need announce them.
_TOLD_BY_VALUE = frozenset({"email", "ip", "mac", "keep", "perhaps_address"})
_SIGNS: tuple[tuple[str, str], ...] = (
    ("email", r"@|%40|&#0?64;|&#x40;|&commat;|\\u0040|\\x40| ?\[at\] ?| ?\(at\) ?"),
    ("login", r"://"),
    ("cell", r"\)=\("),
    ("query", r"[?&](?i:q|query|search|text|message|msg|prompt|term|keyword|body|note|reason)="),
    ("lettered", r"\b(?:" + "|".join(shape for shape, _ in LETTERED) + r")\b"),
    ("iban", r"\b[A-Z]{2}\d{2}[ \-]?[A-Z0-9]{4}"),
    ("bot", r"\b\d{8,10}:AA[A-Za-z0-9_\-]{30}"),
    ("airtable", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{20}"),
    ("v4", r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"),
    ("mac", r"(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"),
    ("v6", r"(?:[0-9A-Fa-f]{1,4}:){3}|[0-9A-Fa-f]{1,4}::[0-9A-Fa-f]"),
    ("udi", r"\(01\)\d{14}"),
    ("digits", r"\+?[(+]?\d(?:[ ().\-/]{0,3}\d){5}"),
)
# Places that a page may have, and one more for so many signs, so that no text takes longer than its
# length allows. Of one that has more, only what lies before the first so many is shown.
_LEAST, _PER_PLACE, _SURE = 128, 56, 96
# How long a place is, or how many dots it has, that is one of these.
_LONG_ENOUGH = 36
_IBAN_SIZES = frozenset({8, 9})
_LETTERED_SIZE = 8
_DOTS = 3
_MAC_SIZES = frozenset({14, 17})
# Signs of a birth that are no names.
_BORN = ("b.", "d.o.b.", "ne le", "nee le")
_BY_TEXT = {"@": "email", "://": "login", ")=(": "cell", "[at]": "email", "(at)": "email"}


class Scanner:
    """Puts marks on a page, as a policy says."""

    def __init__(self, policy: Policy, names: Names) -> None:
        numbers, keys = Numbers(policy.phones.regions), Tokens(policy.tokens)
        networks, named = Networks(policy.ip.keep), Named(policy, names)
        self._named = named.find
        self._by_sign: Mapping[str, Finder] = {
            "email": find_email,
            "login": find_login,
            "cell": quoting.find_cell,
            "query": _find_query,
            "iban": numbers.find_iban,
            "lettered": numbers.find_lettered,
            "v4": networks.find_v4,
            "mac": networks.find_mac,
            "v6": networks.find_v6,
            "udi": _find_udi,
            "bot": _find_secret,
            "airtable": _find_secret,
            "digits": numbers.find,
        }
        self._words: dict[str, Finder] = {
            **dict.fromkeys(_BORN, named.find_date),
            **dict.fromkeys(quoting.ECHOES, quoting.find_echo),
            **dict.fromkeys(quoting.ROWS, quoting.find_row),
            **{name.lower(): quoting.find_segment for name in quoting.SEGMENTS},
            **dict.fromkeys(policy.phones.words, _expect_groups),
            **dict.fromkeys(("bearer", "basic"), tokens.find_scheme),
            **dict.fromkeys(("sshpass", "docker login", "mysql", "mysqldump"), tokens.find_flag),
            "curl": tokens.find_curl,
        }
        self._literal: dict[str, Finder] = {
            **dict.fromkeys(keys.prefixes, keys.find),
            **dict.fromkeys(("eyJ", "ZXlK"), tokens.find_jwt),
            "-----BEGIN": tokens.find_pem,
            **dict.fromkeys(policy.masks.model_dump().values(), _pass),
        }
        self._places = Pattern(_expression(policy, self._words, keys.prefixes))

    def read(self, page: Page) -> None:
        """Mark all that there is on a page; what is too dense to check is marked as such."""
        find, data, size = self._places.find, page.data, page.size
        most, known, seen = _LEAST + size // _PER_PLACE, size, 0
        start, end = find(data, 0, size)
        if start >= 0 and page.walk.marks < 0:
            page.give_up(0)
            return
        while start >= 0:
            page.places = seen = seen + 1
            if seen == _SURE:
                known = start
            if seen > most or len(page.found) > most:
                page.give_up(known)
                return
            settled = page.settle(start) if page.reserved else 0
            at = settled if settled > start else self._ask(page, start, end)
            start, end = find(data, max(at, start + 1), size)
        page.settle(size)

    def _ask(self, page: Page, start: int, end: int) -> int:
        shown = page.text[start:end]
        finder = self._literal.get(shown) or self._words.get(shown.lower())
        if finder is None:
            sign = _sign(shown)
            finder = self._by_sign[sign] if sign else self._named
        return finder(page, start, end)


def _sign(shown: str) -> str | None:
    """Return by what a place was noticed, None where it was by a name."""
    first = shown[0]
    if shown in _BY_TEXT:
        return _BY_TEXT[shown]
    for sign, tells in _TELLS:
        if tells(first, shown):
            return sign
    return None


# The first that is true tells what a place was noticed by.
_TELLS: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    ("query", lambda first, shown: first in "?&" and shown[-1] == "="),
    ("bot", lambda _, shown: ":AA" in shown and len(shown) > _LONG_ENOUGH),
    ("v6", lambda _, shown: ":" in shown),
    ("udi", lambda _, shown: shown.startswith("(01)")),
    ("v4", lambda _, shown: shown.count(".") == _DOTS and _is_quad(shown.split("."))),
    ("mac", lambda _, shown: len(shown) in _MAC_SIZES and _has_groups(shown)),
    ("airtable", lambda _, shown: len(shown) > _LONG_ENOUGH and shown.startswith("pat")),
    ("email", lambda first, _: first in "%&\\@ "),
    ("digits", lambda first, shown: not first.isalpha() and not shown[-1].isalpha()),
    ("lettered", lambda first, _: not first.isalpha()),
    ("iban", lambda _, shown: len(shown) in _IBAN_SIZES and shown[2:4].isdigit()),
    (
        "lettered",
        lambda _, shown: (
            len(shown) >= _LETTERED_SIZE and shown.isupper() and any(map(str.isdigit, shown))
        ),
    ),
)


def _is_quad(parts: list[str]) -> bool:
    return all(part.isdigit() and len(part) < 4 for part in parts)  # noqa: PLR2004 - a byte


def _has_groups(shown: str) -> bool:
    return shown.count(".") == 2 or shown.count("-") == 5  # noqa: PLR2004 - of four, or of two


def _expression(policy: Policy, words: Iterable[str], prefixes: Iterable[str]) -> str:
    masks = policy.masks.model_dump().values()
    named = {
        name: kind
        for kind, all_names in policy.names.model_dump().items()
        if kind not in _TOLD_BY_VALUE
        for name in all_names
        if name.isascii()
    }
    names = sorted(named, key=lambda name: (-len(name), name))
    told = sorted(words, key=lambda word: (-len(word), word))
    parts = (
        (r"\b(?:%s)", map(escape, prefixes)),
        (r"(?i:%s)", (_loose(word) for word in told if not word[-1].isalnum())),
        (r"\b(?i:%s)\b", (_loose(word) for word in told if word[-1].isalnum())),
        ("(?i:%s)", (_loose(name) for name in names if len(name) >= _SHORT)),
        (r"(?:\b|_)(?i:%s)(?:\b|_)", (_loose(name) for name in names if len(name) < _SHORT)),
    )
    # A part without a word would match everywhere.
    joined = [shape % one for shape, all_of in parts if (one := "|".join(all_of))]
    fixed = ("|".join(map(escape, masks)), "-----BEGIN", r"\b(?:eyJ|ZXlK)")
    return "|".join((*fixed, *joined, *(shape for _, shape in _SIGNS)))


def _loose(phrase: str) -> str:
    joined = r"[ _\-/]?".join(map(escape, phrase.split(" ")))
    # Within a word only longer ones tell something, and what ends with a sign ends there.
    return rf"\b{joined}" if phrase[0].isalnum() and not phrase[-1].isalnum() else joined


def _expect_groups(page: Page, _start: int, end: int) -> int:
    page.until["grouped"] = end + 48
    return end


def _find_query(page: Page, _start: int, end: int) -> int:
    stop = token_end(page, end, in_query=True)
    return end if page.is_hidden(end) else page.mark(end, stop, "content")


def _find_secret(page: Page, start: int, end: int) -> int:
    return page.mark(start, run_end(page, end, "dash"), "secret")


def _find_udi(page: Page, start: int, end: int) -> int:
    # A device's number: the model is public, its lot and serial number are not.
    rest = page.text[end : end + 96]
    size = len(rest) - len(
        rest.lstrip("()0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-/.")
    )
    return page.mark(start, end + size, "identifier")


def _pass(_page: Page, _start: int, end: int) -> int:
    return end
