"""An answer as it arrives, and what becomes of its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import aiohttp

from assistant.engine.transport.errors import lost
from assistant.engine.transport.rounds import Rounds
from assistant.engine.transport.sse import Events
from assistant.engine.transport.tap import Tap

# Seconds for a server to end a body that says of itself that it is whole.
_LINGER = 1.0

Take = Callable[[list[bytes]], bool]
"""Takes the data of the events that came, none at the end; returns whether it takes more."""


class Reply:
    """The events of one streamed answer.

    Its connection goes back to the pool at the end of the body, else it is closed: by `close`, by
    a fault, or by the cancellation of who reads.
    """

    def __init__(self, response: aiohttp.ClientResponse, silence: float, rounds: Rounds) -> None:
        """Begin to read; `silence` is how many seconds the provider may say nothing."""
        self._response, self._silence, self._rounds = response, silence, rounds
        self._content = response.content
        self._events = Events()
        self._passed = 0
        self._tap: Tap | None = None
        self._whole = self._closed = False

    @property
    def url(self) -> str:
        """Where the answer comes from."""
        return str(self._response.url)

    @property
    def request_id(self) -> str | None:
        """What the provider calls the request."""
        return self._response.headers.get("x-request-id")

    async def read(self, take: Take) -> None:
        """Have `take` called with what comes, as soon as it does, until it returns False.

        What it does not take stays in the connection, and at last with the server.

        Raises:
            APIConnectionError: when the connection breaks, or falls silent: `APITimeoutError`.
            Exception: what `take` raises.
        """
        try:
            if self._pass_on(take):
                await self._tapped().wait(partial(self._pass_on, take))
        except asyncio.CancelledError:
            self._response.close()
            raise

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

    def _pass_on(self, take: Take) -> bool:
        """Pass on what has come; return whether more is to be waited for.

        Raises:
            APIConnectionError: when all was passed on that came before the connection broke.
        """
        content = self._content
        while self._passed < content.total_bytes:
            piece = content.read_nowait() if content.exception() is None else self._rest()
            self._passed += len(piece)
            if (events := self._events.feed(piece)) and not take(events):
                return False
        if (error := content.exception()) is not None:
            self._response.close()
            raise lost(error, self.url)
        return not content.is_eof() or take([])

    def _rest(self) -> bytes:
        """Return what came before a fault, which aiohttp keeps back from then on."""
        error = self._content.exception()
        self._content.set_exception(None)  # type: ignore[arg-type] # which resets it
        rest = self._content.read_nowait()
        self._content.set_exception(error)  # type: ignore[arg-type] # as it was
        return rest

    def _tapped(self) -> Tap:
        """Return what sees the connection's bytes, which it does from the first wait on."""
        if self._tap is None:
            connection = self._response.connection
            handler = connection.protocol if connection else None
            if handler is None or handler.transport is None:
                raise lost(aiohttp.ServerDisconnectedError(), self.url)
            self._tap = Tap(handler.transport, handler, self._content, self._silence, self._rounds)
        return self._tap
