"""Any value as JSON's types within bounds, told without running a line of the value's own code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from assistant.telemetry.logs.faults import brief, type_name

TEXT = 2_000
"""Characters of one string."""
ITEMS = 50
"""Items of one collection."""
DEPTH = 6
"""Collections within collections."""
WHOLE = 8_000
"""Characters of all strings and keys of a line; each value counts for eight besides."""

_KEY = 100
_EACH = 8
_INT64 = 2**63
_NUMBERS = (int, float)
_FEW, _SHORT, _NAMES = 25, 200, 800
_LISTS: tuple[Any, ...] = (list, tuple, set, frozenset)
# Types whose own words are short and safe. A subclass may say anything, and is not asked.
_WORDED: Mapping[type, Callable[[Any], str]] = {
    date: date.isoformat,
    datetime: datetime.isoformat,
    time: time.isoformat,
    timedelta: str,
    Decimal: str,
    UUID: str,
    type(Path()): str,
    bytes: lambda value: f"[{len(value)} bytes]",
    bytearray: lambda value: f"[{len(value)} bytes]",
}


class Room:
    """What room a line has left, and what the value being told stands within."""

    __slots__ = ("_left", "_within")

    def __init__(self) -> None:
        self._left = WHOLE
        self._within: set[int] = set()

    @property
    def is_left(self) -> bool:
        """Whether anything more fits."""
        return self._left > 0

    def fit(self, value: Any, depth: int = 0) -> Any:
        """Return a value as JSON's types; in place of what it leaves out it says how much."""
        kind = type(value)
        self._left -= _EACH
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            return value
        if issubclass(kind, dict | list | tuple | set | frozenset):
            return self._collection(value, kind, depth)
        if kind is MappingProxyType:
            return self._collection(dict(islice(value.items(), ITEMS + 1)), dict, depth)
        if issubclass(kind, int | float) and not issubclass(kind, Enum):
            return _number(value, kind)
        return self.text(_words(value, kind))

    def text(self, text: str, most: int = TEXT) -> str:
        """Return a string that UTF-8 can hold, cut where it is too long."""
        size = len(text)
        if size > most or size > self._left:
            kept = max(0, min(most, self._left))
            text = f"{text[:kept]}[{size - kept} more characters]"
        self._left -= len(text)
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()

    def _collection(self, value: Any, kind: type, depth: int) -> Any:
        if id(value) in self._within:
            return "[itself again]"
        base: Any = (
            dict if issubclass(kind, dict) else next(k for k in _LISTS if issubclass(kind, k))
        )
        size: int = base.__len__(value)
        if size and depth >= DEPTH:
            return f"[{size} items, too deep]"
        self._within.add(id(value))
        try:
            if base is dict:
                return self._dict(dict.items(value), size, depth)
            return self._list(base.__iter__(value), size, depth)
        except RuntimeError:
            # Another thread changed it meanwhile.
            return f"[{size} items]"
        finally:
            self._within.discard(id(value))

    def _list(self, items: Iterable[Any], size: int, depth: int) -> list[Any]:
        fitted: list[Any] = []
        for item in islice(items, ITEMS):
            if not self.is_left:
                break
            fitted.append(self.fit(item, depth + 1))
        if size > len(fitted):
            fitted.append(f"[{size - len(fitted)} more items]")
        return fitted

    def _dict(self, items: Iterable[tuple[Any, Any]], size: int, depth: int) -> dict[str, Any]:
        fitted: dict[str, Any] = {}
        for key, item in islice(items, ITEMS):
            if not self.is_left:
                break
            fitted[self.key(key, fitted)] = self.fit(item, depth + 1)
        if size > len(fitted):
            fitted["[more]"] = f"[{size - len(fitted)} more items]"
        return fitted

    def key(self, key: Any, taken: Mapping[str, Any]) -> str:
        """Return a name for a value that none of those taken has."""
        kind = type(key)
        if kind is not str:
            key = str(_number(key, kind)) if kind in {int, float} else _words(key, kind)
        name = self.text(key, _KEY)
        while name in taken:
            name += "_"
        return name


def fit_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line's fields within bounds; `exception` is so already, and takes no room."""
    if _is_small(line):
        return dict(line)
    room = Room()
    fitted: dict[str, Any] = {}
    for name, value in line.items():
        if name == "exception":
            fitted[name] = value
        elif room.is_left:
            fitted[room.key(name, fitted)] = room.fit(value)
    if left_out := len(line) - len(fitted):
        fitted["log_fault"] = f"{left_out} more fields"
    return fitted


def _is_small(line: Mapping[str, Any]) -> bool:
    """Return whether a line is like most: a few short fields, which need no look of their own."""
    names = "".join(line)
    if len(line) > _FEW or len(names) > _NAMES or not names.isascii():
        return False
    for value in line.values():
        kind = type(value)
        if kind is str:
            if len(value) > _SHORT or not value.isascii():
                return False
        elif kind in _NUMBERS:
            if not -_INT64 <= value < _INT64:
                return False
        elif kind is not bool:
            return False
    return True


def _number(value: Any, kind: type) -> int | float | str:
    if issubclass(kind, int):
        number = int.__int__(value)
        fits = -_INT64 <= number < _INT64
        return number if fits else f"[integer of {number.bit_length()} bits]"
    real = float.__float__(value)
    return real if math.isfinite(real) else str(real)


def _words(value: Any, kind: type) -> str:
    """Return what is told of a value that JSON does not know: mostly its type alone."""
    if kind in _WORDED:
        return _WORDED[kind](value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, BaseException):
        return brief(value)
    if issubclass(kind, Enum):
        return str(value._name_)
    if issubclass(kind, type):
        return type_name(value)
    return str(value) if value is None or kind is bool else f"[{type_name(kind)}]"
