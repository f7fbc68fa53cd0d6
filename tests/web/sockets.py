"""A WebSocket as a front end uses it, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType

from tests.web.site import Site

LAST = {"response_complete", "cancelled", "error", "pong"}


class Socket:
    """One WebSocket, and what is said over it."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def send(self, kind: str, **fields: Any) -> None:
        await self.ws.send_json({"type": kind, **fields})

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.ws.receive_json(timeout=5)
        return message

    async def hear_out(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """Return what is told up to the next last word, of one run only where one is given."""
        found = []
        while True:
            message = await self.hear()
            if run_id in {None, message.get("run_id")}:
                found.append(message)
                if message["type"] in LAST:
                    return found

    async def ask(self, message: object, **fields: Any) -> list[dict[str, Any]]:
        await self.send("chat_message", message=message, **fields)
        return await self.hear_out()

    async def refused(self, sent: str | bytes) -> dict[str, Any]:
        """Send something malformed, and return what is told; the socket must still work."""
        await (self.ws.send_str(sent) if isinstance(sent, str) else self.ws.send_bytes(sent))
        answer = await self.hear()
        await self.send("ping")
        assert (await self.hear())["type"] == "pong"
        return answer

    async def closed(self) -> int | None:
        """Wait until the server closes the socket, and return its code."""
        message = await self.ws.receive(timeout=5)
        assert message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED}, message
        return self.ws.close_code


@asynccontextmanager
async def connected(site: Site, session_id: str = "one", **headers: str) -> AsyncIterator[Socket]:
    async with site.http.ws_connect(f"/ws/{session_id}", headers=headers) as ws:
        yield Socket(ws)
