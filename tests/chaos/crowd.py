"""Conversations that go on, one after the other, for as long as somebody lets them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import get_args

from tests.chaos import asks
from tests.chaos.clients import Talker, Told, Wire
from tests.chaos.cluster import Cluster

WIRES: tuple[Wire, ...] = get_args(Wire)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a crowd talks.

    Attributes:
        wires: over what.
        crashes: the share of messages that kill a process at a named step.
        cancels: the share of messages that are cancelled.
        silence: seconds without a sign of life after which a connection is given up.
        patience: seconds in which what was begun has to end.
    """

    wires: tuple[Wire, ...] = WIRES
    crashes: float = 0.0
    cancels: float = 0.0
    silence: float = 6.0
    patience: float = 120.0


class Crowd:
    """Many who talk at a time, each in session after session, in up to three turns.

    Attributes:
        told: every message that was sent.
    """

    def __init__(self, house: Cluster, name: str, size: int, manners: Manners) -> None:
        self._house = house
        self._name = name
        self._size = size
        self._manners = manners
        self._over = asyncio.Event()
        self._answered = asyncio.Event()
        self.told: list[Told] = []

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[None]:
        """Let them talk; at the end they finish what they have begun."""
        async with asyncio.TaskGroup() as group:
            talks = [group.create_task(self._talk(number)) for number in range(self._size)]
            yield
            self._over.set()
            _, late = await asyncio.wait(talks, timeout=self._manners.patience)
            for talk in late:
                talk.cancel()

    async def moved_on(self) -> None:
        """Wait until half as many more messages were answered as there are who talk."""
        before = sum(told.ended for told in self.told)
        async with asyncio.timeout(self._manners.patience):
            while sum(told.ended for told in self.told) < before + self._size // 2:
                self._answered.clear()
                await self._answered.wait()

    async def _talk(self, number: int) -> None:
        chance = random.Random(f"{self._name} {number}")
        talker = Talker(self._house.door, self._manners.silence, seed=number)
        count = 0
        while not self._over.is_set():
            session_id = f"{self._name}-{number}-{count}"
            wire = chance.choice(self._manners.wires)
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
            text = asks.any_message(chance, each, crashes=self._manners.crashes)
            cancels = wire != "json" and chance.random() < self._manners.cancels
            sent.append(Told(wire, session_id, text, each, chance.randint(2, 12) if cancels else 0))
        self.told += sent
        await asyncio.gather(*(talker.tell(each) for each in sent))
        self._answered.set()
