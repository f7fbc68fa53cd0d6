"""Servers, workers, a Redis and a model server, each of which can be killed and brought back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from tests import processes
from tests.chaos.effects import Database
from tests.chaos.holdings import held_by, nobody_is_dead
from tests.chaos.member import Blow, Kind, Member
from tests.chaos.outage import Store
from tests.chaos.proxy import Proxy

AGENTS = processes.ROOT / "tests" / "data" / "chaos"

_TRIES = 5
_UNKNOWN = 255  # what asyncio says where somebody else reaped the process


class Cluster:
    """All processes of one installation, on this machine.

    Attributes:
        blows: what happened to it so far.
        store: its Redis.
        faults: ends that nobody caused.
        revives: whether what dies is started again by itself.
    """

    def __init__(self, folder: Path, redis: processes.RedisProcess, seed: int) -> None:
        self.folder = folder
        self.redis = redis
        self.blows: list[Blow] = []
        self.store = Store(redis, self.blows, self._aside)
        self.database = Database(folder / "effects.db")
        self.raw = self.store.raw
        self.members: dict[str, Member] = {}
        self.faults: list[str] = []
        self.revives = True
        self._chance = random.Random(seed)
        self._settings: dict[str, object] = {}
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        # More at once would only start more slowly, and starve those that serve.
        self._starting = asyncio.Semaphore(2)

    def names(self, kind: Kind, *, up: bool = False) -> list[str]:
        """Return the members of a kind; only those there to be used, where asked."""
        found = (m for m in self.members.values() if m.kind == kind)
        return [m.name for m in found if not up or (m.up.is_set() and not m.frozen)]

    async def all_up(self, kind: Kind | None = None) -> None:
        """Wait until all members of a kind, or simply all, are there to be used."""
        for member in self.members.values():
            if kind in {None, member.kind}:
                await member.up.wait()

    def door(self) -> str:
        """Return the URL of a server in rotation, frozen ones too: nobody tells a client."""
        up = [m.url for m in self.members.values() if m.kind == "server" and m.up.is_set()]
        every = up or [m.url for m in self.members.values() if m.kind == "server"]
        return self._chance.choice(every)

    async def executing(self, run_id: str) -> str:
        """Return who executes a run, waiting until somebody does."""
        async with asyncio.timeout(10):
            while True:
                for name, member in self.members.items():
                    if run_id in await held_by(self.raw, member.whoami.read_text()):
                        return name

    async def open(self, servers: int, workers: int, settings: Mapping[str, object]) -> None:
        """Start everything."""
        self._settings = dict(settings)
        await asyncio.to_thread(self.database.create)
        await self._stack.enter_async_context(self.store.proxy.standing())
        self._do(self.store.witness.watch())
        for kind, count in (("server", servers), ("worker", workers)):
            for number in range(count):
                name = f"{kind}-{number}"
                made = Member(name, "server" if kind == "server" else "worker", self.folder / name)
                self.members[name] = made
        await asyncio.gather(*(self.start(name) for name in self.members))

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # All at once: one after the other would each wait for what it waits for at its end.
        left = [
            m for m in self.members.values() if m.running and m.running.process.returncode is None
        ]
        for member in left:
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.gather(*(m.running.process.wait() for m in left if m.running))
        await self.raw.aclose()
        await self._stack.aclose()

    async def start(self, name: str) -> None:
        """Start a member that is not running; tries again where the store was away."""
        member = self.members[name]
        for left in reversed(range(_TRIES)):
            try:
                async with self._starting:
                    member.running = await self._stack.enter_async_context(self._process(member))
                break
            except AssertionError:
                if not left:
                    raise
        assert member.running is not None
        member.ending = ""
        if member.kind == "server" and member.proxy is None:
            member.port = int(member.running.url.rpartition(":")[2])
            member.proxy = await self._stack.enter_async_context(Proxy(member.port).standing())
        member.up.set()
        self._do(self._watch(member, member.running))

    async def kill(self, name: str, why: str = "killed") -> None:
        """End a member by SIGKILL."""
        member = self.members[name]
        member.ending = why
        member.signal(signal.SIGKILL)
        assert member.running is not None
        await member.running.process.wait()

    async def terminate(self, name: str) -> int:
        """Take a member out of rotation, ask it to stop, wait until it has; returns its code."""
        member = self.members[name]
        member.up.clear()
        # Whoever has just been sent here arrives first, as behind any load balancer.
        await asyncio.sleep(0.2)
        member.ending = "stopped"
        assert member.running is not None
        return await member.running.terminate()

    async def freeze(self, name: str) -> None:
        """Stop a member's clock."""
        member = self.members[name]
        member.frozen = True
        member.signal(signal.SIGSTOP)
        await self._note(f"{member.kind} frozen", member)

    def thaw(self, name: str) -> None:
        """Let a frozen member go on."""
        self.members[name].frozen = False
        self.members[name].signal(signal.SIGCONT)

    def cut_doors(self) -> None:
        """Drop all connections of clients."""
        for door in self._doors():
            door.cut()

    async def refuse_doors(self, away: float) -> None:
        """Take no connections from clients at one server for some seconds."""
        door = self._chance.choice(self._doors())
        door.refuse()
        door.cut()
        await asyncio.sleep(away)
        await door.accept()

    def _aside(self) -> str:
        """Return what makes a blow worse than it is: nobody was left to go on with any run."""
        who: Kind = "worker" if self.names("worker") else "server"
        return "" if self.names(who, up=True) else f", all {who}s gone"

    def _doors(self) -> list[Proxy]:
        return [member.proxy for member in self.members.values() if member.proxy is not None]

    def command(self, member: Member) -> list[str]:
        """Return what starts a member."""
        own = ["--effects", str(self.folder / "effects.db"), "--fate", self.store.direct_url]
        own += ["--kind", member.kind, "--whoami", str(member.whoami), "--env-file", os.devnull]
        what = "serve" if member.kind == "server" else "worker"
        return [sys.executable, "-m", "tests.chaos.doomed", *own, what]

    @asynccontextmanager
    async def _process(self, member: Member) -> AsyncIterator[processes.ServerProcess]:
        place = {"REDIS_URL": self.store.url, "STORE_FALLBACK": "fail", "PORT": member.port}
        settings = {"AGENTS_DIR": AGENTS, "DEFAULT_PERSONA": "booker"} | self._settings
        command = self.command(member)
        async with processes.started(
            command, processes.ROOT, member.folder, **(settings | place)
        ) as running:
            yield running

    async def _watch(self, member: Member, running: processes.ServerProcess) -> None:
        """Wait for a process's end, note what it hit, and bring the member back."""
        code = await running.process.wait()
        member.up.clear()
        ending, member.frozen = member.ending, False
        if ending == "stopped":
            return
        if not ending and code not in {-signal.SIGKILL, _UNKNOWN}:
            tail = running.log.read_text()[-2_000:]
            self.faults.append(f"{member.name} ended by itself with code {code}:\n{tail}")
        await self._note(f"{member.kind} {ending or 'killed at a named step'}", member)
        if self.revives:
            await self.start(member.name)
            await nobody_is_dead(self.raw, member.kind)

    async def _note(self, what: str, member: Member) -> None:
        blow = Blow(what + self._aside(), time.monotonic())
        self.blows.append(blow)
        blow.hit = await held_by(self.raw, member.whoami.read_text())

    def _do(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.faults.append(f"the harness itself: {error!r}")


@asynccontextmanager
async def cluster(
    folder: Path, servers: int, workers: int, seed: int, settings: Mapping[str, object]
) -> AsyncIterator[Cluster]:
    """Start a cluster, and end it with the context."""
    async with processes.redis_server(folder / "redis") as redis:
        made = Cluster(folder, redis, seed)
        try:
            await made.open(servers, workers, settings)
            yield made
        finally:
            await made.close()
