"""A model that costs next to nothing: OpenAI's two protocols, streamed, each token timed.

The last message of a request says what to send, so that any server under test passes it on:
`tokens=200 pace=0.02 after=0`. Token 17 is the text `17@<microseconds> `: its number from 0, and
the monotonic clock, which all processes of a machine share, when it was handed to the kernel.

HTTP is spoken by hand, with all bytes but the stamps made beforehand: this process must be several
times faster than any server that it feeds, and leave room on its core for store and load generator.
"""

from __future__ import annotations

import asyncio
import gc
import re
import signal
import sys
import time
from types import ModuleType
from typing import cast

import uvloop
from typing_extensions import override

from bench.upstream import chat, responses
from bench.upstream.clock import Clock
from bench.upstream.wish import Wish, stamp, stamped, tokens

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_AT_ONCE = 20  # tokens in a write, where there is no pace


class _Connection(asyncio.Protocol):
    """One connection of the server under test; kept alive, one request at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._answer: _Answer | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no such class

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._answer.stop()

    @override
    def pause_writing(self) -> None:
        if self._answer is not None:
            self._answer.paused = True

    @override
    def resume_writing(self) -> None:
        if self._answer is not None:
            self._answer.resume()

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or self._transport is None or (length and len(body) < int(length[1])):
            return
        self._received = b""
        wish = Wish.of(body)
        if wish is None:
            self._transport.write(_REFUSED)
            self._transport.close()
            return
        form = responses if b"/responses " in head[: head.index(b"\r\n")] else chat
        self._answer = _Answer(self._transport, self._clock, form, wish, body)
        self._answer.begin()


class _Answer:
    """One answer on its way: as fast as it is taken, or token by token on a clock."""

    def __init__(
        self, transport: asyncio.Transport, clock: Clock, form: ModuleType, wish: Wish, body: bytes
    ) -> None:
        self.paused = False
        self._transport = transport
        self._clock = clock
        self._form = form
        self._wish = wish
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._next = 0
        self._said: list[bytes] = []
        self._begun = time.monotonic() + wish.after
        self._stopped = False

    def begin(self) -> None:
        """Send what comes before the first token, and that one when it is due."""
        self._transport.write(_HEAD + self._form.opening())
        step = self._tick if self._wish.pace else self._hurry
        if self._wish.after:
            self._clock.call_at(self._begun, step)
        else:
            step(self._begun)

    def stop(self) -> None:
        """Say no more: nobody hears it."""
        self._stopped = True

    def resume(self) -> None:
        """Go on: what was sent has been taken."""
        self.paused = False
        if not self._wish.pace and self._next:
            self._loop.call_soon(self._hurry)

    def _hurry(self, _now: float = 0.0) -> None:
        """Send the next few tokens; others have their turn between."""
        if self.paused or self._stopped:
            return
        self._say(min(self._next + _AT_ONCE, self._wish.tokens))
        if self._next < self._wish.tokens:
            self._loop.call_soon(self._hurry)
        else:
            self._end()

    def _tick(self, now: float) -> None:
        """Send the tokens that are due: a late one does not push the next ones back."""
        if self._stopped:
            return
        due = int((now - self._begun) / self._wish.pace + 1e-6) + 1
        if self._next < (end := min(due, self._wish.tokens)):
            self._say(end)
        if self._next < self._wish.tokens:
            self._clock.call_at(self._begun + self._next * self._wish.pace, self._tick)
        else:
            self._end()

    def _say(self, end: int) -> None:
        first, self._next = self._next, end
        now = stamp()
        if self._form is responses:
            self._said.append(stamped(tokens(first, end), now))
        self._transport.write(stamped(self._form.speech(first, end), now))

    def _end(self) -> None:
        said = b"".join(self._said)
        self._transport.write(self._form.closing(said, self._wish.tokens, self._body))


async def _serve() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    clock = Clock()
    server = await loop.create_server(lambda: _Connection(clock), "127.0.0.1", 0, backlog=4096)
    host, port = server.sockets[0].getsockname()
    sys.stdout.write(f"Serving on http://{host}:{port}\n")
    sys.stdout.flush()
    gc.freeze()
    await stop.wait()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
