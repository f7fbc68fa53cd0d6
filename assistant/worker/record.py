"""Where an attempt writes: the run's log, its checkpoints and its ledger, under one lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import msgspec
from typing_extensions import override

from assistant import tracing
from assistant.engine import Checkpoint, Effect, Record
from assistant.errors import StoreUnavailableError
from assistant.events import Event
from assistant.store import Claim, Pen, Store

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Line(msgspec.Struct, frozen=True):
    """A line of the ledger as it is stored, with the attempt that wrote it."""

    token: str
    effect: Effect


_checkpoint = msgspec.json.Decoder(Checkpoint)
_line = msgspec.json.Decoder(_Line)


class RunRecord(Record):
    """One attempt's record; waits for as long as the store is away."""

    def __init__(self, store: Store, claim: Claim, pen: Pen) -> None:
        self._store = store
        self._claim = claim
        self._pen = pen
        self._trace = tracing.carrier()

    @property
    @override
    def is_full(self) -> bool:
        return self._pen.is_full

    @override
    def emit(self, event: Event) -> None:
        self._pen.emit(event)

    @override
    async def room(self) -> None:
        await self._pen.room()

    @override
    async def keep(self, checkpoint: Checkpoint) -> None:
        await self._pen.drain()
        covered = msgspec.structs.replace(
            checkpoint, sequence=self._pen.next_sequence - 1, trace=self._trace
        )
        raw = msgspec.json.encode(covered)
        claim = self._claim
        await patiently(self._store.leases.keep_checkpoint, claim.run.run_id, claim.token, raw)

    @override
    async def intend(self, key: str, name: str) -> Effect | None:
        raw = await self._note(key, Effect(name, "intent"), replace=False)
        line = _line.decode(raw) if raw else None
        # Its own intent comes back where the store's reply was lost and the step repeated.
        own = line and line.token == self._claim.token and line.effect.outcome == "intent"
        return line.effect if line and not own else None

    @override
    async def conclude(self, key: str, effect: Effect) -> None:
        await self._note(key, effect, replace=True)

    async def _note(self, key: str, effect: Effect, *, replace: bool) -> bytes:
        claim, raw = self._claim, msgspec.json.encode(_Line(self._claim.token, effect))
        note = self._store.leases.note_effect
        return await patiently(note, claim.run.run_id, claim.token, key, raw, replace=replace)


def checkpoint_of(claim: Claim) -> Checkpoint | None:
    """Return how far the run is, or None where it begins."""
    return _checkpoint.decode(claim.checkpoint) if claim.checkpoint else None


async def patiently(act: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Do a step of a run that goes on, waiting for as long as the store is away."""
    delay = 0.1
    while True:
        try:
            return await act(*args, **kwargs)
        except StoreUnavailableError:
            await asyncio.sleep(delay)
            delay = min(delay * 2, 2.0)
