"""What the engine is given to do, and what it writes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from assistant.events import Event
from assistant.models import Approval, Principal, Turn
from assistant.persona import Persona
from assistant.tool import Tool
from assistant.tracing import Carrier


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a run is, after a completed step: enough to go on in any process.

    Attributes:
        state: the SDK's run state, as JSON.
        added: what the run has added to the conversation, as items of the SDK.
        said: its messages so far.
        calls: tool calls that are open: the model's id to ours and the tool's name.
        speaker: the persona that has the word.
        preface: words to come before whatever is said next.
        sequence: the last entry of the log that it covers.
        trace: where in the run's trace the attempt stands that made it.
    """

    state: str
    added: list[dict[str, Any]]
    said: list[str]
    calls: dict[str, tuple[str, str]]
    speaker: str
    preface: str = ""
    sequence: int = -1
    trace: Carrier = msgspec.field(default_factory=dict)


class Effect(msgspec.Struct, frozen=True):
    """One line of the ledger of effects: what is known of an effectful call.

    `outcome` is `intent` while it is made, then as in `tool.returned`; `output` is what the model
    was told.
    """

    name: str
    outcome: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One answer to make.

    Attributes:
        history: earlier turns as input items of the SDK, oldest first.
        disclosed: whether the persona has said in this session what it is.
        others: the personas that play in the run by name, for hand-overs.
        model: name of the model to ask.
        checkpoint: where to go on; None to begin.
        decisions: what humans decided, by our call id.
        told: calls, by our id, whose return is in the log though the checkpoint has them open.
    """

    run_id: str
    correlation_id: str
    principal: Principal
    persona: Persona
    turn: Turn
    model: str
    session_id: str | None = None
    history: Sequence[dict[str, Any]] = ()
    disclosed: bool = False
    others: Mapping[str, Persona] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    decisions: Mapping[str, Approval] = field(default_factory=dict)
    told: frozenset[str] = frozenset()


class Invoker(Protocol):
    """Makes the calls of one run's tools."""

    async def invoke(self, tool: Tool[Any], context: Any, arguments: str) -> str:
        """Make a call, with the SDK's context of it, and return what the model is told."""


@dataclass(slots=True)
class RunContext:
    """What tools are handed besides their arguments; the model never sees it.

    Attributes:
        toolbox: makes the run's tool calls.
        outcomes: how tool calls ended that did not end well, by the model's call id.
    """

    job: Job
    toolbox: Invoker
    outcomes: dict[str, str] = field(default_factory=dict)


class Sink(Protocol):
    """Where a run's events go."""

    @property
    def is_full(self) -> bool:
        """Whether `room` would wait."""

    def emit(self, event: Event) -> None:
        """Take an event; never waits."""

    async def room(self) -> None:
        """Wait while too many events are on their way."""


class Voice(Protocol):
    """The short way of a model's text to its listeners, past the runner's queue."""

    @property
    def is_full(self) -> bool:
        """Whether `room` would wait."""

    def say(self, text: str, item: str) -> None:
        """Append text to the message that goes by the model's name `item`; never waits."""

    def alive(self) -> None:
        """Note that the model is at work, though it says nothing."""

    async def heard(self, event: object) -> None:
        """Wait until an event that went the long way, through the runner, was listened to."""

    async def room(self) -> None:
        """Wait while too much of what was said is on its way."""


class Record(Sink, Protocol):
    """Where a run's events and its progress become durable.

    Every method raises `LeaseLostError` once another worker has taken the run over.
    """

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Return when all events so far, and then the checkpoint, are durable."""

    async def intend(self, key: str, name: str) -> Effect | None:
        """Write down that a call is about to be made.

        Returns what is known of it where an earlier attempt has written it down before.
        """

    async def conclude(self, key: str, effect: Effect) -> None:
        """Write down how a call ended."""


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
