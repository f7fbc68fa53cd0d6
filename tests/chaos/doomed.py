"""The program with test tools, that kills itself at steps which messages name.

`python -m tests.chaos.doomed [--effects FILE] [--fate URL] [--kind K] [--whoami FILE] serve|worker`

A user's message may hold `[[crash: STEP]]`: the process that comes to this step of the run dies by
SIGKILL, once for each run and step. `[[crash: STEP 3]]` means the third time that a process comes
there, `[[crash: STEP book]]` the tool it is about. The steps:

    after-accept            the request is durable, its sender does not know yet
    after-claim             the run is ours, nothing was done with it
    between-append-and-ack  the store has the entries, the writer does not know yet
    during-tool             the tool runs, its effect is not made (any effectful one, or a named)
    after-effect            the effect is made, and not recorded
    at-checkpoint           before the checkpoint is kept; after-checkpoint: when it is
    at-terminal             before the terminal entry is written; after-terminal: when it is
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from assistant.cli import main as assistant_main
from assistant.models import Principal
from assistant.store.leases import Claim, Leases
from assistant.store.runs import Offer, Runs
from assistant.store.scripts import APPEND, Call, Script, Scripts
from tests.chaos.effects import Database, tools

FIRED = "chaos:fired"
DEAD = "chaos:dead"
STEPS = (
    *("after-accept", "after-claim", "between-append-and-ack", "during-tool", "after-effect"),
    *("at-checkpoint", "after-checkpoint", "at-terminal", "after-terminal"),
)
_MARK = re.compile(r"\[\[crash: ([a-z-]+)(?: (\w+))?\]\]")
_EFFECTFUL = {"book", "notify"}


class Fate:
    """What messages say of when this process dies."""

    def __init__(self, url: str | None, kind: str | None = None) -> None:
        self._kind = kind
        self._redis = Redis.from_url(url, retry=Retry(NoBackoff(), 1)) if url else None
        self._marks: dict[str, list[tuple[str, str]]] = {}
        self._passed: Counter[tuple[str, str]] = Counter()

    def learn(self, run_id: str, text: str) -> None:
        """Read the marks in a run's message."""
        if marks := _MARK.findall(text):
            self._marks[run_id] = marks

    async def meet(self, run_id: str, step: str, tool: str = "") -> None:
        """Come to a step of a run, and die there if this is how it ends."""
        self._passed[run_id, step] += 1
        for named, which in self._marks.get(run_id, ()):
            if named == step and self._is_it(run_id, step, which, tool):
                await self._strike(run_id, step)

    def _is_it(self, run_id: str, step: str, which: str, tool: str) -> bool:
        if which.isdecimal():
            return self._passed[run_id, step] == int(which)
        return tool == which if which else not tool or tool in _EFFECTFUL

    async def _strike(self, run_id: str, step: str) -> None:
        # Where it cannot be remembered, it is left alone: it would strike for ever.
        with suppress(RedisError, OSError):
            if self._redis is None or await self._is_due(self._redis, f"{run_id} {step}"):
                os.kill(os.getpid(), signal.SIGKILL)

    async def _is_due(self, redis: Redis, what: str) -> bool:
        if not await redis.hsetnx(FIRED, what, "1"):
            return False
        if self._kind is None or await redis.set(f"{DEAD}:{self._kind}", "1", nx=True):
            return True
        await redis.hdel(FIRED, what)
        return False


class Points:
    """What happens at each step of the store, for `plant`."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    async def accepted(self, args: Sequence[Any], result: tuple[str, str, Claim | None]) -> None:
        """Come to the end of `Runs.accept`."""
        what, run_id, claim = result
        offer: Offer = args[0]
        self._fate.learn(offer.run.run_id, offer.run.turn.text)
        if what in {"claimed", "queued"}:
            await self._fate.meet(run_id, "after-accept")
        if claim is not None:
            await self._fate.meet(run_id, "after-claim")

    async def claimed(self, _: Sequence[Any], claim: Claim | None) -> None:
        """Come to the end of `Leases.claim` or `Leases.take`."""
        if claim is not None:
            self._fate.learn(claim.run.run_id, claim.run.turn.text)
            await self._fate.meet(claim.run.run_id, "after-claim")

    async def ran(self, args: Sequence[Any], _: list[Any]) -> None:
        """Come to the end of `Scripts.run_all`, with whatever script."""
        script: Script = args[0]
        calls: Sequence[Call] = args[1]
        for _keys, arguments in calls if script is APPEND else ():
            at = 1
            while at < len(arguments):
                await self._fate.meet(str(arguments[at]), "between-append-and-ack")
                at += 4 + int(arguments[at + 3])

    async def finishing(self, args: Sequence[Any]) -> None:
        """Come to `Runs.finish`."""
        await self._fate.meet(args[0].run.run_id, "at-terminal")

    async def finished(self, args: Sequence[Any], _: object) -> None:
        """Come to the end of `Runs.finish`."""
        await self._fate.meet(args[0].run.run_id, "after-terminal")

    async def keeping(self, args: Sequence[Any]) -> None:
        """Come to `Leases.keep_checkpoint`."""
        await self._fate.meet(args[0], "at-checkpoint")

    async def kept(self, args: Sequence[Any], _: object) -> None:
        """Come to the end of `Leases.keep_checkpoint`."""
        await self._fate.meet(args[0], "after-checkpoint")


def plant(fate: Fate) -> None:
    """Set the crash points on the steps of the store."""
    points = Points(fate)
    _wrap(Runs, "accept", after=points.accepted)
    _wrap(Leases, "claim", after=points.claimed)
    _wrap(Leases, "take", after=points.claimed)
    _wrap(Scripts, "run_all", after=points.ran)
    _wrap(Runs, "finish", before=points.finishing, after=points.finished)
    _wrap(Leases, "keep_checkpoint", before=points.keeping, after=points.kept)


def _wrap(
    owner: type,
    name: str,
    before: Callable[[Sequence[Any]], Awaitable[None]] | None = None,
    after: Callable[[Sequence[Any], Any], Awaitable[None]] | None = None,
) -> None:
    plain = getattr(owner, name)

    async def doomed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if before is not None:
            await before(args)
        result = await plain(self, *args, **kwargs)
        if after is not None:
            await after(args, result)
        return result

    setattr(owner, name, doomed)


def tell_name(path: Path) -> None:
    """Write down by which name the store knows this process."""
    plain = Leases.__init__

    def init(self: Leases, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        path.write_text(self.process)

    setattr(Leases, "__init__", init)  # noqa: B010 - a class's own constructor is not assigned to


async def identify(request: web.Request) -> Principal:
    """Believe whoever says who they are."""
    roles = request.headers.get("X-Roles", "").split()
    return Principal(request.headers.get("X-User", "somebody"), frozenset(roles))


def main() -> int:
    """Run the program as it is, but for its tools and its end."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.doomed", allow_abbrev=False)
    parser.add_argument("--effects", type=Path, default=Path("effects.db"), help="database")
    parser.add_argument("--fate", help="Redis that remembers which crashes were had")
    parser.add_argument("--kind", help="of which one at a time may die at a step")
    parser.add_argument("--whoami", type=Path, help="file for this process's name in the store")
    options, arguments = parser.parse_known_args()
    fate = Fate(options.fate, options.kind)
    plant(fate)
    if options.whoami:
        tell_name(options.whoami)
    database = Database(options.effects)
    database.create()
    return assistant_main(arguments, tools=tools(database, fate.meet), identify=identify)


if __name__ == "__main__":
    sys.exit(main())
