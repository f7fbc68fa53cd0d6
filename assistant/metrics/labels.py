"""Labels whose values are bounded: a name that nobody knows is `other`, whoever made it up."""

from __future__ import annotations

from collections.abc import Iterable

OTHER = "other"
UNKNOWN = "_OTHER"
"""What the conventions say instead of `other`."""


class Label:
    """One label of an instrument: how we call it, its key, and every value that it can have.

    Attributes:
        word: the name of the argument that recordings give its value by.
        most: how many values there are at most, the one for all others not counted.
    """

    def __init__(
        self,
        word: str,
        key: str = "",
        *,
        values: Iterable[str] = (),
        most: int = 0,
        other: str = OTHER,
    ) -> None:
        self.word = word
        self.key = key or word
        self.other = other
        self._values = {value: value for value in values}
        self.most = most or len(self._values)
        self.is_closed = not most

    @property
    def values(self) -> tuple[str, ...]:
        """The values that are known now."""
        return tuple(self._values)

    def admit(self, names: Iterable[str]) -> None:
        """Make names known that this deployment has; past the bound they stay `other`."""
        for name in names:
            if len(self._values) < self.most:
                self._values.setdefault(name, name)

    def bounded(self, value: str) -> str:
        """Return the value, if it is known, else the one that stands for all others."""
        return self._values.get(value, self.other)


def closed(word: str, *values: str, key: str = "", other: str = OTHER) -> Label:
    """Return a label that has these values only."""
    return Label(word, key, values=values, other=other)


def named(word: str, most: int, *values: str, key: str = "", other: str = OTHER) -> Label:
    """Return a label whose values are made known at run time, up to so many."""
    return Label(word, key, values=values, most=most, other=other)
