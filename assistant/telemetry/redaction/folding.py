"""Shows any text as ASCII of the same meaning, so that no disguise hides what a rule looks for."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

_OTHER = "\x1a"  # stands for a sign that means nothing to any rule
_INVISIBLE = frozenset({"Cf", "Mn", "Me", "Cs"})
# Letters of other alphabets that look like a Latin one.
_TWINS = dict(
    zip(
        "øØłŁđĐıаеорсухіѕјԁӏԛԝвнкмтАВЕКМНОРСТХІЅЈαεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "oOlLdDiaeopcyxisjdlqwbhkmtABEKMHOPCTXISJaeikvoptuxABEZHIKMNOPTYX",
        strict=True,
    )
)


class Folded(NamedTuple):
    """A text's ASCII shadow; `places[i]` is where sign `i` of it stands in the text.

    `places` is None where both have the same length, sign by sign, and has one more entry than
    the shadow, for its end.
    """

    text: str
    places: list[int] | None


def fold(text: str) -> Folded:
    """Return the ASCII shadow of a text, in time linear to its length."""
    if text.isascii():
        return Folded(text, None)
    shadow = text.translate(_SHADOWS)
    if _SHADOWS.uneven.isdisjoint(text):
        return Folded(shadow, None)
    shown = _SHADOWS.shown
    places = [place for place, sign in enumerate(text) for _ in shown.get(sign, " ")]
    return Folded(shadow, [*places, len(text)])


class _Shadows(dict[int, str]):
    """Remembers the shadow of each sign that it was asked for; there are not more than signs.

    Attributes:
        shown: the same by sign, of those that are not ASCII.
        uneven: the signs whose shadow is not one sign long.
    """

    def __init__(self) -> None:
        super().__init__((code, chr(code)) for code in range(128))
        self.shown: dict[str, str] = {}
        self.uneven: set[str] = set()

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        shadow = self[code] = self.shown[sign] = _shadow(sign)
        if len(shadow) != 1:
            self.uneven.add(sign)
        return shadow


def _shadow(sign: str) -> str:
    kind = unicodedata.category(sign)
    if sign in _TWINS:
        return _TWINS[sign]
    if kind in _INVISIBLE or sign in "\u115f\u1160\u3164\uffa0":
        return ""
    plain = unicodedata.normalize("NFKD", sign)
    parts = (_ascii(part) for part in plain if unicodedata.category(part) not in _INVISIBLE)
    return "".join(parts)[:4]


def _ascii(sign: str) -> str:
    if sign < "\x80":
        return sign
    kind = unicodedata.category(sign)
    if kind == "Nd":
        return str(unicodedata.digit(sign))
    known = {"Zs": " ", "Zl": "\n", "Zp": "\n", "Pd": "-", "Pi": '"', "Pf": '"'}
    return known.get(kind) or ("x" if kind[0] == "L" else _OTHER)


_SHADOWS = _Shadows()
