"""A model server on a socket that answers with transcripts, byte for byte."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.engine.transport.listening import listening
from tests.engine.transport.transcript import Answer, in_pieces

_MISSING = 100  # bytes that a frame announces, and that never come
_HALF = 40


@dataclass(slots=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Player:
    """Answers the requests of each correlation id with its answers in turn, the last for ever.

    Attributes:
        answers: what is answered to whom.
        asked: what each has asked, since its answers were last wound back.
    """

    url: str = ""
    answers: dict[str, Sequence[Answer]] = field(default_factory=dict)
    asked: dict[str, list[Request]] = field(default_factory=dict)

    def rewind(self, who: str) -> list[Request]:
        """Begin again with the first answer; return what was asked so far."""
        return self.asked.pop(who, [])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    answer = self._next(await _asked(reader))
                    await _write(writer, _wire(answer))
                    if answer.ends == "hang":
                        await reader.read()
                    if answer.ends == "reset":
                        _reset(writer)
                    if answer.ends != "in order" or answer.framing == "close":
                        return
        finally:
            writer.close()

    def _next(self, request: Request) -> Answer:
        who = request.headers["x-correlation-id"]
        asked, answers = self.asked.setdefault(who, []), self.answers[who]
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]


@asynccontextmanager
async def playing() -> AsyncIterator[Player]:
    """Serve while the context lasts."""
    player = Player()
    async with listening(player.serve) as player.url:
        yield player


async def _asked(reader: asyncio.StreamReader) -> Request:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ")
    pairs = (line.split(": ", 1) for line in lines[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(body or b"null"))


async def _write(writer: asyncio.StreamWriter, parts: Sequence[bytes]) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()
        # The reader, on this very loop, takes up each part by itself.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _wire(answer: Answer) -> list[bytes]:
    if answer.head == "none":
        return []
    head = _head(answer)
    if answer.head == "half":
        return [head[:_HALF]]
    parts = [head, *_framed(answer)]
    return in_pieces(b"".join(parts), answer.torn) if answer.torn else parts


def _head(answer: Answer) -> bytes:
    headers = dict(answer.headers)
    if answer.framing == "chunked":
        headers["transfer-encoding"] = "chunked"
    elif answer.framing == "length":
        missing = 0 if answer.ends == "in order" else _MISSING
        headers["content-length"] = str(sum(map(len, answer.body)) + missing)
    else:
        headers["connection"] = "close"
    lines = [f"HTTP/1.1 {answer.status} As Recorded"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _framed(answer: Answer) -> list[bytes]:
    if answer.framing != "chunked":
        return list(answer.body)
    frames = [b"%x\r\n%s\r\n" % (len(part), part) for part in answer.body]
    if answer.ends == "in order":
        return [*frames, b"0\r\n\r\n"]
    if answer.ends == "mid chunk":
        last = answer.body[-1]
        return [*frames[:-1], b"%x\r\n%s" % (len(last) + _MISSING, last)]
    return frames


def _reset(writer: asyncio.StreamWriter) -> None:
    # A socket that lingers for no time says goodbye with a reset.
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
