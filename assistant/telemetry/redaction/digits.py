"""Knows numbers by their check digits and by how they are grouped: cards, accounts, people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import ascii_uppercase

from stdnum import luhn, verhoeff
from stdnum.be import nn
from stdnum.br import cnpj, cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.ie import pps
from stdnum.in_ import pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.se import personnummer

Check = Callable[[str], bool]

_AS_NINES = str.maketrans("012345678", "9" * 9)
_CARD = range(12, 20)
_IBAN = range(15, 35)


def _ssn(number: str) -> bool:
    area, group, serial = number[:3], number[4:6], number[-4:]
    return area != "000" and group != "00" and serial != "0000"


def _always(_number: str) -> bool:
    return True


# How a number of people is written where it is written in full, with 9 for every digit.
SHAPES: Mapping[str, tuple[tuple[str, Check], ...]] = {
    "999-99-9999": (("national", _ssn),),
    "999.999.999-99": (("national", cpf.is_valid),),
    "99.999.999/9999-99": (("national", cnpj.is_valid),),
    "999.9999.9999.99": (("national", ahv.is_valid),),
    "9999 9999 9999": (("national", verhoeff.is_valid),),
    "9999-9999-9999": (("national", verhoeff.is_valid),),
    "999 999 9999": (("health", nhs.is_valid),),
    "999-999-9999": (("health", nhs.is_valid),),
    "999999-9999": (("national", cpr.is_valid), ("national", personnummer.is_valid)),
    "99999999-9999": (("national", personnummer.is_valid),),
    "999999/9999": (("national", rc.is_valid),),
    "999999/999": (("national", rc.is_valid),),
    "999999-9999999": (("national", rrn.is_valid),),
    "99.99.99-999.99": (("national", nn.is_valid),),
    "99 999 999 999": (("national", idnr.is_valid),),
    "999-999-999": (("national", sin.is_valid),),
    "9 99 99 99 999 999 99": (("national", nir.is_valid),),
    "999999999999999": (("national", nir.is_valid),),
    "9999999999999 99": (("national", nir.is_valid),),
    "99.999.999-9": (("national", rut.is_valid),),
}

# Numbers with letters in them, told by the letters' places.
LETTERED: tuple[tuple[str, Check], ...] = (
    (r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _always),
    (r"[XYZ][ \-]?\d{7}[ \-]?[A-Z]", nie.is_valid),
    (r"\d{8}[ \-]?[A-Z]", dni.is_valid),
    (r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", curp.is_valid),
    (r"\d{6}[\-+A]\d{3}[0-9A-Y]", hetu.is_valid),
    (r"\d{7}[A-W][A-IW]?", pps.is_valid),
    (r"\d{17}X", ric.is_valid),
    (r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", pan.is_valid),
)


def kind_by_shape(number: str) -> str | None:
    """Return the kind of a number that is grouped like one and has the right check digits."""
    for kind, check in SHAPES.get(number.translate(_AS_NINES), ()):
        if check(number):
            return kind
    return None


def is_card(digits: str) -> bool:
    """Return whether digits are a payment card's: a known issuer, a length of its, Luhn's sum."""
    size = len(digits)
    if size not in _CARD or not _issuer(digits, size):
        return False
    return luhn.is_valid(digits)


def _issuer(digits: str, size: int) -> bool:
    first, two, four = digits[0], int(digits[:2]), int(digits[:4])
    if first == "4":
        return size in {13, 16, 19}
    if first == "5" or 2221 <= four <= 2720:  # noqa: PLR2004 - Mastercard, Maestro
        return size == 16 if two in range(51, 56) or first == "2" else size >= 13  # noqa: PLR2004
    if first == "3":
        american = two in {34, 37} and size == 15  # noqa: PLR2004 - American Express
        return american or (two in {30, 35, 36, 38, 39} and size in {14, 16})
    if first == "6":
        return size >= 16  # noqa: PLR2004 - Discover, UnionPay, Maestro
    return four in {1800, 2131} and size == 15  # noqa: PLR2004 - JCB


def iban_end(text: str) -> int:
    """Return how much of `text`, from its start, is an IBAN with the right sum; 0 if nothing is."""
    ends = [
        at
        for at in range(_IBAN.start, len(text) + 1)
        if not text[at : at + 1].isalnum() and text[at - 1].isalnum()
    ]
    for end in reversed(ends[-6:]):
        compact = text[:end].replace(" ", "").replace("-", "")
        if len(compact) in _IBAN and _sum_of_97(compact) == 1:
            return end
    return 0


def _sum_of_97(compact: str) -> int:
    # ISO 13616: the first four signs go last, and each letter counts from ten.
    return int((compact[4:] + compact[:4]).translate(_LETTERS)) % 97


_LETTERS = {ord(letter): str(number) for number, letter in enumerate(ascii_uppercase, 10)}
