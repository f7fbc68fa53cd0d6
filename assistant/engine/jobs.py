"""What the engine is given to do, and what it writes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assistant.events import Event
from assistant.models import Turn
from assistant.persona import Persona


@dataclass(frozen=True, slots=True)
class Job:
    """One answer to make.

    Attributes:
        history: earlier turns as input items of the SDK, oldest first.
        disclosed: whether the persona has said in this session what it is.
        others: all personas by name, for hand-overs.
        model: name of the model to ask.
    """

    run_id: str
    correlation_id: str
    persona: Persona
    turn: Turn
    model: str
    history: Sequence[dict[str, Any]] = ()
    disclosed: bool = False
    others: Mapping[str, Persona] = field(default_factory=dict)


@dataclass(slots=True)
class RunContext:
    """What tools are handed besides their arguments; the model never sees it.

    Attributes:
        failed_calls: call ids, as the model knows them, of tools that raised.
    """

    run_id: str
    correlation_id: str
    user_id: str | None
    page_context: Mapping[str, Any]
    failed_calls: set[str] = field(default_factory=set)


class Sink(Protocol):
    """Where a run's events go."""

    def emit(self, event: Event) -> None:
        """Take an event; never waits."""

    async def room(self) -> None:
        """Wait while too many events are on their way."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold for every run.

    Attributes:
        silence: seconds the model may stay silent, before its first token or between two.
        max_tokens: bound for an answer where neither persona nor request sets a lower one.
        retries: how often a model call is repeated that failed before its first token.
    """

    silence: float = 30
    max_tokens: int = 2000
    retries: int = 2
