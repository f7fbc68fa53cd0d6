"""The Redis of a cluster with the proxy before it: killed, stalled, cut off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests import processes
from tests.chaos.holdings import held_by
from tests.chaos.member import Blow
from tests.chaos.proxy import Proxy
from tests.chaos.witness import Witness


class Store:
    """A Redis, and all that stands around it.

    Attributes:
        proxy: what servers and workers connect to.
        raw: a connection of our own, past the proxy.
        witness: knows when each entry was written.

    Args:
        aside: what is to be said of the circumstances of a blow.
    """

    def __init__(
        self, redis: processes.RedisProcess, blows: list[Blow], aside: Callable[[], str]
    ) -> None:
        self.direct_url = redis.url
        self.proxy = Proxy(redis.port)
        self.raw: Redis = Redis.from_url(redis.url, retry=Retry(NoBackoff(), 1))
        self.witness = Witness(redis.url)
        self._redis = redis
        self._blows = blows
        self._aside = aside
        self._hit = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where servers and workers find it."""
        return f"redis://127.0.0.1:{self.proxy.port}/0"

    @property
    def is_well(self) -> bool:
        """Whether it is neither dead nor stalled."""
        return not self._hit.locked()

    async def kill(self, away: float) -> None:
        """End it by SIGKILL, and start it again on the same data after some seconds."""
        async with self._hit:
            blow = await self._blow("store killed")
            await self._redis.stop()
            await self._pass(blow, away)
            await self._redis.start()

    async def stall(self, away: float) -> None:
        """Let nothing pass between it and everybody for some seconds."""
        async with self._hit:
            blow = await self._blow("store stalled")
            self.proxy.stall()
            await self._pass(blow, away)
            self.proxy.flow()

    async def _blow(self, what: str) -> Blow:
        blow = Blow(f"{what}{self._aside()}", time.monotonic(), hit=await held_by(self.raw, None))
        self._blows.append(blow)
        return blow

    async def _pass(self, blow: Blow, away: float) -> None:
        blow.at = time.monotonic()
        await asyncio.sleep(away)
        # Until now nothing new could be written: what arrived was under way.
        blow.since = time.monotonic()
