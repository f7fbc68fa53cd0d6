"""Makes canaries: names, identifiers with right check digits, keys as their makers shape them."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt
import phonenumbers
from typing_extensions import override

_ALNUM = string.ascii_letters + string.digits
_CONSONANTS, _VOWELS = "bdfghjklmnprstvwz", "aeiou"


@dataclass(frozen=True, slots=True)
class Canary:
    """One value that may be shown nowhere.

    Attributes:
        owner: the turn that says it.
        kind: such as `email`.
        text: as it is said.
        tells: the pieces that give it away: its own random parts, without what is common to all
            of its kind; of digits alone, the whole number.
        redactable: whether its shape gives it away; a name's does not.
    """

    owner: str
    kind: str
    text: str
    tells: tuple[str, ...]
    redactable: bool

    @override
    def __str__(self) -> str:
        """Return what it is, and who says it."""
        return f"{self.kind} of turn '{self.owner}'"


@dataclass(slots=True)
class Mint:
    """Makes canaries, one of each kind for a turn, and remembers them all."""

    chance: random.Random
    made: dict[tuple[str, str], Canary] = field(default_factory=dict)

    def take(self, owner: str, kind: str) -> str:
        """Return the text of a turn's canary of a kind; a kind may be numbered, as `email2`."""
        if (owner, kind) not in self.made:
            name = kind.rstrip("0123456789")
            text, *tells = _KINDS[name](self.chance)
            self.made[owner, kind] = Canary(owner, kind, text, tuple(tells), name not in NAMES)
        return self.made[owner, kind].text


def _word(chance: random.Random) -> str:
    """Return a word of which no two share a part that is long enough to be found by."""
    pairs = (chance.choice(_CONSONANTS) + chance.choice(_VOWELS) for _ in range(7))
    return "".join(pairs).capitalize()


def _random(chance: random.Random, count: int, letters: str = _ALNUM) -> str:
    return "".join(chance.choices(letters, k=count))


def _name(chance: random.Random) -> tuple[str, ...]:
    given, family = _word(chance), _word(chance)
    return f"{given} {family}", given, family


def _said(chance: random.Random) -> tuple[str, ...]:
    word = _word(chance)
    return word, word


def _email(chance: random.Random) -> tuple[str, ...]:
    local = _word(chance).lower()
    return f"{local}@mail{chance.randint(2, 99)}.example.org", local


def _phone(chance: random.Random) -> tuple[str, ...]:
    while True:
        digits = "74" + _random(chance, 8, string.digits)
        if phonenumbers.is_valid_number(phonenumbers.parse(f"+44{digits}")):
            return f"+44 {digits[:4]} {digits[4:]}", digits


def _card(chance: random.Random) -> tuple[str, ...]:
    body = "4" + _random(chance, 14, string.digits)
    twice = [int(d) * (2 if at % 2 == 0 else 1) for at, d in enumerate(body)]
    digits = body + str(-sum(d - 9 if d > 9 else d for d in twice) % 10)
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4)), digits


def _ssn(chance: random.Random) -> tuple[str, ...]:
    parts = chance.randint(100, 665), chance.randint(10, 99), chance.randint(1000, 9999)
    return "-".join(map(str, parts)), "".join(map(str, parts))


def _nhs(chance: random.Random) -> tuple[str, ...]:
    while True:
        body = "9" + _random(chance, 8, string.digits)
        check = -sum(int(d) * (10 - at) for at, d in enumerate(body)) % 11
        if check < 10:
            digits = f"{body}{check}"
            return f"{digits[:3]} {digits[3:6]} {digits[6:]}", digits


def _iban(chance: random.Random) -> tuple[str, ...]:
    body = _random(chance, 18, string.digits)
    # ISO 13616: `DE00` goes to the end, letters count from 10.
    check = 98 - int(f"{body}131400") % 97
    whole = f"DE{check:02}{body}"
    return " ".join(whole[at : at + 4] for at in range(0, 22, 4)), f"{check:02}{body}"


def _jwt(chance: random.Random) -> tuple[str, ...]:
    claims = {"sub": _word(chance), "aud": "persona-assistant"}
    token = jwt.encode(claims, _random(chance, 40), "HS256")
    _, payload, signature = token.split(".")
    return token, payload[10:24], signature


def _pem(chance: random.Random) -> tuple[str, ...]:
    body = base64.b64encode(chance.randbytes(48)).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----", body


def _key(
    prefix: str, count: int, letters: str = _ALNUM
) -> Callable[[random.Random], tuple[str, ...]]:
    def make(chance: random.Random) -> tuple[str, ...]:
        body = _random(chance, count, letters)
        return prefix + body, body

    return make


def _slack(chance: random.Random) -> tuple[str, ...]:
    body = _random(chance, 24)
    numbers = (_random(chance, 12, "123456789") for _ in range(2))
    return f"xoxb-{'-'.join(numbers)}-{body}", body


_KINDS: Mapping[str, Callable[[random.Random], tuple[str, ...]]] = {
    "name": _name,
    "said": _said,
    "email": _email,
    "phone": _phone,
    "card": _card,
    "ssn": _ssn,
    "nhs": _nhs,
    "iban": _iban,
    "jwt": _jwt,
    "pem": _pem,
    "slack": _slack,
    "openai": _key("sk-proj-", 48),
    "anthropic": _key("sk-ant-api03-", 93),
    "github": _key("ghp_", 36),
    "gitlab": _key("glpat-", 20),
    "aws": _key("AKIA", 16, string.ascii_uppercase + "234567"),
    "google": _key("AIza", 35),
    "stripe": _key("sk_live_", 24),
    "huggingface": _key("hf_", 34, string.ascii_letters),
    "ours": _key("pak_", 43),
    "password": _key("", 18),
    "token": _key("", 40),
}
NAMES = frozenset({"name", "said"})
"""What no pattern can know: it has to be kept out, as it cannot be taken out."""
KINDS = frozenset(_KINDS)
