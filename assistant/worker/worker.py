"""Takes runs on, waits for their turn and a free slot, keeps their leases, drains at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import structlog
from structlog.contextvars import bound_contextvars

from assistant.errors import (
    DrainingError,
    LeaseLostError,
    OverloadedError,
    StoreUnavailableError,
)
from assistant.models import Run
from assistant.store import Store, channel
from assistant.worker.attempt import Attempts, Stop, patiently
from assistant.worker.patience import Patience

log = structlog.get_logger(__name__)

_LOOK_AGAIN = 2.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many runs a process executes at once, and how many more may wait."""

    executing: int = 100
    waiting: int = 1000


@dataclass(eq=False, slots=True)
class _Taken:
    run: Run
    stop: Stop = field(default_factory=Stop)
    executing: bool = False
    task: asyncio.Task[None] | None = None


class Worker:
    """Executes runs as tasks of this process.

    A run that is taken on is leased from then on; its lease is renewed until it ends, and given
    back when the process goes, so that another can go on at once.
    """

    def __init__(
        self, store: Store, attempts: Attempts, capacity: Capacity, *, renew_every: float
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._capacity = capacity
        self._renew_every = renew_every
        self._slots = asyncio.Semaphore(capacity.executing)
        self._taken: dict[str, _Taken] = {}
        self._reserved = 0
        self._draining = False
        store.bells.on_control = self._on_control

    @property
    def executing(self) -> int:
        """How many runs execute right now."""
        return sum(taken.executing for taken in self._taken.values())

    @property
    def waiting(self) -> int:
        """How many runs wait for their turn or a slot."""
        return len(self._taken) - self.executing

    def check_open(self) -> None:
        """Check that the worker takes runs on.

        Raises:
            DrainingError: when the process is shutting down.
        """
        if self._draining:
            detail = "This server is shutting down; try again, another one will answer."
            raise DrainingError(detail, retry_after=2)

    @contextmanager
    def reserve(self) -> Iterator[_Place]:
        """Hold a place until a run is accepted; it is given back when it is not used.

        Raises:
            DrainingError: when the process is shutting down.
            OverloadedError: when all places are taken.
        """
        self.check_open()
        if len(self._taken) + self._reserved >= self._capacity.executing + self._capacity.waiting:
            detail = "All places are taken; try again in a moment."
            raise OverloadedError(detail, retry_after=5)
        self._reserved += 1
        try:
            yield _Place(self)
        finally:
            self._reserved -= 1

    def take(self, run: Run) -> None:
        """Execute a run as soon as it is its turn and a slot is free."""
        taken = self._taken[run.run_id] = _Taken(run)
        taken.task = asyncio.create_task(self._attend(taken), name=f"run {run.run_id}")

    async def cancel(self, run_id: str, by: str) -> None:
        """Stop a run, here or wherever it executes."""
        taken = self._taken.get(run_id)
        if taken is not None:
            taken.stop.ask(by)
        else:
            await self._store.runs.ask_cancel(run_id, by)

    async def tend(self) -> None:
        """Renew leases and take over orphaned runs, for as long as the task lives."""
        patience = Patience(self._renew_every, asyncio.get_running_loop().time)
        while True:
            try:
                await self._renew()
                orphans = await self._store.runs.orphans()
                if patience.is_over():
                    await self._adopt(orphans)
            except StoreUnavailableError:
                patience.begin()
                log.warning("worker.tend.waiting")
            await asyncio.sleep(self._renew_every)

    async def drain(self, grace: float) -> None:
        """Take nothing more on, let runs finish for `grace` seconds, then give the rest back."""
        self._draining = True
        tasks = [taken.task for taken in self._taken.values() if taken.task]
        if tasks:
            log.info("worker.draining", runs=len(tasks), grace_seconds=grace)
            await asyncio.wait(tasks, timeout=grace)
        left = [taken for taken in self._taken.values() if taken.task]
        for taken in left:
            taken.task.cancel()  # type: ignore[union-attr]
        await asyncio.gather(*(t.task for t in left if t.task), return_exceptions=True)
        await asyncio.gather(*(self._give_back(taken.run) for taken in left))
        log.info("worker.drained", given_back=len(left))

    async def _give_back(self, run: Run) -> None:
        try:
            await self._store.runs.release(run.run_id)
        except StoreUnavailableError:
            # The lease lapses by itself, only later.
            log.warning("run.release.failed", run_id=run.run_id)

    async def _attend(self, taken: _Taken) -> None:
        run = taken.run
        with bound_contextvars(
            run_id=run.run_id, session_id=run.session_id, correlation_id=run.correlation_id
        ):
            try:
                await self._turn(taken)
                async with self._slot(taken.stop):
                    taken.executing = True
                    await self._attempts.make(run, taken.stop)
            except LeaseLostError:
                log.warning("run.left")
            except Exception:
                # The lease lapses, and whoever adopts the run tries again.
                log.exception("run.abandoned")
            finally:
                self._taken.pop(run.run_id, None)

    async def _turn(self, taken: _Taken) -> None:
        """Wait until the session's earlier runs have ended, or the run is to stop."""
        run = taken.run
        if run.session_id is None:
            return
        async with self._store.bells.listen(channel(run.session_id, run.run_id)) as bell:
            while not taken.stop.asked.is_set():
                bell.clear()
                lane = await patiently(self._store.runs.lane, run.session_id)
                if run.run_id not in lane[1:]:
                    return
                await _first(bell, taken.stop.asked)

    @asynccontextmanager
    async def _slot(self, stop: Stop) -> AsyncIterator[None]:
        """Hold a slot; a run that is to stop gets by without, as it only has to say so."""
        getting = asyncio.create_task(self._slots.acquire())
        stopping = asyncio.create_task(stop.asked.wait())
        try:
            await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            yield
        finally:
            for task in (getting, stopping):
                task.cancel()
            await asyncio.gather(getting, stopping, return_exceptions=True)
            if not getting.cancelled():
                self._slots.release()

    async def _renew(self) -> None:
        if not self._taken:
            return
        for run_id, (held, cancelled_by) in (
            await self._store.runs.renew(list(self._taken))
        ).items():
            taken = self._taken.get(run_id)
            if taken is None:
                continue
            if cancelled_by:
                taken.stop.ask(cancelled_by)
            if not held and taken.task is not None:
                log.warning("run.lease.lost", run_id=run_id)
                taken.task.cancel()

    async def _adopt(self, orphans: Sequence[str]) -> None:
        for run_id in orphans:
            if run_id in self._taken or self._draining:
                continue
            run = await self._store.runs.get(run_id)
            if run is None or not run.is_open:
                await self._store.runs.forget(run_id)
            elif (await self._store.runs.renew([run_id])).get(run_id, (False, ""))[0]:
                log.info("run.adopted", run_id=run_id, attempt=run.attempt)
                self.take(run)

    def _on_control(self, message: str) -> None:
        match message.split(" ", 2):
            case ["cancel", run_id, by] if run_id in self._taken:
                self._taken[run_id].stop.ask(by)
            case _:
                pass


class _Place:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def dispatch(self, run: Run) -> None:
        """Use the place for this run."""
        self._worker.take(run)


async def _first(*events: asyncio.Event) -> None:
    """Return when one of the events is set, or it is time to look again."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=_LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
