"""An answer as it arrives, and what becomes of its connection."""

from __future__ import annotations

import asyncio

import aiohttp

from assistant.engine.transport.errors import BROKEN, lost
from assistant.engine.transport.sse import Events

# Seconds for a server to end a body that says of itself that it is whole.
_LINGER = 1.0


class Reply:
    """The events of one streamed answer.

    Its connection goes back to the pool at the end of the body, else it is closed: by `close`, by
    a fault, or by the cancellation of who reads.
    """

    __slots__ = ("_closed", "_content", "_events", "_response", "_whole")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self._events = Events()
        self._whole = self._closed = False

    @property
    def url(self) -> str:
        """Where the answer comes from."""
        return str(self._response.url)

    @property
    def request_id(self) -> str | None:
        """What the provider calls the request."""
        return self._response.headers.get("x-request-id")

    async def read(self) -> list[bytes]:
        """Return the data of the events that came next, one at least; of none at the end.

        Raises:
            APIConnectionError: when the connection breaks, or falls silent: `APITimeoutError`.
        """
        while True:
            try:
                data = await self._content.readany()
            except BROKEN as error:
                data = self._broken(error)
            except asyncio.CancelledError:
                self._response.close()
                raise
            if not data:
                return []
            if events := self._events.feed(data):
                return events

    def finish(self) -> None:
        """Take the answer for whole: the server need only end it."""
        self._whole = True

    def close(self) -> None:
        """Close the connection, unless the answer is whole and about to set it free."""
        content, closed, self._closed = self._content, self._closed, True
        if not self._whole:
            self._response.close()
        elif not closed and not content.is_eof():
            # A pooled connection saves the next call its handshakes.
            timer = asyncio.get_running_loop().call_later(_LINGER, self._response.close)
            content.on_eof(timer.cancel)

    def _broken(self, error: Exception) -> bytes:
        """Return what came before the connection broke, and say so the next time."""
        # aiohttp keeps the rest back once there is a fault, so that is taken away for a moment.
        content = self._content
        content.set_exception(None)  # type: ignore[arg-type] # which resets it
        rest = content.read_nowait()
        content.set_exception(error)
        if not rest:
            self._response.close()
            fault = lost(error, self.url)
            raise fault from fault.__cause__
        return rest
