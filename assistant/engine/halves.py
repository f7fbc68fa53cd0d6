"""Makes text whole that a model cut inside a character, or that no encoding can carry."""

from __future__ import annotations

from typing import Any

_FIRST_HALVES = ("\ud800", "\udbff")


def split_tail(text: str) -> tuple[str, str]:
    """Return the text, mended, and apart from it a half character at its end.

    JSON can spell half of a surrogate pair, and some servers send the halves in two deltas:
    what is set apart belongs before the next one.
    """
    cut = len(text) - bool(text and _FIRST_HALVES[0] <= text[-1] <= _FIRST_HALVES[1])
    return mended(text[:cut]), text[cut:]


def mended(text: str) -> str:
    """Return the text with its halves joined, those without a partner replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended_item(value: Any) -> Any:
    """Return plain data with all its texts mended."""
    match value:
        case str():
            return mended(value)
        case list():
            return [mended_item(part) for part in value]
        case dict():
            return {mended_item(name): mended_item(part) for name, part in value.items()}
        case _:
            return value
