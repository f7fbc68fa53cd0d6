"""Leases: who may execute a run, for how long, and what is left for whoever comes after."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from assistant.errors import LeaseLostError
from assistant.events import RunStarted
from assistant.models import Run, now
from assistant.store import keys
from assistant.store.client import Client
from assistant.store.scripts import (
    CHECKPOINT,
    CLAIM,
    EFFECT,
    PLACES,
    REAP,
    RELEASE,
    RENEW,
    TAKE,
    Call,
    Scripts,
)


class Claim(msgspec.Struct, frozen=True):
    """The right to execute a run.

    Attributes:
        token: names this attempt; the store refuses whatever another one writes.
        attempt: how often the run has begun, from 1.
        last: the log's last sequence number.
        cancelled_by: who wants it to stop; empty where nobody does.
        checkpoint: how far the last attempt came; empty where it did not come far.
        crashes: how often it was left since it last made progress.
        resumed: whether it goes on after a decision, not after a crash.
        queued_at: when it was last queued, in milliseconds since 1970; 0 where it never was.
        opening: the log's last entry, where this process has just written it.
    """

    run: Run
    token: str
    attempt: int
    last: int
    cancelled_by: str = ""
    checkpoint: bytes = b""
    crashes: int = 0
    resumed: bool = False
    queued_at: int = 0
    opening: RunStarted | None = None


class Leases:
    """What this process may execute."""

    def __init__(self, redis: Client, *, lease: timedelta) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._process = f"w{secrets.token_hex(6)}"
        self._counter = itertools.count(1)
        self._unsure = ""
        self.lease_ms = int(lease.total_seconds() * 1000)

    @property
    def process(self) -> str:
        """The name of this process, with which its tokens begin."""
        return self._process

    def new_token(self) -> str:
        """Return a name for one more attempt of this process."""
        return f"{self._process}.{next(self._counter)}"

    async def claim(self, run_id: str) -> Claim | None:
        """Claim a run by its id; None when it has ended or somebody holds it."""
        token = self.new_token()
        now_is = now().isoformat()
        return claimed(
            await self._scripts.run(CLAIM, [], run_id, token, self.lease_ms, now_is), token
        )

    async def take(self) -> Claim | None:
        """Claim the queued run whose turn it is; None when none is queued.

        One at a time: after a lost reply the next one asks for the same run again.
        """
        token = self._unsure = self._unsure or self.new_token()
        reply = await self._scripts.run(TAKE, [], token, self.lease_ms, now().isoformat())
        self._unsure = ""
        return claimed(reply, token)

    async def renew(self, tokens: Mapping[str, str]) -> Mapping[str, tuple[bool, str]]:
        """Renew the leases of runs, given with their tokens.

        Returns for each run whether it is held, and who asked to cancel it.
        """
        calls: list[Call] = [
            ([], (run_id, token, self.lease_ms)) for run_id, token in tokens.items()
        ]
        replies = await self._scripts.run_all(RENEW, calls)
        return {
            run_id: (bool(reply[0]), reply[1].decode())
            for run_id, reply in zip(tokens, replies, strict=True)
            if not isinstance(reply, Exception)
        }

    async def release(self, run_id: str, token: str) -> bool:
        """Give a run back to the queue's front; returns whether it was held."""
        return bool(await self._scripts.run(RELEASE, [], run_id, token))

    async def keep_checkpoint(self, run_id: str, token: str, checkpoint: bytes) -> None:
        """Keep how far a run is.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        if not await self._scripts.run(CHECKPOINT, [], run_id, token, checkpoint):
            raise lost(run_id)

    async def note_effect(
        self, run_id: str, token: str, key: str, record: bytes, *, replace: bool
    ) -> bytes:
        """Write into a run's ledger of effects.

        Returns what was written there before, which stays unless it is to be replaced; empty
        where there was nothing.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        args = (run_id, token, key, record, int(replace))
        held, earlier = await self._scripts.run(EFFECT, [], *args)
        if not held:
            raise lost(run_id)
        return bytes(earlier)

    async def reap(self) -> int:
        """Queue every open run that was left; returns how many were."""
        return int(await self._scripts.run(REAP, []))

    async def tell_places(self, every: timedelta) -> None:
        """Tell queued runs how many come before them, unless another process just has."""
        await self._scripts.run(PLACES, [], int(every.total_seconds() * 1000))

    async def queued(self) -> int:
        """Return how many runs could begin and have not."""
        return int(await self._redis.call("ZCARD", keys.QUEUE))

    async def report(self, busy: Mapping[str, int] | None) -> None:
        """Say that this process executes, and how busy it is; None takes the word back."""
        if busy is None:
            await self._redis.call("HDEL", keys.WORKERS, self._process)
        else:
            row = msgspec.json.encode({"at": now().timestamp(), **busy})
            await self._redis.call("HSET", keys.WORKERS, self._process, row)

    async def workers(self) -> Mapping[str, Mapping[str, float]]:
        """Return the processes that execute: by name, when they said so, `executing`, `slots`.

        One that has been silent for longer than a lease is dead, and forgotten.
        """
        raw = await self._redis.call("HGETALL", keys.WORKERS)
        rows = {name.decode(): msgspec.json.decode(row) for name, row in raw.items()}
        oldest = now().timestamp() - self.lease_ms / 1000
        gone = [name for name, row in rows.items() if row["at"] < oldest]
        if gone:
            await self._redis.call("HDEL", keys.WORKERS, *gone)
        return {name: row for name, row in rows.items() if name not in gone}

    async def break_all(self) -> None:
        """Free all open runs; only right where no other process can be alive."""
        names = [name.decode() for name in await self._redis.call("ZRANGE", keys.OPEN, 0, -1)]
        if names:
            await self._redis.delete(*(keys.lease(name) for name in names))


def claimed(reply: Any, token: str) -> Claim | None:
    """Return the claim that a script replied with, if any."""
    if reply is None:
        return None
    spec, attempt, last, cancelled_by, checkpoint, crashes, resumed, queued_at = reply
    return Claim(
        run=msgspec.json.decode(spec, type=Run),
        token=token,
        attempt=attempt,
        last=last,
        cancelled_by=cancelled_by.decode(),
        checkpoint=checkpoint,
        crashes=crashes,
        resumed=bool(resumed),
        queued_at=queued_at,
    )


def lost(run_id: str) -> LeaseLostError:
    """Return the error for a run that this process may not write any more."""
    detail = f"Run {run_id} is written by another worker now."
    return LeaseLostError(detail)
