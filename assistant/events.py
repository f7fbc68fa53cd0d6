"""What a run can say: the closed union of events that make up its log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from typing_extensions import override


class Usage(msgspec.Struct, frozen=True):
    """Tokens that a run consumed, as counted by the model's provider."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    requests: int = 0


class Resource(msgspec.Struct, frozen=True):
    """A place to get help, for clients to show next to an answer."""

    name: str
    contact: str
    note: str = ""


class RunStarted(msgspec.Struct, frozen=True, tag_field="type", tag="run.started"):
    """The run was accepted (attempt 1), or taken over after a crash (2 and up).

    `text` is what stands of the answer from earlier attempts: from here on, exactly that has
    been said.
    """

    persona: str
    version: str
    model: str
    attempt: int
    text: str = ""


class RunQueued(msgspec.Struct, frozen=True, tag_field="type", tag="run.queued"):
    """The run waits; `ahead` is how many come before it, and is told again as it shrinks."""

    ahead: int


class AgentSwitched(msgspec.Struct, frozen=True, tag_field="type", tag="agent.switched"):
    """One persona handed the conversation to another."""

    from_agent: str = msgspec.field(name="from")
    to_agent: str = msgspec.field(name="to")


class MessageStarted(msgspec.Struct, frozen=True, tag_field="type", tag="message.started"):
    """A message opens; `index` counts the messages of the run from 0."""

    item_id: str
    index: int


class MessageDelta(msgspec.Struct, frozen=True, tag_field="type", tag="message.delta"):
    """Text to append to an open message; never empty."""

    item_id: str
    text: str


class MessageCompleted(msgspec.Struct, frozen=True, tag_field="type", tag="message.completed"):
    """A message closes; `text` is the whole of it."""

    item_id: str
    text: str


class MessageDiscarded(msgspec.Struct, frozen=True, tag_field="type", tag="message.discarded"):
    """A message that a crash made void; clients drop what they showed of it."""

    item_id: str


class ToolCalled(msgspec.Struct, frozen=True, tag_field="type", tag="tool.called"):
    """A tool begins; `arguments` only where the persona lets clients see them."""

    call_id: str
    name: str
    arguments: dict[str, Any] | None = None


class ToolReturned(msgspec.Struct, frozen=True, tag_field="type", tag="tool.returned"):
    """A tool call ended; `result` only where clients may see it.

    `outcome` is `ok`, `error`, `rejected` or `expired` (nobody said yes), or `uncertain`: a crash
    hid whether it took effect, and it is not repeated.
    """

    call_id: str
    name: str
    outcome: str
    duration_ms: int
    result: str | None = None


class ApprovalRequested(msgspec.Struct, frozen=True, tag_field="type", tag="approval.requested"):
    """A tool call waits for a human's yes.

    `by` is `user` or `role:<name>`. `arguments_hash` names exactly these arguments: a decision
    may carry it, and is then refused for any others.
    """

    call_id: str
    name: str
    summary: str
    arguments: dict[str, Any]
    arguments_hash: str
    by: str
    expires_at: datetime


class ApprovalResolved(msgspec.Struct, frozen=True, tag_field="type", tag="approval.resolved"):
    """The wait is over; `by` says who decided.

    `decision` is `approved`, `rejected`, `expired`, or `cancelled` where the run ended first.
    """

    call_id: str
    name: str
    decision: str
    by: str = ""
    reason: str = ""


class SafetyFlagged(msgspec.Struct, frozen=True, tag_field="type", tag="safety.flagged"):
    """The conversation shows a danger; clients show `message` and `resources` at once."""

    category: str
    severity: str
    message: str
    resources: list[Resource]


class RunCompleted(msgspec.Struct, frozen=True, tag_field="type", tag="run.completed"):
    """The answer is whole; `text` joins its messages with a blank line."""

    text: str
    usage: Usage


class RunFailed(msgspec.Struct, frozen=True, tag_field="type", tag="run.failed"):
    """The run ended without an answer; `message` says why in words for the user."""

    code: str
    message: str
    retryable: bool


class RunCancelled(msgspec.Struct, frozen=True, tag_field="type", tag="run.cancelled"):
    """Somebody stopped the run; what was written so far stays."""

    by: str


Terminal = RunCompleted | RunFailed | RunCancelled
Step = (
    RunStarted
    | RunQueued
    | AgentSwitched
    | MessageStarted
    | MessageCompleted
    | MessageDiscarded
    | ToolCalled
    | ToolReturned
    | ApprovalRequested
    | ApprovalResolved
    | SafetyFlagged
    | Terminal
)
"""Everything but text, of which there is most."""

Event = MessageDelta | Step

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class Entry(msgspec.Struct, eq=False):
    """One line of a run's log: the event and its sequence number, gapless from 0.

    Attributes:
        made: what wires have made of it, by wire; there are few, nearly always one.
    """

    sequence: int
    event: Event
    made: tuple[tuple[Encoder, bytes], ...] = ()

    @property
    def is_terminal(self) -> bool:
        """Whether this entry ends its log."""
        return isinstance(self.event, Terminal)

    def framed(self, run: Any, encode: Encoder) -> bytes:
        """Return what a wire makes of the entry; made once, however many follow the run."""
        for wire, data in self.made:
            if wire is encode:
                return data
        data = encode(run, self)
        self.made = (*self.made, (encode, data))
        return data

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self._known == other._known

    @override
    def __hash__(self) -> int:
        return hash(self._known)

    @property
    def _known(self) -> tuple[int, Event]:
        return self.sequence, self.event


Encoder = Callable[[Any, Entry], bytes]
"""A wire: makes bytes of an entry of a run's log."""


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON, `type` first."""
    return _encoder.encode(event)


def decode(raw: bytes) -> Event:
    """Return the event that `encode` wrote.

    Raises:
        msgspec.DecodeError: when the bytes are not an event of this version.
    """
    return _decoder.decode(raw)


def type_of(event: Event) -> str:
    """Return the name of an event on every wire, such as `message.delta`."""
    return str(event.__struct_config__.tag)
