"""Looks for signs of danger in a user's message, before any model sees it."""

from __future__ import annotations

import asyncio

from assistant.events import Resource, SafetyFlagged
from assistant.persona import Persona, SafetyRule, SignSet, compiled

_AT_ONCE = 1_000


async def find_danger(persona: Persona, text: str) -> SafetyRule | None:
    """Return the first of the persona's rules of which the text shows a sign."""
    if len(text) <= _AT_ONCE:
        return _find(persona, text)
    # A long message takes a tenth of a second; others are not to wait for it.
    return await asyncio.to_thread(_find, persona, text)


def _find(persona: Persona, text: str) -> SafetyRule | None:
    for rule in persona.file.safety:
        if any(_shows(persona.signs[name], text) for name in rule.watch):
            return rule
    return None


def _shows(kind: SignSet, text: str) -> bool:
    for pattern in kind.unless:
        text = compiled(pattern).sub(" ", text)
    return any(compiled(pattern).search(text) for pattern in kind.signs)


def flag(rule: SafetyRule) -> SafetyFlagged:
    """Return the event that tells clients what to show."""
    return SafetyFlagged(
        category=rule.category,
        severity=rule.severity,
        message=rule.message,
        resources=[Resource(r.name, r.contact, r.note) for r in rule.resources],
    )
