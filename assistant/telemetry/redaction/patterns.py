"""RE2 at its cheapest: matches on bytes without groups, each in time linear to what it reads."""

from __future__ import annotations

from typing import Any

import re2  # type: ignore[import-untyped]  # it comes without types

# The binding's own match, below the drop-in for `re`: that one decodes positions and makes match
# objects, which would cost more than the search.
_ANCHOR = re2._re2.RE2.Anchor  # noqa: SLF001 - the binding has no public name for it
_ANYWHERE, _HERE = _ANCHOR.UNANCHORED, _ANCHOR.ANCHOR_START
_MEMORY = 32 << 20  # bytes for its automata; it forgets states beyond, and stays linear


class Pattern:
    """A compiled expression; all positions are bytes', as the text is ASCII the same as signs'."""

    __slots__ = ("_match",)

    def __init__(self, expression: str) -> None:
        options = re2.Options()
        options.never_capture = True
        options.max_mem = _MEMORY
        # A class of our own keeps the compiled one alive, past the module's cache of 128.
        compiled: Any = re2._Regexp(expression, options)  # noqa: SLF001 - past the cache
        self._match = compiled._regexp.Match  # noqa: SLF001 - see above

    def find(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """Return the first match within `start:end`, (-1, -1) where there is none."""
        found: tuple[int, int] = self._match(_ANYWHERE, data, start, end)[0]
        return found

    def end(self, data: bytes, start: int, end: int) -> int:
        """Return where a match ends that begins at `start`, -1 where none does."""
        if start > end:
            return -1
        found: tuple[int, int] = self._match(_HERE, data, start, end)[0]
        return found[1]


def escape(text: str) -> str:
    """Return the expression that matches just this text."""
    escaped: str = re2.escape(text)
    return escaped
