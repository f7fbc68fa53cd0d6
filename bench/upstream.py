"""A model that costs next to nothing: OpenAI's Chat Completions, streamed, each token timed.

The last message of a request says what to send, so that any server under test passes it on:
`tokens=200 pace=0.02` (seconds from one token to the next; 0 for as fast as they are taken).
Token 17 is the text `17@<nanoseconds> `: its number from 0, and the monotonic clock, which all
processes of a machine share, when it was handed to the kernel.

HTTP is spoken by hand, with all bytes but the stamps made beforehand: this process must be several
times faster than any server that it feeds.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time

from typing_extensions import override

_WISH = re.compile(rb"tokens=(\d+) pace=(\d+(?:\.\d+)?)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BEFORE = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"bench","system_fingerprint":"fp_bench","choices":'
)
_TOKEN = b'[{"index":0,"delta":{"content":"%d@%d "},"logprobs":null,"finish_reason":null}]}\n\n'
_ROLE = (
    b'[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
    b'"finish_reason":null}]}\n\n'
)
_STOP = b'[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
_USAGE = b'[],"usage":{"prompt_tokens":10,"completion_tokens":%d,"total_tokens":%d}}\n\n'


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_OPENING = _HEAD + _chunk(_BEFORE + _ROLE)


def _closing(tokens: int, *, usage: bool) -> bytes:
    counted = _chunk(_BEFORE + _USAGE % (tokens, tokens + 10)) if usage else b""
    return _chunk(_BEFORE + _STOP) + counted + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One connection of the server under test; kept alive, one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Task[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._answer.cancel()

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or self._transport is None or (length and len(body) < int(length[1])):
            return
        self._received = b""
        wishes = _WISH.findall(body)
        if not wishes:
            self._transport.write(_REFUSED)
            self._transport.close()
            return
        self._answer = asyncio.create_task(_send(self._transport, body, *wishes[-1]))


async def _send(transport: asyncio.Transport, body: bytes, tokens: bytes, pace: bytes) -> None:
    loop, many, seconds = asyncio.get_running_loop(), int(tokens), float(pace)
    transport.write(_OPENING)
    begun = loop.time()
    for number in range(many):
        # A late token does not push the next ones back.
        await asyncio.sleep(max(0.0, begun + number * seconds - loop.time()) if seconds else 0)
        stamped = _TOKEN % (number, time.monotonic_ns())
        transport.write(_chunk(_BEFORE + stamped))
    transport.write(_closing(many, usage=b'"include_usage":true' in body.replace(b": ", b":")))


async def _serve() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    sys.stdout.write(f"Serving on http://{host}:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
