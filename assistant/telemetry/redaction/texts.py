"""Takes out of a text what the finders marked in it."""

from __future__ import annotations

from collections import Counter

from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.policy import Policy
from assistant.telemetry.redaction.scan import Scanner
from assistant.telemetry.redaction.walk import Walk

_SHORTEST = 4  # signs of the shortest text that is looked at
_LONGEST_ID = 64
_KEPT = 2_048  # short texts in which nothing was found, such as names of events
_TIMES = 4  # readings of a text at most; the second finds nothing as a rule
_TIME_SIGNS = "0123456789-:.+TZ"
# Line ends that JSON leaves as they are.
_LINE_ENDS = dict.fromkeys((0x85, 0x2028, 0x2029), "\n")


class Texts:
    """Cleans texts, and counts by kind what it took out of them."""

    def __init__(self, policy: Policy, scanner: Scanner, counts: Counter[str]) -> None:
        self._scanner = scanner
        self._counts = counts
        self._masks: dict[str, str] = policy.masks.model_dump()
        self._shown = tuple(self._masks.values())
        self._allowed = frozenset(policy.allow.values)
        self._own = tuple(f"{prefix}_" for prefix in policy.allow.identifiers)
        self._quiet: set[str] = set()

    def clean(self, text: str, walk: Walk) -> str:
        """Return a text without what was found in it; at most 24 times as long."""
        if len(text) < _SHORTEST or self._stays(text):
            return text
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode().translate(_LINE_ENDS)
        for _ in range(_TIMES):
            page = Page(text, walk, self._shown)
            self._scanner.read(page)
            if not page.found:
                self._remember(text)
                break
            # Without one value, another may show that was glued to it or lay in its shade.
            text = self._without(text, page.marks)
            walk.marks -= len(page.found)
            if page.gave_up or page.is_plain:
                break
        return text

    def _stays(self, text: str) -> bool:
        if len(text) > _LONGEST_ID:
            return False
        if text in self._quiet:
            return True
        if text.startswith(self._own):
            return text.replace("_", "").isalnum()
        # A time in ISO 8601.
        return text[10:11] == "T" and text[4] == "-" and not text.strip(_TIME_SIGNS)

    def _remember(self, text: str) -> None:
        """Note that there is nothing to find in a text, which is most often said again."""
        if len(text) <= _LONGEST_ID:
            if len(self._quiet) >= _KEPT:
                self._quiet.clear()
            self._quiet.add(text)

    def _without(self, text: str, marks: list[tuple[int, int, str]]) -> str:
        parts: list[str] = []
        at = 0
        for start, end, kind in marks:
            found = text[start:end]
            if found not in self._allowed:
                parts += (text[at:start], self._masks[kind])
                self._counts[kind] += 1
                at = end
        parts.append(text[at:])
        return "".join(parts)
