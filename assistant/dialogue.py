"""What a conversation without a language model is made of: what was, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """What the user said."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Used:
    """A tool that was used, and what it told."""

    tool: str
    arguments: Mapping[str, Any]
    output: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that is known when something has to be said.

    Attributes:
        entries: what happened so far, oldest first, earlier runs included.
        tools: names of the tools that can be used, which depends on whose conversation it is.
        now: the current time, aware and in UTC.
        page: what the user's page says of itself; never more than a hint.
    """

    entries: tuple[Heard | Said | Used, ...]
    tools: frozenset[str]
    now: datetime
    page: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with a text."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """Use a tool first, and then be asked again."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Dialogue = Callable[[Conversation], Say | Use | None]
"""Says what comes next, or None where it has nothing to say.

It keeps nothing of its own: the same conversation gets the same answer, in any process.
"""
