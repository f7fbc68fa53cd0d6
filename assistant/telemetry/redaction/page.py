"""A text under search: its ASCII shadow, what was found in it, and how it reads without that."""

from __future__ import annotations

from assistant.telemetry.redaction.folding import fold
from assistant.telemetry.redaction.walk import Walk

_WITH_ITS_WORD = 1  # place: the word and its value are one, as is a key of a known form
_DIVIDERS = " \t\r\n\"'=,;()<>|`&:"


class Page:
    """One text and the marks that the finders put on it.

    Attributes:
        text: the ASCII shadow that finders read; all positions are its own.
        data: the same as bytes.
        size: its length.
        gave_up: whether there was too much on it to be read.
        floor: where the last mark ends; no finder looks back beyond.
        places: how many there were that a finder was asked about.
        reserved: what is to be marked once the search has come to it, as something else may lie
            before it.
        cookies: up to where cookies were read.
        until: by kind, up to where a word that was read makes such a value likely.
        walk: the walk that came by this text.
    """

    __slots__ = (
        "_masks",
        "_places",
        "cookies",
        "data",
        "floor",
        "found",
        "gave_up",
        "places",
        "reserved",
        "size",
        "text",
        "until",
        "walk",
    )

    def __init__(self, raw: str, walk: Walk, masks: tuple[str, ...] = ()) -> None:
        self._masks = masks
        self.text, self._places = fold(raw)
        self.data = self.text.encode()
        self.size = len(self.data)
        self.floor = 0
        self.cookies = 0
        self.gave_up = False
        self.places = 0
        self.until: dict[str, int] = {}
        self.walk = walk
        self.found: list[tuple[int, int, str]] = []
        self.reserved: list[tuple[int, int, str]] = []

    def mark(self, start: int, end: int, kind: str) -> int:
        """Mark `start:end` as a value of this kind; return where to read on."""
        start = max(start, self.floor)
        if start < end:
            self.found.append((start, end, kind))
            self.floor = end
            # What a word announced is here; what follows was announced by nothing.
            self.until.clear()
        return self.floor

    def reserve(self, start: int, end: int, kind: str) -> None:
        """Mark `start:end` later: what lies between here and there is still to be read."""
        if start < end:
            self.reserved.append((start, end, kind))

    def settle(self, at: int) -> int:
        """Mark what was reserved up to `at`; return where to read on."""
        due = sorted(place for place in self.reserved if place[0] <= at)
        self.reserved = [place for place in self.reserved if place[0] > at]
        for start, end, kind in due:
            self.mark(start, end, kind)
        return self.floor

    def give_up(self, at: int) -> None:
        """Mark all from `at` on as unchecked, whatever was found there."""
        self.found = [place for place in self.found if place[1] <= at]
        self.floor = self.found[-1][1] if self.found else 0
        self.reserved.clear()
        self.gave_up = True
        self.mark(at, self.size, "unchecked")

    def before(self, end: int, most: int = 64) -> str:
        """Return up to `most` signs before `end` that no mark covers."""
        return self.text[max(self.floor, end - most) : end]

    def expects(self, kind: str, at: int) -> bool:
        """Return whether a word shortly before `at` makes a value of this kind likely."""
        return self.until.get(kind, -1) >= at

    def is_hidden(self, at: int) -> bool:
        """Return whether a mask stands at `at`, so that there is nothing to take out any more."""
        return self.text.startswith(self._masks, at)

    @property
    def is_plain(self) -> bool:
        """Whether all places there were became one mark, so that no other may show without it."""
        if len(self.found) != 1 or self.cookies or self.places > _WITH_ITS_WORD:
            return False
        start, end, _ = self.found[0]
        around = self.text[max(0, start - 1) : start] + self.text[end : end + 1]
        return not around.strip(_DIVIDERS)

    @property
    def marks(self) -> list[tuple[int, int, str]]:
        """What was marked, from left to right: start, end and kind, as places of the text given."""
        if self._places is None:
            return self.found
        return [(self._places[s], self._places[e - 1] + 1, kind) for s, e, kind in self.found]
