"""A Redis client whose failures are ours: a lost server is `StoreUnavailableError`."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis' own, which the built-in does not cover
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,  # noqa: A004 - as above
    TryAgainError,
)
from typing_extensions import override

from assistant.errors import StoreUnavailableError
from assistant.metrics import parts

log = structlog.get_logger(__name__)

_LONGEST = 5.0

_AWAY = (
    *(ConnectionError, TimeoutError, BusyLoadingError),
    *(ReadOnlyError, OutOfMemoryError, TryAgainError, OSError),
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


class Client(Redis):
    """redis-py's client with our errors, and our limit on how long a command may take.

    With redis-py's own, `socket_timeout`, each command is sent inside a `wait_for`, which on
    Python 3.11 loses about every second cancellation that falls into it: a task that was told to
    stop would go on, and whoever waits for its end would wait for ever.
    """

    async def call(self, *args: Any) -> Any:
        """Run one command and return its reply; for replies whose type redis-py leaves open."""
        return await self.execute_command(*args)

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            async with asyncio.timeout(_LONGEST):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            raise translate(error) from error

    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Batch:
        return Batch(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class Batch(Pipeline):
    """redis-py's pipeline with our errors and our limit.

    Attributes:
        procedure: the script that all its commands run; empty where they run none.
    """

    procedure = ""

    @override
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        try:
            async with asyncio.timeout(_LONGEST):
                replies = await super().execute(raise_on_error)
        except (RedisError, OSError) as error:
            raise translate(error) from error
        return [translate(r) if isinstance(r, Exception) else r for r in replies]
