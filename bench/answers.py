"""What our server is asked and what it must answer: every recorded byte is read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from bench.load import Recording

_TOKEN = re.compile(r"(\d+)@(\d+) ")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class WrongAnswerError(Exception):
    """An answer is not what it must be; says where."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer; all times in seconds.

    Attributes:
        first: from the request to its first token.
        whole: from the request to its end.
        delays: of each token, from when the model wrote it to when the client had it.
        frames: how many frames the tokens came in.
        span: when it was asked for and when it ended, on the monotonic clock.
    """

    first: float
    whole: float
    delays: Sequence[float]
    frames: int
    span: tuple[float, float]


def chat_request(message: str) -> bytes:
    """Return the bytes of `POST /chat` over SSE."""
    body = msgspec.json.encode({"message": message})
    head = (
        "POST /chat HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_answer(recording: Recording, tokens: int) -> Answer:
    """Return what was recorded, having checked all of it.

    Raises:
        WrongAnswerError: when a frame is missing, doubled, out of order or of another run, or a
            byte of the text is not what the model said.
    """
    came = _numbered(recording)
    _check_shape([frame for _, frame in came])
    stamps = iter(_stamps(came[-1][1]["text"], tokens))
    spoken = [(when, frame["content"]) for when, frame in came if frame["content"]]
    delays = [
        (when - next(stamps)) / 1e9 for when, content in spoken for _ in _TOKEN.findall(content)
    ]
    if len(delays) != tokens:
        raise WrongAnswerError(f"{tokens - len(delays)} tokens came in pieces")
    begun, ended = recording.begun, came[-1][0]
    return Answer(
        first=(spoken[0][0] - begun) / 1e9,
        whole=(ended - begun) / 1e9,
        delays=delays,
        frames=len(spoken),
        span=(begun / 1e9, ended / 1e9),
    )


def _numbered(recording: Recording) -> list[tuple[int, dict[str, Any]]]:
    """Return the frames, each with its time, having checked their numbers."""
    came: list[tuple[int, dict[str, Any]]] = []
    for when, raw in frames(recording):
        number, _, data = raw.partition(b"\ndata: ")
        frame = _decode(data)
        if number != b"id: %d" % len(came) or frame["sequence"] != len(came):
            raise WrongAnswerError(f"frame {len(came)} is numbered {number.decode()}")
        came.append((when, frame))
    return came


def frames(recording: Recording) -> Iterator[tuple[int, bytes]]:
    """Yield each frame of a chunked event stream with the time at which it was whole.

    Raises:
        WrongAnswerError: when bytes are left over.
    """
    raw, payload, headed = b"", b"", False
    for when, piece in recording.pieces:
        raw += piece
        if not headed:
            _, end, rest = raw.partition(b"\r\n\r\n")
            headed, raw = bool(end), rest if end else raw
        while headed and (chunk := _chunk(raw)) is not None:
            payload, raw = payload + chunk[0], chunk[1]
        *whole, payload = payload.split(b"\n\n")
        for frame in whole:
            if not frame.startswith(b":"):
                yield when, frame
    if raw or payload:
        raise WrongAnswerError(f"{len(raw) + len(payload)} bytes are left over")


def _chunk(raw: bytes) -> tuple[bytes, bytes] | None:
    """Return the first chunk's data and what follows it; None where it is not whole."""
    line, end, rest = raw.partition(b"\r\n")
    if not end:
        return None
    size = int(line, 16)
    if len(rest) < size + 2:
        return None
    if rest[size : size + 2] != b"\r\n":
        raise WrongAnswerError("a chunk is longer than it says")
    return rest[:size], rest[size + 2 :]


def _check_shape(came: Sequence[dict[str, Any]]) -> None:
    last = came[-1]
    if last["type"] != "run.completed":
        raise WrongAnswerError(f"the run ended with {last['type']}: {last.get('detail')}")
    if [frame["is_final"] for frame in came] != [False] * (len(came) - 1) + [True]:
        raise WrongAnswerError("it goes on after its end")
    if {(frame["run_id"], frame["correlation_id"]) for frame in came} != {
        (last["run_id"], last["correlation_id"])
    }:
        raise WrongAnswerError("frames of another run are among its own")
    joined = "".join(frame["content"] for frame in came)
    completed = [frame["text"] for frame in came if frame["type"] == "message.completed"]
    if joined != last["text"] or completed != [joined]:
        raise WrongAnswerError("the frames do not join to the final text")


def _stamps(text: str, tokens: int) -> list[int]:
    """Return when the model wrote each token, having checked that these are all and no more."""
    found = [(int(number), int(stamp)) for number, stamp in _TOKEN.findall(text)]
    if [number for number, _ in found] != list(range(tokens)):
        raise WrongAnswerError(f"{len(found)} tokens came of {tokens}, or in another order")
    if "".join(f"{number}@{stamp} " for number, stamp in found) != text:
        raise WrongAnswerError("there is something between the tokens")
    stamps = [stamp for _, stamp in found]
    if any(later < earlier for earlier, later in pairwise(stamps)):
        raise WrongAnswerError("a stamp was changed")
    return stamps
