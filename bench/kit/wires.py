"""What each kind of server is asked, and how its answer is read: every byte is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.kit.answers import Answer, timed
from bench.kit.connections import (
    Connection,
    HttpConnection,
    Recording,
    SocketConnection,
    message,
)
from bench.kit.frames import WrongAnswerError, frames

_decode = msgspec.json.Decoder(dict[str, Any]).decode
Frames = Sequence[tuple[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Wire:
    """A way to ask and to be answered.

    Attributes:
        connection: what a client holds.
        request: makes the bytes of a question from the user's message and the session, if any.
        read: checks a recorded answer of so many tokens, and times it.
    """

    connection: type[Connection]
    request: Callable[[str, str | None], bytes]
    read: Callable[[Recording, int], Answer]


def post(path: str, body: dict[str, Any]) -> bytes:
    """Return the bytes of a request."""
    data = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def get(path: str) -> bytes:
    """Return the bytes of a request."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()


def _ask(text: str, session: str | None) -> bytes:
    return post("/chat", {"message": text} | ({"session_id": session} if session else {}))


def _say(text: str, _session: str | None) -> bytes:
    return message(msgspec.json.encode({"type": "chat_message", "message": text}))


def _ask_model(text: str, _session: str | None) -> bytes:
    said = [{"role": "user", "content": text}]
    return post("/v1/chat/completions", {"model": "bench", "stream": True, "messages": said})


def _ask_model_responses(text: str, _session: str | None) -> bytes:
    return post("/v1/responses", {"model": "bench", "stream": True, "input": text})


def read_ours(recording: Recording, tokens: int) -> Answer:
    """Read our server's event stream.

    Raises:
        WrongAnswerError: when a frame is missing, doubled, out of order or of another run, or a
            byte of the text is not what the model said.
    """
    came: list[tuple[int, dict[str, Any]]] = []
    for when, raw in frames(recording):
        number, _, data = raw.partition(b"\ndata: ")
        if number != b"id: %d" % len(came):
            raise WrongAnswerError(f"frame {len(came)} is numbered {number.decode()}")
        came.append((when, _decode(data)))
    if [frame["is_final"] for _, frame in came] != [False] * (len(came) - 1) + [True]:
        raise WrongAnswerError("it goes on after its end, or has none")
    whole = [frame["text"] for _, frame in came if frame["type"] == "message.completed"]
    return _read_run(recording, came, ("run.completed", "text"), whole, tokens)


def _read_socket(recording: Recording, tokens: int) -> Answer:
    """Read our server's messages, as `read_ours` reads its frames."""
    came = [(when, _decode(raw)) for when, raw in recording.pieces]
    whole = [frame["content"] for _, frame in came if frame["type"] == "response_complete"]
    spoken = [(w, frame) for w, frame in came if frame["type"] == "response_chunk"]
    read = _read_run(recording, came, ("response_complete", "content"), whole, tokens)
    if read.frames != sum(1 for _, frame in spoken if frame["content"]):
        raise WrongAnswerError("there is text outside the chunks")
    return read


def _read_run(
    recording: Recording, came: Frames, end: tuple[str, str], whole: list[str], tokens: int
) -> Answer:
    """Check what both of our wires share: numbers, ids, the end, the text."""
    kind, field = end
    last = came[-1][1]
    if last["type"] != kind:
        raise WrongAnswerError(f"the run ended with {last['type']}: {last}")
    if [frame["sequence"] for _, frame in came] != list(range(len(came))):
        raise WrongAnswerError("a number is missing, doubled or out of order")
    if len({(frame["run_id"], frame["correlation_id"]) for _, frame in came}) != 1:
        raise WrongAnswerError("frames of another run are among its own")
    spoken = [(w, frame.get("content", "")) for w, frame in came if frame is not last]
    if field != "content":
        spoken.append((came[-1][0], last["content"]))
    spoken = [(when, text) for when, text in spoken if text]
    if {last[field], *whole} != {"".join(text for _, text in spoken)} or len(whole) != 1:
        raise WrongAnswerError("the frames do not join to the final text")
    return timed(recording, spoken, tokens)


def _read_deltas(recording: Recording, tokens: int) -> Answer:
    """Read the plain event stream of the baselines that use the SDK."""
    came = [(when, _decode(data)["delta"]) for when, data in _until_done(recording)]
    return timed(recording, [(when, text) for when, text in came if text], tokens)


def _read_completion(recording: Recording, tokens: int) -> Answer:
    """Read Chat Completions, as the model writes it."""
    spoken = [
        (when, choice["delta"]["content"])
        for when, data in _until_done(recording)
        for choice in _decode(data)["choices"]
        if choice["delta"].get("content")
    ]
    return timed(recording, spoken, tokens)


def _read_response(recording: Recording, tokens: int) -> Answer:
    """Read Responses, as the model writes it."""
    came = [(when, _decode(raw.partition(b"\ndata: ")[2])) for when, raw in frames(recording)]
    spoken = [(w, event["delta"]) for w, event in came if event["type"].endswith("text.delta")]
    last = came[-1][1]["response"]["output"][0]["content"][0]["text"]
    if last != "".join(text for _, text in spoken):
        raise WrongAnswerError("the events do not join to the final text")
    return timed(recording, spoken, tokens)


def _until_done(recording: Recording) -> Iterator[tuple[int, bytes]]:
    """Yield the data of each frame before the last one, which says that it is the last."""
    came = [(when, raw.removeprefix(b"data: ")) for when, raw in frames(recording)]
    if not came or came[-1][1] != b"[DONE]":
        raise WrongAnswerError("it has no end")
    yield from came[:-1]


OURS = Wire(HttpConnection, _ask, read_ours)
OURS_SOCKET = Wire(SocketConnection, _say, _read_socket)
DELTAS = Wire(HttpConnection, _ask, _read_deltas)
RELAYED = Wire(HttpConnection, _ask, _read_completion)
MODEL = Wire(HttpConnection, _ask_model, _read_completion)
MODEL_RESPONSES = Wire(HttpConnection, _ask_model_responses, _read_response)
