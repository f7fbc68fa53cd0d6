"""Transcripts of model servers: YAML that a person can read, and the bytes that it stands for.

A file in `transcripts/` holds one theme of one protocol, which its name begins with: `chat_…` or
`responses_…`, or of `both_…`. Each transcript has a name and

    gives: the text that the run comes to          or      fails: the code of its fault
    asks: 2           how many requests the server sees, where that is not one for each answer
    silence: 1        how long the client bears it, in seconds, where that is what it is about
    apart: code       the fault of the stock transport, where ours is better by intent
    schema: true      whether the model is asked for JSON of a shape
    answers: [...]    one for each request, the last of them for all further ones;
                      where there is but one answer, its fields stand beside `gives`

An answer has

    stream: [...]     server-sent events in the shorthand of `spelling.py`
    body: text        or any other body
    status, headers   200 and `text/event-stream`, or what is said here
    newline: "\\r\\n"   how lines of the stream end
    pieces: event     how the body is cut for writing: by event, whole, or by so many bytes
    torn: 1           how the whole response, head and framing and all, is cut instead
    framing: chunked  or close, or length
    head: half        how much there is of the response's head: whole, half or none
    ends: cut         in order; cut, reset or hang after what was written; or mid chunk
    encoding: latin-1 where letters are not UTF-8
    gzip: true        whether the body is compressed

An answer may be just `at last`: it says that. A long text is `{times: 9, of: "again "}`.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import RootModel

from assistant.documents import parse
from tests.engine.transport.spelling import AT_LAST, spell

FOLDER = Path(__file__).parent / "transcripts"
Protocol = Literal["chat", "responses"]
_ANSWER = {"stream", "body", "status", "headers", "newline", "pieces", "torn", "framing", "head"}
_ANSWER |= {"ends", "encoding", "gzip"}
_File = RootModel[dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One response of a server.

    Attributes:
        body: the parts that it is written in.
        torn: into how many bytes each the whole response is cut for writing; 0 for by part.
    """

    body: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    torn: int = 0
    framing: Literal["chunked", "close", "length"] = "chunked"
    head: Literal["whole", "half", "none"] = "whole"
    ends: Literal["in order", "cut", "reset", "hang", "mid chunk"] = "in order"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a server answers to the requests of one run, and what the run must come to.

    Attributes:
        gives: the run's text; None where it fails.
        fails: the code of its fault.
        apart: the code of the fault that the stock transport makes of it, where that is its own.
        asks: how many requests there are.
    """

    name: str
    protocol: Protocol
    answers: tuple[Answer, ...]
    gives: str | None
    fails: str | None
    asks: int
    silence: float = 50
    schema: bool = False
    apart: str | None = None


def themes() -> list[str]:
    """Return the names of all files."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(theme: str) -> list[Transcript]:
    """Return the transcripts of a file."""
    path = FOLDER / f"{theme}.yaml"
    raw = _unfolded(parse(path, path.read_text("utf-8"), _File).root)
    return [
        read(f"{protocol}: {name}", protocol, fields)
        for protocol in get_args(Protocol)
        if theme.startswith((protocol, "both"))
        for name, fields in raw.items()
    ]


def read(name: str, protocol: Protocol, fields: Mapping[str, Any]) -> Transcript:
    """Return one transcript of what the file says of it."""
    if ("gives" in fields) == ("fails" in fields):
        raise ValueError(f"{name}: say either what it gives or how it fails")
    own = {key: value for key, value in fields.items() if key not in _ANSWER | {"answers"}}
    given = fields.get("answers", [{key: fields[key] for key in _ANSWER if key in fields}])
    answers = tuple(_answer(protocol, one) for one in given)
    usual: dict[str, Any] = {"gives": None, "fails": None, "asks": len(answers)}
    return Transcript(name=name, protocol=protocol, answers=answers, **usual | own)


def _unfolded(value: Any) -> Any:
    match value:
        case {"times": int(times), "of": str(text)}:
            return times * text
        case dict():
            return {key: _unfolded(one) for key, one in value.items()}
        case list():
            return [_unfolded(one) for one in value]
        case _:
            return value


def _answer(protocol: Protocol, fields: Mapping[str, Any] | str) -> Answer:
    rest: dict[str, Any]
    rest = {"stream": AT_LAST[protocol]} if isinstance(fields, str) else dict(fields)
    pieces, newline = rest.pop("pieces", "event"), rest.pop("newline", "\n")
    stream, text = rest.pop("stream", None), rest.pop("body", "")
    events = [text] if stream is None else spell(protocol, stream)
    encoding = rest.pop("encoding", "utf-8")
    body = [event.replace("\n", newline).encode(encoding) for event in events]
    kind = "application/json" if stream is None else "text/event-stream; charset=utf-8"
    headers = {"content-type": kind} | rest.pop("headers", {})
    if rest.pop("gzip", False):
        body = [gzip.compress(b"".join(body))]
        headers["content-encoding"] = "gzip"
    return Answer(tuple(_cut(body, pieces)), headers=headers, **rest)


def _cut(events: Sequence[bytes], pieces: str | int) -> list[bytes]:
    if pieces == "event":
        return [event for event in events if event]
    whole = b"".join(events)
    return in_pieces(whole, len(whole) if pieces == "whole" else int(pieces))


def in_pieces(whole: bytes, size: int) -> list[bytes]:
    """Return the bytes in pieces of a size."""
    return [whole[at : at + size] for at in range(0, len(whole), max(size, 1))]
