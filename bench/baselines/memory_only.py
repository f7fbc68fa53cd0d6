"""The same server without persistence: it serves from its process's memory.

HTTP, engine, events, encoders, pens, bells and followers are the server's own; only where runs,
logs and sessions are kept differs. It does what the benchmarks use: one-off questions are not
shared, idempotency keys are not remembered, nothing expires or is taken over, and no tool can ask
for a human's yes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from typing_extensions import override

from assistant import cli, wiring
from assistant.background import running
from assistant.models import Approval
from assistant.store import Approvals, Claim, Leases, Store, StoreOptions
from assistant.store.bells import Bells
from bench.baselines.memory_store import NOWHERE, Memory, MemoryLog, MemoryRuns, MemorySessions


class MemoryLeases(Leases):
    """Leases of the only process there is: nobody else can have them, so they never lapse."""

    def __init__(self, memory: Memory, *, lease: timedelta) -> None:
        super().__init__(NOWHERE, lease=lease)
        self._memory = memory
        self._effects: dict[str, bytes] = {}

    @override
    async def claim(self, run_id: str) -> Claim | None:
        if self._memory.runs[run_id].status != "queued":
            return None
        if run_id in self._memory.queue:
            self._memory.queue.remove(run_id)
        return self._memory.claim(run_id, self.new_token())

    @override
    async def take(self) -> Claim | None:
        queue = self._memory.queue
        return self._memory.claim(queue.popleft(), self.new_token()) if queue else None

    @override
    async def renew(self, tokens: Mapping[str, str]) -> Mapping[str, tuple[bool, str]]:
        return {run_id: (True, self._memory.cancelled.get(run_id, "")) for run_id in tokens}

    @override
    async def release(self, run_id: str, token: str) -> bool:
        return False

    @override
    async def keep_checkpoint(self, run_id: str, token: str, checkpoint: bytes) -> None:
        pass

    @override
    async def note_effect(
        self, run_id: str, token: str, key: str, record: bytes, *, replace: bool
    ) -> bytes:
        earlier = self._effects.get(f"{run_id} {key}", b"")
        if replace or not earlier:
            self._effects[f"{run_id} {key}"] = record
        return earlier

    @override
    async def reap(self) -> int:
        return 0

    @override
    async def tell_places(self, every: timedelta) -> None:
        pass

    @override
    async def queued(self) -> int:
        return len(self._memory.queue)

    @override
    async def report(self, busy: Mapping[str, int] | None) -> None:
        pass

    @override
    async def workers(self) -> Mapping[str, Mapping[str, float]]:
        return {}


class NoApprovals(Approvals):
    """No call ever waits."""

    @override
    async def request(self, *_: object, **__: object) -> None:
        raise NotImplementedError

    @override
    async def get(self, run_id: str, call_id: str) -> Approval | None:
        return None

    @override
    async def of(self, run_id: str) -> list[Approval]:
        return []

    @override
    async def open(self) -> list[Approval]:
        return []

    @override
    async def expired(self) -> list[Approval]:
        return []


@asynccontextmanager
async def open_memory(options: StoreOptions) -> AsyncIterator[Store]:
    """Open a store that ends with its process, in place of `assistant.store.open_store`."""
    memory, bells = Memory(), Bells(NOWHERE)
    leases = MemoryLeases(memory, lease=options.lease)
    store = Store(
        redis=NOWHERE,
        bells=bells,
        log=MemoryLog(memory, bells),
        sessions=MemorySessions(memory, idle=options.idle),
        runs=MemoryRuns(memory, leases),
        leases=leases,
        approvals=NoApprovals(NOWHERE, bells, leases, keep=options.history),
        kind="embedded",
        degraded=False,
        url="",
    )
    async with running(store.log.flush_forever, "store.flusher"):
        yield store


if __name__ == "__main__":
    wiring.open_store = open_memory  # type: ignore[attr-defined]
    sys.exit(cli.main(["--env-file", os.devnull, "serve"]))
