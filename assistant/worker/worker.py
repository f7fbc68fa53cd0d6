"""Takes runs on as slots come free, keeps their leases, and tends those that nobody holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from structlog.contextvars import bind_contextvars

from assistant.errors import DrainingError, LeaseLostError, StoreUnavailableError
from assistant.metrics import work as measured
from assistant.store import Claim, Store
from assistant.worker import spans
from assistant.worker.attempt import Attempts
from assistant.worker.dispatch import WORK, Dispatch
from assistant.worker.places import Capacity, Place, Taken

log = structlog.get_logger(__name__)


class Worker:
    """Executes runs as tasks of this process; with no slots it only accepts and tends.

    A run that is taken on is leased from then on; its lease is renewed until it ends, and given
    back when the process goes, so that another can go on at once.
    """

    def __init__(
        self, store: Store, attempts: Attempts, capacity: Capacity, dispatch: Dispatch
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._capacity = capacity
        self._dispatch = dispatch
        self._taken: dict[str, Taken] = {}
        self._reserved = 0
        self._draining, self._alone = False, False
        self._owes_look = False  # into the queue, where something may wait
        self._taking = asyncio.Lock()
        self._work = asyncio.Event()
        self._freed = asyncio.Event()
        store.bells.on_control = self._on_control

    @property
    def slots(self) -> int:
        """How many runs it executes at once."""
        return self._capacity.executing

    @property
    def executing(self) -> int:
        """How many runs execute right now."""
        return sum(taken.in_slot for taken in self._taken.values())

    @property
    def busy(self) -> dict[str, int] | None:
        """How busy it is, as it tells others; None where it takes nothing on."""
        takes = self.slots and not self._draining
        return {"executing": self.executing, "slots": self.slots} if takes else None

    def check_open(self) -> None:
        """Check that new work is welcome.

        Raises:
            DrainingError: when the process is shutting down.
        """
        if self._draining:
            detail = "This server is shutting down; try again, another one will answer."
            raise DrainingError(detail, retry_after=2)

    @asynccontextmanager
    async def reserve(self) -> AsyncIterator[Place]:
        """Hold a slot, where one is free, until a run is accepted.

        Raises:
            DrainingError: when the process is shutting down.
        """
        while self._free < 1 and self._taking.locked():
            # What is held for the queue's head is free again where nobody queues; to be refused
            # for that moment would be wrong.
            async with self._taking:
                pass
        self.check_open()
        place = Place(self.begin, here=self._free > 0, most_queued=self._capacity.queued)
        self._reserved += place.here
        try:
            yield place
        finally:
            self._reserved -= place.here
            if place.here and not place.is_filled and self._owes_look:
                # Whoever came meanwhile found none and was queued.
                self._work.set()

    def begin(self, claim: Claim, *, in_slot: bool = True) -> asyncio.Task[None]:
        """Execute a claimed run from now on."""
        taken = self._taken[claim.run.run_id] = Taken(claim, in_slot=in_slot)
        # At once, so that who follows the run from now on needs no look into the store.
        self._store.log.expect(claim)
        taken.task = asyncio.create_task(self._attend(taken), name=f"run {claim.run.run_id}")
        taken.task.add_done_callback(lambda _: self._store.log.leave_off(claim.run))
        return taken.task

    async def ring(self, runs: int = 1) -> None:
        """Say to whoever executes that runs were queued."""
        self._work.set()
        await self._dispatch.ring(runs)

    async def cancel(self, run_id: str, by: str) -> None:
        """Stop a run, here or wherever it executes; durable when this returns."""
        alone = await self._store.runs.ask_cancel(run_id, by)
        if run_id in self._taken:
            self._taken[run_id].stop.ask(by)
        elif alone and (claim := await self._store.leases.claim(run_id)) is not None:
            # It only has to say so, for which no slot is needed.
            _ = self.begin(claim, in_slot=False)

    async def look(self) -> None:
        """Wait for a free slot, take the run whose turn it is, if any, and see it through."""
        while self._free < 1 and not self._draining:
            self._freed.clear()
            await self._freed.wait()
        if task := await self._take_one():
            await asyncio.wait({task})

    async def work(self) -> None:
        """Fill free slots from the queue, for as long as the task lives."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._free > 0 and await self._take_one() is not None:
                pass
            self._owes_look = self._free < 1

    def wake(self) -> None:
        """Look into the queue now."""
        self._work.set()

    async def drain(self, grace: float) -> None:
        """Take nothing more on, let runs finish for `grace` seconds, then give the rest back.

        Where no other process executes, those that are queued get their turn within the grace.
        """
        self._alone = await self._is_alone()
        self._draining = True
        self._dispatch.deafen()
        self._freed.set()
        log.info("worker.draining", runs=len(self._taken), grace_seconds=grace)
        now = asyncio.get_running_loop().time
        end = now() + grace
        # Once more after a look of its own, as one that was under way may have taken a run.
        while (left := end - now()) > 0 and (self._taken or await self._take_one() or self._taken):
            tasks = [taken.task for taken in self._taken.values() if taken.task]
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await self._give_back_all()

    async def _give_back_all(self) -> None:
        self._alone = False
        left = list(self._taken.values())
        for taken in left:
            if taken.task:
                taken.task.cancel()
        await asyncio.gather(*(t.task for t in left if t.task), return_exceptions=True)
        for taken in left:
            await self._give_back(taken.claim)
        log.info("worker.drained", given_back=len(left))

    async def _is_alone(self) -> bool:
        try:
            return not (await self._store.leases.workers()).keys() - {self._store.leases.process}
        except StoreUnavailableError:
            return False

    async def renew(self) -> None:
        """Renew the leases of all that is taken; stop what others have or somebody cancelled."""
        tokens = {run_id: taken.claim.token for run_id, taken in self._taken.items()}
        held = await self._store.leases.renew(tokens) if tokens else {}
        for run_id, (is_held, cancelled_by) in held.items():
            taken = self._taken.get(run_id)
            if taken is None or taken.claim.token != tokens[run_id]:
                continue
            if cancelled_by:
                taken.stop.ask(cancelled_by)
            if not is_held and taken.task is not None:
                log.warning("run.lease.lost", run_id=run_id)
                if not taken.task.cancelling():
                    measured.LEASES_LOST.add()
                taken.task.cancel()

    @property
    def _free(self) -> int:
        return self.slots - self.executing - self._reserved if self._takes else 0

    @property
    def _takes(self) -> bool:
        return not self._draining or self._alone

    async def _take_one(self) -> asyncio.Task[None] | None:
        async with self._taking:
            if self._free < 1:
                return None
            self._reserved += 1
            try:
                claim = await self._store.leases.take()
            except StoreUnavailableError:
                # Whoever tends looks again.
                log.warning("worker.take.waiting")
                return None
            finally:
                self._reserved -= 1
            return self.begin(claim) if claim else None

    async def _give_back(self, claim: Claim) -> None:
        try:
            if await self._store.leases.release(claim.run.run_id, claim.token):
                await self._dispatch.ring()
        except StoreUnavailableError:
            # The lease lapses by itself, only later.
            log.warning("run.release.failed", run_id=claim.run.run_id)

    async def _attend(self, taken: Taken) -> None:
        run = taken.claim.run
        # Until the end of the task, whose context is its own.
        bind_contextvars(
            run_id=run.run_id, session_id=run.session_id, correlation_id=run.correlation_id
        )
        with spans.attempt(taken.claim):
            try:
                if await self._attempts.make(taken.claim, taken.stop):
                    self._owes_look = True
            except LeaseLostError:
                measured.LEASES_LOST.add()
                log.warning("run.left")
            except Exception:
                # The lease lapses, and whoever takes the run over tries again.
                log.exception("run.abandoned")
            finally:
                if self._taken.get(run.run_id) is taken:
                    del self._taken[run.run_id]
                self._freed.set()
                if self._owes_look:
                    self._work.set()

    def _on_control(self, message: str) -> None:
        match message.split(" ", 2):
            case ["cancel", run_id, by] if run_id in self._taken:
                self._taken[run_id].stop.ask(by)
            case [word] if word == WORK:
                self._work.set()
