"""Walks through a value of any shape and takes out what the policy names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from assistant.telemetry.redaction.digits import is_card
from assistant.telemetry.redaction.inner import read_json, write_json
from assistant.telemetry.redaction.names import Names
from assistant.telemetry.redaction.policy import Policy
from assistant.telemetry.redaction.scan import Scanner
from assistant.telemetry.redaction.secrets import is_person, is_place, is_random
from assistant.telemetry.redaction.split import kind_across
from assistant.telemetry.redaction.texts import Texts
from assistant.telemetry.redaction.walk import Walk

_LONGEST_KEY = 64  # signs of a key whose decision is remembered
_NAMES = ("name", "key", "header", "field", "param")
_VALUES = frozenset({"value", "val", "values"})
_PAIR = 2
# Kinds of which a number may be one.
_IN_DIGITS = frozenset(
    {"secret", "phone", "card", "account", "national", "health", "identifier", "date"}
)
_PERHAPS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "perhaps_secret": ("secret", is_random),
    "perhaps_name": ("name", is_person),
    "perhaps_address": ("address", is_place),
}


class Redactor:
    """Takes out what a policy names.

    Attributes:
        counts: how many values of each kind were taken out.
    """

    def __init__(self, policy: Policy) -> None:
        self._masks: dict[str, str] = policy.masks.model_dump()
        self._hidden = frozenset(self._masks.values())
        self.counts: Counter[str] = Counter(dict.fromkeys(self._masks, 0))
        self._names = Names(policy.names.model_dump(), policy.neutral, policy.glued)
        self._texts = Texts(policy, Scanner(policy, self._names), self.counts)
        self._as_is = frozenset(policy.allow.names)
        self._known_key = lru_cache(maxsize=4096)(self._new_key)

    def redact(self, value: Any, *, content: bool = False) -> Any:
        """Return the same shape without what the policy names; never raises.

        Args:
            value: a text, or anything made of JSON's types; anything else is shown as text.
            content: keep what people said, under the names of content, but for what a policy
                names within it.
        """
        try:
            return self._value(value, Walk(content=content))
        except Exception:  # noqa: BLE001 - whoever logs is not to fail for it, nor to leak
            return self._hide("unchecked")

    def _value(self, value: Any, walk: Walk) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value, walk)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return self._hide("card") if value > 10**12 and _is_card(value) else value
        if not walk.enter(value):
            return self._hide("unchecked")
        clean = self._inside(value, walk)
        walk.leave()
        return clean

    def _inside(self, value: Any, walk: Walk) -> Any:
        match value:
            case Mapping():
                return self._mapping(value, walk)
            case tuple():
                return tuple(self._items(value, walk))
            case list() | set() | frozenset():
                return self._items(value, walk)
            case bytes() | bytearray() | memoryview():
                return f"[{len(value)} bytes]"
            case _:
                return self._text(_shown(value), walk)

    def _text(self, text: str, walk: Walk) -> str:
        inner = read_json(text) if text[:1] in '{["\n ' and text else None
        if inner is None:
            return self._texts.clean(text, walk)
        clean = self._value(inner.data, walk)
        return text if inner.exact and clean == inner.data else write_json(clean, text)

    def _mapping(self, value: Mapping[Any, Any], walk: Walk) -> dict[Any, Any]:
        told = self._told(value)
        clean: dict[Any, Any] = {}
        for key, item in value.items():
            name, kind = self._key(key)
            if told and name.lower() in _VALUES:
                kind = told
            clean[name] = (
                self._value(item, walk) if kind is None else self._field(name, kind, item, walk)
            )
        across = kind_across(list(value.values()))
        if across:
            return {
                k: self._hide(across) if isinstance(v, str) and v[:1].isdigit() else v
                for k, v in clean.items()
            }
        return clean

    def _told(self, value: Mapping[Any, Any]) -> str | None:
        """Return the kind that a pair of fields tells, as in {"name": "token", "value": "x"}."""
        if len(value) > 8 or _VALUES.isdisjoint(value):  # noqa: PLR2004 - no pair
            return None
        names = (value[name] for name in _NAMES if isinstance(value.get(name), str))
        return next((kind for name in names if (kind := self._kind(name))), None)

    def _key(self, key: Any) -> tuple[str, str | None]:
        if type(key) is str and len(key) <= _LONGEST_KEY:
            return self._known_key(key)
        return self._new_key(_shown(key))

    def _new_key(self, key: str) -> tuple[str, str | None]:
        """Return how a key is shown, and the kind of value that goes by it."""
        if key in self._as_is:
            return key, "as_is"
        shown = self._texts.clean(key, Walk())
        return shown, self._kind(shown)

    def _kind(self, name: str) -> str | None:
        """Return the kind that a name tells; what was taken out of it tells none."""
        for mask in self._hidden if "[" in name else ():
            name = name.replace(mask, "x")
        return self._names.kind(name)

    def _field(self, name: str, kind: str, value: Any, walk: Walk) -> Any:
        if value is None or value is True or value is False or value == "":
            return value
        if kind == "as_is" and type(value) is str and len(value) <= _LONGEST_KEY:
            return value
        if kind == "as_is" or (kind == "content" and walk.content):
            return self._value(value, walk)
        if kind in _PERHAPS:
            kind, looks = _PERHAPS[kind]
            if not (type(value) is str and looks(value)):
                return self._value(value, walk)
        return self._cover(name, kind, value, walk)

    def _cover(self, name: str, kind: str, value: Any, walk: Walk) -> Any:
        """Return the value of a name that tells its kind, hidden; containers keep their shape."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            count = kind not in _IN_DIGITS or (kind == "secret" and name.lower().endswith("s"))
            return self._value(value, walk) if count else self._hide(kind)
        if isinstance(value, str):
            return value if value in self._hidden else self._hide(kind)
        if not walk.enter(value):
            return self._hide("unchecked")
        clean = self._covered(name, kind, value, walk)
        walk.leave()
        return clean

    def _covered(self, name: str, kind: str, value: Any, walk: Walk) -> Any:
        match value:
            case Mapping() if kind in {"secret", "content"}:
                return {self._key(k)[0]: self._cover(name, kind, v, walk) for k, v in value.items()}
            case Mapping():
                return self._mapping(value, walk)
            case tuple():
                return tuple(self._cover(name, kind, item, walk) for item in value)
            case list() | set() | frozenset():
                return [self._cover(name, kind, item, walk) for item in value]
            case _:
                return self._hide(kind)

    def _items(self, value: Iterable[Any], walk: Walk) -> list[Any]:
        items = list(value)
        across = kind_across(items)
        if across:
            return [self._hide(across) for _ in items]
        clean: list[Any] = []
        before: Any = None
        for item in items:
            # As headers are kept, and commands: (authorization, x), [--password, x].
            named = type(before) is str and (len(items) == _PAIR or before[:2] == "--")
            kind = self._kind(before) if named and type(item) is str else None
            hidden = kind == "secret" and item != "" and item not in self._hidden
            clean.append(self._hide("secret") if hidden else self._value(item, walk))
            before = item
        return clean

    def _hide(self, kind: str) -> str:
        self.counts[kind] += 1
        return self._masks[kind]


def _is_card(number: int) -> bool:
    return number < 10**19 and is_card(str(number))


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log call never raises into its caller
        return f"[{type(value).__name__}]"
