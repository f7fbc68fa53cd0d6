"""What every process does now and then: renews, takes care of what was left, tells who waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import msgspec
import structlog

from assistant.errors import StoreUnavailableError
from assistant.models import now
from assistant.store import Store
from assistant.worker.patience import Patience
from assistant.worker.worker import Worker

log = structlog.get_logger(__name__)


class Tending:
    """The rounds of one process."""

    def __init__(self, store: Store, worker: Worker, *, every: float) -> None:
        self._store = store
        self._worker = worker
        self._every = every

    async def renew_forever(self) -> None:
        """Keep what is held, for as long as the task lives.

        Beside the rounds: a slow one may take longer than a lease lasts.
        """
        while True:
            with suppress(StoreUnavailableError):
                await self._worker.renew()
            await asyncio.sleep(self._every)

    async def forever(self) -> None:
        """Make a round every so many seconds, for as long as the task lives."""
        patience = Patience(self._every, asyncio.get_running_loop().time)
        while True:
            try:
                await self._round(patience)
            except StoreUnavailableError:
                patience.begin()
                log.warning("worker.tend.waiting")
            await asyncio.sleep(self._every)

    async def _round(self, patience: Patience) -> None:
        await self._store.leases.report(self._worker.busy)
        if patience.is_over():
            queued = await self._store.leases.reap()
            if queued:
                log.info("runs.reaped", queued=queued)
                await self._worker.ring(queued)
        await self._close_expired()
        await self._store.leases.tell_places(timedelta(seconds=self._every))
        self._worker.wake()

    async def _close_expired(self) -> None:
        for approval in await self._store.approvals.expired():
            expired = msgspec.structs.replace(approval, decision="expired", decided_at=now())
            if await self._store.approvals.decide(expired) == "resumed":
                log.info("approval.expired", run_id=approval.run_id)
                await self._worker.ring()
