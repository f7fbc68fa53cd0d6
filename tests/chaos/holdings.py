"""What the store holds, read from Redis itself by the names of its keys, with none of our code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.chaos.doomed import DEAD, FIRED

_P = "assistant:"
_OPEN = ("queued", "running", "waiting")


class Logged(NamedTuple):
    """One entry of a stored log."""

    sequence: int
    event: dict[str, Any]
    writer: str


@dataclass(slots=True)
class StoredRun:
    """A run's record and its log."""

    run_id: str
    session_id: str
    text: str
    status: str
    attempts: int
    log: list[Logged]

    @property
    def last(self) -> dict[str, Any]:
        """The newest event."""
        return self.log[-1].event if self.log else {}


@dataclass(slots=True)
class Holdings:
    """All runs and histories; `left` names what ought to be gone when nothing is being done."""

    runs: dict[str, StoredRun] = field(default_factory=dict)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


async def read_holdings(redis: Redis) -> Holdings:
    """Read everything there is."""
    found = Holdings()
    async for raw in redis.scan_iter(f"{_P}*", count=1000):
        key = raw.decode().removeprefix(_P)
        match key.split(":"):
            case ["run", run_id]:
                found.runs[run_id] = await _run(redis, run_id)
            case ["session", *name, "messages"]:
                lines = await _reply(redis, "LRANGE", raw, 0, -1)
                found.histories[":".join(name)] = [json.loads(line) for line in lines]
            case ["run", _, "lease" | "checkpoint"] | ["session", *_, "lane"]:
                found.left.append(key)
            case ["runs", "open" | "queued"] | ["queue"] | ["approvals", "due"]:
                found.left.append(key)
            case _:
                pass
    return found


async def held_by(redis: Redis, process: str | None) -> dict[str, int]:
    """Return the runs that a process executes, with their last numbers; None for all open ones.

    Waits for the store where it is away: who is dead does not write meanwhile.
    """
    while True:
        try:
            return await _held_by(redis, process)
        except (RedisError, OSError):
            await asyncio.sleep(0.05)


async def _held_by(redis: Redis, process: str | None) -> dict[str, int]:
    names = [raw.decode() for raw in await _reply(redis, "ZRANGE", f"{_P}runs:open", 0, -1)]
    async with redis.pipeline(transaction=True) as pipe:
        for name in names:
            pipe.execute_command("HMGET", f"{_P}run:{name}", "status", "holder")
            pipe.execute_command("XREVRANGE", f"{_P}run:{name}:log", "+", "-", "COUNT", 1)
        replies = await pipe.execute()
    held = {}
    for name, (status, holder), top in zip(names, replies[::2], replies[1::2], strict=True):
        mine = process is None or (holder or b"").decode().startswith(f"{process}.")
        if mine and (status or b"").decode() == "running" and top:
            held[name] = int(top[0][0].partition(b"-")[2])
    return held


async def read_fired(redis: Redis) -> list[str]:
    """Return run and step wherever a process died by the word of a message."""
    return [raw.decode() for raw in await _reply(redis, "HKEYS", FIRED)]


async def all_ended(redis: Redis) -> None:
    """Wait until no run is open: a message that was sent twice is answered twice."""
    while await _reply(redis, "ZCARD", f"{_P}runs:open"):
        await asyncio.sleep(0.05)


async def may_die(redis: Redis, kind: str) -> bool:
    """Ask whether one of a kind may die now: not while another of them is dead."""
    return bool(await redis.set(f"{DEAD}:{kind}", "1", nx=True))


async def nobody_is_dead(redis: Redis, kind: str) -> None:
    """Allow the next of a kind to die."""
    while True:
        try:
            await redis.delete(f"{DEAD}:{kind}")
        except (RedisError, OSError):
            await asyncio.sleep(0.05)
        else:
            return


async def _run(redis: Redis, run_id: str) -> StoredRun:
    fields = await _reply(redis, "HGETALL", f"{_P}run:{run_id}")
    known = {name.decode(): value.decode() for name, value in fields.items()}
    spec = json.loads(known["spec"])
    rows = await _reply(redis, "XRANGE", f"{_P}run:{run_id}:log", "-", "+")
    return StoredRun(
        run_id=run_id,
        session_id=known.get("session", ""),
        text=spec["turn"]["text"],
        status=known["status"],
        attempts=int(known["attempt"]),
        log=[_logged(row) for row in rows],
    )


def _logged(row: Sequence[Any]) -> Logged:
    fields = row[1]
    return Logged(
        int(row[0].partition(b"-")[2]), json.loads(fields[b"e"]), fields.get(b"w", b"").decode()
    )


async def _reply(redis: Redis, *command: Any) -> Any:
    return await redis.execute_command(*command)  # type: ignore[no-untyped-call]
