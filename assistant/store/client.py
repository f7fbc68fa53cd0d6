"""A Redis client whose failures are ours: a lost server is `StoreUnavailableError`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import hiredis
import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis' own, which the built-in does not cover
    DataError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,  # noqa: A004 - as above
    TryAgainError,
)
from typing_extensions import override

from assistant.errors import StoreUnavailableError
from assistant.metrics import parts
from assistant.store import line
from assistant.store.line import Line

if TYPE_CHECKING:
    from redis.asyncio.connection import Connection

    from assistant.store.scripts import Call, Script

log = structlog.get_logger(__name__)

_AWAY = (
    *(ConnectionError, TimeoutError, BusyLoadingError),
    *(ReadOnlyError, OutOfMemoryError, MasterDownError, TryAgainError, OSError),
)
# Replies that begin so mean that the server cannot write now, not that we asked wrongly.
_CANNOT = ("OOM", "MISCONF", "READONLY", "LOADING", "NOREPLICAS", "MASTERDOWN", "BUSY", "UNBLOCKED")


def translate(error: Exception) -> Exception:
    """Return the error that a caller should see for one of redis-py's."""
    cannot = isinstance(error, RedisError) and str(error).startswith(_CANNOT)
    if cannot or isinstance(error, _AWAY):
        parts.STORE_FAILURES.add()
        log.warning("store.unavailable", error=type(error).__name__, reason=str(error)[:200])
        detail = "The store cannot be reached right now. Nothing accepted is lost; try again soon."
        return StoreUnavailableError(detail, retry_after=2)
    return error


def pack(command: Sequence[Any]) -> bytes:
    """Return a command as it goes over the wire.

    Raises:
        DataError: an argument is neither text, nor bytes, nor a number.
    """
    name, *rest = command
    try:
        # redis-py's methods name a subcommand within the name, as in `SCRIPT LOAD`.
        packed: bytes = hiredis.pack_command((*name.split(), *rest))
    except TypeError as error:
        detail = f"{name} was given something that is neither text, nor bytes, nor a number."
        raise DataError(detail) from error
    return packed


class _Said:
    """A connection on which one reply has come, as far as redis-py looks at it."""

    def __init__(self, reply: Any) -> None:
        self._reply = reply

    async def read_response(self, **_: object) -> Any:
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply


class Client(Redis):
    """redis-py's client with our errors, whose commands share one connection.

    Only pipelines and subscriptions take connections out of the pool.
    """

    def __init__(self, connection_pool: ConnectionPool) -> None:
        """Take a pool over; `aclose` closes it."""
        super().__init__(connection_pool=connection_pool)
        self.auto_close_connection_pool = True
        self._line = Line(connection_pool.make_connection())  # type: ignore[no-untyped-call]

    async def call(self, *args: Any) -> Any:
        """Run one command and return its reply; for replies whose type redis-py leaves open."""
        return await self.execute_command(*args)

    async def raw(self, *args: Any) -> Any:
        """Run one command and return its reply as the server sent it, without redis-py's reading.

        Raises:
            StoreUnavailableError: when there is no reply; it may have run all the same.
        """
        try:
            (reply,) = await self._line.ask(pack(args))
            return await _Said(reply).read_response()
        except (RedisError, OSError) as error:
            raise translate(error) from error

    async def evaluate(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script that the server knows once for each call, in one write.

        Returns the replies in order; a call that failed has its exception there.

        Raises:
            StoreUnavailableError: when replies are missing; all may have run all the same.
        """
        if not calls:
            return []
        packed = [pack(("EVALSHA", script.sha, len(keys), *keys, *args)) for keys, args in calls]
        try:
            replies = await self._line.ask(b"".join(packed), len(packed))
        except (RedisError, OSError) as error:
            raise translate(error) from error
        return [translate(r) if isinstance(r, Exception) else r for r in replies]

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            (reply,) = await self._line.ask(pack(args))
            said = cast("Connection", _Said(reply))
            return await self.parse_response(said, args[0], **options)
        except (RedisError, OSError) as error:
            raise translate(error) from error

    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Batch:
        return Batch(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    @override
    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self._line.aclose()
        await super().aclose(close_connection_pool)


class Batch(Pipeline):
    """redis-py's pipeline with our errors, and our limit on how long it may take.

    With redis-py's own, `socket_timeout`, each command is sent inside a `wait_for`, which on
    Python 3.11 loses about every second cancellation that falls into it: a task that was told to
    stop would go on, and whoever waits for its end would wait for ever.
    """

    @override
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        try:
            async with asyncio.timeout(line.LONGEST):
                replies = await super().execute(raise_on_error)
        except (RedisError, OSError) as error:
            raise translate(error) from error
        return [translate(r) if isinstance(r, Exception) else r for r in replies]
