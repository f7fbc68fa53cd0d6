"""Reads JSON that stands in a string, and writes it back as it was written."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

_LONGEST = 1 << 20  # signs
_ENDS = {"{": "}", "[": "]", '"': '"'}


class Inner(NamedTuple):
    """What a string holds. `exact` is False where a name stands twice, which hides a value."""

    data: Any
    exact: bool


def read_json(text: str) -> Inner | None:
    """Return the object, list or string that a text is in JSON, None where it is none."""
    trimmed = text.strip()
    end = _ENDS.get(trimmed[:1])
    if end is None or len(trimmed) < 2 or trimmed[-1] != end or len(trimmed) > _LONGEST:  # noqa: PLR2004
        return None
    exact = True

    def join(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal exact
        joined = dict(pairs)
        exact = exact and len(joined) == len(pairs)
        return joined

    try:
        return Inner(json.loads(trimmed, object_pairs_hook=join), exact)
    except (ValueError, RecursionError):
        return None


def write_json(data: Any, like: str) -> str:
    """Return data as JSON, in the manner of another text: as wide, and ASCII if that is."""
    wide = '": ' in like or '", ' in like
    separators = (", ", ": ") if wide else (",", ":")
    return json.dumps(data, ensure_ascii=like.isascii(), separators=separators)
