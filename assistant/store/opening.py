"""Opens the store: the Redis that was asked for, or the embedded one, and what runs beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import structlog
from redis import DriverInfo
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from assistant import tracing
from assistant.background import running
from assistant.errors import StoreStartError, StoreUnavailableError
from assistant.store import keys
from assistant.store.approvals import Approvals
from assistant.store.bells import Bells
from assistant.store.client import Client
from assistant.store.embedded import EmbeddedStore
from assistant.store.leases import Leases
from assistant.store.log import Log
from assistant.store.runs import Runs
from assistant.store.sessions import Sessions
from assistant.store.spans import WatchedClient
from assistant.store.vitals import Vitals, take_vitals

log = structlog.get_logger(__name__)

_CONNECTIONS = 50

# Made once: it reads its version from disk, which every new connection would do again.
_DRIVER = DriverInfo()


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What the store needs to know; `url` None means embedded."""

    url: str | None
    data_dir: Path
    fallback: Literal["embedded", "fail"] = "embedded"
    fsync: Literal["always", "everysec"] = "always"
    history: timedelta = timedelta(days=1)
    idle: timedelta = timedelta(minutes=30)
    lease: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Store:
    """All parts of an open store.

    Attributes:
        kind: where the data is.
        degraded: whether this is not the Redis that was asked for.
        url: where it is; may hold a password.
    """

    redis: Client
    bells: Bells
    log: Log
    sessions: Sessions
    runs: Runs
    leases: Leases
    approvals: Approvals
    kind: Literal["redis", "embedded"]
    degraded: bool
    url: str = field(repr=False)

    async def tell_all(self, message: str) -> None:
        """Publish a word to every process that shares the store; it may be lost."""
        await self.redis.call("PUBLISH", keys.CONTROL, message)

    async def vitals(self) -> Vitals:
        """Return how the whole deployment is doing.

        Raises:
            StoreUnavailableError: when the store does not answer.
        """
        return await take_vitals(self.redis, self.leases)

    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            StoreUnavailableError: when it does not within a second.
        """
        try:
            with tracing.unseen():
                async with asyncio.timeout(1):
                    await self.redis.call("PING")
        except (StoreUnavailableError, TimeoutError):
            detail = "The store cannot be reached; nothing is lost, try again soon."
            raise StoreUnavailableError(detail, retry_after=2) from None


@asynccontextmanager
async def open_store(options: StoreOptions) -> AsyncIterator[Store]:
    """Open the store and its background tasks, and close them at the end.

    Raises:
        StoreStartError: when neither the Redis asked for nor the fallback can be had.
    """
    async with AsyncExitStack() as stack:
        redis, url, degraded = await _connect(options, stack)
        kind: Literal["redis", "embedded"]
        kind = "redis" if options.url and not degraded else "embedded"
        bells = Bells(redis)
        stack.push_async_callback(bells.aclose)
        leases = Leases(redis, lease=options.lease)
        store = Store(
            redis=redis,
            bells=bells,
            log=Log(redis, bells, lease_ms=leases.lease_ms),
            sessions=Sessions(redis, idle=options.idle, keep=options.history),
            runs=Runs(redis, leases, keep=options.history),
            leases=leases,
            approvals=Approvals(redis, bells, leases, keep=options.history),
            kind=kind,
            degraded=degraded,
            url=url,
        )
        if kind == "embedded":
            # The folder's lock is ours, so whoever held these leases is dead.
            await leases.break_all()
        await stack.enter_async_context(running(bells.pump, "store.bells"))
        await stack.enter_async_context(running(store.log.flush_forever, "store.flusher"))
        log.info("store.opened", kind=kind, degraded=degraded)
        yield store


async def _connect(options: StoreOptions, stack: AsyncExitStack) -> tuple[Client, str, bool]:
    if options.url:
        redis = _client(options.url, stack)
        try:
            await redis.call("PING")
        except (StoreUnavailableError, RedisError) as error:
            where = urlsplit(options.url).hostname or "the given socket"
            if options.fallback == "fail":
                detail = (
                    f"REDIS_URL: {where} cannot be reached ({_reason(error)}); "
                    "start it, correct the URL, or set STORE_FALLBACK=embedded"
                )
                raise StoreStartError(detail) from None
            log.warning("store.fallback", to="embedded", error=_reason(error))
        else:
            return redis, options.url, False
    embedded = EmbeddedStore(options.data_dir, fsync=options.fsync)
    await embedded.start()
    stack.push_async_callback(embedded.stop)
    return _client(embedded.url, stack), embedded.url, options.url is not None


def _reason(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


def _client(url: str, stack: AsyncExitStack) -> Client:
    pool = BlockingConnectionPool.from_url(
        url,
        # Whoever finds all of them busy waits for one: a crowd is no reason to refuse.
        max_connections=_CONNECTIONS,
        timeout=5,
        socket_timeout=None,  # the client has its own limit
        socket_connect_timeout=3,
        # One retry mends a connection that went stale; waiting is left to those who may.
        retry=Retry(NoBackoff(), 1),
        driver_info=_DRIVER,
    )
    redis = WatchedClient(pool) if tracing.is_on() else Client(pool)
    stack.push_async_callback(redis.aclose)
    return redis
