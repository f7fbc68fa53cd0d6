"""Tells a secret's value from what only stands where one would."""

from __future__ import annotations

from collections.abc import Collection

_LONGEST_WORD, _LONGEST_KEY = 24, 4096
_FEW = 2  # digits, or letters, that a value made by chance has at least
_NAME_WORDS = range(2, 6)
_MOST_DOTS = 3
# What programs write where the secret is filled in later, or was taken out before.
_FILLED_LATER = ("${", "{{", "{%", "$(", "$env:", "%(", "%s", "{}", "process.env", "os.environ")
_FILLED = (*_FILLED_LATER, "os.getenv", "self.", "this.", "secrets.", "vault:", "settings.")
_NO_SIGNS = str.maketrans(dict.fromkeys("/~._-"))
_MASKED = frozenset("*x.-_#•X")


def is_secret(value: str, placeholders: Collection[str]) -> bool:
    """Return whether a value under a secret's name is one, and not a word about it."""
    if not value or value.lower() in placeholders or value.startswith(_FILLED):
        return False
    if value[0] in "/~." and value.translate(_NO_SIGNS).isalpha() and value.count("/") > 1:
        return False  # the path of a file that holds it
    return not (set(value) <= _MASKED or (value[0] == "<" and value[-1] == ">"))


def is_random(value: str, least: int = 12) -> bool:
    """Return whether a value looks drawn by chance: long, without blanks, digits among letters."""
    if not least <= len(value) <= _LONGEST_KEY or not value.isascii():
        return False
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    others = len(value) - letters - digits
    return digits >= _FEW and letters >= _FEW and others * 4 <= len(value) and not _is_plain(value)


def is_mixed(value: str) -> bool:
    """Return whether a value is no word: a digit, or capitals among small letters."""
    small, capital = value != value.upper(), value[1:] != value[1:].lower()
    return any(map(str.isdigit, value)) or (small and capital) or value.endswith("=")


def _is_plain(value: str) -> bool:
    # Paths, addresses and versions have their digits in groups of their own.
    return "://" in value or "/" in value[:2] or " " in value or value.count(".") > _MOST_DOTS


def is_word(value: str) -> bool:
    """Return whether a value is a plain word in small letters."""
    return len(value) <= _LONGEST_WORD and value.isalpha() and value == value.lower()


def is_person(value: str) -> bool:
    """Return whether a value looks like a person's name: two to five words with capitals."""
    words = value[:96].replace("%20", " ").replace("+", " ").replace(",", " ").split()
    bare = [word.replace("'", "").replace("-", "").replace(".", "") for word in words]
    named = all(word[:1].isupper() and word.isalpha() for word in bare)
    return len(words) in _NAME_WORDS and named and not value.isupper()


def is_place(value: str) -> bool:
    """Return whether a value looks like a postal address: words and a number."""
    return " " in value.strip() and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
