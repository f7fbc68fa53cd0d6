"""The small language in which a test tells the upstream what to do, and its reader."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

FAULTS = frozenset({"error", "cut", "stall", "hold", "nonsense", "echo", "errorevent"})
PARTS = frozenset({"say", "tokens", "tool", "refusal"})
WIRE = frozenset({"split", "keepalive", "crlf", "pace"})
# Said to somebody else: which step of a run its process does not survive (tests/chaos).
FOREIGN = frozenset({"crash"})
KNOWN = FAULTS | PARTS | WIRE | FOREIGN | {"finish", "then"}

_OPENING = re.compile(r"\[\[([a-z]+)(?::[ \t]*|(?=\]\]))")
_TOOL = re.compile(r"([\w.-]+)\s*")
_json = json.JSONDecoder()


class RequestError(Exception):
    """The request cannot be served; told to the client as a 400.

    Attributes:
        code: the machine-readable `code` of the error body, if there is one.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Directive:
    """One `[[name: value]]`; a tool's arguments are kept exactly as they were written."""

    name: str
    value: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on purpose.

    Attributes:
        kind: the directive's name, one of `FAULTS`.
        value: its first word, such as `503`, `head` or `html`.
        options: the words after it: `times=2`, or a bare word such as `clean`.
    """

    kind: str
    value: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def at(self) -> int | None:
        """Number of deltas after which it strikes; None when it strikes before the response."""
        if self.kind == "errorevent":
            return 1
        if self.kind in {"error", "nonsense", "echo"} or self.value == "head":
            return None
        return as_int(self.kind, self.value)


@dataclass(frozen=True)
class Script:
    """A message taken apart: its plain text, and its directives in steps parted by `[[then]]`."""

    plain: str
    steps: tuple[tuple[Directive, ...], ...]

    def step(self, answered: int) -> tuple[Directive, ...]:
        """Return the step to play once `answered` tool calls have their outputs."""
        for step in self.steps:
            calls = sum(directive.name == "tool" for directive in step)
            if not calls or answered < calls:
                return step
            answered -= calls
        return ()

    def wire(self) -> dict[str, str]:
        """Return the directives that shape the bytes; they hold for every step."""
        return {d.name: d.value for step in self.steps for d in step if d.name in WIRE}


def as_int(name: str, value: str) -> int:
    """Return the number that a directive needs.

    Raises:
        RequestError: when it is none.
    """
    if not value.isdecimal():
        message = f"[[{name}: …]] needs a number, not {value!r}"
        raise RequestError(message)
    return int(value)


def read(text: str) -> Script:
    """Take a user's message apart.

    Raises:
        RequestError: when a directive is unknown or not closed, so that no typo goes unseen.
    """
    plain: list[str] = []
    steps: list[list[Directive]] = [[]]
    at = 0
    while opening := _OPENING.search(text, at):
        plain.append(text[at : opening.start()])
        directive, at = _directive(text, opening)
        if directive.name == "then":
            steps.append([])
        else:
            steps[-1].append(directive)
    plain.append(text[at:])
    return Script(" ".join("".join(plain).split()), tuple(tuple(step) for step in steps))


def fault(directive: Directive) -> Fault:
    """Read a directive's value as a fault with its options."""
    first, *rest = directive.value.split() or [""]
    options = dict(word.partition("=")[::2] for word in rest)
    made = Fault(directive.name, first, options)
    _ = made.at  # a wrong number is told before anything is answered
    return made


def _directive(text: str, opening: re.Match[str]) -> tuple[Directive, int]:
    name = opening[1]
    if name not in KNOWN:
        message = f"unknown directive [[{name}]]"
        raise RequestError(message)
    tool = _TOOL.match(text, opening.end()) if name == "tool" else None
    if name == "tool" and tool is None:
        message = "[[tool: …]] needs the name of a tool"
        raise RequestError(message)
    begin = tool.end() if tool else opening.end()
    end = text.find("]]", _end_of_json(text, begin) if tool else begin)
    if end < 0:
        message = f"directive [[{name} is not closed by ]]"
        raise RequestError(message)
    inner = text[begin:end].strip()
    return (Directive(name, tool[1], inner) if tool else Directive(name, inner)), end + 2


def _end_of_json(text: str, begin: int) -> int:
    """Return where the JSON value ends, so that it may hold `]]`; what is no JSON is length 0."""
    try:
        decoded: tuple[Any, int] = _json.raw_decode(text, begin)
    except json.JSONDecodeError:
        return begin
    return decoded[1]
