"""One connection for all commands of a process: many leave in one write, replies come in order."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import Any, Final, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, DefaultParser
from redis.exceptions import (
    ConnectionError,  # noqa: A004 - redis' own, which the built-in does not cover
    InvalidResponse,
    ReadOnlyError,
    RedisError,
)
from typing_extensions import override

LONGEST = 5.0
"""Seconds that a command may take, with all the connecting that it needs."""

_NO_MORE: Final = object()
# Replies of a server that cannot serve this connection any more; another one may.
_MISPLACED = (ConnectionError, ReadOnlyError)


class _Asked:
    """Commands that left together, and whoever waits for their replies.

    Attributes:
        packed: the commands as they go over the wire.
        count: how many replies are theirs.
        until: the time of the loop at which nobody waits any longer.
        repeated: whether they were sent before, on a connection that was lost.
    """

    __slots__ = ("answer", "count", "packed", "repeated", "replies", "until")

    def __init__(self, packed: bytes, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self.packed = packed
        self.count = count
        self.replies: list[Any] = []
        self.answer: asyncio.Future[list[Any]] = loop.create_future()
        self.until = loop.time() + LONGEST
        self.repeated = False

    def fail(self, error: Exception) -> None:
        """Tell whoever waits; each gets an error of its own, as each adds its traceback."""
        if not self.answer.done():
            self.answer.set_exception(type(error)(str(error) or "No answer in time."))


class Line:
    """Sends commands of all callers over one connection, which it makes when it needs one.

    What is asked within one turn of the loop leaves in one write. While the server reads too
    slowly nothing more is written: what waits here is what callers wait for, and those who give up
    take it with them.

    Commands whose replies are lost with their connection are sent once more, as redis-py does.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._wire: _Wire | None = None
        self._unsent: deque[_Asked] = deque()
        self._flush_is_due = False
        self._connecting: asyncio.Task[None] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._is_closed = False

    def ask(self, packed: bytes, count: int = 1) -> asyncio.Future[list[Any]]:
        """Send commands that belong together; nothing of another caller comes between them.

        Args:
            packed: one or more commands as they go over the wire.
            count: how many they are.

        Returns:
            Their replies, errors of the server among them. It fails with redis-py's
            `ConnectionError` or an `OSError` where there is none. Cancelled, it leaves the
            others' as they are.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(packed, count, loop)
        if self._is_closed:
            asked.fail(ConnectionError("The store's client is closed."))
            return asked.answer
        self._unsent.append(asked)
        if not self._flush_is_due:
            self._flush_is_due = True
            loop.call_soon(self.flush)
        if self._limit is None:
            self._limit = loop.call_at(asked.until, self._enforce_limit)
        return asked.answer

    async def aclose(self) -> None:
        """Close the connection; who still waits is told."""
        self._is_closed = True
        if self._limit is not None:
            self._limit.cancel()
        self._fail_all(ConnectionError("The store's client is closed."))
        while self._connecting is not None and not self._connecting.done():
            # On Python 3.11 a cancellation that meets a connection attempt may be lost.
            self._connecting.cancel()
            await asyncio.wait({self._connecting}, timeout=1)
        await self._connection.disconnect()

    def on_lost(self, wire: _Wire) -> None:
        """Take back what was sent and not answered, and send it again where that is due."""
        if self._wire is wire:
            self._wire = None
        while wire.sent:
            asked = wire.sent.pop()
            if asked.repeated:
                asked.fail(ConnectionError("The connection was lost twice before the reply."))
            elif not asked.answer.done():
                asked.repeated = True
                asked.replies = []
                self._unsent.appendleft(asked)
        self.flush()

    def flush(self) -> None:
        """Write what waits, as soon as there is a connection that takes it."""
        self._flush_is_due = False
        if not self._unsent or self._is_closed:
            return
        if self._wire is not None:
            if self._wire.can_take:
                going = [asked for asked in self._unsent if not asked.answer.done()]
                self._unsent.clear()
                self._wire.send(going)
        elif self._connecting is None:
            # Its own context: the connection outlives the request that happened to need it.
            connecting = asyncio.create_task(self._connect(), name="store.line", context=Context())
            self._connecting = connecting

    async def _connect(self) -> None:
        """Make a connection; whoever asks meanwhile has another attempt where this one fails."""
        asking, connection = [*self._unsent], self._connection
        try:
            async with asyncio.timeout(LONGEST):
                await connection.disconnect(nowait=True)
                await connection.connect()  # type: ignore[no-untyped-call]
                if await connection.can_read():
                    raise ConnectionError("The server says more than it was asked.")
            self._wire = _Wire(connection, self)
        except (RedisError, OSError) as error:
            for asked in asking:
                asked.fail(error)
            self._unsent = deque(asked for asked in self._unsent if not asked.answer.done())
        finally:
            self._connecting = None
        self.flush()

    def _enforce_limit(self) -> None:
        """Give up what is late; what was asked since is sent again, on another connection."""
        loop = asyncio.get_running_loop()
        waiting = [*self._sent(), *self._unsent]
        late = [asked for asked in waiting if asked.until <= loop.time()]
        for asked in late:
            asked.fail(TimeoutError(f"No reply within {LONGEST} seconds."))
        if late:
            self._unsent = deque(asked for asked in self._unsent if not asked.answer.done())
            if self._wire is not None:
                self._wire.abort()
        left = waiting[len(late) :]
        self._limit = loop.call_at(left[0].until, self._enforce_limit) if left else None

    def _sent(self) -> deque[_Asked]:
        return self._wire.sent if self._wire is not None else deque()

    def _fail_all(self, error: Exception) -> None:
        waiting = [*self._sent(), *self._unsent]
        self._unsent.clear()
        if self._wire is not None:
            self._wire.sent.clear()
            self._wire.abort()
            self._wire = None
        for asked in waiting:
            asked.fail(error)


class _Wire(asyncio.Protocol):
    """A connection that redis-py has made, read and written without its streams.

    Attributes:
        sent: what waits for replies, in the order of the commands.
        can_take: whether it may be written to now.
    """

    def __init__(self, connection: AbstractConnection, line: Line) -> None:
        writer = connection._writer  # noqa: SLF001 - nothing public gives a made connection away
        self.sent: deque[_Asked] = deque()
        self._line = line
        self._has_room = True
        self._transport = cast("asyncio.StreamWriter", writer).transport
        self._streams = self._transport.get_protocol()
        self._transport.set_protocol(self)
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=DefaultParser.parse_error,
            notEnoughData=_NO_MORE,
        )

    @property
    def can_take(self) -> bool:
        return self._has_room and not self._transport.is_closing()

    def send(self, asked: list[_Asked]) -> None:
        self.sent.extend(asked)
        self._transport.write(b"".join([each.packed for each in asked]))

    def abort(self) -> None:
        self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        gets, sent = self._reader.gets, self.sent
        try:
            while (reply := gets()) is not _NO_MORE:
                if type(reply) is hiredis.PushNotification:
                    continue
                asked = sent[0]
                asked.replies.append(reply)
                if len(asked.replies) == asked.count:
                    sent.popleft()
                    if not asked.answer.done():
                        asked.answer.set_result(asked.replies)
                if isinstance(reply, _MISPLACED):
                    self._transport.abort()
        except (InvalidResponse, IndexError):  # out of step: what comes now belongs to nobody
            self._transport.abort()

    @override
    def pause_writing(self) -> None:
        self._has_room = False

    @override
    def resume_writing(self) -> None:
        self._has_room = True
        self._line.flush()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.connection_lost(exc)  # who closes redis-py's connection waits for this
        self._line.on_lost(self)
