"""Doorbells: tell whoever waits on a channel to look again; never carry truth themselves."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from assistant.changes import Ring
from assistant.store import keys
from assistant.store.client import Client

log = structlog.get_logger(__name__)


class Bells:
    """Rings waiters in this process, directly or on a publication from another one.

    A ring may be lost; waiters therefore also look by themselves now and then.
    """

    def __init__(self, redis: Client) -> None:
        self._pubsub = redis.pubsub()
        self._waiting: defaultdict[str, set[Ring]] = defaultdict(set)
        self._subscribed = asyncio.Event()
        self.on_control: Callable[[str], None] = lambda _: None

    async def join(self, channel: str, ring: Ring) -> None:
        """Call `ring` at each ring of `channel`, as soon as the server has taken note too."""
        waiting = self._waiting[channel]
        waiting.add(ring)
        if len(waiting) == 1:
            await self._tell(self._pubsub.subscribe, channel)

    async def leave(self, channel: str, ring: Ring) -> None:
        """Call it no more."""
        waiting = self._waiting[channel]
        waiting.discard(ring)
        if not waiting:
            del self._waiting[channel]
            await self._tell(self._pubsub.unsubscribe, channel)

    def ring(self, channel: str) -> None:
        """Ring all that listen to `channel` in this process."""
        for ring in self._waiting.get(channel, ()):
            ring()

    async def pump(self) -> None:
        """Pass publications on, for as long as the task lives; survives a lost server."""
        while True:
            try:
                await self._pubsub.subscribe(keys.CONTROL, *self._waiting)
                self._subscribed.set()
                await self._relay()
            except (RedisError, OSError) as error:
                self._subscribed.clear()
                log.warning("store.bells.lost", error=type(error).__name__)
                await asyncio.sleep(0.5)

    async def aclose(self) -> None:
        """Close the subscription's connection."""
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _relay(self) -> None:
        while True:
            message = await self._pubsub.get_message(timeout=30)
            if message is None:
                continue
            channel = message["channel"].decode()
            if message["type"] == "message" and channel == keys.CONTROL:
                self.on_control(message["data"].decode())
            else:
                # A confirmed subscription rings too: what was said before it may be news.
                self.ring(channel)

    async def _tell(self, act: Callable[..., object], channel: str) -> None:
        if not self._subscribed.is_set():
            return
        try:
            await act(channel)  # type: ignore[misc]
        except (RedisError, OSError) as error:
            # The pump notices as well, and subscribes anew to all that is waited for.
            log.debug("store.bells.deaf", error=type(error).__name__)
