"""How the whole deployment is doing, as its store knows it."""

from __future__ import annotations

from typing import NamedTuple

from assistant.store import keys
from assistant.store.client import Client
from assistant.store.leases import Leases


class Vitals(NamedTuple):
    """Counts that are the same from every process.

    Attributes:
        ready: queued runs that could begin and have no slot.
        behind: queued runs that wait for another one of their session.
        approvals: tool calls that wait for a human's yes.
        workers: processes that execute runs.
    """

    ready: int
    behind: int
    approvals: int
    workers: int


async def take_vitals(redis: Client, leases: Leases) -> Vitals:
    """Return the counts as they are now.

    Raises:
        StoreUnavailableError: when the store does not answer.
    """
    async with redis.pipeline(transaction=False) as pipe:
        pipe.zcard(keys.QUEUE)
        pipe.scard(keys.QUEUED)
        pipe.zcard(keys.DUE)
        ready, queued, approvals = await pipe.execute()
    workers = await leases.workers()
    return Vitals(ready, max(queued - ready, 0), approvals, len(workers))
