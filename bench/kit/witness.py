"""Tells the machine's doing from the server's: who worked, who had to wait, whose clock stood."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Self

from bench.kit.answers import Answer
from bench.kit.measure import Cores, core_ticks, cpu_seconds, waited_seconds

_EVERY = 0.002
_STALL = 0.005  # seconds that a clock may be late
_WRITE_EVERY = 0.02
_SLOW = 0.02  # seconds that a small write may take to be on the disk
_HELD, _STALLED = 0.05, 0.01
FULL = 0.9
"""A share from which on the others' core leaves no room: delays are no longer the server's."""


class Heartbeat:
    """A clock in the load generator that notes how long it stood still, and for how long in all."""

    def __init__(self) -> None:
        self.greatest = 0.0
        self.stalled = 0.0
        self._last = 0.0
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._last = time.monotonic()
        self._beat()
        return self

    def __exit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()

    def _beat(self) -> None:
        now = time.monotonic()
        late, self._last = now - self._last - _EVERY, now
        self.greatest = max(self.greatest, late)
        if late > _STALL:
            self.stalled += late
        self._next = asyncio.get_running_loop().call_later(_EVERY, self._beat)


class Disk:
    """Small writes to the disk that the store writes to, by which it shows how long it stood still.

    A store that has each write on the disk before it answers can be no quicker.
    """

    def __init__(self, folder: Path) -> None:
        self.greatest = 0.0
        self.stalled = 0.0
        self._folder = folder
        self._over = Event()
        self._thread = Thread(target=self._write, name="disk")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
            while not self._over.wait(_WRITE_EVERY):
                begun = time.monotonic()
                file.write(bytes(400))
                os.fdatasync(file.fileno())
                took = time.monotonic() - begun
                self.greatest = max(self.greatest, took)
                if took > _SLOW:
                    self.stalled += took


def counters(pids: Mapping[str, int], cores: Cores) -> dict[str, float]:
    """Return what has been counted so far, in seconds and ticks; two readings make a measure."""
    counted = {"wall": time.monotonic()}
    for name, pid in pids.items():
        counted[f"{name}_cpu"], counted[f"{name}_waited"] = cpu_seconds(pid), waited_seconds(pid)
    for name, some in zip(("own", "others"), cores, strict=True):
        counted[f"{name}_busy"], counted[f"{name}_ticks"] = core_ticks(some)
    return counted


def testimony(
    before: Mapping[str, float],
    after: Mapping[str, float],
    stood: tuple[Heartbeat, Disk],
    late: float,
) -> dict[str, float]:
    """Return the shares of a round's time that cores and processes had, and its stalls.

    `quiet` is 1 where delays can be judged: the others' core had room, the server hardly waited
    for its own, and neither the load generator's clock nor the disk stood still for long; else 0.
    """
    heart, disk = stood
    spent = {name: after[name] - before[name] for name in after}
    wall = spent["wall"]
    own, others = (spent[f"{x}_busy"] / max(spent[f"{x}_ticks"], 1) for x in ("own", "others"))
    told = {
        "server_share": spent["server_cpu"] / wall,
        "strangers_share": max(0.0, own - spent["server_cpu"] / wall),
        "others_share": others,
        "gap_ms": heart.greatest * 1000,
        "stalled_share": heart.stalled / wall,
        "disk_ms": disk.greatest * 1000,
        "disk_share": disk.stalled / wall,
        "late_ms": late * 1000,
        **{name: spent[name] / wall for name in spent if name.endswith("_waited")},
    }
    told["quiet"] = float(
        others <= FULL
        and told["server_waited"] <= _HELD
        and max(told["stalled_share"], told["disk_share"]) <= _STALLED
    )
    return told


def lateness(answers: Sequence[Answer], pace: float) -> float:
    """Return how late the model was at its latest, in seconds, by its own stamps."""
    greatest = 0.0
    for answer in answers if pace else ():
        due = [stamp - number * pace for number, stamp in enumerate(answer.stamps)]
        greatest = max(greatest, max(due) - min(due))
    return greatest
