"""A corpus of our own: what must go, in many wrappings, and what must stay; the same every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from tests.telemetry.redaction import harmless
from tests.telemetry.redaction import samples as s
from tests.telemetry.redaction import wrappings as w


class Row(NamedTuple):
    """One value to redact: what must not be left of it, and what must."""

    kind: str
    value: Any
    secrets: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


def corpus(seed: int = 20) -> Iterator[Row]:
    """Yield all rows; another seed makes other values in the same formats."""
    chance = Random(seed)
    yield from _keys_of_providers(chance)
    yield from _personal(chance)
    for key, make in w.KEYS.items():
        value = make(chance)
        yield Row(f"key:{key}", {"event": "seen", key: value, "n": 3}, (value,), ("seen",))
    for make in harmless.IDS:
        for place in harmless.PLACES:
            value = make(chance)
            yield Row("stays:text", place.format(v=value), keep=(value,))
    for key, value in harmless.BENIGN.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        yield Row(f"stays:{key}", {"event": "turn.done", key: value}, keep=(shown,))


def _keys_of_providers(chance: Random) -> Iterator[Row]:
    for name, make in {**s.FORMED, **s.NAMED}.items():
        for wrapping in chance.sample(w.WRAPPINGS, 4):
            value = make(chance)
            text = wrapping.format(n=name.replace("_", ""), N=name.upper(), v=value)
            yield Row(f"named:{name}", chance.choice(w.CARRIERS)(text), (value,))
    for name, make in s.FORMED.items():
        for wrapping in chance.sample(w.BARE, 3):
            value = make(chance)
            text = wrapping.format(v=value)
            yield Row(f"formed:{name}", chance.choice(w.CARRIERS)(text), (value,))


def _personal(chance: Random) -> Iterator[Row]:
    for kind, make, wrappings in w.PERSONAL:
        for wrapping in wrappings * 6:
            value, own = make(chance), f"req_{s.of(s.LOWER, 20)(chance)}"
            text = f"{wrapping.format(v=value)} corr={own}"
            yield Row(f"personal:{kind}", chance.choice(w.CARRIERS[:3])(text), (value,), (own,))
