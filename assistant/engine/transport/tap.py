"""Sees what comes over a connection as it comes, before any task is woken for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context

import aiohttp
from aiohttp.client_proto import ResponseHandler
from typing_extensions import override

from assistant.engine.transport.rounds import Rounds
from assistant.engine.watch import Watch


class Tap(asyncio.Protocol):
    """Stands between a transport and aiohttp, and looks at a body as soon as aiohttp has it.

    aiohttp wakes a task for each piece, which costs more than to tell it; this wakes one only
    when there is more to do than to look.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        handler: ResponseHandler,
        body: aiohttp.StreamReader,
        silence: float,
        rounds: Rounds,
    ) -> None:
        """Begin to see what comes, up to the end of the body.

        Args:
            transport: what the connection reads from.
            handler: aiohttp's side of it, which is passed everything.
            body: what aiohttp makes of it.
            silence: seconds for which nothing may come while somebody waits.
            rounds: who has to rest between two reads.
        """
        self._handler, self._body, self._silence = handler, body, silence
        self._transport, self._rounds = transport, rounds
        # Under TLS uvloop throws away what it has not handed on when the server closes.
        self._can_pause = transport.get_extra_info("sslcontext") is None
        self._rests = False
        self._waiting: asyncio.Future[None] | None = None
        self._watch: Watch | None = None
        self._look: Callable[[], bool] = bool
        self._context = copy_context()
        # aiohttp would make a timer for each piece.
        handler.read_timeout = None
        handler.start_timeout()
        transport.set_protocol(self)
        # The connection is free for the next call then.
        body.on_eof(lambda: transport.set_protocol(handler))

    async def wait(self, look: Callable[[], bool]) -> None:
        """Have `look` called whenever something came, inside the read, until it returns False.

        It sees the body's end and its faults, too, of which silence is one.

        Raises:
            Exception: what `look` raises.
        """
        self._look, self._context = look, copy_context()
        self._waiting = asyncio.get_running_loop().create_future()
        watch = self._watch = Watch(self._silence, self._missed)
        self._rounds.join()
        try:
            await self._waiting
        finally:
            self._rounds.leave()
            self.go_on()
            watch.end()
            # They hold who waited, who holds this.
            self._waiting, self._watch, self._look = None, None, bool

    @override
    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)
        if self._watch is None:
            return
        self._watch.seen()
        if self._rests:
            return
        self._tell()
        if self._rounds.rest and self._waiting is not None and not self._waiting.done():
            self._rests = True
            if self._can_pause:
                # All was taken, so that aiohttp itself has no reason to hold the reading back.
                self._transport.pause_reading()
            self._rounds.turn(self)

    def go_on(self) -> None:
        """Read again, after a rest; or look at what was read meanwhile."""
        if self._rests:
            self._rests = False
            if self._can_pause:
                self._transport.resume_reading()
            else:
                self._tell()

    @override
    def eof_received(self) -> None:
        self._handler.eof_received()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connection_lost(exc)
        if not self._body.is_eof() and self._body.exception() is None:
            # aiohttp leaves a body open where the connection was closed from here.
            self._body.set_exception(aiohttp.ServerDisconnectedError())
        self._tell()

    @override
    def pause_writing(self) -> None:
        self._handler.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def _missed(self) -> None:
        self._body.set_exception(aiohttp.SocketTimeoutError("The provider fell silent."))
        self._tell()

    def _tell(self) -> None:
        """Look for who waits, in whose place and context it is; wake that one if need be."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            return
        try:
            if not self._context.run(self._look):
                waiting.set_result(None)
        except Exception as error:  # noqa: BLE001 - for who waits, and none of aiohttp's business
            waiting.set_exception(error)
