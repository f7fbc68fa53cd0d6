"""A text that grows piece by piece."""

from __future__ import annotations

from typing_extensions import override

_PIECES = 32


class Text:
    """A text that grows by small pieces, kept in few strings.

    A piece is a word or less, and as a string of its own takes ten times the room of its letters.
    """

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Append a piece."""
        self._pieces.append(piece)
        if len(self._pieces) == _PIECES:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    @override
    def __str__(self) -> str:
        return "".join((*self._blocks, *self._pieces))
