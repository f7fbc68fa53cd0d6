"""Knows a number again whose groups of digits stand in fields of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistant.telemetry.redaction.digits import is_card, kind_by_shape

_MOST = 12  # items
_LONGEST = 11  # signs of a group, or of a few


def kind_across(items: Sequence[Any]) -> str | None:
    """Return the kind of the number that the groups of digits among these items make together."""
    if not 2 <= len(items) <= _MOST:  # noqa: PLR2004 - one alone is whole
        return None
    groups = [i for i in items if type(i) is str and 2 <= len(i) <= _LONGEST and i[0].isdigit()]  # noqa: PLR2004
    if len(groups) < 2 or not all(_is_group(group) for group in groups):  # noqa: PLR2004
        return None
    digits = "".join(sign for group in groups for sign in group if sign.isdigit())
    if is_card(digits):
        return "card"
    return kind_by_shape("-".join(groups)) or kind_by_shape(" ".join(groups))


def _is_group(text: str) -> bool:
    return text.isascii() and not text.strip("0123456789 -")
