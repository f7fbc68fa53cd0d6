"""The random storm: conversations go on while everything under them dies, freezes and is cut."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from tests.chaos import checker
from tests.chaos.clients import Told
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.crowd import Crowd, Manners
from tests.chaos.holdings import all_ended, may_die, read_fired, read_holdings
from tests.chaos.member import Kind
from tests.chaos.report import LOG, Report, percentile
from tests.upstream import create_upstream, serving

_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad it gets, and for how long.

    Attributes:
        runs: at least so many messages are sent.
        kills: at least so many processes die by SIGKILL.
        at_once: how many conversations go on at a time.
        lease: seconds; it is renewed every fifth of them.
        crashes: the share of messages that kill a process at a named step.
        pause: the most seconds between two blows.
    """

    runs: int = 500
    kills: int = 200
    at_once: int = 10
    lease: float = 10.0
    seed: int = 1
    inline: bool = False
    servers: int = 3
    workers: int = 3
    crashes: float = 0.15
    pause: float = 1.5

    @property
    def bearable(self) -> float:
        """How many seconds a run may stand still after a kill: 4 with a lease of 2, 15 with 10."""
        return 1.25 + 1.375 * self.lease


@asynccontextmanager
async def installation(folder: Path, weather: Weather) -> AsyncIterator[Cluster]:
    """Start a cluster whose model is an upstream in this process."""
    async with serving(create_upstream()) as upstream:
        settings: dict[str, object] = {
            "RUN_MODE": "inline" if weather.inline else "workers",
            "LEASE_SECONDS": weather.lease,
            "LEASE_RENEW_SECONDS": weather.lease / 5,
            "HEARTBEAT_SECONDS": 3,
            "MODEL_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"{upstream}/v1",
            "OPENAI_API": "chat",
        }
        workers = 0 if weather.inline else weather.workers
        async with cluster(folder, weather.servers, workers, weather.seed, settings) as made:
            yield made


class Storm:
    """A storm over a cluster, and the crowd that talks through it."""

    def __init__(self, house: Cluster, weather: Weather) -> None:
        self._house = house
        self._weather = weather
        self._chance = random.Random(weather.seed)
        manners = Manners(crashes=weather.crashes, cancels=0.05)
        self._crowd = Crowd(house, f"storm-{weather.seed}", weather.at_once, manners)

    async def rage(self) -> Report:
        """Let it go on for as long as asked, then check what is left."""
        async with self._crowd.talking():
            await self._strike_on()
        return await verdict(self._house, self._crowd.told)

    def _is_enough(self) -> bool:
        kills = sum("killed" in blow.what for blow in self._house.blows)
        return len(self._crowd.told) >= self._weather.runs and kills >= self._weather.kills

    async def _strike_on(self) -> None:
        """Strike, at random, until it was enough; those that a message calls for come as well."""
        blows: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (30, self._kill_worker),
            (12, self._kill_server),
            (3, self._kill_store),
            (4, self._freeze),
            (3, self._cut_doors),
            (3, self._cut_store),
            (1, self._stall_store),
            (2, self._refuse_doors),
            (1, self._kill_workers),
        ]
        weights = [weight for weight, _ in blows]
        async with asyncio.TaskGroup() as group:
            while not self._is_enough():
                await asyncio.sleep(self._chance.uniform(0.1, self._weather.pause))
                strike = self._chance.choices([act for _, act in blows], weights)[0]
                # One that takes its time does not hold up the next.
                group.create_task(_now(strike))

    async def _kill_worker(self) -> None:
        await self._kill_one("server" if self._weather.inline else "worker")

    async def _kill_server(self) -> None:
        await self._kill_one("server")

    async def _kill_one(self, kind: Kind) -> None:
        """Kill any member of a kind, unless one of them is dead already."""
        up = self._house.names(kind, up=True)
        with suppress(RedisError, OSError):
            if len(up) > 1 and await may_die(self._house.raw, kind):
                await self._house.kill(self._chance.choice(up))

    async def _kill_workers(self) -> None:
        """Kill all workers at once, if all are there."""
        up = self._house.names("worker", up=True)
        if len(up) == len(self._house.names("worker")):
            await asyncio.gather(*(self._house.kill(name, "all killed") for name in up))

    async def _kill_store(self) -> None:
        if self._house.store.is_well:
            await self._house.store.kill(self._chance.uniform(0.1, 0.6))

    async def _stall_store(self) -> None:
        if self._house.store.is_well:
            # Now and then for longer than a short lease, so that all leases lapse at once.
            longest = self._chance.choice((1.0, 1.0, 3.0))
            await self._house.store.stall(self._chance.uniform(0.3, longest))

    async def _cut_store(self) -> None:
        self._house.store.proxy.cut()

    async def _freeze(self) -> None:
        """Stop somebody's clock for longer than a lease, and let them go on."""
        kinds: Sequence[Kind] = ("server",) if self._weather.inline else ("worker", "server")
        kind = self._chance.choice(kinds)
        up = self._house.names(kind, up=True)
        if len(up) < len(self._house.names(kind)):
            return  # with another one dead or frozen, too few would be left
        name = self._chance.choice(up)
        await self._house.freeze(name)
        await asyncio.sleep(self._weather.lease * self._chance.uniform(1.2, 1.8))
        self._house.thaw(name)

    async def _cut_doors(self) -> None:
        self._house.cut_doors()

    async def _refuse_doors(self) -> None:
        await self._house.refuse_doors(self._chance.uniform(0.1, 0.5))


async def _now(act: Callable[[], Awaitable[object]]) -> None:
    await act()


async def verdict(house: Cluster, told: Sequence[Told]) -> Report:
    """Check everything that a cluster holds, once every message has been answered."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LIMIT):
            await all_ended(house.raw)
    holdings = await read_holdings(house.raw)
    effects, calls = house.database.effects(), house.database.calls()
    report = checker.check(told, holdings, effects, calls)
    checker.measure(report, told, house.blows, house.store.witness.news)
    report.check("nothing ended by itself", holds=not house.faults, where="", found=house.faults)
    fired = await read_fired(house.raw)
    report.tallies["Killed at"].update(Counter(each.split(" ")[1] for each in fired))
    return report


async def storm(folder: Path, weather: Weather) -> Report:
    """Start a cluster, let a storm rage over it, and report."""
    async with installation(folder, weather) as house:
        report = await Storm(house, weather).rage()
    worst = percentile(report.delays[LOG].of_kills(), 0.99)
    report.check("99 of 100 runs go on in time", holds=worst < weather.bearable, where=f"{worst}")
    return report
