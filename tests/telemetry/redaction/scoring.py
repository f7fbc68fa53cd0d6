"""Counts what of a corpus is left that should be gone, and gone that should be left."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tests.telemetry.redaction.corpus import Row


class Score(NamedTuple):
    """By kind of row: how many there are, and how many lost a secret, or what was to stay."""

    rows: Counter[str]
    leaked: Counter[str]
    lost: Counter[str]


def score(redact: Callable[[Any], Any], rows: Iterable[Row]) -> Score:
    """Redact all rows and compare; three fifths of a secret in one piece count as all of it."""
    result = Score(Counter(), Counter(), Counter())
    for row in rows:
        kind = row.kind.split(":", maxsplit=1)[0]
        shown = "\n".join(leaves(redact(row.value)))
        result.rows[kind] += 1
        result.leaked[kind] += any(_is_left(secret, shown) for secret in row.secrets)
        result.lost[kind] += any(kept not in shown for kept in row.keep)
    return result


def leaves(value: Any) -> Iterator[str]:
    """Yield all names and values within a value, as text."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield {True: "true", False: "false", None: "null"}.get(value, str(value))


def _is_left(secret: str, shown: str) -> bool:
    if secret in shown:
        return True
    bare, rest = _bare(secret), _bare(shown)
    size = max(5, -(-len(bare) * 6 // 10))
    return any(bare[at : at + size] in rest for at in range(len(bare) - size + 1))


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower()
    return "".join(filter(str.isalnum, plain))
