"""Rings for workers over taskiq, whose messages each wake one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import structlog
from taskiq.kicker import AsyncKicker
from taskiq.utils import maybe_awaitable
from taskiq_redis import RedisStreamBroker

from assistant.background import running
from assistant.worker.dispatch import Look

log = structlog.get_logger(__name__)

_STREAM = "assistant:dispatch"
_KEPT = 10_000  # a message that is trimmed away was a ring that nobody needed
_MOST = 100
_LOOK = "assistant.look"


class TaskiqDispatch:
    """Rings over taskiq: each message wakes one worker that has a slot free."""

    def __init__(self, broker: RedisStreamBroker) -> None:
        self._broker = broker
        self._deaf = asyncio.Event()
        self._kicker = AsyncKicker[[], None](_LOOK, broker, labels={})

    async def ring(self, runs: int = 1) -> None:
        """Send one message for each run."""
        for _ in range(min(runs, _MOST)):
            try:
                await self._kicker.kiq()
            except Exception as error:  # noqa: BLE001 - the queue holds the run whatever happens here
                log.warning("dispatch.silent", error=type(error).__name__)
                return

    def deafen(self) -> None:
        """Leave the rings to other workers."""
        self._deaf.set()

    @asynccontextmanager
    async def listening(self, look: Look, slots: int) -> AsyncIterator[None]:
        """Answer rings by `look`, at most `slots` at a time, for as long as the context lasts."""
        looks: set[asyncio.Task[None]] = set()

        async def listen() -> None:
            await self._listen(look, looks, slots)

        try:
            async with running(listen, "dispatch.listen"):
                yield
        finally:
            for task in looks:
                task.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _listen(self, look: Look, looks: set[asyncio.Task[None]], slots: int) -> None:
        """Answer rings until the store is away, or nothing more is to be heard.

        Not by taskiq's receiver: when it ends it waits for its reader without a limit, and one
        whose cancellation was lost in redis-py reads on for ever.
        """
        if self._deaf.is_set():
            return
        try:
            # A store that lost its data has lost the group of consumers as well.
            await self._broker.startup()
            async with aclosing(self._broker.listen()) as rings:
                async for ring in rings:
                    await maybe_awaitable(ring.ack())
                    if self._deaf.is_set():
                        await self.ring()
                        return
                    looks.add(task := asyncio.create_task(look(), name="dispatch.look"))
                    task.add_done_callback(looks.discard)
                    if len(looks) >= slots:
                        await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:  # noqa: BLE001 - the store is away; begun again in a moment
            log.warning("dispatch.deaf", error=type(error).__name__)


@asynccontextmanager
async def open_taskiq(url: str) -> AsyncIterator[TaskiqDispatch]:
    """Open taskiq's broker on Redis streams, and close it at the end."""
    broker = RedisStreamBroker(
        url,
        queue_name=_STREAM,
        consumer_group_name="workers",
        maxlen=_KEPT,
        # One at a time: what a busy worker fetches early, no idle one can answer.
        xread_count=1,
        xread_block=1_000,
        unacknowledged_lock_timeout=5,
    )
    async with AsyncExitStack() as stack:
        await broker.startup()
        stack.push_async_callback(broker.shutdown)
        yield TaskiqDispatch(broker)
