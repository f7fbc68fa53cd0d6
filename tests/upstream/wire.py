"""Server-sent events as bytes, and the ways of laying them out that a client must bear."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

    from tests.upstream.script import Wire

# Long enough for the reader to wake between two pieces, so that it does see them apart.
PIECE_GAP = 0.001
# UTF-8 bytes from here on begin a character of several bytes.
_LEAD_BYTE = 0xC0


@dataclass(frozen=True)
class Frame:
    """One event of a stream; `is_delta` marks those that carry text or arguments."""

    data: dict[str, Any] | str
    event: str | None = None
    is_delta: bool = False


def encode(frame: Frame) -> bytes:
    """Return the event's lines with the blank one that ends it, letters outside ASCII as UTF-8."""
    raw = frame.data if isinstance(frame.data, str) else dumps(frame.data)
    head = f"event: {frame.event}\n" if frame.event else ""
    return f"{head}data: {raw}\n\n".encode()


def dumps(value: dict[str, Any]) -> str:
    """Return compact JSON that leaves letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pieces(data: bytes) -> list[bytes]:
    """Cut bytes inside the first field name, every multi-byte character and the last line end."""
    cuts = {3, len(data) - 1} | {at + 1 for at, byte in enumerate(data) if byte >= _LEAD_BYTE}
    edges = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


class Line:
    """An open response that frames are written to, laid out as the plan asks."""

    def __init__(self, response: web.StreamResponse, wire: Wire) -> None:
        self._response = response
        self._wire = wire

    async def write(self, frame: Frame) -> None:
        """Write one frame, after its pause and its keep-alive comment."""
        if frame.is_delta and self._wire.pace:
            await asyncio.sleep(self._wire.pace)
        if self._wire.keepalive:
            await self._send(b": keep-alive\n\n")
        await self._send(encode(frame))

    async def _send(self, data: bytes) -> None:
        if self._wire.crlf:
            data = data.replace(b"\n", b"\r\n")
        if not self._wire.split:
            await self._response.write(data)
            return
        for piece in pieces(data):
            await self._response.write(piece)
            await asyncio.sleep(PIECE_GAP)
