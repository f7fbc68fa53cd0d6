"""What the upstream will answer: a plan, made from the transcript and its directives."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.upstream.directives import FAULTS, PARTS, Directive, Fault, as_int, fault, read

if TYPE_CHECKING:
    from tests.upstream.transcript import Transcript

_TOKEN = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True)
class Text:
    """A message, or the refusal to write one, in the deltas it is sent in."""

    deltas: tuple[str, ...]
    refusal: bool = False

    @property
    def whole(self) -> str:
        """The text as one."""
        return "".join(self.deltas)


@dataclass(frozen=True)
class Call:
    """A call of a function tool; `arguments` need not be valid JSON."""

    name: str
    arguments: str

    @property
    def deltas(self) -> tuple[str, ...]:
        """The arguments in the pieces they are streamed in."""
        return tuple(re.findall(r"(?s).{1,6}", self.arguments))


@dataclass(frozen=True)
class Wire:
    """How the bytes of a stream are laid out; `pace` is in seconds for each delta."""

    split: bool = False
    keepalive: bool = False
    crlf: bool = False
    pace: float = 0.0


@dataclass(frozen=True)
class Plan:
    """One answer.

    Attributes:
        parts: messages and tool calls, in order.
        finish: `stop`, `length` or `content_filter`.
        faults: what goes wrong, in the order it was asked for.
        wire: how a stream's bytes are laid out.
        input_tokens: what the usage report says of the input.
    """

    parts: tuple[Text | Call, ...]
    finish: str
    faults: tuple[Fault, ...]
    wire: Wire
    input_tokens: int

    @property
    def calls(self) -> list[Call]:
        """The tool calls among the parts."""
        return [part for part in self.parts if isinstance(part, Call)]

    @property
    def output_tokens(self) -> int:
        """Number of deltas in all parts."""
        return sum(len(part.deltas) for part in self.parts)


def make_plan(transcript: Transcript) -> Plan:
    """Decide what to answer.

    Raises:
        RequestError: when a directive makes no sense.
    """
    script = read(transcript.last_user)
    step = script.step(len(transcript.outputs))
    asked = tuple(_part(directive) for directive in step if directive.name in PARTS)
    parts, finish = _limited(asked or (_unasked(script.plain, transcript),), transcript.limit)
    wanted = [directive.value for directive in step if directive.name == "finish"]
    return Plan(
        parts=parts,
        finish=wanted[-1] if wanted else finish,
        faults=tuple(fault(directive) for directive in step if directive.name in FAULTS),
        wire=_wire(script.wire()),
        input_tokens=transcript.words,
    )


def _part(directive: Directive) -> Text | Call:
    if directive.name == "tool":
        return Call(directive.value, directive.arguments or "{}")
    if directive.name == "tokens":
        count = as_int("tokens", directive.value)
        return Text(tuple(f" w{n}" if n else "w0" for n in range(count)))
    return Text(_tokens(directive.value), refusal=directive.name == "refusal")


def _unasked(plain: str, transcript: Transcript) -> Text:
    if transcript.outputs:
        said = "; ".join(f"{name} said: {text}" for name, text in transcript.outputs)
        return Text(_tokens(said))
    return Text(_tokens(f"turn {transcript.turns}: {plain}"))


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


def _limited(
    parts: tuple[Text | Call, ...], limit: int | None
) -> tuple[tuple[Text | Call, ...], str]:
    """Cut the answer off where the request's token limit does."""
    room = limit
    for at, part in enumerate(parts):
        if room is None or isinstance(part, Call):
            continue
        if len(part.deltas) > room:
            return (*parts[:at], replace(part, deltas=part.deltas[:room])), "length"
        room -= len(part.deltas)
    return parts, "stop"


def _wire(asked: dict[str, str]) -> Wire:
    return Wire(
        split="split" in asked,
        keepalive="keepalive" in asked,
        crlf="crlf" in asked,
        pace=as_int("pace", asked.get("pace", "0")) / 1000,
    )
