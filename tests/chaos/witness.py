"""Takes the time at which every entry of every log was written, from what Redis publishes."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from typing import NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError


class News(NamedTuple):
    """One entry, and when it was there."""

    at: float
    sequence: int


class Witness:
    """Listens beside everything, with a connection of its own that no proxy cuts.

    Attributes:
        news: by run, what was written, in order. A store that dies may hide some of it.
    """

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        self.news: defaultdict[str, list[News]] = defaultdict(list)

    async def watch(self) -> None:
        """Listen for as long as the task lives."""
        try:
            while True:
                try:
                    await self._listen()
                except (RedisError, OSError):
                    await asyncio.sleep(0.01)
        finally:
            await self._redis.aclose()

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.psubscribe("chat:events:*")
            async for message in pubsub.listen():
                if message["type"] == "pmessage":
                    told = json.loads(message["data"])
                    self.news[told["run_id"]].append(News(time.monotonic(), told["sequence"]))
