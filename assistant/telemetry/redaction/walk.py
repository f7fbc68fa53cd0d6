"""Where a walk through a value is: how deep, inside of what, and how much it may still do."""

from __future__ import annotations

_DEEPEST = 12
_MOST = 50_000  # values; a few that contain each other many times over are no reason to run long
_MARKS = 600
_ASKS = 24


class Walk:
    """One walk, from the outermost value inwards.

    Attributes:
        content: whether what people said stays.
        marks: how many more values may be taken out of texts; then a text that has any goes whole.
        asks: how many more times an expensive check may be made.
    """

    __slots__ = ("_inside", "_left", "asks", "content", "marks")

    def __init__(self, *, content: bool = False) -> None:
        self.content = content
        self._inside: list[int] = []
        self._left = _MOST
        self.marks = _MARKS
        self.asks = _ASKS

    def enter(self, value: object) -> bool:
        """Go into a value; False where it is too deep, within itself, or one too many."""
        self._left -= 1
        known = id(value) in self._inside
        if known or self._left < 0 or len(self._inside) >= _DEEPEST:
            return False
        self._inside.append(id(value))
        return True

    def leave(self) -> None:
        """Come out of the value that was entered last."""
        self._inside.pop()
