"""Says that there is work to whoever executes: a doorbell, never the truth, which is the queue."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

import structlog

from assistant.errors import StoreUnavailableError
from assistant.store import Store

log = structlog.get_logger(__name__)

WORK = "work"

Look = Callable[[], Coroutine[None, None, None]]


class Dispatch(Protocol):
    """Rings for workers."""

    async def ring(self, runs: int = 1) -> None:
        """Say that so many runs were queued. May fail silently: who executes looks by itself."""

    def deafen(self) -> None:
        """Hear nothing more: rings are for those who take runs on."""

    def listening(self, look: Look, slots: int) -> AbstractAsyncContextManager[None]:
        """Answer rings by `look`, at most `slots` at a time, for as long as the context lasts."""


class LocalDispatch:
    """Rings in every process that shares the store: whichever has a slot free takes the run."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ring(self, runs: int = 1) -> None:  # noqa: ARG002 - one word is enough for all
        """Publish word of work."""
        try:
            await self._store.tell_all(WORK)
        except StoreUnavailableError:
            log.warning("dispatch.silent")

    def deafen(self) -> None:
        """Do nothing: a word published wakes whoever has a slot free."""

    def listening(
        self,
        look: Look,  # noqa: ARG002 - as below
        slots: int,  # noqa: ARG002 - whoever has a slot free waits for the word by itself
    ) -> AbstractAsyncContextManager[None]:
        """Do nothing: the worker hears the word itself."""
        return nullcontext()
