"""Looks for signs of danger in a user's message, before any model sees it."""

from __future__ import annotations

import re
from functools import lru_cache

from assistant.events import Resource, SafetyFlagged
from assistant.persona import Persona, SafetyRule


def find_danger(persona: Persona, text: str) -> SafetyRule | None:
    """Return the first of the persona's rules of which the text shows a sign."""
    for rule in persona.file.safety:
        rest = text
        for pattern in rule.unless:
            rest = _compiled(pattern).sub(" ", rest)
        if any(_compiled(pattern).search(rest) for pattern in rule.signs):
            return rule
    return None


def flag(rule: SafetyRule) -> SafetyFlagged:
    """Return the event that tells clients what to show."""
    return SafetyFlagged(
        category=rule.category,
        severity=rule.severity,
        message=rule.message,
        resources=[Resource(r.name, r.contact, r.note) for r in rule.resources],
    )


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
