"""The random storm: conversations go on while everything under them dies, freezes and is cut."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.chaos import asks, checker
from tests.chaos.clients import Talker, Told, Wire
from tests.chaos.cluster import Cluster, Kind, cluster
from tests.chaos.holdings import read_fired, read_holdings
from tests.chaos.report import Report
from tests.upstream import create_upstream, serving

_WIRES: tuple[Wire, ...] = get_args(Wire)
_LIMIT = 120  # seconds in which what was begun has to end once the storm is over


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


@asynccontextmanager
async def installation(folder: Path, weather: Weather) -> AsyncIterator[Cluster]:
    """Start a cluster whose model is an upstream in this process."""
    async with serving(create_upstream()) as upstream:
        settings: dict[str, object] = {
            "RUN_MODE": "inline" if weather.inline else "workers",
            "LEASE_SECONDS": weather.lease,
            "LEASE_RENEW_SECONDS": weather.lease / 5,
            "HEARTBEAT_SECONDS": 0.7,
            "MODEL_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"{upstream}/v1",
            "OPENAI_API": "chat",
        }
        workers = 0 if weather.inline else weather.workers
        async with cluster(folder, weather.servers, workers, weather.seed, settings) as made:
            yield made


class Storm:
    """A storm over a cluster.

    Attributes:
        told: every message that was sent.
    """

    def __init__(self, house: Cluster, weather: Weather) -> None:
        self._house = house
        self._weather = weather
        self._chance = random.Random(weather.seed)
        self._over = asyncio.Event()
        self.told: list[Told] = []

    async def rage(self) -> Report:
        """Let it go on for as long as asked, then check what is left."""
        async with asyncio.TaskGroup() as group:
            talks = [group.create_task(self._talk(n)) for n in range(self._weather.at_once)]
            await self._strike_on()
            self._over.set()
            await asyncio.wait(talks, timeout=_LIMIT)
            for talk in talks:
                talk.cancel()
        return await verdict(self._house, self.told)

    @property
    def kills(self) -> int:
        """How many processes died by SIGKILL."""
        return sum("killed" in blow.what for blow in self._house.blows)

    def _is_enough(self) -> bool:
        return len(self.told) >= self._weather.runs and self.kills >= self._weather.kills

    async def _talk(self, number: int) -> None:
        """Hold one conversation after the other."""
        chance = random.Random(f"{self._weather.seed} {number}")
        talker = Talker(self._house.door, silence=2.5, seed=number)
        count = 0
        while not self._over.is_set():
            session_id = f"talk-{number}-{count}"
            wire = chance.choice(_WIRES)
            for turn in range(chance.randint(1, 3)):
                if self._over.is_set():
                    break
                await self._turn(talker, chance, wire, f"{session_id}-{turn}", session_id)
            count += 1

    async def _turn(
        self, talker: Talker, chance: random.Random, wire: Wire, tag: str, session_id: str
    ) -> None:
        """Send a message, or two at once of which the second waits for its turn."""
        tags = [tag, f"{tag}b"] if chance.random() < 0.1 else [tag]
        sent = []
        for each in tags:
            text = asks.any_message(chance, each, crashes=self._weather.crashes)
            cancel = chance.randint(2, 12) if wire != "json" and chance.random() < 0.05 else -1
            sent.append(Told(wire, session_id, text, each, cancel))
        self.told += sent
        await asyncio.gather(*(talker.tell(each) for each in sent))

    async def _strike_on(self) -> None:
        """Strike, at random, until it was enough; those that a message calls for come as well."""
        blows: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (16, self._kill_worker),
            (8, self._kill_server),
            (4, self._kill_store),
            (4, self._freeze),
            (2, self._cut_doors),
            (2, self._cut_store),
            (2, self._stall_store),
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
        await self._house.kill_one("server" if self._weather.inline else "worker")

    async def _kill_server(self) -> None:
        await self._house.kill_one("server")

    async def _kill_workers(self) -> None:
        if not self._weather.inline:
            await self._house.kill_all("worker")

    async def _kill_store(self) -> None:
        if self._house.store_is_well():
            await self._house.kill_store(self._chance.uniform(0.1, 0.6))

    async def _stall_store(self) -> None:
        if self._house.store_is_well():
            await self._house.stall_store(self._chance.uniform(0.3, 1.0))

    async def _cut_store(self) -> None:
        self._house.cut_store()

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
    holdings = await read_holdings(house.raw)
    effects, calls = house.database.effects(), house.database.calls()
    report = checker.check(told, holdings, effects, calls)
    checker.measure(report, told, house.blows, house.witness.news)
    report.check("nothing ended by itself", holds=not house.faults, where="", found=house.faults)
    fired = await read_fired(house.raw)
    report.tallies["Killed at"].update(Counter(each.split(" ")[1] for each in fired))
    return report


async def storm(folder: Path, weather: Weather) -> Report:
    """Start a cluster, let a storm rage over it, and report."""
    async with installation(folder, weather) as house:
        return await Storm(house, weather).rage()
