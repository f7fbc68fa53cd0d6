"""Clients' connections that keep what comes, and when: chunked HTTP, and WebSocket."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

from typing_extensions import override

_LONGEST_SECONDS = 90
_BODY_END = b"\r\n0\r\n\r\n"
_TEXT, _CLOSE, _PING = 0x1, 0x8, 0x9
_NO_MASK = bytes(4)
_RUN_ID = b"X-Run-ID: "


@dataclass(slots=True)
class Recording:
    """One answer as it came.

    Attributes:
        begun: when it was asked for.
        pieces: what came, and when: what each read gave, or each message of a WebSocket.
    """

    begun: int
    pieces: list[tuple[int, bytes]] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """A connection of a client that asks one thing at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._recording = Recording(0)
        self._ended: asyncio.Future[None] | None = None
        self._began = asyncio.Event()

    async def prepare(self) -> None:
        """Do what has to come before the first question."""

    async def ask(self, request: bytes) -> Recording:
        """Send a request and return its answer once it is whole.

        Raises:
            ConnectionError: the server hung up, or refused.
        """
        recording = self.begin(request)
        await self.ended()
        return recording

    def begin(self, request: bytes) -> Recording:
        """Send a request and return where its answer is going to be kept, as it comes."""
        assert self._transport is not None
        self._ended = asyncio.get_running_loop().create_future()
        self._began.clear()
        self._recording = Recording(time.monotonic_ns())
        self._transport.write(request)
        return self._recording

    async def began(self) -> Recording:
        """Wait until the first of the answer is there; returns what there is.

        Raises:
            ConnectionError: the server hung up, or refused.
        """
        await self._began.wait()
        if self._ended is not None and self._ended.done():
            await self._ended
        return self._recording

    async def ended(self) -> None:
        """Wait until the answer is whole.

        Raises:
            ConnectionError: the server hung up, or refused.
        """
        assert self._ended is not None
        async with asyncio.timeout(_LONGEST_SECONDS):
            await self._ended

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no such class

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server hung up: {exc}")

    def close(self) -> None:
        """Hang up."""
        self._ended = None
        if self._transport is not None:
            self._transport.abort()

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, why: str) -> None:
        self._began.set()
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(ConnectionError(why))


class HttpConnection(Connection):
    """Takes chunked responses, and is kept alive between them."""

    @override
    def data_received(self, data: bytes) -> None:
        pieces = self._recording.pieces
        pieces.append((time.monotonic_ns(), data))
        if len(pieces) == 1:
            if not data.startswith(b"HTTP/1.1 200"):
                self._fail(data[:500].decode(errors="replace"))
            self._began.set()
        if len(data) < len(_BODY_END):  # the end may have come in two
            data = b"".join(piece for _, piece in pieces[-len(_BODY_END) :])
        if data.endswith(_BODY_END):
            self._end()


class SocketConnection(Connection):
    """A WebSocket of a session of its own; an answer ends with the message that says so.

    https://www.rfc-editor.org/rfc/rfc6455. What it sends is masked with zeros, which leave it as
    it is; what comes is kept message by message.
    """

    def __init__(self) -> None:
        super().__init__()
        self._raw = b""
        self._open = False

    @override
    async def prepare(self) -> None:
        head = (
            f"GET /ws/bench-{uuid4().hex} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await self.ask(head.encode())

    @override
    def data_received(self, data: bytes) -> None:
        self._raw += data
        if not self._open:
            head, end, self._raw = self._raw.partition(b"\r\n\r\n")
            if not end:
                self._raw = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail(head.decode(errors="replace"))
            self._open = True
            self._end()
        self._take(time.monotonic_ns())

    def _take(self, when: int) -> None:
        """Take the messages that are whole."""
        raw, at = self._raw, 0
        while len(raw) >= at + 2:
            size, begin = raw[at + 1] & 0x7F, at + 2
            if size >= 126:  # noqa: PLR2004 - the length follows, in two bytes or in eight
                begin += 2 if size == 126 else 8  # noqa: PLR2004
                size = int.from_bytes(raw[at + 2 : begin])
            if len(raw) < begin + size:
                break
            self._hear(when, raw[at] & 0x0F, raw[begin : begin + size])
            at = begin + size
        self._raw = raw[at:]

    def _hear(self, when: int, kind: int, payload: bytes) -> None:
        if kind == _TEXT:
            self._recording.pieces.append((when, payload))
            if b'"type":"response_complete"' in payload or b'"type":"error"' in payload:
                self._end()
        elif kind == _PING and self._transport is not None:
            self._transport.write(message(payload, 0xA))
        elif kind == _CLOSE:
            self._fail(f"the server closed the socket: {payload!r}")


def message(payload: bytes, kind: int = _TEXT) -> bytes:
    """Return a WebSocket message of a client."""
    size = len(payload)
    short = size < 126  # noqa: PLR2004 - what fits into the second byte
    length = bytes([0x80 | size]) if short else bytes([0xFE]) + size.to_bytes(2)
    return bytes([0x80 | kind]) + length + _NO_MASK + payload


def run_id(recording: Recording) -> str:
    """Return which run a response of our server tells of; its head says so."""
    head = recording.pieces[0][1]
    begin = head.index(_RUN_ID) + len(_RUN_ID)
    return head[begin : head.index(b"\r\n", begin)].decode()
